/* SPDX-License-Identifier: ISC */
/* A configuration from the command line, and forwards added to a file's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "test/unit/config/files.h"

static void test_complete(void **state)
{
	static const char *const paths[] = {"fly.conf"};
	static const char *const forwards[] = {
		"15432:appname.internal:5432",
		"15433:appname.internal:5432",
	};
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	assert_int_equal(
		config_from_arguments(paths, 1, forwards, 2, &config, &report),
		0);
	assert_string_equal(config.tunnels[0].name, "fly");
	assert_int_equal(config.forward_count, 2);
	assert_string_equal(config.forwards[0].name, "appname");
	assert_string_equal(config.forwards[0].tunnel, "");
	assert_string_equal(config.forwards[1].name, "appname-2");
	config_free(&config);
	config_report_free(&report);
}

struct refused {
	const char *name;
	const char *paths[2];
	const char *forward;
	int err;
	const char *message;
};

static const struct refused refused[] = {
	{"no such file",
	 {"gone.conf"},
	 "1:a:1",
	 -ERR_IO,
	 "--wireguard: gone.conf cannot be read: No such file or directory"},
	{"broken file",
	 {"broken.conf"},
	 "1:a:1",
	 -ERR_INVALID,
	 "broken.conf:2:14: PrivateKey: this is not a key; expected 44 "
	 "characters of base64"},
	{"one file twice",
	 {"fly.conf", "./fly.conf"},
	 "1:a:1",
	 -ERR_INVALID,
	 "--wireguard: two tunnels are named fly; rename one of them"},
	{"no forward",
	 {"fly.conf"},
	 "15432",
	 -ERR_SYNTAX,
	 "--forward: \"15432\" is not a forward; write PORT:HOST:PORT with "
	 "IPv6 addresses in brackets, for example "
	 "15432:appname.internal:5432"},
	{"which tunnel",
	 {"fly.conf", "two.conf"},
	 "1:a:1",
	 -ERR_INVALID,
	 "--forward: forward a does not say which tunnel to use; add tunnel: "
	 "NAME in the configuration file (there are: fly, two)"},
	{"out of reach",
	 {"fly.conf"},
	 "1:10.0.0.1:1",
	 -ERR_INVALID,
	 "--forward: 10.0.0.1 cannot be reached: tunnel fly has no IPv4 "
	 "address; add one to Address"},
};

static void test_refused(void **state)
{
	(void)state;
	file_write_text("two.conf", TEST_FLY_CONF);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct refused *c = &refused[i];
		struct config_report report = {.warning_count = 0};
		size_t paths = c->paths[1] == NULL ? 1 : 2;
		struct config config;
		int err = config_from_arguments(c->paths, paths, &c->forward, 1,
						&config, &report);

		print_message("%s\n", c->name);
		assert_int_equal(err, c->err);
		assert_string_equal(report.error, c->message);
		config_report_free(&report);
	}
}

static void test_added(void **state)
{
	static const char *const good[] = {"15433:pg.internal:5432", "0:b:1"};
	static const char *const taken[] = {"5:c:1", "15433:pg.internal:5432"};
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	file_write_text("c.yaml", "tunnels: {fly: {wireguard: fly.conf}}\n"
				  "forwards: [\"15432:pg.internal:5432\"]\n");
	assert_int_equal(config_load("c.yaml", &config, &report), 0);
	assert_int_equal(
		config_add_specs(&config, MAPPING_FORWARD, good, 2, &report),
		0);
	assert_int_equal(config.forward_count, 3);
	assert_string_equal(config.forwards[0].name, "pg");
	assert_string_equal(config.forwards[1].name, "pg-2");

	/* All or nothing. */
	assert_int_equal(
		config_add_specs(&config, MAPPING_FORWARD, taken, 2, &report),
		-ERR_INVALID);
	assert_string_equal(report.error,
			    "--forward: localhost:15433 is taken by forward "
			    "pg-2; choose another port");
	assert_int_equal(config.forward_count, 3);
	config_free(&config);
	config_report_free(&report);
}

/* A file without forwards has no array for them yet. */
static void test_added_to_none(void **state)
{
	static const char *const one[] = {"15433:pg.internal:5432"};
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	file_write_text("c.yaml", "tunnels: {fly: {wireguard: fly.conf}}\n");
	assert_int_equal(config_load("c.yaml", &config, &report), 0);
	assert_int_equal(
		config_add_specs(&config, MAPPING_FORWARD, one, 1, &report), 0);
	assert_int_equal(config.forward_count, 1);
	config_free(&config);
	config_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_added_to_none),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
