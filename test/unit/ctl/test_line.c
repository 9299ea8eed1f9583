/* SPDX-License-Identifier: ISC */
#include "ctl/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void put(struct ctl_lines *lines, const char *text, size_t len)
{
	while (len > 0) {
		char *space;
		size_t room = ctl_lines_space(lines, &space);
		size_t part = len < room ? len : room;

		assert_true(room > 0);
		memcpy(space, text, part);
		ctl_lines_commit(lines, part);
		text += part;
		len -= part;
	}
}

static void expect(struct ctl_lines *lines, const char *text)
{
	size_t len;
	char *line = ctl_lines_next(lines, &len);

	if (text == NULL) {
		assert_null(line);
		return;
	}
	assert_non_null(line);
	assert_string_equal(line, text);
	assert_int_equal(len, strlen(text));
}

static void test_lines(void **state)
{
	struct ctl_lines lines = {.bytes = NULL};

	(void)state;
	expect(&lines, NULL);
	put(&lines, "one\ntwo\n\nfo", 11);
	expect(&lines, "one");
	expect(&lines, "two");
	expect(&lines, "");
	expect(&lines, NULL);
	assert_true(ctl_lines_pending(&lines));
	put(&lines, "ur\n", 3);
	expect(&lines, "four");
	assert_false(ctl_lines_pending(&lines));
	ctl_lines_free(&lines);
}

/* Memory is bounded by the longest line, however much passes through. */
static void test_bound(void **state)
{
	static char long_line[CTL_LINE_MAX];
	struct ctl_lines lines = {.bytes = NULL};
	char *space;

	(void)state;
	memset(long_line, 'x', sizeof(long_line));
	for (unsigned i = 0; i < 10; i++) {
		put(&lines, long_line, CTL_LINE_MAX - 1);
		put(&lines, "\n", 1);
		assert_true(ctl_lines_full(&lines));
		assert_non_null(ctl_lines_next(&lines, &(size_t){0}));
	}
	assert_int_equal(lines.cap, CTL_LINE_MAX);
	put(&lines, long_line, CTL_LINE_MAX);
	assert_true(ctl_lines_full(&lines));
	assert_int_equal(ctl_lines_space(&lines, &space), 0);
	ctl_lines_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
