/* SPDX-License-Identifier: ISC */
#include "config/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"

static void test_number(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		int64_t value; /* -1: an error */
	} cases[] = {
		{"0", 0, 10, 0},
		{"10", 0, 10, 10},
		{"11", 0, 10, -1},
		{"9", 10, 20, -1},
		{"0010", 0, 10, 10},
		{"", 0, 10, -1},
		{"+1", 0, 10, -1},
		{"-1", 0, 10, -1},
		{" 1", 0, 10, -1},
		{"1 ", 0, 10, -1},
		{"0x1", 0, 10, -1},
		{"1_0", 0, 10, -1},
		{"1e1", 0, 10, -1},
		{"9223372036854775807", 0, INT64_MAX, INT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, -1},
		{"99999999999999999999999", 0, UINT64_MAX, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 77;
		int err = text_number(cases[i].text, cases[i].min, cases[i].max,
				      &value);

		if ((err == 0) != (cases[i].value >= 0) ||
		    value != (err == 0 ? (uint64_t)cases[i].value : 77))
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: an error */
	} cases[] = {
		{"1", 1},
		{"64KiB", 65536},
		{"256MiB", 256U << 20},
		{"2GiB", UINT64_C(2) << 30},
		{"256MB", 0},
		{"256 MiB", 0},
		{"256mib", 0},
		{"MiB", 0},
		{"-1MiB", 0},
		{"1.5GiB", 0},
		{"99999999999GiB", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t bytes = 0;

		text_size(cases[i].text, &bytes);
		if (bytes != cases[i].bytes)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void test_host_name(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{"a", true},         {"a.b", true},       {"a.b.", true},
		{"a-b", true},       {"_a.b", true},      {"3com", true},
		{"1.example", true}, {"", false},         {".", false},
		{"a..b", false},     {".a", false},       {"a..", false},
		{"a b", false},      {"a:1", false},      {"a/b", false},
		{"10.0.0.1", false}, {"12", false},       {"a.12", false},
		{"a.12.", false},    {"\xc3\xa9", false}, {"a%b", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (text_is_host_name(cases[i].text) != cases[i].is)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void test_label(void **state)
{
	char label[LABEL_CAP], cut[8];
	char longest[LABEL_CAP + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[LABEL_CAP] = '\0';
	assert_false(text_is_label(longest));
	longest[LABEL_CAP - 1] = '\0';
	assert_true(text_is_label(longest));
	assert_true(text_is_label("a.B_c-9"));
	assert_false(text_is_label(""));
	assert_false(text_is_label("a b"));
	assert_false(text_is_label("a/b"));
	text_make_label("my conf/\xc3\xa9", label, sizeof(label));
	assert_string_equal(label, "my-conf---");
	text_make_label("123456789", cut, sizeof(cut));
	assert_string_equal(cut, "1234567");
}

static void test_nearest(void **state)
{
	static const char *const known[] = {
		"listen", "to", "tunnel", "name", "allow", "max_connections"};
	static const struct {
		const char *word;
		const char *hint;
	} cases[] = {
		{"lisetn", "; did you mean listen?"},
		{"Listen", "; did you mean listen?"},
		{"listn", "; did you mean listen?"},
		{"listens", "; did you mean listen?"},
		{"tunel", "; did you mean tunnel?"},
		{"max_conections", "; did you mean max_connections?"},
		{"max-connections", "; did you mean max_connections?"},
		{"ot", "; did you mean to?"},
		{"frobnicate", ""},
		{"", ""},
		{"a_word_much_longer_than_any_of_the_known_ones", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char hint[NEAREST_HINT_CAP];
		struct nearest nearest;

		nearest_init(&nearest, cases[i].word);
		for (size_t j = 0; j < ARRAY_SIZE(known); j++)
			nearest_offer(&nearest, known[j]);
		if (strcmp(nearest_hint(&nearest, hint), cases[i].hint) != 0)
			fail_msg("%s: \"%s\"", cases[i].word, hint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),    cmocka_unit_test(test_size),
		cmocka_unit_test(test_host_name), cmocka_unit_test(test_label),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
