/* SPDX-License-Identifier: ISC */
#include "prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAMILIES_MAX = 128 };

struct parser {
	struct prom *prom;
	char families[FAMILIES_MAX][128];
	size_t family_count;
	char type[32];
	bool typed;
	/* the histogram series being read */
	double last_bucket;
	bool infinite;
};

static const char *family(const struct parser *parser)
{
	assert_true(parser->family_count > 0);
	return parser->families[parser->family_count - 1];
}

static size_t name_len(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

	assert_true(len > 0 && len < 128);
	return len;
}

static void parse_help(struct parser *parser, const char *line)
{
	size_t len = name_len(line);

	assert_true(line[len] == ' ' && line[len + 1] != '\0');
	for (size_t i = 0; i < parser->family_count; i++)
		assert_false(strlen(parser->families[i]) == len &&
			     memcmp(parser->families[i], line, len) == 0);
	assert_true(parser->family_count < FAMILIES_MAX);
	memcpy(parser->families[parser->family_count], line, len);
	parser->families[parser->family_count++][len] = '\0';
	parser->typed = false;
}

static void parse_type(struct parser *parser, const char *line)
{
	size_t len = name_len(line);
	bool total;

	assert_false(parser->typed);
	assert_memory_equal(line, family(parser), len);
	assert_int_equal(strlen(family(parser)), len);
	assert_int_equal(line[len], ' ');
	snprintf(parser->type, sizeof(parser->type), "%s", line + len + 1);
	assert_true(strcmp(parser->type, "counter") == 0 ||
		    strcmp(parser->type, "gauge") == 0 ||
		    strcmp(parser->type, "histogram") == 0);
	total = len > 6 && strcmp(family(parser) + len - 6, "_total") == 0;
	assert_int_equal(total, strcmp(parser->type, "counter") == 0);
	parser->typed = true;
}

/* What follows the family's name in a sample's. */
static const char *suffix(const struct parser *parser, const char *line)
{
	static char text[128];
	size_t family_len = strlen(family(parser)), len = name_len(line);

	assert_true(len >= family_len);
	assert_memory_equal(line, family(parser), family_len);
	memcpy(text, line + family_len, len - family_len);
	text[len - family_len] = '\0';
	return text;
}

/* Behind the closing brace. */
static const char *skip_labels(const char *p)
{
	char end;

	do {
		p++;
		p += name_len(p);
		assert_memory_equal(p, "=\"", 2);
		for (p += 2; *p != '"'; p++) {
			assert_int_not_equal(*p, '\0');
			if (*p == '\\')
				assert_non_null(strchr("\\\"n", *++p));
		}
		end = *++p;
	} while (end == ',');
	assert_int_equal(end, '}');
	return p + 1;
}

static void check_histogram(struct parser *parser, const char *line,
			    double value)
{
	const char *end = suffix(parser, line);

	if (strcmp(end, "_bucket") == 0) {
		assert_false(parser->infinite);
		assert_true(value >= parser->last_bucket);
		parser->last_bucket = value;
		parser->infinite = strstr(line, "le=\"+Inf\"") != NULL;
	} else if (strcmp(end, "_sum") == 0) {
		assert_true(parser->infinite);
	} else {
		assert_string_equal(end, "_count");
		assert_true(parser->infinite);
		assert_true(value >= parser->last_bucket &&
			    value <= parser->last_bucket);
		parser->infinite = false;
		parser->last_bucket = 0;
	}
}

static void parse_sample(struct parser *parser, const char *line)
{
	struct prom *prom = parser->prom;
	const char *p = line + name_len(line);
	struct prom_sample *sample;
	char *end;

	assert_true(parser->typed);
	if (*p == '{')
		p = skip_labels(p);
	assert_int_equal(*p, ' ');
	prom->samples = realloc(prom->samples,
				(prom->count + 1) * sizeof(*prom->samples));
	assert_non_null(prom->samples);
	sample = &prom->samples[prom->count++];
	assert_true((size_t)(p - line) < sizeof(sample->series));
	memcpy(sample->series, line, (size_t)(p - line));
	sample->series[p - line] = '\0';
	sample->value = strtod(p + 1, &end);
	assert_true(end != p + 1 && *end == '\0');
	assert_true(sample->value >= 0);
	for (size_t i = 0; i + 1 < prom->count; i++)
		assert_string_not_equal(prom->samples[i].series,
					sample->series);
	if (strcmp(parser->type, "histogram") == 0)
		check_histogram(parser, line, sample->value);
	else
		assert_string_equal(suffix(parser, line), "");
}

void prom_parse(struct prom *ret_prom, const char *text, size_t len)
{
	struct parser parser = {.prom = ret_prom};
	char *copy = strndup(text, len), *line, *rest;

	*ret_prom = (struct prom){.count = 0};
	assert_non_null(copy);
	assert_int_equal(strlen(copy), len);
	assert_int_equal(copy[len - 1], '\n');
	copy[len - 1] = '\0';
	rest = copy;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "# HELP ", 7) == 0)
			parse_help(&parser, line + 7);
		else if (strncmp(line, "# TYPE ", 7) == 0)
			parse_type(&parser, line + 7);
		else
			parse_sample(&parser, line);
	}
	free(copy);
}

void prom_free(struct prom *prom)
{
	free(prom->samples);
}

double prom_value(const struct prom *prom, const char *series)
{
	for (size_t i = 0; i < prom->count; i++) {
		if (strcmp(prom->samples[i].series, series) == 0)
			return prom->samples[i].value;
	}
	fail_msg("no series %s", series);
	return 0;
}

double prom_sum(const struct prom *prom, const char *prefix)
{
	double sum = 0;
	bool found = false;

	for (size_t i = 0; i < prom->count; i++) {
		const struct prom_sample *sample = &prom->samples[i];

		if (strncmp(sample->series, prefix, strlen(prefix)) != 0)
			continue;
		sum += sample->value;
		found = true;
	}
	assert_true(found);
	return sum;
}
