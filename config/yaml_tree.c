/* SPDX-License-Identifier: ISC */
#include "config/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/check.h"
#include "base/error.h"

enum {
	DEPTH_MAX = 16,
	NODES_MAX = 32768,
};

/* One level of an open list or map. */
struct level {
	uint32_t node;
	uint32_t last_child; /* 0 = none yet */
	uint32_t children;
};

struct builder {
	struct yaml_tree tree;
	struct level levels[DEPTH_MAX];
	unsigned depth;
	bool has_root;
	const struct file *file;
	struct config_report *report;
};

static struct mark to_mark(const struct builder *builder,
			   const yaml_mark_t *mark)
{
	return (struct mark){
		.file = builder->tree.path,
		.line = (uint32_t)mark->line + 1,
		.column = (uint32_t)mark->column + 1,
	};
}

static int refuse(const struct builder *builder, const yaml_mark_t *at,
		  const char *what)
{
	struct mark mark = to_mark(builder, at);

	return report_error(builder->report, &mark, -ERR_SYNTAX, "%s", what);
}

/* Directives stand at the start of a line before a document. */
static int check_directives(const struct builder *builder)
{
	const char *text = builder->file->text;
	struct mark mark = {builder->tree.path, 1, 1};

	for (;;) {
		if (text[0] == '%')
			return report_error(builder->report, &mark, -ERR_SYNTAX,
					    "lines that start with %% are not "
					    "supported; remove this line");
		text = strchr(text, '\n');
		if (text == NULL)
			return 0;
		text++;
		mark.line++;
	}
}

/* In a map the children alternate, keys first. */
static bool is_key(const struct builder *builder)
{
	const struct level *level;

	if (builder->depth == 0)
		return false;
	level = &builder->levels[builder->depth - 1];
	return builder->tree.nodes[level->node].kind == NODE_MAP &&
	       level->children % 2 == 0;
}

static void link_child(struct builder *builder, uint32_t index)
{
	struct yaml_node *nodes = builder->tree.nodes;
	struct level *level;

	if (builder->depth == 0) {
		builder->has_root = true;
		return;
	}
	level = &builder->levels[builder->depth - 1];
	if (level->last_child == 0)
		nodes[level->node].first = index;
	else
		nodes[level->last_child].next = index;
	level->last_child = index;
	level->children++;
}

static int add_node(struct builder *builder, enum node_kind kind,
		    const yaml_mark_t *at, uint32_t *ret_index)
{
	struct yaml_tree *tree = &builder->tree;
	uint32_t index = tree->count;

	if (index == NODES_MAX)
		return refuse(builder, at,
			      "more values than a configuration "
			      "file may have");
	tree->nodes[index] = (struct yaml_node){
		.kind = kind,
		.line = (uint32_t)at->line + 1,
		.column = (uint32_t)at->column + 1,
	};
	tree->count++;
	link_child(builder, index);
	*ret_index = index;
	return 0;
}

static int open_level(struct builder *builder, enum node_kind kind,
		      const yaml_mark_t *at)
{
	uint32_t index;
	int err;

	if (builder->depth == DEPTH_MAX)
		return refuse(builder, at,
			      "more than 16 levels of nesting; this is no "
			      "wgproxyd configuration");
	if (is_key(builder))
		return refuse(builder, at,
			      "a list or map where a key is expected; put text "
			      "that starts with [ or { in quotes");
	err = add_node(builder, kind, at, &index);
	if (err != 0)
		return err;
	builder->levels[builder->depth++] = (struct level){.node = index};
	return 0;
}

static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	}
	return false;
}

static int add_text(struct builder *builder, const yaml_event_t *event)
{
	const yaml_mark_t *at = &event->start_mark;
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct yaml_tree *tree = &builder->tree;
	uint32_t index;
	int err;

	if (has_control(text, len))
		return refuse(builder, at,
			      "line breaks and control characters are not "
			      "allowed in a value");
	if (is_key(builder) && strcmp(text, "<<") == 0)
		return refuse(builder, at, "merge keys are not supported");
	err = add_node(builder, NODE_TEXT, at, &index);
	if (err != 0)
		return err;
	CHECK(tree->strings_len + len < tree->strings_cap);
	tree->nodes[index].text = tree->strings + tree->strings_len;
	tree->nodes[index].quoted =
		event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	memcpy(tree->strings + tree->strings_len, text, len + 1);
	tree->strings_len += len + 1;
	return 0;
}

static int refuse_anchor_tag(const struct builder *builder,
			     const yaml_event_t *event,
			     const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		return refuse(builder, &event->start_mark,
			      "anchors (&name) are not supported; put text "
			      "that starts with & in quotes");
	if (tag != NULL)
		return refuse(builder, &event->start_mark,
			      "tags (!name) are not supported; put text that "
			      "starts with ! in quotes");
	return 0;
}

static int take_start(struct builder *builder, const yaml_event_t *event)
{
	int err;

	if (event->type == YAML_SCALAR_EVENT) {
		err = refuse_anchor_tag(builder, event,
					event->data.scalar.anchor,
					event->data.scalar.tag);
		return err != 0 ? err : add_text(builder, event);
	}
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		err = refuse_anchor_tag(builder, event,
					event->data.sequence_start.anchor,
					event->data.sequence_start.tag);
		return err != 0 ? err
				: open_level(builder, NODE_LIST,
					     &event->start_mark);
	}
	err = refuse_anchor_tag(builder, event,
				event->data.mapping_start.anchor,
				event->data.mapping_start.tag);
	return err != 0 ? err
			: open_level(builder, NODE_MAP, &event->start_mark);
}

static int take_event(struct builder *builder, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return take_start(builder, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		CHECK(builder->depth > 0);
		builder->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(builder, &event->start_mark,
			      "aliases (*name) are not supported; put text "
			      "that starts with * in quotes");
	case YAML_DOCUMENT_START_EVENT:
		if (builder->has_root)
			return refuse(builder, &event->start_mark,
				      "a second document; there is one in a "
				      "configuration file");
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

/* The line of the file, which ends with a line feed or NUL. */
static const char *find_line(const char *text, uint32_t line)
{
	for (uint32_t i = 1; i < line; i++) {
		const char *end = strchr(text, '\n');

		if (end == NULL)
			break;
		text = end + 1;
	}
	return text;
}

/* What people write and YAML reads differently. */
static const char *syntax_hint(const struct builder *builder, uint32_t line)
{
	const char *start = find_line(builder->file->text, line);
	size_t len = strcspn(start, "\n");

	if (memchr(start, '\t', strspn(start, " \t")) != NULL)
		return "; indent with spaces, not tabs";
	if (memmem(start, len, "]:", 2) != NULL)
		return "; put [IPv6]:port in quotes";
	return "";
}

static struct mark mark_of_byte(const struct builder *builder, size_t offset)
{
	const char *text = builder->file->text;
	struct mark mark = {builder->tree.path, 1, 1};

	for (size_t i = 0; i < offset && text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n') {
			mark.line++;
			mark.column = 1;
		} else if ((c & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int syntax_error(const struct builder *builder,
			const yaml_parser_t *parser)
{
	struct mark mark = to_mark(builder, &parser->problem_mark);
	const char *problem = parser->problem;

	if (parser->error == YAML_MEMORY_ERROR)
		return report_error(builder->report, &mark, -ERR_NO_MEMORY,
				    "out of memory");
	if (parser->error == YAML_READER_ERROR) {
		mark = mark_of_byte(builder, parser->problem_offset);
		return report_error(builder->report, &mark, -ERR_SYNTAX,
				    "this is not UTF-8 text: %s", problem);
	}
	if (problem == NULL)
		problem = "this is not YAML";
	if (parser->context == NULL)
		return report_error(builder->report, &mark, -ERR_SYNTAX, "%s%s",
				    problem, syntax_hint(builder, mark.line));
	return report_error(builder->report, &mark, -ERR_SYNTAX,
			    "%s %s that begins in line %u%s", problem,
			    parser->context,
			    (unsigned)parser->context_mark.line + 1,
			    syntax_hint(builder, mark.line));
}

static int build(struct builder *builder, yaml_parser_t *parser)
{
	bool more = true;

	while (more) {
		yaml_event_t event;
		int err;

		if (yaml_parser_parse(parser, &event) == 0)
			return syntax_error(builder, parser);
		err = take_event(builder, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (err != 0)
			return err;
	}
	return 0;
}

static int parse_text(struct builder *builder)
{
	const struct file *file = builder->file;
	yaml_parser_t parser;
	int err;

	if (yaml_parser_initialize(&parser) == 0)
		return report_error(builder->report,
				    &(struct mark){.file = builder->tree.path},
				    -ERR_NO_MEMORY, "out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)file->text,
				     file->len);
	err = build(builder, &parser);
	yaml_parser_delete(&parser);
	return err;
}

int yaml_tree_parse(const char *path, const struct file *file,
		    struct yaml_tree *ret_tree, struct config_report *report)
{
	struct builder builder = {
		.tree = {.path = path},
		.file = file,
		.report = report,
	};
	struct yaml_tree *tree = &builder.tree;
	int err = check_directives(&builder);

	if (err != 0)
		return err;
	/* An escape of two characters makes at most three bytes, and every
	 * text ends with a NUL. */
	tree->strings_cap = file->len * 2 + NODES_MAX + 1;
	tree->strings = malloc(tree->strings_cap);
	tree->nodes = calloc(NODES_MAX, sizeof(*tree->nodes));
	if (tree->strings == NULL || tree->nodes == NULL)
		err = report_error(report, &(struct mark){.file = path},
				   -ERR_NO_MEMORY, "out of memory");
	else
		err = parse_text(&builder);
	if (err != 0) {
		yaml_tree_free(tree);
		return err;
	}
	if (tree->count == 0) {
		tree->nodes[0] = (struct yaml_node){NODE_MAP, .line = 1};
		tree->nodes[0].column = 1;
		tree->count = 1;
	}
	*ret_tree = *tree;
	return 0;
}

void yaml_tree_free(struct yaml_tree *tree)
{
	free(tree->nodes);
	free(tree->strings);
	*tree = (struct yaml_tree){.count = 0};
}

struct mark yaml_node_mark(const struct yaml_tree *tree,
			   const struct yaml_node *node)
{
	return (struct mark){tree->path, node->line, node->column};
}

const struct yaml_node *yaml_node_first(const struct yaml_tree *tree,
					const struct yaml_node *node)
{
	return node->first == 0 ? NULL : &tree->nodes[node->first];
}

const struct yaml_node *yaml_node_next(const struct yaml_tree *tree,
				       const struct yaml_node *node)
{
	return node->next == 0 ? NULL : &tree->nodes[node->next];
}

bool yaml_node_is_empty(const struct yaml_node *node)
{
	return node->kind == NODE_TEXT && !node->quoted &&
	       node->text[0] == '\0';
}
