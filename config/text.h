/* SPDX-License-Identifier: ISC */
/*
 * Readers of short texts that the file formats and the command line share.
 * All are pure; all read the whole text or fail.
 */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* Decimal digits only: no sign, no blanks, no 0x, no underscores. 0, or
 * -ERR_SYNTAX when it is no number or not within min and max. */
int text_number(const char *text, uint64_t min, uint64_t max,
		uint64_t *ret_value);

/* "1048576", "64KiB", "256MiB" or "1GiB". 0 or -ERR_SYNTAX. */
int text_size(const char *text, uint64_t *ret_bytes);

/* A DNS name in text, RFC 1123 with underscores; a final dot is allowed. Digits
 * in the last label only are no name but an address gone wrong. */
bool text_is_host_name(const char *text);

/* Makes the whole name, in lower case and without a final dot, of one that is
 * relative to the zone or ends with it. Without a zone ("") every name is
 * whole. 0, or -ERR_SYNTAX: no name, too long, or one with a final dot outside
 * of the zone. */
int text_zone_name(const char *zone, const char *text, char name[NAME_CAP]);

/* The name of a tunnel or a forward: letters, digits, '.', '_' and '-', and
 * shorter than LABEL_CAP. */
bool text_is_label(const char *text);

/* Turns every character a label must not have into '-', and cuts what is too
 * long. cap is at most LABEL_CAP. */
void text_make_label(const char *text, char *label, size_t cap);

/* The known word that a mistyped one is nearest to; case does not count. */
struct nearest {
	const char *word;
	const char *best; /* NULL: nothing is near enough */
	unsigned distance;
};

enum { NEAREST_HINT_CAP = 64 };

void nearest_init(struct nearest *nearest, const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);
/* "; did you mean listen?", or nothing. Returns hint. */
char *nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_CAP]);

#endif
