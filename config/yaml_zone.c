/* SPDX-License-Identifier: ISC */
/* A tunnel's names: the servers it asks, and the zone it serves itself. */
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/text.h"
#include "config/yaml_reader.h"

static int server_item(struct reader *reader, const struct scalar *scalar)
{
	return scalar_add_dns(scalar, reader->tunnel.tunnel);
}

static int search_item(struct reader *reader, const struct scalar *scalar)
{
	return scalar_add_search(scalar, reader->tunnel.tunnel);
}

static int dns_servers(struct reader *reader, const struct yaml_node *node)
{
	reader->tunnel.tunnel->dns_count = 0;
	return reader_texts(reader, node, server_item);
}

static int dns_search(struct reader *reader, const struct yaml_node *node)
{
	reader->tunnel.tunnel->search_count = 0;
	return reader_texts(reader, node, search_item);
}

static int dns_zone(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	if (text_zone_name("", scalar.text, reader->tunnel.tunnel->zone) != 0)
		return scalar_expected(&scalar,
				       "the name of a zone such as internal");
	return 0;
}

static const struct field dns_fields[] = {
	{"servers", dns_servers},
	{"search", dns_search},
	{"zone", dns_zone},
};

int reader_dns(struct reader *reader, const struct yaml_node *node)
{
	if (node->kind != NODE_MAP)
		return dns_servers(reader, node);
	return reader_map(reader, node, "dns", dns_fields,
			  ARRAY_SIZE(dns_fields));
}

int reader_search(struct reader *reader, const struct yaml_node *node)
{
	const struct yaml_node *dns = reader->dns;

	if (dns != NULL && dns->kind == NODE_MAP &&
	    reader_find(reader, dns, "search") != NULL)
		return reader_error(reader, node,
				    "dns says this; remove one of them");
	return dns_search(reader, node);
}

/* ------------------------------------------------------------------ names */

static int name_address(struct reader *reader, const struct scalar *scalar)
{
	struct config_name *name = reader->name;
	struct ip_addr addr;
	int err = scalar_host_address(scalar, &addr);

	if (err != 0)
		return err;
	for (uint32_t i = 0; i < name->address_count; i++) {
		if (ip_addr_equal(&name->addresses[i], &addr))
			return scalar_expected(scalar,
					       "new: this name has it already");
	}
	if (name->address_count == NAME_ADDRESSES_MAX)
		return scalar_expected(scalar, "allowed: 16 are the most");
	name->addresses[name->address_count++] = addr;
	return 0;
}

static int find_twin(const struct reader *reader, const struct yaml_node *key)
{
	const struct config_tunnel *tunnel = reader->tunnel.tunnel;

	for (uint32_t i = 0; i + 1 < tunnel->name_count; i++) {
		if (strcmp(tunnel->names[i].name, reader->name->name) == 0)
			return reader_error(reader, key,
					    "this name is given twice; write "
					    "all addresses as one list");
	}
	return 0;
}

static int read_name(struct reader *reader, const struct yaml_node *key,
		     const struct yaml_node *value)
{
	struct mark mark = yaml_node_mark(reader->tree, key);
	struct scalar scalar;
	int err = reader_text(reader, key, &scalar);

	if (err == 0)
		err = draft_add_name(&reader->tunnel, &mark, &reader->name);
	if (err != 0)
		return err;
	if (text_zone_name(reader->tunnel.tunnel->zone, scalar.text,
			   reader->name->name) != 0)
		return scalar_expected(&scalar, "a name inside the zone");
	err = find_twin(reader, key);
	if (err == 0)
		err = reader_texts(reader, value, name_address);
	if (err == 0 && reader->name->address_count == 0)
		err = reader_error(reader, key,
				   "this name has no address; add one");
	return err;
}

int reader_names(struct reader *reader, const struct yaml_node *map)
{
	const struct yaml_node *key;
	int err = 0;

	if (yaml_node_is_empty(map))
		return 0;
	if (map->kind != NODE_MAP)
		return reader_error(reader, map,
				    "expected name: [ADDRESS] lines");
	if (reader->tunnel.tunnel->zone[0] == '\0')
		return reader_error(reader, map,
				    "this tunnel serves no zone; add dns: "
				    "{zone: NAME}");
	key = yaml_node_first(reader->tree, map);
	while (err == 0 && key != NULL) {
		const struct yaml_node *value =
			yaml_node_next(reader->tree, key);

		err = read_name(reader, key, value);
		key = yaml_node_next(reader->tree, value);
	}
	return err;
}
