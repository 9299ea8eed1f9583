/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "config/mapping.h"

static void test_good(void **state)
{
	static const struct {
		const char *text, *listen, *to, *name;
		enum listen_kind kind;
	} cases[] = {
		{"5432", "5432", "localhost:5432", "port-5432", LISTEN_TUNNEL},
		{"80:8080", "80", "localhost:8080", "port-80", LISTEN_TUNNEL},
		{"80:localhost:1", "80", "localhost:1", "port-80",
		 LISTEN_TUNNEL},
		{"80:192.0.2.7:81", "80", "192.0.2.7:81", "port-80",
		 LISTEN_TUNNEL},
		{"80:[::1]:81", "80", "[::1]:81", "port-80", LISTEN_TUNNEL},
		{"80:/run/a:b.sock", "80", "/run/a:b.sock", "port-80",
		 LISTEN_TUNNEL},
		{"[fdaa::1]:80", "[fdaa::1]:80", "localhost:80", "port-80",
		 LISTEN_ADDRESS},
		{"10.0.0.1:80", "10.0.0.1:80", "localhost:80", "port-80",
		 LISTEN_ADDRESS},
		{"[fdaa::1]:80:81", "[fdaa::1]:80", "localhost:81", "port-80",
		 LISTEN_ADDRESS},
		{"10.0.0.1:80:10.0.0.2:81", "10.0.0.1:80", "10.0.0.2:81",
		 "port-80", LISTEN_ADDRESS},
		{"10.0.0.1:80:/a/s", "10.0.0.1:80", "/a/s", "port-80",
		 LISTEN_ADDRESS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char message[MAPPING_MESSAGE_CAP], text[TARGET_TEXT_CAP];
		struct mapping mapping;
		int err = expose_parse(cases[i].text, &mapping, message);

		assert_int_equal(err, 0);
		assert_int_equal(mapping.kind, MAPPING_EXPOSE);
		assert_int_equal(mapping.listen.kind, cases[i].kind);
		assert_string_equal(
			listen_spec_format(&mapping.listen, text, sizeof(text)),
			cases[i].listen);
		assert_string_equal(
			target_format(&mapping.target, text, sizeof(text)),
			cases[i].to);
		mapping_default_name(&mapping);
		assert_string_equal(mapping.name, cases[i].name);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"", "port"},
		{"0", "from 1 to 65535"},
		{"0:80", "from 1 to 65535"},
		{"http", "port"},
		{"80:db.example:5432", "a name"},
		{"80:localhost", "no port"},
		{"80:localhost:0", "port"},
		{"80:/", "folder"},
		{"/run/a.sock:80", "tunnel"},
		{"80:", "port"},
		{"80:1:2:3:4", "target"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char message[MAPPING_MESSAGE_CAP] = "";
		struct mapping mapping = {.name = "untouched"};

		assert_int_equal(expose_parse(cases[i].text, &mapping, message),
				 -ERR_SYNTAX);
		if (strstr(message, cases[i].word) == NULL)
			print_error("%s: %s\n", cases[i].text, message);
		assert_non_null(strstr(message, cases[i].word));
		assert_string_equal(mapping.name, "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
