/* SPDX-License-Identifier: ISC */
/*
 * The command line as a value, and the configuration that it asks for. Options
 * are long, "--name VALUE" or "--name=VALUE", and never shortened: a script
 * must not break when a new option begins with the same letters.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/sandbox.h"

#define WGPROXYD_VERSION "0.1.0"

enum options_action {
	ACTION_RUN,
	ACTION_CHECK,   /* load the configuration, say whether it is good */
	ACTION_HELP,    /* print options_help() on stdout */
	ACTION_VERSION, /* print the version on stdout */
};

/* Texts point into argv. */
struct options {
	enum options_action action;
	const char *config_path; /* NULL: see options_load() */
	const char *wireguard[TUNNELS_MAX];
	size_t wireguard_count;
	const char *forwards[FORWARDS_MAX];
	size_t forward_count;
	const char *exposes[FORWARDS_MAX];
	size_t expose_count;
	const char *state_dir; /* NULL: the default places */
	const char *socket;    /* NULL: the default places */
	const char *aead;      /* see aead_load(); NULL: "auto" */
	enum log_level log_level;
	bool strict; /* a forward that cannot listen at start is fatal */
	enum sandbox_mode sandbox;
};

enum { OPTIONS_MESSAGE_CAP = 256 };

/* 0, or -ERR_SYNTAX with one line that says what to do; the program then ends
 * with EX_USAGE. No side effects. */
int options_parse(int argc, char *const *argv, struct options *ret_options,
		  char message[OPTIONS_MESSAGE_CAP]);

/* The text of --help; ends with a line feed. */
const char *options_help(void);

/* Loads what the options name: the wg-quick files given, or the configuration
 * file given, or the first of $XDG_CONFIG_HOME/wgproxyd/wgproxyd.yaml (with
 * ~/.config for an unset variable) and /etc/wgproxyd/wgproxyd.yaml; then adds
 * the forwards given. The same for start, --check and reload. Returns as
 * config_load() does, and -ERR_NOT_FOUND when there is nothing to load; the
 * program then ends with EX_CONFIG. */
int options_load(const struct options *options, struct config *ret_config,
		 struct config_report *report);

#endif
