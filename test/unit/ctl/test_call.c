/* SPDX-License-Identifier: ISC */
#include "ctl/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

enum { ARGC_MAX = 80 };

/* Cuts a line at blanks and parses it. */
static int parse(const char *line, struct call *call)
{
	static char copy[4096];
	static char *argv[ARGC_MAX + 1];
	static char message[CALL_MESSAGE_CAP];
	int argc = 0;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word != NULL;
	     word = strtok(NULL, " ")) {
		assert_true(argc < ARGC_MAX);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	message[0] = '\0';
	if (call_parse(argc, argv, call, message) == 0)
		return 0;
	assert_string_not_equal(message, "");
	return -ERR_SYNTAX;
}

static void test_good(void **state)
{
	struct call call;

	(void)state;
	assert_int_equal(parse("proxyctl --json rm pg --kill", &call), 0);
	assert_string_equal(call.command->name, "rm");
	assert_int_equal(call.arg_count, 1);
	assert_string_equal(call.args[0], "pg");
	assert_true(call_has(&call, "--kill"));
	assert_true(call_has(&call, "--json"));
	assert_false(call_has(&call, "--socket"));
	assert_null(call_value(&call, "--socket"));
	assert_null(call.rest);
}

/* Both ways to write a value; the last one counts. */
static void test_values(void **state)
{
	struct call call;

	(void)state;
	assert_int_equal(
		parse("proxyctl ping a --timeout 1 -c 3 --timeout=2.5", &call),
		0);
	assert_int_equal(call_ms(&call, "--timeout", 9), 2500);
	assert_int_equal(call_number(&call, "-c", 1), 3);
	assert_int_equal(call_ms(&call, "--interval", 9), 9);
	assert_int_equal(call_number(&call, "-n", 7), 7);
}

/* Behind "--" nothing is an option; for psql it is psql's. */
static void test_rest(void **state)
{
	struct call call;

	(void)state;
	assert_int_equal(parse("proxyctl psql pg -- -U me --json", &call), 0);
	assert_int_equal(call.arg_count, 1);
	assert_false(call_has(&call, "--json"));
	assert_string_equal(call.rest[0], "-U");
	assert_string_equal(call.rest[2], "--json");
	assert_null(call.rest[3]);
	assert_int_equal(parse("proxyctl rm -- --kill", &call), 0);
	assert_string_equal(call.args[0], "--kill");
	assert_false(call_has(&call, "--kill"));
}

/* --help needs nothing else. */
static void test_help(void **state)
{
	struct call call;

	(void)state;
	assert_int_equal(parse("proxyctl --help", &call), 0);
	assert_null(call.command);
	assert_int_equal(parse("proxyctl rm -h", &call), 0);
	assert_string_equal(call.command->name, "rm");
	assert_int_equal(parse("proxyctl --version", &call), 0);
}

static void test_bad(void **state)
{
	static const char *const lines[] = {
		"proxyctl",
		"proxyctl --json",
		"proxyctl nosuch",
		"proxyctl rm",
		"proxyctl rm a b",
		"proxyctl ls --kill",
		"proxyctl --kill rm a",
		"proxyctl rm --kill=yes a",
		"proxyctl ls --timeout",
		"proxyctl ls --timeout=",
		"proxyctl ls -x",
		"proxyctl ping a -c 0",
		"proxyctl ping a -c 1000001",
		"proxyctl add 1:a:2 --address-policy stick",
		"proxyctl add 1:a:2 --address-policy sticky\xff",
		"proxyctl add 1:a:2 --allow x",
		"proxyctl add 1:a:2 --name \xc3",
		"proxyctl rm \xff",
	};
	struct call call;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(lines[i], &call), -ERR_SYNTAX);
}

/* A file's name need not be UTF-8. */
static void test_file_names(void **state)
{
	struct call call;

	(void)state;
	assert_int_equal(parse("proxyctl import \xff --config \xfe", &call), 0);
}

static void test_too_many(void **state)
{
	char line[2048] = "proxyctl ls";
	struct call call;

	(void)state;
	for (int i = 0; i < CALL_OPTIONS_MAX; i++)
		strcat(line, " --json");
	assert_int_equal(parse(line, &call), 0);
	strcat(line, " --json");
	assert_int_equal(parse(line, &call), -ERR_SYNTAX);
	strcpy(line, "proxyctl wait");
	for (int i = 0; i < CALL_ARGS_MAX; i++)
		strcat(line, " a");
	assert_int_equal(parse(line, &call), 0);
	strcat(line, " a");
	assert_int_equal(parse(line, &call), -ERR_SYNTAX);
}

static void test_seconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms; /* 0: not accepted */
	} cases[] = {
		{"1", 1000},
		{"0.5", 500},
		{"0.05", 50},
		{"1.2345", 1234},
		{"86400", 86400000},
		{"86400.1", 0},
		{"0", 0},
		{"0.0", 0},
		{"", 0},
		{".5", 0},
		{"1.", 0},
		{"-1", 0},
		{"1e3", 0},
		{"1.5.5", 0},
		{" 1", 0},
		{"1s", 0},
		{"99999999999999999999", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ms = 0;
		int err = call_parse_seconds(cases[i].text, &ms);

		assert_int_equal(err, cases[i].ms == 0 ? -ERR_SYNTAX : 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

/* What help, completion and the parser rely on. */
static void test_table(void **state)
{
	(void)state;
	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		assert_ptr_equal(ctl_command_find(c->name), c);
		assert_non_null(c->run);
		assert_non_null(c->args);
		assert_non_null(c->summary);
		assert_non_null(c->example);
		assert_true(c->args_min <= c->args_max);
		assert_true(c->args_max <= CALL_ARGS_MAX);
		assert_null(c->options[COMMAND_OPTIONS_MAX].name);
		for (const struct option_spec *o = c->options; o->name != NULL;
		     o++) {
			assert_int_equal(o->kind == VALUE_NONE,
					 o->value == NULL);
			assert_int_equal(o->kind == VALUE_WORD,
					 o->words != NULL);
			assert_null(strpbrk(o->help, "\"$`\\"));
		}
		assert_null(strpbrk(c->summary, "\"$`\\"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
