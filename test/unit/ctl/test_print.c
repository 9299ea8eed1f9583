/* SPDX-License-Identifier: ISC */
#include "ctl/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0"},
		{999, "999"},
		{1000, "1.0K"},
		{1024, "1.0K"},
		{10188, "9.9K"},
		{10189, "10K"},
		{1023487, "999K"},
		{1023488, "1.0M"},
		{UINT64_C(1) << 20, "1.0M"},
		{UINT64_C(1) << 40, "1.0T"},
		{INT64_MAX, "8.0E"},
		{UINT64_MAX, "16E"},
	};
	char text[SIZE_TEXT_CAP];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(print_size(cases[i].bytes, text),
				    cases[i].text);
	for (uint64_t bytes = 1; bytes < UINT64_MAX / 3; bytes *= 3)
		assert_true(strlen(print_size(bytes, text)) <= 4);
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{0, "0 ms"},       {999, "999 ms"},
		{1000, "1 s"},     {59999, "59 s"},
		{60000, "1 min"},  {3599999, "59 min"},
		{3600000, "1 h"},  {3660000, "1 h 1 min"},
		{86400000, "1 d"}, {90000000, "1 d 1 h"},
		{86459000, "1 d"}, {8640000000, "100 d"},
	};
	char text[TIME_TEXT_CAP];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(print_duration(cases[i].ms, text),
				    cases[i].text);
	assert_true(strlen(print_duration(UINT64_MAX, text)) <
		    TIME_TEXT_CAP - 1);
}

/* What print_clean() makes of a text; to be freed. */
static char *clean(const char *text)
{
	char *bytes = NULL;
	size_t len;
	FILE *out = open_memstream(&bytes, &len);

	print_clean(out, text);
	fclose(out);
	return bytes;
}

static void test_clean(void **state)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"", ""},
		{"a\x1b[31mb", "a?[31mb"},
		{"tab\tline\n", "tab?line?"},
		{"\x7f", "?"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xc2\x9b"
		 "1m",
		 "?1m"},
		{"\xc2\xa0", "\xc2\xa0"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = clean(cases[i][0]);

		assert_string_equal(text, cases[i][1]);
		free(text);
	}
}

static const struct column columns[] = {
	{.head = "NAME", .flexible = true},
	{.head = "N", .right = true},
	{.head = "STATE", .state = true},
	{.head = "LAST", .flexible = true},
};

static void expect_table(struct style style, const char *expected)
{
	json_t *rows = json_pack("[[ssss],[ssss]]", "a", "1", "up", "x",
				 "longer-n\xc3\xa4me", "1000", "new", "");
	char *bytes = NULL;
	size_t len;
	FILE *out = open_memstream(&bytes, &len);

	print_table(out, &style, columns, ARRAY_SIZE(columns), rows);
	fclose(out);
	assert_string_equal(bytes, expected);
	free(bytes);
	json_decref(rows);
}

static void test_table(void **state)
{
	(void)state;
	expect_table((struct style){.width = 0},
		     "NAME            N  STATE  LAST\n"
		     "a               1  up     x\n"
		     "longer-n\xc3\xa4me  1000  new    \n");
	expect_table((struct style){.width = 28},
		     "NAME          N  STATE  LAST\n"
		     "a             1  up     x\n"
		     "longer-..  1000  new    \n");
	expect_table((struct style){.colour = true},
		     "\033[1mNAME            N  STATE  LAST\033[0m\n"
		     "a               1  \033[32mup\033[0m     x\n"
		     "longer-n\xc3\xa4me  1000  new    \n");
}

/* There is a narrowest; it ends. */
static void test_too_narrow(void **state)
{
	(void)state;
	expect_table((struct style){.width = 1}, "NAME         N  STATE  LAST\n"
						 "a            1  up     x\n"
						 "longer..  1000  new    \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_too_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
