/* SPDX-License-Identifier: ISC */
/*
 * The commands of proxyctl as one table: what is parsed, helped with and
 * completed comes from it and nowhere else.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stddef.h>
#include <stdio.h>

#define PROXYCTL_VERSION "0.1.0"

struct call;

/* How the value of an option is read. */
enum value_kind {
	VALUE_NONE, /* a switch */
	VALUE_TEXT,
	VALUE_FILE,
	VALUE_NUMBER,  /* from 1 to 1000000 */
	VALUE_SECONDS, /* "30" or "0.5", more than 0, at most a day */
	VALUE_WORD,    /* one of words */
	VALUE_PREFIX,  /* "10.0.0.0/8" */
};

struct option_spec {
	const char *name;  /* "--kill"; "-c" */
	const char *value; /* what help calls it; NULL: a switch */
	enum value_kind kind;
	const char *help;
	const char *words; /* VALUE_WORD: separated by blanks */
};

/* What completion offers for arguments. */
enum argument_kind {
	ARGUMENT_NONE,
	ARGUMENT_FORWARD,
	ARGUMENT_FILE,
	ARGUMENT_COMMAND,
	ARGUMENT_SHELL,
	ARGUMENT_NETWORK, /* a word of network, or a folder */
};

enum { COMMAND_OPTIONS_MAX = 8 };

struct command {
	const char *name;
	const char *args; /* "[FORWARD...]" */
	unsigned args_min, args_max;
	enum argument_kind kind;
	const char *summary; /* one line, no full stop */
	const char *text;    /* whole lines, or NULL */
	const char *example; /* whole lines */
	/* ends with a name of NULL */
	struct option_spec options[COMMAND_OPTIONS_MAX + 1];
	/* what follows "--" goes to another program */
	int (*run)(const struct call *call);
	const char *rest;
};

/* Both end with a name of NULL. */
extern const struct command ctl_commands[];
extern const struct option_spec ctl_global_options[];

/* NULL: there is none of this name. */
const struct command *ctl_command_find(const char *name);

/* Whole texts of --help. */
void ctl_help(FILE *out);
void ctl_command_help(FILE *out, const struct command *command);

#endif
