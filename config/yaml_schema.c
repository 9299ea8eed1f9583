/* SPDX-License-Identifier: ISC */
#include "config/yaml_schema.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/text.h"
#include "config/yaml_reader.h"

enum {
	CONNECTIONS_MAX = 1000000,
	MEMORY_MIN_MIB = 16,
	MEMORY_MAX_MIB = 65536,
};

/* --------------------------------------------------------------- forwards */

static int forward_listen(struct reader *reader, const struct yaml_node *node)
{
	char message[MAPPING_MESSAGE_CAP];
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	reader->marks->listen = scalar.mark;
	if (reader->forward->kind == MAPPING_EXPOSE)
		err = expose_listen_parse(scalar.text, &reader->forward->listen,
					  message);
	else
		err = listen_spec_parse(scalar.text, &reader->forward->listen,
					message);
	return err != 0 ? reader_error(reader, node, message) : 0;
}

static int forward_to(struct reader *reader, const struct yaml_node *node)
{
	char message[MAPPING_MESSAGE_CAP];
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	reader->marks->target = scalar.mark;
	if (reader->forward->kind == MAPPING_EXPOSE)
		err = expose_target_parse(scalar.text, &reader->forward->target,
					  message);
	else
		err = target_parse(scalar.text, &reader->forward->target,
				   message);
	return err != 0 ? reader_error(reader, node, message) : 0;
}

static int forward_tunnel(struct reader *reader, const struct yaml_node *node)
{
	reader->marks->tunnel = yaml_node_mark(reader->tree, node);
	return reader_label(reader, node, reader->forward->tunnel);
}

static int forward_name(struct reader *reader, const struct yaml_node *node)
{
	return reader_label(reader, node, reader->forward->name);
}

static int allow_item(struct reader *reader, const struct scalar *scalar)
{
	struct mapping *forward = reader->forward;
	struct prefix prefix;
	int err = scalar_prefix(scalar, &prefix);

	if (err != 0)
		return err;
	if (forward->allow_count == FORWARD_ALLOW_MAX)
		return scalar_expected(scalar, "allowed: 16 are the most");
	forward->allow[forward->allow_count++] = prefix;
	return 0;
}

static int forward_allow(struct reader *reader, const struct yaml_node *node)
{
	return reader_texts(reader, node, allow_item);
}

static int forward_max_connections(struct reader *reader,
				   const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	return scalar_number(&scalar, 1, CONNECTIONS_MAX,
			     &reader->forward->connections_max);
}

static int forward_policy(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	for (unsigned i = 0; i < ADDRESS_POLICIES; i++) {
		if (strcmp(scalar.text, address_policy_name[i]) == 0) {
			reader->forward->policy = (enum address_policy)i;
			return 0;
		}
	}
	return scalar_expected(&scalar, "sticky, random or first");
}

static const struct field forward_fields[] = {
	{"listen", forward_listen},
	{"to", forward_to},
	{"tunnel", forward_tunnel},
	{"name", forward_name},
	{"allow", forward_allow},
	{"max_connections", forward_max_connections},
	{"address_policy", forward_policy}, /* the last: not of exposes */
};

/* "- 15432:appname.internal:5432" */
static int read_short_forward(struct reader *reader,
			      const struct yaml_node *node)
{
	char message[MAPPING_MESSAGE_CAP];
	int err = reader->forward->kind == MAPPING_EXPOSE
			  ? expose_parse(node->text, reader->forward, message)
			  : mapping_parse(node->text, reader->forward, message);

	return err != 0 ? reader_error(reader, node, message) : 0;
}

static int read_mapping(struct reader *reader, const struct yaml_node *node,
			enum mapping_kind kind)
{
	static const struct {
		const char *list, *what, *no_listen, *no_to;
		size_t fields;
	} words[] = {
		[MAPPING_FORWARD] =
			{"forwards", "a forward",
			 "this forward has no listen; add listen: PORT",
			 "this forward has no to; add to: HOST:PORT",
			 ARRAY_SIZE(forward_fields)},
		[MAPPING_EXPOSE] =
			{"exposes", "an expose",
			 "this expose has no listen; add listen: PORT",
			 "this expose has no to; add to: localhost:PORT",
			 ARRAY_SIZE(forward_fields) - 1},
	};
	struct mark mark = yaml_node_mark(reader->tree, node);
	int err;

	reader->key = words[kind].list;
	err = draft_add_forward(reader->draft, &mark, &reader->forward,
				&reader->marks);
	if (err != 0)
		return err;
	reader->forward->kind = kind;
	if (node->kind == NODE_TEXT)
		return read_short_forward(reader, node);
	err = reader_map(reader, node, words[kind].what, forward_fields,
			 words[kind].fields);
	if (err != 0)
		return err;
	reader->key = words[kind].list;
	if (reader_find(reader, node, "listen") == NULL)
		return reader_error(reader, node, words[kind].no_listen);
	if (reader_find(reader, node, "to") == NULL)
		return reader_error(reader, node, words[kind].no_to);
	return 0;
}

static int read_forward(struct reader *reader, const struct yaml_node *node)
{
	return read_mapping(reader, node, MAPPING_FORWARD);
}

static int read_expose(struct reader *reader, const struct yaml_node *node)
{
	return read_mapping(reader, node, MAPPING_EXPOSE);
}

static int root_forwards(struct reader *reader, const struct yaml_node *node)
{
	return reader_items(reader, node, read_forward);
}

static int root_exposes(struct reader *reader, const struct yaml_node *node)
{
	return reader_items(reader, node, read_expose);
}

/* ------------------------------------------------------ control and limits */

static int control_socket(struct reader *reader, const struct yaml_node *node)
{
	struct config *config = &reader->draft->config;
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	if (scalar.text[0] != '/' ||
	    strlen(scalar.text) >= sizeof(config->control_socket))
		return scalar_expected(&scalar,
				       "a socket's path; start with / and use "
				       "up to 107 characters");
	strcpy(config->control_socket, scalar.text);
	return 0;
}

static int control_group(struct reader *reader, const struct yaml_node *node)
{
	return reader_label(reader, node, reader->draft->config.control_group);
}

static const struct field control_fields[] = {
	{"socket", control_socket},
	{"group", control_group},
};

static int root_control(struct reader *reader, const struct yaml_node *node)
{
	return reader_map(reader, node, "control", control_fields,
			  ARRAY_SIZE(control_fields));
}

static int limit_memory(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	uint64_t bytes;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	if (text_size(scalar.text, &bytes) != 0 ||
	    bytes < (uint64_t)MEMORY_MIN_MIB << 20 ||
	    bytes > (uint64_t)MEMORY_MAX_MIB << 20)
		return scalar_expected(
			&scalar, "a size from 16MiB to 64GiB; write it as "
				 "256MiB");
	reader->draft->config.limits.memory_bytes = bytes;
	return 0;
}

static int limit_connections(struct reader *reader,
			     const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	return scalar_number(&scalar, 1, CONNECTIONS_MAX,
			     &reader->draft->config.limits.connections);
}

static const struct field limit_fields[] = {
	{"memory", limit_memory},
	{"connections", limit_connections},
};

static int root_limits(struct reader *reader, const struct yaml_node *node)
{
	return reader_map(reader, node, "limits", limit_fields,
			  ARRAY_SIZE(limit_fields));
}

static const struct field root_fields[] = {
	{"tunnels", reader_tunnels}, {"forwards", root_forwards},
	{"exposes", root_exposes},   {"control", root_control},
	{"limits", root_limits},     {"metrics", reader_metrics},
};

int yaml_schema_read(const struct yaml_tree *tree, struct draft *draft)
{
	struct reader reader = {.tree = tree, .draft = draft};

	return reader_map(&reader, &tree->nodes[0], "the file", root_fields,
			  ARRAY_SIZE(root_fields));
}
