/* SPDX-License-Identifier: ISC */
/* A byte stream cut into lines of bounded length. */
#ifndef CTL_LINE_H
#define CTL_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { CTL_LINE_MAX = 64 * 1024 }; /* bytes, with the line feed */

struct ctl_lines {
	char *bytes; /* owned; grows up to CTL_LINE_MAX */
	size_t cap, len;
	size_t start; /* of the first line not given out yet */
};

void ctl_lines_free(struct ctl_lines *lines);

/* Room to read into, at least one byte; 0: no memory, or the line that is
 * there is too long. *ret_space is good until the next call. */
size_t ctl_lines_space(struct ctl_lines *lines, char **ret_space);
void ctl_lines_commit(struct ctl_lines *lines, size_t len);

/* The next whole line without its line feed, or NULL. It is good until
 * ctl_lines_space(). */
char *ctl_lines_next(struct ctl_lines *lines, size_t *ret_len);

/* Whether ctl_lines_next() has one. */
bool ctl_lines_whole(const struct ctl_lines *lines);

/* Whether a line has begun, and whether it is as long as it may be. */
static inline bool ctl_lines_pending(const struct ctl_lines *lines)
{
	return lines->len > lines->start;
}

static inline bool ctl_lines_full(const struct ctl_lines *lines)
{
	return lines->len - lines->start >= CTL_LINE_MAX;
}

#endif
