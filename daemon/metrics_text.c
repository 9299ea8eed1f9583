/* SPDX-License-Identifier: ISC */
#include "daemon/metrics_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

enum { CAP_MIN = 16384, NUMBER_CAP = 32, NAME_MAX_LEN = 80 };

static void grow(struct metrics_text *text, size_t len)
{
	size_t cap = text->cap == 0 ? CAP_MIN : text->cap;
	char *grown;

	while (cap - text->len < len)
		cap *= 2;
	grown = text->failed ? NULL : realloc(text->data, cap);
	text->failed = grown == NULL;
	if (grown == NULL)
		return;
	text->data = grown;
	text->cap = cap;
}

static inline void put_bytes(struct metrics_text *text, const char *data,
			     size_t len)
{
	if (text->cap - text->len < len)
		grow(text, len);
	if (text->failed)
		return;
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

static inline void put(struct metrics_text *text, const char *string)
{
	put_bytes(text, string, strlen(string));
}

/* At least width digits. */
static void put_digits(struct metrics_text *text, uint64_t value, int width)
{
	char digits[NUMBER_CAP];
	size_t at = sizeof(digits);

	while (value != 0 || width > 0) {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
		width--;
	}
	put_bytes(text, digits + at, sizeof(digits) - at);
}

static void put_number(struct metrics_text *text, uint64_t value)
{
	put_digits(text, value, 1);
}

/* Without zeros at the end: bounds are labels, and compared as text. */
static void put_seconds(struct metrics_text *text, uint64_t ns)
{
	uint64_t rest = ns % NS_PER_S;
	int width = 9;

	put_number(text, ns / NS_PER_S);
	if (rest == 0)
		return;
	for (; rest % 10 == 0; rest /= 10)
		width--;
	put(text, ".");
	put_digits(text, rest, width);
}

static void put_escaped(struct metrics_text *text, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\\\"\n");

		put_bytes(text, value, plain);
		value += plain;
		if (*value == '\0')
			return;
		put(text, "\\");
		put_bytes(text, *value == '\n' ? "n" : value, 1);
		value++;
	}
}

static void put_series(struct metrics_text *text, const char *name,
		       const struct metrics_label *labels)
{
	unsigned i = 0;

	put(text, name);
	for (; labels != NULL && i < METRICS_LABELS_MAX; i++) {
		if (labels[i].value == NULL)
			break;
		put(text, i == 0 ? "{" : ",");
		put(text, labels[i].name);
		put(text, "=\"");
		put_escaped(text, labels[i].value);
		put(text, "\"");
	}
	put(text, i == 0 ? " " : "} ");
}

void metrics_family(struct metrics_text *text, const char *name,
		    const char *type, const char *help)
{
	put(text, "# HELP ");
	put(text, name);
	put(text, " ");
	put(text, help);
	put(text, "\n# TYPE ");
	put(text, name);
	put(text, " ");
	put(text, type);
	put(text, "\n");
}

void metrics_count(struct metrics_text *text, const char *name,
		   const struct metrics_label *labels, uint64_t value)
{
	put_series(text, name, labels);
	put_number(text, value);
	put(text, "\n");
}

void metrics_time(struct metrics_text *text, const char *name,
		  const struct metrics_label *labels, uint64_t ns)
{
	put_series(text, name, labels);
	put_seconds(text, ns);
	put(text, "\n");
}

static void suffixed(const char *name, const char *suffix,
		     char out[NAME_MAX_LEN])
{
	int len = snprintf(out, NAME_MAX_LEN, "%s%s", name, suffix);

	CHECK(len > 0 && len < NAME_MAX_LEN);
}

/* A bound as text, made by the one writer of seconds. */
static void bound_text(unsigned i, char out[NUMBER_CAP])
{
	struct metrics_text text = {.data = out, .cap = NUMBER_CAP};

	if (i == HISTOGRAM_BOUNDS)
		put(&text, "+Inf");
	else
		put_seconds(&text, histogram_bounds[i]);
	put_bytes(&text, "", 1);
}

void metrics_histogram(struct metrics_text *text, const char *name,
		       const struct metrics_label *labels,
		       const struct histogram *histogram)
{
	struct metrics_label with_bound[METRICS_LABELS_MAX] = {{NULL, NULL}};
	char full[NAME_MAX_LEN], bound[NUMBER_CAP];
	uint64_t count = 0;
	unsigned used = 0;

	for (; labels != NULL && labels[used].value != NULL; used++) {
		CHECK(used < METRICS_LABELS_MAX - 1);
		with_bound[used] = labels[used];
	}
	with_bound[used] = (struct metrics_label){"le", bound};
	suffixed(name, "_bucket", full);
	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		count += histogram->counts[i];
		bound_text(i, bound);
		metrics_count(text, full, with_bound, count);
	}
	suffixed(name, "_sum", full);
	metrics_time(text, full, labels, histogram->sum);
	suffixed(name, "_count", full);
	metrics_count(text, full, labels, count);
}
