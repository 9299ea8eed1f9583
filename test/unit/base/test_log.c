/* SPDX-License-Identifier: ISC */
/* What reaches stderr, read back from the other end of a pipe or a file. */
#include "base/log.h"

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

enum { LINE_MAX_BYTES = 1024 };

/* stderr is a pipe while a test runs. */
static struct {
	int saved;
	int read_end;
} capture;

static int capture_start(void **state)
{
	int fds[2];

	(void)state;
	CHECK(pipe(fds) == 0);
	capture.saved = dup(STDERR_FILENO);
	capture.read_end = fds[0];
	CHECK(dup2(fds[1], STDERR_FILENO) == STDERR_FILENO);
	close(fds[1]);
	unsetenv("JOURNAL_STREAM");
	return 0;
}

static int capture_stop(void **state)
{
	(void)state;
	dup2(capture.saved, STDERR_FILENO);
	close(capture.saved);
	if (capture.read_end >= 0)
		close(capture.read_end);
	log_init(LOG_LEVEL_INFO);
	return 0;
}

/* What is in the pipe, as text. A marker keeps the read from blocking. */
static size_t captured(char *text, size_t cap)
{
	ssize_t len;

	CHECK(write(STDERR_FILENO, "$", 1) == 1);
	len = read(capture.read_end, text, cap - 1);
	CHECK(len > 0 && text[len - 1] == '$');
	text[len - 1] = '\0';
	return (size_t)len - 1;
}

static void name_stderr_as_journal(void)
{
	char stream[64];
	struct stat st;

	CHECK(fstat(STDERR_FILENO, &st) == 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void test_journal(void **state)
{
	static const char *const lines[LOG_LEVELS] = {
		"<3>event=x n=0\n", "<4>event=x n=1\n", "<5>event=x n=2\n",
		"<6>event=x n=3\n", "<7>event=x n=4\n",
	};
	char text[256];

	(void)state;
	name_stderr_as_journal();
	log_init(LOG_LEVEL_DEBUG);
	for (unsigned i = 0; i < LOG_LEVELS; i++) {
		log_line((enum log_level)i, "event=x n=%u", i);
		captured(text, sizeof(text));
		assert_string_equal(text, lines[i]);
	}
}

/* A shell started by a service inherits the variable, not the file. */
static void test_journal_of_another(void **state)
{
	char text[256];

	(void)state;
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_init(LOG_LEVEL_INFO);
	log_notice("event=x");
	captured(text, sizeof(text));
	assert_int_not_equal(text[0], '<');
}

static void test_time_and_level(void **state)
{
	int year, month, day, hour, minute, second, ms, end = 0;
	char text[256], level[16];

	(void)state;
	log_init(LOG_LEVEL_INFO);
	log_warning("event=%s", "x");
	captured(text, sizeof(text));
	assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %15s %n",
				&year, &month, &day, &hour, &minute, &second,
				&ms, level, &end),
			 8);
	assert_in_range(year, 2020, 2200);
	assert_string_equal(level, "warning");
	assert_string_equal(text + end, "event=x\n");
}

static void test_levels(void **state)
{
	static const char *const names[LOG_LEVELS] = {
		"error", "warning", "notice", "info", "debug",
	};
	enum log_level level;
	char text[256];

	(void)state;
	for (unsigned i = 0; i < LOG_LEVELS; i++) {
		assert_int_equal(log_level_parse(names[i], &level), 0);
		assert_int_equal(level, i);
	}
	assert_int_equal(log_level_parse("INFO", &level), 0);
	assert_int_equal(level, LOG_LEVEL_INFO);
	assert_int_equal(log_level_parse("verbose", &level), -ERR_SYNTAX);
	assert_int_equal(log_level_parse("", &level), -ERR_SYNTAX);

	log_init(LOG_LEVEL_WARNING);
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_true(log_enabled(LOG_LEVEL_WARNING));
	assert_false(log_enabled(LOG_LEVEL_NOTICE));
	log_notice("event=not_seen");
	log_debug("event=not_seen");
	assert_int_equal(captured(text, sizeof(text)), 0);
	assert_true(log_dropped() == 0);
}

static void test_controls(void **state)
{
	char text[256];

	(void)state;
	name_stderr_as_journal();
	log_init(LOG_LEVEL_INFO);
	log_info("name=%s", "a\nb\r\t\x1b[2J\x7f \xc3\xa9");
	captured(text, sizeof(text));
	assert_string_equal(text, "<6>name=a?b???[2J? \xc3\xa9\n");
}

static void test_length(void **state)
{
	char text[8192], long_name[4096];

	(void)state;
	name_stderr_as_journal();
	log_init(LOG_LEVEL_INFO);
	memset(long_name, 'a', sizeof(long_name));
	for (size_t len = LINE_MAX_BYTES - 12; len < LINE_MAX_BYTES + 4;
	     len++) {
		size_t whole = strlen("<6>n=") + len + strlen("\n");
		size_t expected =
			whole < LINE_MAX_BYTES ? whole : LINE_MAX_BYTES;
		const char *tail = whole > LINE_MAX_BYTES ? "...\n" : "aaa\n";

		log_info("n=%.*s", (int)len, long_name);
		assert_int_equal(captured(text, sizeof(text)), expected);
		assert_string_equal(text + expected - 4, tail);
	}
	log_info("n=%.*s", (int)sizeof(long_name), long_name);
	assert_int_equal(captured(text, sizeof(text)), LINE_MAX_BYTES);
}

/* Nobody reads: the writer must not wait, and must count. */
static void test_full_pipe(void **state)
{
	uint64_t dropped;
	char text[8192];

	(void)state;
	log_init(LOG_LEVEL_INFO);
	alarm(10); /* blocking would end the test */
	for (unsigned i = 0; i < 10000; i++)
		log_info("event=line number=%u", i);
	alarm(0);
	dropped = log_dropped();
	assert_true(dropped > 5000 && dropped < 10000);

	/* When there is room again lines are whole. */
	fcntl(capture.read_end, F_SETFL, O_NONBLOCK);
	while (read(capture.read_end, text, sizeof(text)) > 0)
		;
	log_info("event=back");
	captured(text, sizeof(text));
	assert_non_null(strstr(text, "event=back\n"));
	assert_true(log_dropped() == dropped);
	log_init(LOG_LEVEL_INFO);
	assert_true(log_dropped() == 0);
}

static void test_closed_stderr(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO);
	close(STDERR_FILENO);
	log_error("event=unseen");
	assert_true(log_dropped() == 1);
}

int main(void)
{
#define CAPTURED(test) \
	cmocka_unit_test_setup_teardown(test, capture_start, capture_stop)
	const struct CMUnitTest tests[] = {
		CAPTURED(test_journal),
		CAPTURED(test_journal_of_another),
		CAPTURED(test_time_and_level),
		CAPTURED(test_levels),
		CAPTURED(test_controls),
		CAPTURED(test_length),
		CAPTURED(test_full_pipe),
		CAPTURED(test_closed_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
