/* SPDX-License-Identifier: ISC */
/*
 * A small, safe part of YAML as a tree: mappings, lists and one-line texts.
 * Private to config/.
 *
 * Theory of operation: libyaml's event parser feeds a builder that checks every
 * event before it asks for the next. libyaml 0.2.5 has no limit of depth and
 * takes time quadratic in it, so the builder stops at DEPTH_MAX levels: what
 * libyaml reads ahead is then bounded too. Directives are refused before
 * libyaml sees them, because it compares each with all before. Aliases,
 * anchors, tags, merge keys and further documents are refused.
 *
 * Texts have no type here: the reader of a key decides what its value is.
 */
#ifndef CONFIG_YAML_TREE_H
#define CONFIG_YAML_TREE_H

#include "config/draft.h"
#include "config/file.h"

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

/* A map's children are key, value, key, value ... in the file's order. */
struct yaml_node {
	enum node_kind kind;
	bool quoted;   /* a text in quotes */
	uint32_t line; /* from 1 */
	uint32_t column;
	uint32_t next;    /* index of the next sibling, 0 = none */
	uint32_t first;   /* index of the first child, 0 = none */
	const char *text; /* NODE_TEXT: in the tree's strings */
};

struct yaml_tree {
	struct yaml_node *nodes; /* owned; nodes[0] is the root */
	uint32_t count;
	char *strings; /* owned */
	size_t strings_len;
	size_t strings_cap;
	const char *path; /* not owned */
};

/* 0, or -ERR_SYNTAX, -ERR_NO_MEMORY with the error reported and nothing to
 * free. An empty file is an empty map. */
int yaml_tree_parse(const char *path, const struct file *file,
		    struct yaml_tree *ret_tree, struct config_report *report);
void yaml_tree_free(struct yaml_tree *tree);

struct mark yaml_node_mark(const struct yaml_tree *tree,
			   const struct yaml_node *node);
/* NULL after the last. */
const struct yaml_node *yaml_node_first(const struct yaml_tree *tree,
					const struct yaml_node *node);
const struct yaml_node *yaml_node_next(const struct yaml_tree *tree,
				       const struct yaml_node *node);
/* Nothing was written: "forwards:" with no items below. */
bool yaml_node_is_empty(const struct yaml_node *node);

#endif
