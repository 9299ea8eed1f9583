/* SPDX-License-Identifier: ISC */
/* "metrics:" in a configuration file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "test/unit/config/files.h"

#define TUNNEL       \
	"tunnels:\n" \
	"  fly:\n"   \
	"    wireguard: fly.conf\n"

#ifdef HAVE_MICROHTTPD

static const struct {
	const char *text, *listen;
	bool allow_remote;
} good[] = {
	{"{listen: '127.0.0.1:9586'}", "127.0.0.1:9586", false},
	{"{listen: 9586}", "localhost:9586", false},
	{"{listen: '[::1]:9586', allow_remote: false}", "[::1]:9586", false},
	{"{listen: /run/wgproxyd/metrics.sock}", "/run/wgproxyd/metrics.sock",
	 false},
	{"{listen: '192.0.2.1:9586', allow_remote: true}", "192.0.2.1:9586",
	 true},
	{"{allow_remote: true, listen: '[::]:9586'}", "[::]:9586", true},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct config_report report = {.warning_count = 0};
		char text[256], listen[SOCKET_PATH_CAP];
		struct config config;

		snprintf(text, sizeof(text), TUNNEL "metrics: %s\n",
			 good[i].text);
		file_write_text("c.yaml", text);
		if (config_load("c.yaml", &config, &report) != 0)
			fail_msg("%s: %s", good[i].text, report.error);
		assert_true(config.metrics.enabled);
		assert_int_equal(config.metrics.allow_remote,
				 good[i].allow_remote);
		assert_string_equal(listen_spec_format(&config.metrics.listen,
						       listen, sizeof(listen)),
				    good[i].listen);
		config_free(&config);
		config_report_free(&report);
	}
}

#define REMOTE                                                       \
	"others could read the metrics and start connection tests; " \
	"listen on 127.0.0.1 or on a socket, or add allow_remote: true"
#define NO_LISTEN "this needs a listen; add listen: 127.0.0.1:9586"

static const struct bad_file bad[] = {
	{"an address of the network",
	 TUNNEL "metrics: {listen: '192.0.2.1:9586'}\n", -ERR_SYNTAX,
	 "c.yaml:4:19: metrics: " REMOTE},
	{"every address", TUNNEL "metrics: {listen: '0.0.0.0:9586'}\n",
	 -ERR_SYNTAX, "c.yaml:4:19: metrics: " REMOTE},
	{"not allowed in words",
	 TUNNEL "metrics: {listen: '[::]:1', allow_remote: false}\n",
	 -ERR_SYNTAX, "c.yaml:4:19: metrics: " REMOTE},
	{"neither true nor false",
	 TUNNEL "metrics: {listen: 1, allow_remote: maybe}\n", -ERR_INVALID,
	 "c.yaml:4:36: allow_remote: \"maybe\" is not true or false"},
	{"nothing", TUNNEL "metrics:\n", -ERR_SYNTAX,
	 "c.yaml:4:9: metrics: " NO_LISTEN},
	{"an empty map", TUNNEL "metrics: {}\n", -ERR_SYNTAX,
	 "c.yaml:4:10: metrics: " NO_LISTEN},
	{"no listen", TUNNEL "metrics: {allow_remote: true}\n", -ERR_SYNTAX,
	 "c.yaml:4:10: metrics: " NO_LISTEN},
	{"an unknown key", TUNNEL "metrics: {lisen: 1}\n", -ERR_SYNTAX,
	 "c.yaml:4:11: unknown key \"lisen\" in metrics; did you mean "
	 "listen?"},
	{"the port of a forward",
	 TUNNEL "metrics: {listen: '127.0.0.1:15432'}\n"
		"forwards:\n"
		"  - 15432:a.internal:1\n",
	 -ERR_INVALID,
	 "c.yaml:6:5: localhost:15432 is taken by metrics; choose another "
	 "port"},
};

#else

static const struct bad_file bad[] = {
	{"a build without it", TUNNEL "metrics: {listen: 9586}\n", -ERR_SYNTAX,
	 "c.yaml:4:10: metrics: this wgproxyd was built without "
	 "libmicrohttpd; remove metrics"},
};

#endif

static void test_bad(void **state)
{
	(void)state;
	bad_yaml_check(bad, ARRAY_SIZE(bad));
}

static void test_off_by_default(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	file_write_text("c.yaml", TUNNEL);
	assert_int_equal(config_load("c.yaml", &config, &report), 0);
	assert_false(config.metrics.enabled);
	config_free(&config);
	config_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_MICROHTTPD
		cmocka_unit_test(test_good),
#endif
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_off_by_default),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
