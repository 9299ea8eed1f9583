/* SPDX-License-Identifier: ISC */
/*
 * Longest-prefix match from addresses of both families to a small number: the
 * allowed IPs of a tunnel, where the number is the peer (checklist A1-A6).
 *
 * Theory of operation: one path-compressed binary trie per family, nodes in one
 * array given by the caller, linked by index. A node either carries a value or
 * joins two children; removing a value never loses a child. n prefixes need at
 * most 2 * n nodes.
 */
#ifndef BASE_ROUTE_H
#define BASE_ROUTE_H

#include <stdint.h>

#include "base/addr.h"

enum { ROUTE_NONE = 0xffff }; /* no prefix matches */

struct route_node {
	uint8_t bytes[16]; /* masked to bits */
	uint32_t child[2]; /* index + 1, 0 = none */
	uint16_t value;    /* ROUTE_NONE: only joins its children */
	uint8_t bits;
	uint8_t family;
};

/* Owner: whoever embeds it. nodes must outlive it. */
struct route_table {
	struct route_node *nodes;
	uint32_t cap;
	uint32_t free;    /* list through child[0] */
	uint32_t used;    /* nodes ever taken from the array's start */
	uint32_t root[2]; /* IPv4, IPv6 */
};

void route_init(struct route_table *table, struct route_node *nodes,
		uint32_t cap);

/* Inserting an existing prefix moves it to the new value (A2). 0, or
 * -ERR_FULL with nothing changed. */
int route_insert(struct route_table *table, const struct prefix *prefix,
		 uint16_t value);

/* -ERR_NOT_FOUND when the exact prefix is not there. */
int route_remove(struct route_table *table, const struct prefix *prefix);

/* Removes every prefix of a value (A4). */
void route_remove_value(struct route_table *table, uint16_t value);

/* The value of the longest matching prefix, or ROUTE_NONE. */
uint16_t route_lookup(const struct route_table *table,
		      const struct ip_addr *addr);

#endif
