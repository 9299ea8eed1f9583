/* SPDX-License-Identifier: ISC */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void lines_open(struct lines *lines, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "test/vectors/%s", name);
	memset(lines, 0, sizeof(*lines));
	lines->file = fopen(path, "r");
	if (lines->file == NULL)
		fail_msg("%s: run this from the top of the tree", path);
}

bool lines_next(struct lines *lines)
{
	char *rest, *word;

	do {
		if (fgets(lines->text, LINE_CAP, lines->file) == NULL) {
			fclose(lines->file);
			return false;
		}
		lines->number++;
		assert_non_null(strchr(lines->text, '\n'));
	} while (lines->text[0] == '#');
	lines->count = 0;
	for (word = strtok_r(lines->text, " \n", &rest); word != NULL;
	     word = strtok_r(NULL, " \n", &rest)) {
		assert_true(lines->count < LINE_WORDS);
		lines->words[lines->count++] = word;
	}
	return true;
}

size_t lines_hex(const char *word, uint8_t *bytes, size_t cap)
{
	size_t len = strlen(word) / 2;

	if (strcmp(word, "-") == 0)
		return 0;
	assert_true(len <= cap);
	for (size_t i = 0; i < len; i++) {
		char pair[3] = {word[2 * i], word[2 * i + 1], '\0'};

		bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return len;
}
