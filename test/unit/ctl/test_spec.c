/* SPDX-License-Identifier: ISC */
#include "ctl/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

/* spec NULL: refused. */
static void test_spec(void **state)
{
	static const struct {
		const char *text, *app, *spec;
	} cases[] = {
		{"15432:a.internal:5432", NULL, "15432:a.internal:5432"},
		{"15432:5432", NULL, NULL},
		{"15432", NULL, NULL},
		{"", NULL, NULL},
		{"15432:a:0", NULL, NULL},
		{"15432:5432", "a", "15432:a.internal:5432"},
		{"5432", "a", "5432:a.internal:5432"},
		{"5432", "a.b", "5432:a.b:5432"},
		{"[::1]:1:2", "a", "[::1]:1:a.internal:2"},
		{"/s/x:2", "a", "/s/x:a.internal:2"},
		{"", "a", NULL},
		{":", "a", NULL},
		{"1:a:2", "a", NULL},
		{"1:2", "no/app", NULL},
		{"1:2", "", NULL},
	};
	char spec[SPEC_CAP], message[MAPPING_MESSAGE_CAP];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int err = spec_from(cases[i].text, cases[i].app, spec, message);

		if (cases[i].spec == NULL) {
			assert_int_not_equal(err, 0);
			assert_string_not_equal(message, "");
			continue;
		}
		assert_int_equal(err, 0);
		assert_string_equal(spec, cases[i].spec);
	}
}

/* No length goes beyond the buffer. */
static void test_long(void **state)
{
	char text[2 * SPEC_CAP], spec[SPEC_CAP], message[MAPPING_MESSAGE_CAP];

	(void)state;
	for (size_t len = 1; len < sizeof(text) - 4; len++) {
		memset(text, 'a', len);
		strcpy(text + len, ":1");
		(void)spec_from(text, NULL, spec, message);
		(void)spec_from("1:2", text, spec, message);
		assert_int_not_equal(spec_from(text, text, spec, message), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
