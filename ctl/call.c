/* SPDX-License-Identifier: ISC */
#include "ctl/call.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/error.h"
#include "config/text.h"

enum {
	DAY_MS = 24 * 3600 * 1000,
	NUMBER_MAX = 1000000,
};

/* Where parsing is. */
struct parser {
	int argc;
	char *const *argv;
	int index;
	struct call call;
	char *message;
};

static int fail(struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->message, CALL_MESSAGE_CAP, format, args);
	va_end(args);
	return -ERR_SYNTAX;
}

int call_parse_seconds(const char *text, uint64_t *ret_ms)
{
	char whole[16];
	size_t len = strcspn(text, ".");
	uint64_t seconds = 0, ms = 0, unit = 100;

	if (len >= sizeof(whole))
		return -ERR_SYNTAX;
	memcpy(whole, text, len);
	whole[len] = '\0';
	if (text_number(whole, 0, DAY_MS / 1000, &seconds) != 0)
		return -ERR_SYNTAX;
	text += len;
	if (*text == '.' && *++text == '\0')
		return -ERR_SYNTAX;
	for (; *text != '\0'; text++, unit /= 10) {
		if (*text < '0' || *text > '9')
			return -ERR_SYNTAX;
		ms += (uint64_t)(*text - '0') * unit;
	}
	ms += seconds * 1000;
	if (ms == 0 || ms > DAY_MS)
		return -ERR_SYNTAX;
	*ret_ms = ms;
	return 0;
}

/* -------------------------------------------------------------- options */

static const struct option_spec *find_in(const struct option_spec *options,
					 const char *name, size_t len)
{
	for (; options->name != NULL; options++) {
		if (strlen(options->name) == len &&
		    strncmp(options->name, name, len) == 0)
			return options;
	}
	return NULL;
}

static const struct option_spec *find_option(const struct parser *parser,
					     const char *name, size_t len)
{
	const struct command *command = parser->call.command;
	const struct option_spec *spec = NULL;

	if (command != NULL)
		spec = find_in(command->options, name, len);
	if (spec == NULL)
		spec = find_in(ctl_global_options, name, len);
	return spec;
}

static void offer(struct nearest *nearest, const struct option_spec *options)
{
	for (; options->name != NULL; options++) {
		if (options->name[1] == '-') /* -h is near to anything */
			nearest_offer(nearest, options->name);
	}
}

static int unknown_option(struct parser *parser, const char *argument)
{
	const struct command *command = parser->call.command;
	char name[64], hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="),
		 argument);
	nearest_init(&nearest, name);
	offer(&nearest, ctl_global_options);
	if (command != NULL)
		offer(&nearest, command->options);
	if (nearest.best != NULL)
		return fail(parser, "unknown option %s%s", name,
			    nearest_hint(&nearest, hint));
	if (command == NULL)
		return fail(parser,
			    "unknown option %s; options of a command come "
			    "after it, see proxyctl --help",
			    name);
	return fail(parser, "%s has no option %s; see proxyctl %s --help",
		    command->name, name, command->name);
}

static bool is_word(const char *words, const char *value)
{
	size_t len = strlen(value);

	while (*words != '\0') {
		size_t word = strcspn(words, " ");

		if (word == len && strncmp(words, value, len) == 0)
			return true;
		words += word + strspn(words + word, " ");
	}
	return false;
}

/* What goes into a request must be UTF-8; names of files need not. */
static int check_text(struct parser *parser, const char *text)
{
	json_t *string = json_string(text);

	if (string == NULL)
		return fail(parser, "an argument is no text in UTF-8");
	json_decref(string);
	return 0;
}

static int check_value(struct parser *parser, const struct option_spec *spec,
		       const char *value)
{
	struct prefix prefix;
	uint64_t number;

	switch (spec->kind) {
	case VALUE_NUMBER:
		if (text_number(value, 1, NUMBER_MAX, &number) == 0)
			return 0;
		return fail(parser,
			    "%s: \"%.40s\" is not a number from 1 to %d",
			    spec->name, value, NUMBER_MAX);
	case VALUE_SECONDS:
		if (call_parse_seconds(value, &number) == 0)
			return 0;
		return fail(parser,
			    "%s: \"%.40s\" is not a number of seconds, such as "
			    "30 or 0.5",
			    spec->name, value);
	case VALUE_WORD:
		if (is_word(spec->words, value))
			return 0;
		return fail(parser, "%s: \"%.40s\" is not one of: %s",
			    spec->name, value, spec->words);
	case VALUE_PREFIX:
		if (prefix_parse(value, &prefix) == 0)
			return 0;
		return fail(parser,
			    "%s: \"%.60s\" is not a prefix, such as 10.0.0.0/8",
			    spec->name, value);
	case VALUE_TEXT:
		return check_text(parser, value);
	case VALUE_NONE:
	case VALUE_FILE:
		break;
	}
	return 0;
}

/* Takes argv[index], and argv[index + 1] when it is the value. */
static int take_option(struct parser *parser)
{
	const char *argument = parser->argv[parser->index];
	size_t len = strcspn(argument, "=");
	const struct option_spec *spec = find_option(parser, argument, len);
	const char *value = argument[len] == '=' ? argument + len + 1 : NULL;
	struct call *call = &parser->call;

	if (spec == NULL)
		return unknown_option(parser, argument);
	if (spec->kind == VALUE_NONE && value != NULL)
		return fail(parser, "%s takes no value", spec->name);
	if (spec->kind == VALUE_NONE)
		value = "";
	else if (value == NULL && parser->index + 1 < parser->argc)
		value = parser->argv[++parser->index];
	if (spec->kind != VALUE_NONE && (value == NULL || value[0] == '\0'))
		return fail(parser, "%s needs a value: %s %s", spec->name,
			    spec->name, spec->value);
	if (call->option_count == CALL_OPTIONS_MAX)
		return fail(parser, "more than %d options", CALL_OPTIONS_MAX);
	call->options[call->option_count].spec = spec;
	call->options[call->option_count++].value = value;
	return check_value(parser, spec, value);
}

/* ------------------------------------------------------------- arguments */

static int unknown_command(struct parser *parser, const char *name)
{
	char hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (const struct command *c = ctl_commands; c->name != NULL; c++)
		nearest_offer(&nearest, c->name);
	return fail(parser, "there is no command \"%.40s\"%s", name,
		    nearest.best != NULL ? nearest_hint(&nearest, hint)
					 : "; see proxyctl --help");
}

static int take_argument(struct parser *parser, const char *argument)
{
	struct call *call = &parser->call;
	const struct command *command = call->command;

	if (command == NULL) {
		call->command = ctl_command_find(argument);
		return call->command == NULL ? unknown_command(parser, argument)
					     : 0;
	}
	if (call->arg_count == command->args_max && command->rest != NULL)
		return fail(parser,
			    "unexpected \"%.60s\"; what is for %s comes after "
			    "--",
			    argument, command->rest);
	if (call->arg_count == command->args_max)
		return fail(parser,
			    "unexpected \"%.60s\"; write proxyctl %s%s%s",
			    argument, command->name,
			    command->args[0] != '\0' ? " " : "", command->args);
	call->args[call->arg_count++] = argument;
	return command->kind == ARGUMENT_FILE ? 0
					      : check_text(parser, argument);
}

static int take_rest(struct parser *parser)
{
	struct call *call = &parser->call;
	int err = 0;

	if (call->command != NULL && call->command->rest != NULL) {
		call->rest = parser->argv + parser->index + 1;
		parser->index = parser->argc;
		return 0;
	}
	while (err == 0 && ++parser->index < parser->argc)
		err = take_argument(parser, parser->argv[parser->index]);
	return err;
}

/* "-" and a negative number are no options. */
static bool is_option(const char *argument)
{
	return argument[0] == '-' && argument[1] != '\0' &&
	       (argument[1] < '0' || argument[1] > '9');
}

static int take_all(struct parser *parser)
{
	int err = 0;

	for (; err == 0 && parser->index < parser->argc; parser->index++) {
		const char *argument = parser->argv[parser->index];

		if (strcmp(argument, "--") == 0)
			err = take_rest(parser);
		else if (is_option(argument))
			err = take_option(parser);
		else
			err = take_argument(parser, argument);
	}
	return err;
}

static int check_complete(struct parser *parser)
{
	const struct call *call = &parser->call;
	const struct command *command = call->command;

	if (call_has(call, "--help") || call_has(call, "-h") ||
	    call_has(call, "--version"))
		return 0;
	if (command == NULL)
		return fail(parser, "no command; see proxyctl --help");
	if (call->arg_count < command->args_min)
		return fail(parser, "%s needs more: write proxyctl %s %s",
			    command->name, command->name, command->args);
	return 0;
}

int call_parse(int argc, char *const *argv, struct call *ret_call,
	       char message[CALL_MESSAGE_CAP])
{
	struct parser parser = {
		.argc = argc, .argv = argv, .index = 1, .message = message};
	int err = take_all(&parser);

	if (err == 0)
		err = check_complete(&parser);
	if (err == 0)
		*ret_call = parser.call;
	return err;
}

/* --------------------------------------------------------------- getters */

const char *call_value(const struct call *call, const char *option)
{
	for (unsigned i = call->option_count; i > 0; i--) {
		if (strcmp(call->options[i - 1].spec->name, option) == 0)
			return call->options[i - 1].value;
	}
	return NULL;
}

bool call_has(const struct call *call, const char *option)
{
	return call_value(call, option) != NULL;
}

uint64_t call_ms(const struct call *call, const char *option, uint64_t fallback)
{
	const char *value = call_value(call, option);
	uint64_t ms = fallback;

	if (value != NULL)
		CHECK(call_parse_seconds(value, &ms) == 0);
	return ms;
}

uint64_t call_number(const struct call *call, const char *option,
		     uint64_t fallback)
{
	const char *value = call_value(call, option);
	uint64_t number = fallback;

	if (value != NULL)
		CHECK(text_number(value, 1, NUMBER_MAX, &number) == 0);
	return number;
}
