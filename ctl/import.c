/* SPDX-License-Identifier: ISC */
/*
 * import: a wg-quick file of another program becomes a tunnel of ours.
 *
 * Order: read and check what is given; write NAME.conf; write the new
 * configuration beside the old; load it, as the daemon would; only then it
 * takes the old one's place. What goes wrong leaves nothing behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "config/config.h"
#include "config/file.h"
#include "config/flyctl.h"
#include "config/keyfile.h"
#include "config/text.h"
#include "ctl/ask.h"
#include "ctl/run.h"
#include "ctl/write.h"
#include "ctl/yaml_edit.h"

struct import {
	const struct call *call;
	char name[LABEL_CAP];
	char config[PATH_CAP]; /* wgproxyd.yaml */
	char fresh[PATH_CAP];  /* the same, not yet in its place */
	char conf[PATH_CAP];   /* NAME.conf */
	bool extends;          /* there is a wgproxyd.yaml */
	bool in_place;         /* the file given is NAME.conf */
	char *text;            /* of NAME.conf; owned, wiped */
};

static int no(const char *path, const char *what)
{
	say("%s: %s", path, what);
	return EXIT_NO;
}

static void print_warnings(const struct config_report *report)
{
	for (uint32_t i = 0; i < report->warning_count; i++)
		say("warning: %s", report->warnings[i]);
}

/* ------------------------------------------------------- what is imported */

/* The first thing in a wg-quick file is a section. */
static bool is_wgquick(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return *text == '[';
		text += strcspn(text, "\n");
	}
}

static int read_wgquick(struct import *import, const char *path)
{
	struct config_report report = {.warning_count = 0};
	struct config config;
	int err = config_from_arguments(&path, 1, NULL, 0, &config, &report);

	print_warnings(&report);
	if (err != 0) {
		say("%s", report.error);
		config_report_free(&report);
		return EXIT_NO;
	}
	strcpy(import->name, config.tunnels[0].name);
	config_free(&config);
	config_report_free(&report);
	return EXIT_DONE;
}

static int read_flyctl(struct import *import, const char *path)
{
	struct config_report report = {.warning_count = 0};
	struct flyctl_tunnel tunnel;
	int err = flyctl_read(path, call_value(import->call, "--org"), &tunnel,
			      &report);

	if (err != 0) {
		say("%s", report.error);
		if (call_value(import->call, "--org") == NULL)
			say("write: proxyctl import %s --org ORG", path);
	} else {
		strcpy(import->name, tunnel.name);
		import->text = strdup(tunnel.text);
	}
	key_memory_wipe(&tunnel, sizeof(tunnel));
	config_report_free(&report);
	return err == 0 ? EXIT_DONE : EXIT_NO;
}

static int read_source(struct import *import)
{
	const char *path = import->call->args[0];
	const char *name = call_value(import->call, "--name");
	struct file file;
	const char *reason;
	int code;

	if (file_read(path, CONFIG_FILE_MAX, &file, &reason) != 0)
		return no(path, reason);
	if (is_wgquick(file.text)) {
		code = read_wgquick(import, path);
		import->text = strdup(file.text);
	} else {
		code = read_flyctl(import, path);
	}
	file_free(&file);
	if (code == EXIT_DONE && import->text == NULL)
		return no(path, error_text(ERR_NO_MEMORY));
	if (code != EXIT_DONE || name == NULL)
		return code;
	if (!text_is_label(name))
		return no(name, "a name has up to 63 letters, digits, \".\", "
				"\"_\" and \"-\"");
	strcpy(import->name, name);
	return EXIT_DONE;
}

/* -------------------------------------------------------- where it goes to */

static int put_path(char path[PATH_CAP], const char *first, const char *second)
{
	if (snprintf(path, PATH_CAP, "%s%s", first, second) < PATH_CAP)
		return EXIT_DONE;
	return no(first, "the path is too long");
}

/* Where the daemon of this user looks first. */
static int default_config(char path[PATH_CAP])
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (geteuid() == 0)
		return put_path(path, "/etc/wgproxyd", "/wgproxyd.yaml");
	if (xdg != NULL && xdg[0] == '/')
		return put_path(path, xdg, "/wgproxyd/wgproxyd.yaml");
	if (home != NULL && home[0] == '/')
		return put_path(path, home, "/.config/wgproxyd/wgproxyd.yaml");
	say("no home folder; name the configuration with --config FILE");
	return EXIT_USAGE;
}

/* A symbolic link stays one: what it points to is extended. */
static int find_config(struct import *import)
{
	const char *given = call_value(import->call, "--config");
	char found[PATH_CAP];
	char *real;
	int code = given != NULL ? put_path(found, given, "")
				 : default_config(found);

	if (code != EXIT_DONE)
		return code;
	real = realpath(found, NULL);
	import->extends = real != NULL;
	code = put_path(import->config, real != NULL ? real : found, "");
	free(real);
	if (code == EXIT_DONE)
		code = put_path(import->fresh, import->config, ".new");
	return code;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* NAME.conf in the folder of the configuration, which is made. */
static int find_conf(struct import *import)
{
	char folder[PATH_CAP], tail[LABEL_CAP + 8];
	char *slash;
	int code;

	strcpy(folder, import->config);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strcpy(folder, ".");
	else
		*slash = '\0';
	code = write_make_folder(folder[0] == '\0' ? "/" : folder);
	if (code != EXIT_DONE)
		return code;
	snprintf(tail, sizeof(tail), "/%s.conf", import->name);
	code = put_path(import->conf, folder, tail);
	if (code == EXIT_DONE)
		import->in_place =
			is_same_file(import->conf, import->call->args[0]);
	return code;
}

/* ----------------------------------------------------------- configuration */

static int compose(const struct import *import, char **ret_text)
{
	struct file file = {.text = NULL};
	const char *reason;
	char conf[LABEL_CAP + 8];

	snprintf(conf, sizeof(conf), "%s.conf", import->name);
	if (import->extends &&
	    file_read(import->config, CONFIG_FILE_MAX, &file, &reason) != 0)
		return no(import->config, reason);
	*ret_text = yaml_add_tunnel(file.text != NULL ? file.text : "",
				    import->name, conf);
	file_free(&file);
	if (*ret_text != NULL)
		return EXIT_DONE;
	say("%s: \"tunnels:\" is written in one line; add by hand: %s: "
	    "{wireguard: %s}",
	    import->config, import->name, conf);
	return EXIT_NO;
}

/* As the daemon would read it; the tunnel must be in it. */
static int check(const struct import *import)
{
	struct config_report report = {.warning_count = 0};
	struct config config;
	bool found = false;
	int err = config_load(import->fresh, &config, &report);

	print_warnings(&report);
	if (err != 0) {
		say("%s would not be valid then, so it stays as it was: %s",
		    import->config, report.error);
	} else {
		for (uint32_t i = 0; i < config.tunnel_count; i++)
			found = found || strcmp(config.tunnels[i].name,
						import->name) == 0;
		config_free(&config);
		if (!found)
			no(import->config, "this is no file to add to");
	}
	config_report_free(&report);
	return found ? EXIT_DONE : EXIT_NO;
}

static int write_config(const struct import *import, const char *text)
{
	int code = write_new_file(import->fresh, text, strlen(text));

	if (code != EXIT_DONE)
		return code;
	code = check(import);
	if (code == EXIT_DONE)
		code = write_move(import->fresh, import->config,
				  import->extends);
	if (code != EXIT_DONE)
		unlink(import->fresh);
	return code;
}

static void print_done(const struct import *import)
{
	if (!import->in_place)
		say("wrote %s", import->conf);
	say("%s %s: tunnel %s", import->extends ? "extended" : "wrote",
	    import->config, import->name);
	say("the same key must not be used twice at a time: stop the other "
	    "program's tunnel");
	say("next: proxyctl reload, or start wgproxyd; then proxyctl add "
	    "15432:appname.internal:5432");
	puts(import->conf);
}

static int write_both(struct import *import)
{
	char *text;
	int code = compose(import, &text);

	if (code != EXIT_DONE)
		return code;
	if (!import->in_place)
		code = write_new_file(import->conf, import->text,
				      strlen(import->text));
	if (code == EXIT_DONE) {
		code = write_config(import, text);
		if (code != EXIT_DONE && !import->in_place)
			unlink(import->conf);
	}
	free(text);
	return code;
}

int run_import(const struct call *call)
{
	struct import import = {.call = call};
	int code = read_source(&import);

	if (code == EXIT_DONE)
		code = find_config(&import);
	if (code == EXIT_DONE)
		code = find_conf(&import);
	if (code == EXIT_DONE)
		code = write_both(&import);
	if (code == EXIT_DONE)
		print_done(&import);
	if (import.text != NULL)
		key_memory_wipe(import.text, strlen(import.text));
	free(import.text);
	return code;
}
