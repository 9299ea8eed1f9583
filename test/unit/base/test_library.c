/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "base/library.h"

struct functions {
	__typeof__(strlen) *length;
	__typeof__(strcmp) *compare;
};

static void test_open(void **state)
{
	static const struct library_symbol symbols[] = {
		{"strlen", offsetof(struct functions, length)},
		{"strcmp", offsetof(struct functions, compare)},
	};
	struct functions functions;
	void *library = library_open("libc.so.6", symbols, ARRAY_SIZE(symbols),
				     &functions);

	(void)state;
	assert_non_null(library);
	assert_int_equal(functions.length("four"), 4);
	assert_int_equal(functions.compare("a", "a"), 0);
	library_close(library);
}

static void test_missing(void **state)
{
	static const struct library_symbol symbols[] = {
		{"strlen", offsetof(struct functions, length)},
		{"no_such_function", offsetof(struct functions, compare)},
	};
	struct functions functions = {.length = NULL};

	(void)state;
	assert_null(
		library_open("libnosuchthing.so.1", symbols, 1, &functions));
	assert_null(library_open("libc.so.6", symbols, 2, &functions));
	assert_null(functions.length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
