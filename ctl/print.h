/* SPDX-License-Identifier: ISC */
/*
 * Output for people: tables, sizes, times, colours. Texts from the daemon may
 * hold what a stranger chose (names, addresses), so control characters are
 * never written to a terminal.
 */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SIZE_TEXT_CAP = 24, TIME_TEXT_CAP = 32 };

/* Of one stream. */
struct style {
	bool colour;
	unsigned width; /* columns of the terminal; 0: none, nothing is cut */
};

/* Colours on a terminal that has them, unless $NO_COLOR is set. */
struct style style_of(FILE *stream);

/* "0", "999", "1.2K", "34M": powers of 1024, at most five characters. */
char *print_size(uint64_t bytes, char text[SIZE_TEXT_CAP]);
/* "850 ms", "12 s", "3 min", "5 h 2 min", "12 d 3 h" */
char *print_duration(uint64_t ms, char text[TIME_TEXT_CAP]);

/* A text without its control characters. */
void print_clean(FILE *out, const char *text);

/* A word of state in its colour. */
void print_state(FILE *out, const struct style *style, const char *state);

struct column {
	const char *head;
	bool right;    /* numbers */
	bool state;    /* coloured */
	bool flexible; /* cut when the table is wider than the terminal */
};

enum { COLUMNS_MAX = 10 };

/* rows: a list of lists of strings. */
void print_table(FILE *out, const struct style *style,
		 const struct column *columns, size_t count,
		 const json_t *rows);

/* The elements of a list on standard output; row_of() makes a row of one. */
void print_list(const struct column *columns, size_t count, const json_t *list,
		json_t *(*row_of)(const json_t *element));

#endif
