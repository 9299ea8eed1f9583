/* SPDX-License-Identifier: ISC */
#include "ctl/print.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"
#include "config/text.h"

enum { GAP = 2, NARROWEST = 8, WIDTH_DEFAULT = 80 };

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

static unsigned terminal_width(FILE *stream)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width;

	if (columns != NULL && text_number(columns, 20, 1000, &width) == 0)
		return (unsigned)width;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH_DEFAULT;
}

struct style style_of(FILE *stream)
{
	const char *term = getenv("TERM");
	struct style style = {.colour = false};

	if (isatty(fileno(stream)) != 1)
		return style;
	style.width = terminal_width(stream);
	style.colour = !is_set("NO_COLOR") && is_set("TERM") &&
		       strcmp(term, "dumb") != 0;
	return style;
}

char *print_size(uint64_t bytes, char text[SIZE_TEXT_CAP])
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(text, SIZE_TEXT_CAP, "%u", (unsigned)bytes);
		return text;
	}
	for (value /= 1024; value >= 999.5; value /= 1024)
		unit++;
	CHECK(unit < sizeof(units) - 1);
	snprintf(text, SIZE_TEXT_CAP, value < 9.95 ? "%.1f%c" : "%.0f%c", value,
		 units[unit]);
	return text;
}

char *print_duration(uint64_t ms, char text[TIME_TEXT_CAP])
{
	static const struct {
		const char *name;
		unsigned seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
	uint64_t seconds = ms / 1000;
	size_t i = 0;

	if (ms < 1000) {
		snprintf(text, TIME_TEXT_CAP, "%u ms", (unsigned)ms);
		return text;
	}
	while (seconds < units[i].seconds)
		i++;
	if (i < 2 && seconds % units[i].seconds >= units[i + 1].seconds)
		snprintf(text, TIME_TEXT_CAP, "%u %s %u %s",
			 (unsigned)(seconds / units[i].seconds), units[i].name,
			 (unsigned)(seconds % units[i].seconds /
				    units[i + 1].seconds),
			 units[i + 1].name);
	else
		snprintf(text, TIME_TEXT_CAP, "%u %s",
			 (unsigned)(seconds / units[i].seconds), units[i].name);
	return text;
}

/* ------------------------------------------------------------------ texts */

/* The next character of UTF-8, and whether it must not be written: C0, DEL
 * and C1 control characters. */
static size_t next_char(const char *text, bool *ret_control)
{
	unsigned char first = (unsigned char)text[0];
	unsigned char second = (unsigned char)text[1];
	size_t len = 1;

	while (((unsigned char)text[len] & 0xc0) == 0x80)
		len++;
	*ret_control = first < 0x20 || first == 0x7f ||
		       (first == 0xc2 && second >= 0x80 && second < 0xa0);
	return len;
}

static size_t columns_of(const char *text)
{
	size_t columns = 0;
	bool control;

	for (; text[0] != '\0'; columns++)
		text += next_char(text, &control);
	return columns;
}

static void put_some(FILE *out, const char *text, size_t columns)
{
	for (; text[0] != '\0' && columns > 0; columns--) {
		bool control;
		size_t len = next_char(text, &control);

		if (control)
			fputc('?', out);
		else
			fwrite(text, 1, len, out);
		text += len;
	}
}

void print_clean(FILE *out, const char *text)
{
	put_some(out, text, SIZE_MAX);
}

static const char *colour_of(const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{"listening", "32"}, {"ready", "32"},    {"up", "32"},
		{"open", "32"},      {"ok", "32"},       {"paused", "33"},
		{"degraded", "33"},  {"draining", "33"}, {"connecting", "33"},
		{"dialling", "33"},  {"failed", "31"},   {"down", "31"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	}
	return NULL;
}

static void start_colour(FILE *out, const struct style *style,
			 const char *colour)
{
	if (style->colour && colour != NULL)
		fprintf(out, "\033[%sm", colour);
}

void print_state(FILE *out, const struct style *style, const char *state)
{
	const char *colour = colour_of(state);

	start_colour(out, style, colour);
	print_clean(out, state);
	start_colour(out, style, colour != NULL ? "0" : NULL);
}

/* ----------------------------------------------------------------- tables */

struct table {
	FILE *out;
	const struct style *style;
	const struct column *columns;
	size_t count;
	size_t widths[COLUMNS_MAX];
};

static const char *cell(const json_t *row, size_t column)
{
	const char *text = json_string_value(json_array_get(row, column));

	return text == NULL ? "" : text;
}

static size_t total_width(const struct table *table)
{
	size_t total = 0;

	for (size_t i = 0; i < table->count; i++)
		total += table->widths[i] + (i > 0 ? GAP : 0);
	return total;
}

/* The widest flexible column gives way, one by one. */
static void shrink(struct table *table)
{
	while (total_width(table) > table->style->width) {
		size_t widest = 0, width = NARROWEST;

		for (size_t i = 0; i < table->count; i++) {
			if (!table->columns[i].flexible ||
			    table->widths[i] <= width)
				continue;
			widest = i;
			width = table->widths[i];
		}
		if (width == NARROWEST)
			return;
		table->widths[widest]--;
	}
}

static void measure(struct table *table, const json_t *rows)
{
	size_t index;
	json_t *row;

	for (size_t i = 0; i < table->count; i++)
		table->widths[i] = strlen(table->columns[i].head);
	json_array_foreach(rows, index, row)
	{
		for (size_t i = 0; i < table->count; i++) {
			size_t width = columns_of(cell(row, i));

			if (width > table->widths[i])
				table->widths[i] = width;
		}
	}
	if (table->style->width > 0)
		shrink(table);
}

static void put_spaces(FILE *out, size_t count)
{
	fprintf(out, "%*s", (int)count, "");
}

static void put_cell(const struct table *table, size_t column, const char *text)
{
	size_t width = table->widths[column], used = columns_of(text);
	const struct column *spec = &table->columns[column];
	bool last = column + 1 == table->count;

	if (column > 0)
		put_spaces(table->out, GAP);
	if (used > width) { /* a flexible column */
		put_some(table->out, text, width - 2);
		fputs("..", table->out);
		return;
	}
	if (spec->right)
		put_spaces(table->out, width - used);
	if (spec->state)
		print_state(table->out, table->style, text);
	else
		print_clean(table->out, text);
	if (!spec->right && !last)
		put_spaces(table->out, width - used);
}

void print_table(FILE *out, const struct style *style,
		 const struct column *columns, size_t count, const json_t *rows)
{
	struct table table = {out, style, columns, count, {0}};
	size_t index;
	json_t *row;

	CHECK(count <= COLUMNS_MAX);
	measure(&table, rows);
	start_colour(out, style, "1");
	for (size_t i = 0; i < count; i++)
		put_cell(&table, i, columns[i].head);
	start_colour(out, style, "0");
	fputc('\n', out);
	json_array_foreach(rows, index, row)
	{
		for (size_t i = 0; i < count; i++)
			put_cell(&table, i, cell(row, i));
		fputc('\n', out);
	}
}

void print_list(const struct column *columns, size_t count, const json_t *list,
		json_t *(*row_of)(const json_t *element))
{
	struct style style = style_of(stdout);
	json_t *rows = json_array();
	size_t index;
	json_t *element;

	json_array_foreach(list, index, element)
	{
		json_array_append_new(rows, row_of(element));
	}
	print_table(stdout, &style, columns, count, rows);
	json_decref(rows);
	fflush(stdout);
}
