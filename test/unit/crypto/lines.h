/* SPDX-License-Identifier: ISC */
/* Reads the files of test/vectors: words of hex separated by blanks. */
#ifndef TEST_LINES_H
#define TEST_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { LINE_WORDS = 8, LINE_CAP = 8192 };

struct lines {
	FILE *file;
	unsigned number;
	char text[LINE_CAP];
	char *words[LINE_WORDS];
	unsigned count;
};

/* name is a file of test/vectors; fails the test when it is not there. */
void lines_open(struct lines *lines, const char *name);
/* The next line that is not a comment; false at the end, which closes. */
bool lines_next(struct lines *lines);
/* Bytes of a word, "-" has none. Returns their number. */
size_t lines_hex(const char *word, uint8_t *bytes, size_t cap);

#endif
