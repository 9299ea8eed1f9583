/* SPDX-License-Identifier: ISC */
#include "daemon/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "config/text.h"

static const char help[] =
	"Usage: wgproxyd [--config FILE] [--forward SPEC]...\n"
	"       wgproxyd --wireguard FILE [--forward SPEC]...\n"
	"\n"
	"Reaches private services through WireGuard, without root: listens on\n"
	"local ports and forwards each connection through the tunnel.\n"
	"\n"
	"  --config FILE      configuration, see wgproxyd.yaml(5)\n"
	"  --wireguard FILE   a tunnel from a wg-quick file; may be repeated\n"
	"  --forward SPEC     [[BIND:]PORT|SOCKET]:HOST:PORT; may be repeated\n"
	"  --expose SPEC      [ADDRESS:]PORT[:HOST:PORT|:SOCKET]: a local "
	"service\n"
	"                     for peers of the tunnel; may be repeated\n"
	"  --check            check the configuration and exit\n"
	"  --strict           end when a forward's port is taken at start\n"
	"  --no-sandbox       keep every right that the program was started "
	"with\n"
	"  --strict-sandbox   end at a system call that is not expected\n"
	"  --state-dir DIR    keeps forwards that proxyctl added, and stamps\n"
	"  --socket PATH      control socket, for proxyctl\n"
	"  --aead NAME        cipher code: auto (default), libsodium, "
	"libcrypto or\n"
	"                     ipsec-mb\n"
	"  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
	"  --version          print the version and exit\n"
	"  --help             print this and exit\n"
	"\n"
	"Examples:\n"
	"  wgproxyd --wireguard fly.conf --forward "
	"15432:appname.internal:5432\n"
	"      psql then finds the server at localhost:15432\n"
	"  wgproxyd --config wgproxyd.yaml --check\n"
	"      says what is wrong in the file, with line and column\n"
	"\n"
	"Exit status: 0 stopped, 64 wrong command line, 78 wrong "
	"configuration.\n"
	"More in wgproxyd(8).\n";

const char *options_help(void)
{
	return help;
}

/* ---------------------------------------------------------- command line */

struct option {
	const char *name;
	const char *value; /* what --help calls it; NULL: takes none */
	int (*take)(struct options *options, const char *value,
		    char message[OPTIONS_MESSAGE_CAP]);
};

static int fail(char message[OPTIONS_MESSAGE_CAP], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(char message[OPTIONS_MESSAGE_CAP], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, OPTIONS_MESSAGE_CAP, format, args);
	va_end(args);
	return -ERR_SYNTAX;
}

static int take_once(const char **place, const char *name, const char *value,
		     char message[OPTIONS_MESSAGE_CAP])
{
	if (*place != NULL)
		return fail(message, "%s is given twice; once is enough", name);
	*place = value;
	return 0;
}

static int take_config(struct options *options, const char *value,
		       char message[OPTIONS_MESSAGE_CAP])
{
	return take_once(&options->config_path, "--config", value, message);
}

static int take_state_dir(struct options *options, const char *value,
			  char message[OPTIONS_MESSAGE_CAP])
{
	return take_once(&options->state_dir, "--state-dir", value, message);
}

static int take_socket(struct options *options, const char *value,
		       char message[OPTIONS_MESSAGE_CAP])
{
	return take_once(&options->socket, "--socket", value, message);
}

static int take_wireguard(struct options *options, const char *value,
			  char message[OPTIONS_MESSAGE_CAP])
{
	if (options->wireguard_count == ARRAY_SIZE(options->wireguard))
		return fail(message, "too many tunnels, from --wireguard %s on",
			    value);
	options->wireguard[options->wireguard_count++] = value;
	return 0;
}

static int take_expose(struct options *options, const char *value,
		       char message[OPTIONS_MESSAGE_CAP])
{
	if (options->expose_count == ARRAY_SIZE(options->exposes))
		return fail(message, "too many exposes, from --expose %s on",
			    value);
	options->exposes[options->expose_count++] = value;
	return 0;
}

static int take_forward(struct options *options, const char *value,
			char message[OPTIONS_MESSAGE_CAP])
{
	if (options->forward_count == ARRAY_SIZE(options->forwards))
		return fail(message, "too many forwards, from --forward %s on",
			    value);
	options->forwards[options->forward_count++] = value;
	return 0;
}

static int take_log_level(struct options *options, const char *value,
			  char message[OPTIONS_MESSAGE_CAP])
{
	if (log_level_parse(value, &options->log_level) != 0)
		return fail(message,
			    "--log-level: \"%.40s\" is not error, warning, "
			    "notice, info or debug",
			    value);
	return 0;
}

static int take_aead(struct options *options, const char *value,
		     char message[OPTIONS_MESSAGE_CAP])
{
	static const char *const names[] = {"auto", "libsodium", "libcrypto",
					    "ipsec-mb"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]) == 0)
			return take_once(&options->aead, "--aead", value,
					 message);
	}
	return fail(message,
		    "--aead: \"%.40s\" is not auto, libsodium, libcrypto or "
		    "ipsec-mb",
		    value);
}

static int take_action(struct options *options, enum options_action action)
{
	/* --help wins over everything else that is asked for. */
	if (options->action != ACTION_HELP)
		options->action = action;
	return 0;
}

static int take_check(struct options *options, const char *value,
		      char message[OPTIONS_MESSAGE_CAP])
{
	(void)value;
	(void)message;
	return take_action(options, ACTION_CHECK);
}

static int take_help(struct options *options, const char *value,
		     char message[OPTIONS_MESSAGE_CAP])
{
	(void)value;
	(void)message;
	return take_action(options, ACTION_HELP);
}

static int take_version(struct options *options, const char *value,
			char message[OPTIONS_MESSAGE_CAP])
{
	(void)value;
	(void)message;
	return take_action(options, ACTION_VERSION);
}

static int take_strict(struct options *options, const char *value,
		       char message[OPTIONS_MESSAGE_CAP])
{
	(void)value;
	(void)message;
	options->strict = true;
	return 0;
}

static int take_no_sandbox(struct options *options, const char *value,
			   char message[OPTIONS_MESSAGE_CAP])
{
	(void)value;
	(void)message;
	options->sandbox = SANDBOX_OFF;
	return 0;
}

static int take_strict_sandbox(struct options *options, const char *value,
			       char message[OPTIONS_MESSAGE_CAP])
{
	(void)value;
	(void)message;
	options->sandbox = SANDBOX_STRICT;
	return 0;
}

static const struct option table[] = {
	{"--config", "FILE", take_config},
	{"--wireguard", "FILE", take_wireguard},
	{"--forward", "SPEC", take_forward},
	{"--expose", "SPEC", take_expose},
	{"--check", NULL, take_check},
	{"--strict", NULL, take_strict},
	{"--no-sandbox", NULL, take_no_sandbox},
	{"--strict-sandbox", NULL, take_strict_sandbox},
	{"--state-dir", "DIR", take_state_dir},
	{"--socket", "PATH", take_socket},
	{"--aead", "NAME", take_aead},
	{"--log-level", "LEVEL", take_log_level},
	{"--version", NULL, take_version},
	{"--help", NULL, take_help},
	{"-h", NULL, take_help},
};

/* The option that argument names up to its '=', or NULL. */
static const struct option *find_option(const char *argument)
{
	size_t len = strcspn(argument, "=");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strlen(table[i].name) == len &&
		    strncmp(table[i].name, argument, len) == 0)
			return &table[i];
	}
	return NULL;
}

static int unknown_argument(const char *argument,
			    char message[OPTIONS_MESSAGE_CAP])
{
	char name[64], hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	if (argument[0] != '-')
		return fail(message,
			    "unexpected \"%.60s\"; write --forward %.60s for a "
			    "forward, or see --help",
			    argument, argument);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="),
		 argument);
	nearest_init(&nearest, name);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strlen(table[i].name) > 2) /* -h is near to anything */
			nearest_offer(&nearest, table[i].name);
	}
	return fail(message, "unknown option %.60s%s", name,
		    nearest.best != NULL ? nearest_hint(&nearest, hint)
					 : "; see --help");
}

/* Takes argv[*index], and argv[*index + 1] when it is the value. */
static int take_argument(int argc, char *const *argv, int *index,
			 struct options *options,
			 char message[OPTIONS_MESSAGE_CAP])
{
	const char *argument = argv[*index];
	const struct option *option = find_option(argument);
	const char *value = strchr(argument, '=');

	if (option == NULL)
		return unknown_argument(argument, message);
	if (option->value == NULL && value != NULL)
		return fail(message, "%s takes no value", option->name);
	if (option->value == NULL)
		return option->take(options, NULL, message);
	if (value != NULL)
		value++;
	else if (*index + 1 < argc)
		value = argv[++*index];
	if (value == NULL || value[0] == '\0')
		return fail(message, "%s needs a value: %s %s", option->name,
			    option->name, option->value);
	return option->take(options, value, message);
}

int options_parse(int argc, char *const *argv, struct options *ret_options,
		  char message[OPTIONS_MESSAGE_CAP])
{
	struct options options = {.log_level = LOG_LEVEL_INFO};

	for (int i = 1; i < argc; i++) {
		int err = take_argument(argc, argv, &i, &options, message);

		if (err != 0)
			return err;
	}
	if (options.config_path != NULL && options.wireguard_count > 0)
		return fail(message, "%s",
			    "--config and --wireguard do not go together; name "
			    "the wg-quick file in the configuration");
	*ret_options = options;
	return 0;
}

/* ---------------------------------------------------------- configuration */

static const char system_config[] = "/etc/wgproxyd/wgproxyd.yaml";

/* "" when neither variable is of use. */
static void user_config(char path[PATH_CAP])
{
	static const char file[] = "wgproxyd/wgproxyd.yaml";
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	int len = 0;

	path[0] = '\0';
	if (xdg != NULL && xdg[0] == '/')
		len = snprintf(path, PATH_CAP, "%s/%s", xdg, file);
	else if (home != NULL && home[0] == '/')
		len = snprintf(path, PATH_CAP, "%s/.config/%s", home, file);
	if (len >= PATH_CAP)
		path[0] = '\0';
}

/* A file that exists but cannot be read is found: loading it then says why. */
static int find_config(char path[PATH_CAP], struct config_report *report)
{
	user_config(path);
	if (path[0] != '\0' && access(path, F_OK) == 0)
		return 0;
	if (access(system_config, F_OK) == 0) {
		strcpy(path, system_config);
		return 0;
	}
	snprintf(report->error, sizeof(report->error),
		 "no configuration: there is no %.200s%s%s; write one, give "
		 "--config FILE, or try wgproxyd --wireguard fly.conf "
		 "--forward 15432:appname.internal:5432",
		 path, path[0] != '\0' ? " and no " : "", system_config);
	return -ERR_NOT_FOUND;
}

static int load_file(const struct options *options, struct config *ret_config,
		     struct config_report *report)
{
	const char *path = options->config_path;
	char found[PATH_CAP];
	int err = 0;

	if (path == NULL) {
		err = find_config(found, report);
		path = found;
	}
	if (err == 0)
		err = config_load(path, ret_config, report);
	if (err != 0)
		return err;
	err = config_add_specs(ret_config, MAPPING_FORWARD, options->forwards,
			       options->forward_count, report);
	if (err != 0)
		config_free(ret_config);
	return err;
}

int options_load(const struct options *options, struct config *ret_config,
		 struct config_report *report)
{
	int err;

	if (options->wireguard_count == 0)
		err = load_file(options, ret_config, report);
	else
		err = config_from_arguments(
			options->wireguard, options->wireguard_count,
			options->forwards, options->forward_count, ret_config,
			report);
	if (err != 0)
		return err;
	err = config_add_specs(ret_config, MAPPING_EXPOSE, options->exposes,
			       options->expose_count, report);
	if (err != 0)
		config_free(ret_config);
	return err;
}
