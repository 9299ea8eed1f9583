/* SPDX-License-Identifier: ISC */
/*
 * The walk over a YAML tree by tables of keys: unknown and repeated keys are
 * errors, and every error names the key and its place. What a key means is in
 * its table's function. Private to config/.
 */
#ifndef CONFIG_YAML_READER_H
#define CONFIG_YAML_READER_H

#include "config/draft.h"
#include "config/scalar.h"
#include "config/yaml_tree.h"

/* Where the walk is: the objects being filled, and the key being read. */
struct reader {
	const struct yaml_tree *tree;
	struct draft *draft;
	const char *key;
	struct tunnel_draft tunnel;
	bool tunnel_has_file;
	const struct yaml_node *dns; /* of the tunnel, or NULL */
	struct config_peer *peer;
	struct config_name *name;
	struct mapping *forward;
	struct forward_marks *marks;
};

struct field {
	const char *key;
	int (*read)(struct reader *reader, const struct yaml_node *value);
};

/* All return 0, or a -ERR_* code with the error reported. */

int reader_error(const struct reader *reader, const struct yaml_node *node,
		 const char *what);

/* Reads a map's keys by a table. what names the map in messages. */
int reader_map(struct reader *reader, const struct yaml_node *map,
	       const char *what, const struct field *fields, size_t count);

/* A list of maps or texts. */
int reader_items(struct reader *reader, const struct yaml_node *list,
		 int (*read)(struct reader *, const struct yaml_node *));

/* A list of texts; one text is a list of one. */
int reader_texts(struct reader *reader, const struct yaml_node *node,
		 int (*read)(struct reader *, const struct scalar *));

/* The node as one text for the key being read. */
int reader_text(const struct reader *reader, const struct yaml_node *node,
		struct scalar *ret_scalar);

/* true or false */
int reader_bool(const struct reader *reader, const struct yaml_node *node,
		bool *ret_value);

int reader_label(struct reader *reader, const struct yaml_node *node,
		 char label[LABEL_CAP]);

/* The value of a key in a map, or NULL. */
const struct yaml_node *reader_find(const struct reader *reader,
				    const struct yaml_node *map,
				    const char *key);

/* yaml_tunnels.c: "tunnels:" */
int reader_tunnels(struct reader *reader, const struct yaml_node *map);

/* yaml_zone.c: "dns:", "search:" and "names:" of a tunnel. dns must be read
 * first. */
int reader_dns(struct reader *reader, const struct yaml_node *node);
int reader_search(struct reader *reader, const struct yaml_node *node);
int reader_names(struct reader *reader, const struct yaml_node *map);

/* yaml_metrics.c: "metrics:" */
int reader_metrics(struct reader *reader, const struct yaml_node *map);

#endif
