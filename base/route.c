/* SPDX-License-Identifier: ISC */
#include "base/route.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

void route_init(struct route_table *table, struct route_node *nodes,
		uint32_t cap)
{
	*table = (struct route_table){.nodes = nodes, .cap = cap};
}

/* Links are index + 1; 0 is the end. */
static struct route_node *node_at(const struct route_table *table,
				  uint32_t link)
{
	CHECK(link > 0 && link <= table->used);
	return &table->nodes[link - 1];
}

static uint32_t take_node(struct route_table *table)
{
	uint32_t link = table->free;

	if (link != 0)
		table->free = node_at(table, link)->child[0];
	else
		link = ++table->used;
	memset(node_at(table, link), 0, sizeof(struct route_node));
	return link;
}

static void give_node(struct route_table *table, uint32_t link)
{
	node_at(table, link)->value = ROUTE_NONE;
	node_at(table, link)->child[0] = table->free;
	table->free = link;
}

static uint32_t nodes_free(const struct route_table *table)
{
	uint32_t count = table->cap - table->used;

	for (uint32_t link = table->free; link != 0 && count < 2;
	     link = node_at(table, link)->child[0])
		count++;
	return count;
}

static unsigned bit_at(const uint8_t *bytes, unsigned bit)
{
	return (unsigned)bytes[bit / 8] >> (7 - bit % 8) & 1U;
}

/* How many leading bits two addresses share, at most max. */
static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
	unsigned bits = 0;

	while (bits + 8 <= max && a[bits / 8] == b[bits / 8])
		bits += 8;
	while (bits < max && bit_at(a, bits) == bit_at(b, bits))
		bits++;
	return bits;
}

static bool covers(const struct route_node *node, const uint8_t *bytes,
		   unsigned bits)
{
	return node->bits <= bits &&
	       common_bits(node->bytes, bytes, node->bits) == node->bits;
}

static uint32_t *root_of(struct route_table *table, uint8_t family)
{
	return &table->root[family == IP_V6];
}

static uint32_t new_leaf(struct route_table *table, const struct prefix *prefix,
			 uint16_t value)
{
	uint32_t link = take_node(table);
	struct route_node *node = node_at(table, link);

	memcpy(node->bytes, prefix->addr.bytes, sizeof(node->bytes));
	node->bits = prefix->bits;
	node->family = prefix->addr.family;
	node->value = value;
	return link;
}

/* A node that only joins: the bits that a prefix and a node share. */
static uint32_t new_joint(struct route_table *table,
			  const struct prefix *prefix, unsigned bits)
{
	struct prefix shared;

	CHECK(prefix_make(&prefix->addr, bits, &shared) == 0);
	return new_leaf(table, &shared, ROUTE_NONE);
}

int route_insert(struct route_table *table, const struct prefix *prefix,
		 uint16_t value)
{
	const uint8_t *bytes = prefix->addr.bytes;
	uint32_t *link = root_of(table, prefix->addr.family);
	uint32_t leaf, joint;
	struct route_node *node;
	unsigned shared;

	CHECK(value != ROUTE_NONE);
	while (*link != 0 &&
	       covers(node_at(table, *link), bytes, prefix->bits)) {
		node = node_at(table, *link);
		if (node->bits == prefix->bits) {
			node->value = value;
			return 0;
		}
		link = &node->child[bit_at(bytes, node->bits)];
	}
	if (nodes_free(table) < 2)
		return -ERR_FULL;
	leaf = new_leaf(table, prefix, value);
	if (*link == 0) {
		*link = leaf;
		return 0;
	}
	node = node_at(table, *link);
	shared = common_bits(node->bytes, bytes,
			     node->bits < prefix->bits ? node->bits
						       : prefix->bits);
	if (shared == prefix->bits) { /* the leaf is above the node */
		node_at(table, leaf)->child[bit_at(node->bytes, shared)] =
			*link;
		*link = leaf;
		return 0;
	}
	joint = new_joint(table, prefix, shared);
	node_at(table, joint)->child[bit_at(bytes, shared)] = leaf;
	node_at(table, joint)->child[bit_at(node->bytes, shared)] = *link;
	*link = joint;
	return 0;
}

/* A node without a value stays only while it joins two children. */
static void tidy(struct route_table *table, uint32_t *link)
{
	uint32_t old = *link;
	struct route_node *node = node_at(table, old);

	if (node->value != ROUTE_NONE ||
	    (node->child[0] != 0 && node->child[1] != 0))
		return;
	*link = node->child[0] != 0 ? node->child[0] : node->child[1];
	give_node(table, old);
}

int route_remove(struct route_table *table, const struct prefix *prefix)
{
	const uint8_t *bytes = prefix->addr.bytes;
	uint32_t *link = root_of(table, prefix->addr.family);
	uint32_t *parent = NULL;
	struct route_node *node;

	for (;; parent = link, link = &node->child[bit_at(bytes, node->bits)]) {
		if (*link == 0)
			return -ERR_NOT_FOUND;
		node = node_at(table, *link);
		if (!covers(node, bytes, prefix->bits))
			return -ERR_NOT_FOUND;
		if (node->bits == prefix->bits)
			break;
	}
	if (node->value == ROUTE_NONE)
		return -ERR_NOT_FOUND;
	node->value = ROUTE_NONE;
	tidy(table, link);
	if (parent != NULL)
		tidy(table, parent);
	return 0;
}

/* Removing joins nodes but never moves one, so a walk over the array meets
 * each of them. */
void route_remove_value(struct route_table *table, uint16_t value)
{
	for (uint32_t i = 0; i < table->used; i++) {
		const struct route_node *node = &table->nodes[i];
		struct prefix prefix = {
			.addr.family = node->family,
			.bits = node->bits,
		};

		if (node->value != value)
			continue;
		memcpy(prefix.addr.bytes, node->bytes, sizeof(node->bytes));
		CHECK(route_remove(table, &prefix) == 0);
	}
}

uint16_t route_lookup(const struct route_table *table,
		      const struct ip_addr *addr)
{
	unsigned bits = ip_addr_len(addr) * 8;
	uint32_t link = table->root[addr->family == IP_V6];
	uint16_t value = ROUTE_NONE;

	while (link != 0) {
		const struct route_node *node = node_at(table, link);

		if (!covers(node, addr->bytes, bits))
			break;
		if (node->value != ROUTE_NONE)
			value = node->value;
		if (node->bits == bits)
			break;
		link = node->child[bit_at(addr->bytes, node->bits)];
	}
	return value;
}
