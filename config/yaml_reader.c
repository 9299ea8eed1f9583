/* SPDX-License-Identifier: ISC */
#include "config/yaml_reader.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/text.h"

int reader_error(const struct reader *reader, const struct yaml_node *node,
		 const char *what)
{
	struct mark mark = yaml_node_mark(reader->tree, node);

	return report_error(reader->draft->report, &mark, -ERR_SYNTAX, "%s: %s",
			    reader->key, what);
}

const struct yaml_node *reader_find(const struct reader *reader,
				    const struct yaml_node *map,
				    const char *key)
{
	const struct yaml_node *node = yaml_node_first(reader->tree, map);

	while (node != NULL) {
		const struct yaml_node *value =
			yaml_node_next(reader->tree, node);

		if (strcmp(node->text, key) == 0)
			return value;
		node = yaml_node_next(reader->tree, value);
	}
	return NULL;
}

static int unknown_key(const struct reader *reader,
		       const struct yaml_node *node, const struct field *fields,
		       size_t count)
{
	struct mark mark = yaml_node_mark(reader->tree, node);
	char hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	nearest_init(&nearest, node->text);
	for (size_t i = 0; i < count; i++)
		nearest_offer(&nearest, fields[i].key);
	return report_error(reader->draft->report, &mark, -ERR_SYNTAX,
			    "unknown key \"%.40s\" in %s%s", node->text,
			    reader->key, nearest_hint(&nearest, hint));
}

int reader_map(struct reader *reader, const struct yaml_node *map,
	       const char *what, const struct field *fields, size_t count)
{
	const struct yaml_node *node;
	uint32_t seen = 0;

	CHECK(count <= 32);
	reader->key = what;
	if (yaml_node_is_empty(map))
		return 0;
	if (map->kind != NODE_MAP)
		return reader_error(reader, map, "expected key: value lines");
	node = yaml_node_first(reader->tree, map);
	while (node != NULL) {
		const struct yaml_node *value =
			yaml_node_next(reader->tree, node);
		size_t i = 0;
		int err;

		while (i < count && strcmp(node->text, fields[i].key) != 0)
			i++;
		reader->key = what;
		if (i == count)
			return unknown_key(reader, node, fields, count);
		reader->key = fields[i].key;
		if ((seen & 1U << i) != 0)
			return reader_error(reader, node,
					    "this key is given twice");
		seen |= 1U << i;
		err = fields[i].read(reader, value);
		if (err != 0)
			return err;
		node = yaml_node_next(reader->tree, value);
	}
	return 0;
}

int reader_text(const struct reader *reader, const struct yaml_node *node,
		struct scalar *ret_scalar)
{
	if (node->kind != NODE_TEXT)
		return reader_error(reader, node,
				    "expected one value, not a list or map");
	if (node->text[0] == '\0')
		return reader_error(reader, node, "this key has no value");
	*ret_scalar = (struct scalar){
		.report = reader->draft->report,
		.mark = yaml_node_mark(reader->tree, node),
		.key = reader->key,
		.text = node->text,
	};
	return 0;
}

int reader_texts(struct reader *reader, const struct yaml_node *node,
		 int (*read)(struct reader *, const struct scalar *))
{
	const struct yaml_node *item = node;
	struct scalar scalar;
	int err = 0;

	if (yaml_node_is_empty(node))
		return 0;
	if (node->kind == NODE_MAP)
		return reader_error(reader, node, "expected a list: [a, b]");
	if (node->kind == NODE_LIST)
		item = yaml_node_first(reader->tree, node);
	while (err == 0 && item != NULL) {
		err = reader_text(reader, item, &scalar);
		if (err == 0)
			err = read(reader, &scalar);
		item = node->kind == NODE_LIST
			       ? yaml_node_next(reader->tree, item)
			       : NULL;
	}
	return err;
}

int reader_bool(const struct reader *reader, const struct yaml_node *node,
		bool *ret_value)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	if (strcmp(scalar.text, "true") != 0 &&
	    strcmp(scalar.text, "false") != 0)
		return scalar_expected(&scalar, "true or false");
	*ret_value = strcmp(scalar.text, "true") == 0;
	return 0;
}

int reader_label(struct reader *reader, const struct yaml_node *node,
		 char label[LABEL_CAP])
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	if (!text_is_label(scalar.text))
		return scalar_expected(&scalar,
				       "a name; use up to 63 letters, digits, "
				       "\".\", \"_\" and \"-\"");
	strcpy(label, scalar.text);
	return 0;
}

int reader_items(struct reader *reader, const struct yaml_node *list,
		 int (*read)(struct reader *, const struct yaml_node *))
{
	const struct yaml_node *item;
	int err = 0;

	if (yaml_node_is_empty(list))
		return 0;
	if (list->kind != NODE_LIST)
		return reader_error(reader, list,
				    "expected a list; start each item with -");
	item = yaml_node_first(reader->tree, list);
	while (err == 0 && item != NULL) {
		err = read(reader, item);
		item = yaml_node_next(reader->tree, item);
	}
	return err;
}
