/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

/* Below PIPE_BUF, so that a line to a pipe is written whole or not at all. */
enum { LINE_CAP = 1024 };

static const struct {
	const char *name;
	int priority; /* syslog(3), as the journal reads it */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_NOTICE] = {"notice", 5},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};
static_assert(ARRAY_SIZE(levels) == LOG_LEVELS, "every level has a name");

static struct {
	enum log_level max;
	bool journal;
	uint64_t dropped;
} logger = {.max = LOG_LEVEL_INFO};

/* $JOURNAL_STREAM is inherited by everything started from a service, so it
 * only counts when it names the very file that stderr is. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_init(enum log_level max)
{
	logger.max = max;
	logger.journal = stderr_is_journal();
	logger.dropped = 0;
}

bool log_enabled(enum log_level level)
{
	return level <= logger.max;
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (unsigned i = 0; i < LOG_LEVELS; i++) {
		if (strcasecmp(text, levels[i].name) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -ERR_SYNTAX;
}

uint64_t log_dropped(void)
{
	return logger.dropped;
}

/* What the line starts with; returns its length. */
static size_t format_head(enum log_level level, char *line, size_t cap)
{
	struct timespec now;
	struct tm utc;
	size_t len;

	if (logger.journal)
		return (size_t)snprintf(line, cap, "<%d>",
					levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(line, cap, "%Y-%m-%dT%H:%M:%S", &utc);
	return len + (size_t)snprintf(line + len, cap - len, ".%03ldZ %-7s ",
				      now.tv_nsec / 1000000,
				      levels[level].name);
}

/* Names and texts from outside must not start a line of their own or speak to
 * the terminal. */
static void replace_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	}
}

/* stderr may be shared with a shell, so O_NONBLOCK is not set on it. poll()
 * answers for a whole line: a pipe is writable when PIPE_BUF bytes fit. */
static bool write_line(const char *line, size_t len)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, 0) != 1 || (fd.revents & POLLOUT) == 0)
		return false;
	return write(STDERR_FILENO, line, len) == (ssize_t)len;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_CAP];
	size_t head, len;
	va_list args;
	int wanted;

	if (!log_enabled(level))
		return;
	head = format_head(level, line, sizeof(line));
	va_start(args, format);
	wanted = vsnprintf(line + head, sizeof(line) - head, format, args);
	va_end(args);
	if (wanted < 0)
		return;
	len = head + (size_t)wanted;
	if (len > sizeof(line) - 1) {
		len = sizeof(line) - 1;
		memcpy(line + len - 3, "...", 3);
	}
	replace_controls(line + head, len - head);
	line[len++] = '\n';
	if (!write_line(line, len))
		logger.dropped++;
}
