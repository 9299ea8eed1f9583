/* SPDX-License-Identifier: ISC */
#include "ctl/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_CAP = 1024 };

void ctl_lines_free(struct ctl_lines *lines)
{
	free(lines->bytes);
	*lines = (struct ctl_lines){.bytes = NULL};
}

static void move_to_front(struct ctl_lines *lines)
{
	if (lines->start == 0)
		return;
	lines->len -= lines->start;
	memmove(lines->bytes, lines->bytes + lines->start, lines->len);
	lines->start = 0;
}

size_t ctl_lines_space(struct ctl_lines *lines, char **ret_space)
{
	move_to_front(lines);
	if (lines->len == lines->cap && lines->cap < CTL_LINE_MAX) {
		size_t cap = lines->cap == 0 ? FIRST_CAP : lines->cap * 2;
		char *grown = realloc(lines->bytes, cap);

		if (grown == NULL)
			return 0;
		lines->bytes = grown;
		lines->cap = cap;
	}
	*ret_space = lines->bytes + lines->len;
	return lines->cap - lines->len;
}

void ctl_lines_commit(struct ctl_lines *lines, size_t len)
{
	CHECK(len <= lines->cap - lines->len);
	lines->len += len;
}

bool ctl_lines_whole(const struct ctl_lines *lines)
{
	return ctl_lines_pending(lines) &&
	       memchr(lines->bytes + lines->start, '\n',
		      lines->len - lines->start) != NULL;
}

char *ctl_lines_next(struct ctl_lines *lines, size_t *ret_len)
{
	char *line = lines->bytes + lines->start;
	char *end;

	if (!ctl_lines_pending(lines))
		return NULL;
	end = memchr(line, '\n', lines->len - lines->start);
	if (end == NULL)
		return NULL;
	*end = '\0';
	*ret_len = (size_t)(end - line);
	lines->start += *ret_len + 1;
	return line;
}
