/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static unsigned long resident_pages(void)
{
	unsigned long size, resident;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
	fclose(file);
	return resident;
}

/* The program goes on with less memory, and keeps what it has written. */
static void test_release_code(void **state)
{
	static char written[3 * 4096] = "initialised";
	unsigned long before;

	(void)state;
	memset(written, 0x5a, sizeof(written));
	before = resident_pages();
	memory_release_code();
	assert_true(resident_pages() < before);
	for (size_t i = 0; i < sizeof(written); i++)
		assert_int_equal(written[i], 0x5a);
}

enum { TABLE = 8 << 20 };

static void test_release(void **state)
{
	void *table;
	unsigned long before;

	(void)state;
	assert_int_equal(posix_memalign(&table, 1 << 16, TABLE), 0);
	memset(table, 1, TABLE);
	before = resident_pages();
	memory_release(table, TABLE);
	assert_true(resident_pages() + 1000 < before);
	free(table);
}

/* A table that is cleared is not touched for it, though as much was used and
 * given back before. */
static void test_tables(void **state)
{
	unsigned long before;
	void *table;

	(void)state;
	memory_keep_tables_apart();
	table = malloc(TABLE);
	assert_non_null(table);
	memset(table, 1, TABLE);
	free(table);
	before = resident_pages();
	table = calloc(1, TABLE / 4);
	assert_non_null(table);
	assert_true(resident_pages() < before + 100);
	free(table);
	memory_release_heap();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
