/* SPDX-License-Identifier: ISC */
#include "daemon/options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

enum { ARGUMENTS_MAX = 20 };

/* Cuts words at blanks; argv[0] is the program. */
struct words {
	char text[256];
	char *argv[ARGUMENTS_MAX + 2];
	int argc;
};

static void words_split(struct words *words, const char *line)
{
	char *rest = words->text;

	snprintf(words->text, sizeof(words->text), "wgproxyd %s", line);
	words->argc = 0;
	for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
		CHECK(words->argc <= ARGUMENTS_MAX);
		words->argv[words->argc++] = word;
	}
	words->argv[words->argc] = NULL;
}

static struct options parse(struct words *words, const char *line)
{
	char message[OPTIONS_MESSAGE_CAP] = "";
	struct options options;

	words_split(words, line);
	if (options_parse(words->argc, words->argv, &options, message) != 0)
		fail_msg("%s: %s", line, message);
	return options;
}

static void test_sandbox(void **state)
{
	struct words words;

	(void)state;
	assert_int_equal(parse(&words, "").sandbox, SANDBOX_ON);
	assert_int_equal(parse(&words, "--no-sandbox").sandbox, SANDBOX_OFF);
	assert_int_equal(parse(&words, "--strict-sandbox").sandbox,
			 SANDBOX_STRICT);
}

static void test_nothing(void **state)
{
	struct words words;
	struct options options = parse(&words, "");

	(void)state;
	assert_int_equal(options.action, ACTION_RUN);
	assert_null(options.config_path);
	assert_int_equal(options.wireguard_count, 0);
	assert_int_equal(options.forward_count, 0);
	assert_null(options.state_dir);
	assert_null(options.socket);
	assert_int_equal(options.log_level, LOG_LEVEL_INFO);
	assert_false(options.strict);
}

static void test_all(void **state)
{
	struct words words;
	struct options options =
		parse(&words, "--config=a.yaml --forward 1:a:1 --forward=2:b:2 "
			      "--state-dir /var --socket /run/s --strict "
			      "--aead ipsec-mb --log-level=debug --check");

	(void)state;
	assert_int_equal(options.action, ACTION_CHECK);
	assert_string_equal(options.config_path, "a.yaml");
	assert_int_equal(options.forward_count, 2);
	assert_string_equal(options.forwards[0], "1:a:1");
	assert_string_equal(options.forwards[1], "2:b:2");
	assert_string_equal(options.state_dir, "/var");
	assert_string_equal(options.socket, "/run/s");
	assert_true(options.strict);
	assert_string_equal(options.aead, "ipsec-mb");
	assert_int_equal(options.log_level, LOG_LEVEL_DEBUG);
}

static void test_tunnels(void **state)
{
	struct words words;
	struct options options = parse(
		&words, "--wireguard a.conf --wireguard b.conf --forward x");

	(void)state;
	assert_int_equal(options.wireguard_count, 2);
	assert_string_equal(options.wireguard[1], "b.conf");
	assert_string_equal(options.forwards[0], "x");
}

static void test_actions(void **state)
{
	struct words words;

	(void)state;
	assert_int_equal(parse(&words, "--version").action, ACTION_VERSION);
	assert_int_equal(parse(&words, "-h").action, ACTION_HELP);
	assert_int_equal(parse(&words, "--help --check").action, ACTION_HELP);
	assert_int_equal(parse(&words, "--check --help").action, ACTION_HELP);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line;
		const char *message;
	} cases[] = {
		{"--fowrard 1:a:1",
		 "unknown option --fowrard; did you mean --forward?"},
		{"--conf=a", "unknown option --conf; did you mean --config?"},
		{"--wire a", "unknown option --wire; see --help"},
		{"-x", "unknown option -x; see --help"},
		{"--", "unknown option --; see --help"},
		{"15432:a:1",
		 "unexpected \"15432:a:1\"; write --forward 15432:a:1 for a "
		 "forward, or see --help"},
		{"--config", "--config needs a value: --config FILE"},
		{"--config=", "--config needs a value: --config FILE"},
		{"--check --forward",
		 "--forward needs a value: --forward SPEC"},
		{"--strict=yes", "--strict takes no value"},
		{"--config a --config b",
		 "--config is given twice; once is enough"},
		{"--socket a --socket b",
		 "--socket is given twice; once is enough"},
		{"--aead rot13",
		 "--aead: \"rot13\" is not auto, libsodium, libcrypto or "
		 "ipsec-mb"},
		{"--log-level loud",
		 "--log-level: \"loud\" is not error, warning, notice, info or "
		 "debug"},
		{"--config a --wireguard b",
		 "--config and --wireguard do not go together; name the "
		 "wg-quick file in the configuration"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char message[OPTIONS_MESSAGE_CAP] = "";
		struct options options;
		struct words words;
		int err;

		words_split(&words, cases[i].line);
		err = options_parse(words.argc, words.argv, &options, message);
		if (err != -ERR_SYNTAX || strcmp(message, cases[i].message))
			fail_msg("%s: %s\n%s\n%s", cases[i].line,
				 error_name(err), message, cases[i].message);
	}
}

static void test_too_many(void **state)
{
	char *argv[2 * TUNNELS_MAX + 4] = {(char[]){"wgproxyd"}};
	char name[] = "--wireguard", value[] = "a.conf";
	char message[OPTIONS_MESSAGE_CAP];
	struct options options;
	int argc = 1;

	(void)state;
	for (int i = 0; i <= TUNNELS_MAX; i++) {
		argv[argc++] = name;
		argv[argc++] = value;
	}
	assert_int_equal(options_parse(argc, argv, &options, message),
			 -ERR_SYNTAX);
	assert_string_equal(message,
			    "too many tunnels, from --wireguard a.conf on");
	assert_int_equal(options_parse(argc - 2, argv, &options, message), 0);
	assert_int_equal(options.wireguard_count, TUNNELS_MAX);
}

/* Every option of the table is in the help text. */
static void test_help(void **state)
{
	static const char *const names[] = {
		"--config",  "--wireguard", "--forward", "--check",
		"--strict",  "--state-dir", "--socket",  "--log-level",
		"--version", "--help",      "--aead",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_non_null(strstr(options_help(), names[i]));
}

/* ---------------------------------------------------------------- loading */

static const char conf[] =
	"[Interface]\n"
	"PrivateKey = 4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8=\n"
	"Address = 10.0.0.2/24\n"
	"DNS = 10.0.0.1\n"
	"[Peer]\n"
	"PublicKey = wD4Zz0mwFxGx+FkZF5wGZmY4hVU6rRTjGJ8n4lR2ryg=\n"
	"Endpoint = a.example:51820\n"
	"AllowedIPs = 10.0.0.0/24\n";

static char folder[] = "/tmp/wgproxyd-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
	CHECK(mkdir("wgproxyd", 0700) == 0);
	CHECK(mkdir(".config", 0700) == 0);
	CHECK(mkdir(".config/wgproxyd", 0700) == 0);
	write_file("fly.conf", conf);
	write_file("wgproxyd/wgproxyd.yaml",
		   "tunnels: {xdg: {wireguard: ../fly.conf}}\n"
		   "forwards: [\"15432:pg.internal:5432\"]\n");
	write_file(".config/wgproxyd/wgproxyd.yaml",
		   "tunnels: {home: {wireguard: ../../fly.conf}}\n");
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	CHECK(chdir("/") == 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void expect_load(const char *line, int expected, const char *tunnel,
			uint32_t forwards)
{
	struct config_report report = {.warning_count = 0};
	struct words words;
	struct options options = parse(&words, line);
	struct config config;
	int err = options_load(&options, &config, &report);

	if (err != expected)
		fail_msg("%s: %s %s", line, error_name(err), report.error);
	if (err == 0) {
		assert_string_equal(config.tunnels[0].name, tunnel);
		assert_int_equal(config.forward_count, forwards);
		config_free(&config);
	}
	config_report_free(&report);
}

static void test_load(void **state)
{
	(void)state;
	setenv("HOME", folder, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	expect_load("", 0, "xdg", 1);
	expect_load("--forward 1:a:1", 0, "xdg", 2);
	expect_load("--forward 15432:a:1", -ERR_INVALID, NULL, 0);
	expect_load("--config .config/wgproxyd/wgproxyd.yaml", 0, "home", 0);
	expect_load("--wireguard fly.conf --forward 1:a:1", 0, "fly", 1);
	expect_load("--config gone.yaml", -ERR_IO, NULL, 0);
	unsetenv("XDG_CONFIG_HOME");
	expect_load("", 0, "home", 0);
}

static void test_nothing_to_load(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct words words;
	struct options options = parse(&words, "");
	struct config config;

	(void)state;
	if (access("/etc/wgproxyd/wgproxyd.yaml", F_OK) == 0)
		skip();
	setenv("XDG_CONFIG_HOME", "/nowhere", 1);
	assert_int_equal(options_load(&options, &config, &report),
			 -ERR_NOT_FOUND);
	assert_string_equal(
		report.error,
		"no configuration: there is no "
		"/nowhere/wgproxyd/wgproxyd.yaml and no "
		"/etc/wgproxyd/wgproxyd.yaml; write one, give --config FILE, "
		"or try wgproxyd --wireguard fly.conf --forward "
		"15432:appname.internal:5432");
	config_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_nothing_to_load),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
