/* SPDX-License-Identifier: ISC */
#include "config/text.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"

/* Words longer than this get no suggestion. */
enum { WORD_MAX = 31 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Reads the digits that text starts with; *ret_end is what follows. */
static int read_digits(const char *text, uint64_t max, uint64_t *ret_value,
		       const char **ret_end)
{
	uint64_t value = 0;

	if (!is_digit(*text))
		return -ERR_SYNTAX;
	for (; is_digit(*text); text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (value > (max - digit) / 10)
			return -ERR_SYNTAX;
		value = value * 10 + digit;
	}
	*ret_value = value;
	*ret_end = text;
	return 0;
}

int text_number(const char *text, uint64_t min, uint64_t max,
		uint64_t *ret_value)
{
	uint64_t value;
	const char *end;

	if (read_digits(text, UINT64_MAX, &value, &end) != 0 || *end != '\0')
		return -ERR_SYNTAX;
	if (value < min || value > max)
		return -ERR_SYNTAX;
	*ret_value = value;
	return 0;
}

int text_size(const char *text, uint64_t *ret_bytes)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {{"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	uint64_t value;
	const char *end;

	if (read_digits(text, UINT64_MAX >> 30, &value, &end) != 0)
		return -ERR_SYNTAX;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*ret_bytes = value << units[i].shift;
			return 0;
		}
	}
	return -ERR_SYNTAX;
}

bool text_is_host_name(const char *text)
{
	size_t len = strlen(text);
	size_t label = 0;
	bool digits = true;

	if (len == 0 || len > NAME_CAP - 3)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '.' && label > 0) {
			if (text[i + 1] == '\0')
				break;
			label = 0;
			digits = true;
			continue;
		}
		if (!is_alnum(c) && c != '-' && c != '_')
			return false;
		digits = digits && is_digit(c);
		if (++label > 63)
			return false;
	}
	return !digits;
}

/* Whether a name is the zone or ends with it. */
static bool ends_with_zone(const char *name, const char *zone)
{
	size_t len = strlen(name), zone_len = strlen(zone);

	if (len < zone_len || strcmp(name + len - zone_len, zone) != 0)
		return false;
	return zone_len == 0 || len == zone_len ||
	       name[len - zone_len - 1] == '.';
}

int text_zone_name(const char *zone, const char *text, char name[NAME_CAP])
{
	char copy[NAME_CAP];
	size_t len = strlen(text);
	bool whole = len > 0 && text[len - 1] == '.';

	if (len >= sizeof(copy))
		return -ERR_SYNTAX;
	for (size_t i = 0; i <= len; i++)
		copy[i] = to_lower(text[i]);
	if (whole)
		copy[--len] = '\0';
	if (!ends_with_zone(copy, zone)) {
		size_t zone_len = strlen(zone);

		if (whole || len + 1 + zone_len >= sizeof(copy))
			return -ERR_SYNTAX;
		copy[len] = '.';
		memcpy(copy + len + 1, zone, zone_len + 1);
	}
	len = strlen(copy);
	if (!text_is_host_name(copy) || copy[len - 1] == '.')
		return -ERR_SYNTAX;
	strcpy(name, copy);
	return 0;
}

static bool is_label_char(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-';
}

bool text_is_label(const char *text)
{
	size_t len = 0;

	for (; text[len] != '\0'; len++) {
		if (len >= LABEL_CAP - 1 || !is_label_char(text[len]))
			return false;
	}
	return len > 0;
}

void text_make_label(const char *text, char *label, size_t cap)
{
	size_t len = 0;

	CHECK(cap > 0 && cap <= LABEL_CAP);
	for (; text[len] != '\0' && len < cap - 1; len++)
		label[len] = is_label_char(text[len]) ? text[len] : '-';
	label[len] = '\0';
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Insertions, removals, replacements and swaps of neighbours, row by row. */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1] = {{0}};
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *last = rows[(i + 2) % 3];
		const unsigned *before = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			char x = to_lower(a[i - 1]), y = to_lower(b[j - 1]);

			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == to_lower(b[j - 2]) &&
			    y == to_lower(a[i - 2]))
				row[j] =
					min3(row[j], row[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void nearest_init(struct nearest *nearest, const char *word)
{
	*nearest = (struct nearest){.word = word, .distance = WORD_MAX};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t len = strlen(candidate);
	unsigned distance = edit_distance(nearest->word, candidate);

	/* A third of the word may be wrong. */
	if (distance > (len + 2) / 3 || distance >= nearest->distance)
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}

char *nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_CAP])
{
	hint[0] = '\0';
	if (nearest->best != NULL)
		snprintf(hint, NEAREST_HINT_CAP, "; did you mean %s?",
			 nearest->best);
	return hint;
}
