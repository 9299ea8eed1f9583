/* SPDX-License-Identifier: ISC */
#include "ctl/yaml_edit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT_DEFAULT = 2 };

static const char key[] = "tunnels:";

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL ? line + strlen(line) : end + 1;
}

/* Nothing but blanks and a comment. */
static bool is_blank(const char *text)
{
	text += strspn(text, " \t\r");
	return *text == '\n' || *text == '#' || *text == '\0';
}

static const char *find_key(const char *text)
{
	while (*text != '\0') {
		if (strncmp(text, key, sizeof(key) - 1) == 0)
			return text;
		text = next_line(text);
	}
	return NULL;
}

/* How far the tunnels that are there are indented. */
static int indent_below(const char *line)
{
	size_t indent;

	while (*line != '\0' && is_blank(line))
		line = next_line(line);
	indent = strspn(line, " ");
	return indent > 0 ? (int)indent : INDENT_DEFAULT;
}

char *yaml_add_tunnel(const char *text, const char *name, const char *file)
{
	const char *line = find_key(text);
	const char *head = "", *after;
	char *result;
	int indent, len;

	if (line != NULL && !is_blank(line + sizeof(key) - 1))
		return NULL;
	after = line == NULL ? text + strlen(text) : next_line(line);
	if (after > text && after[-1] != '\n')
		head = "\n";
	indent = line == NULL ? INDENT_DEFAULT : indent_below(after);
	len = asprintf(&result, "%.*s%s%s%*s%s:\n%*swireguard: %s\n%s",
		       (int)(after - text), text, head,
		       line == NULL ? "tunnels:\n" : "", indent, "", name,
		       indent * 2, "", file, after);
	return len < 0 ? NULL : result;
}
