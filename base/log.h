/* SPDX-License-Identifier: ISC */
/*
 * One line per event on stderr, "event=word key=value ...", at most 1 KiB. When
 * stderr is the file that $JOURNAL_STREAM names a line starts with the
 * journal's priority, otherwise with time (UTC) and level. Control characters
 * become '?'. Writing never blocks the loop: what stderr does not take at once
 * is dropped and counted. The program ignores SIGPIPE.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,   /* a forward or a tunnel does not work */
	LOG_LEVEL_WARNING, /* degraded, or trying again */
	LOG_LEVEL_NOTICE,  /* start, stop, peer up or down */
	LOG_LEVEL_INFO,    /* connection opened, closed, refused */
	LOG_LEVEL_DEBUG,
	LOG_LEVELS,
};

/* The level is the program's only global; set it once at start. */
void log_init(enum log_level max);
bool log_enabled(enum log_level level);
int log_level_parse(const char *text, enum log_level *ret_level);
uint64_t log_dropped(void);

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
