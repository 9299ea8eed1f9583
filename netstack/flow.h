/* SPDX-License-Identifier: ISC */
/*
 * From the four-tuple of a segment to the connection's index.
 *
 * Theory of operation: open addressing with linear probing at a load of at most
 * one half, hashed with a secret key because peers choose ports. An entry is
 * {tag, index}; the tuples themselves lie in an array parallel to the
 * connections, so a probe touches one cache line until the tag matches.
 * Removal shifts back what follows: no tombstones. Packets come in runs of one
 * connection, so what was found last is compared before anything is hashed.
 */
#ifndef NETSTACK_FLOW_H
#define NETSTACK_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/siphash.h"

#define FLOW_NONE UINT32_MAX

/* Padding-free, so that a key is hashed and compared as bytes. */
struct flow_key {
	struct ip_addr local, remote;
	uint8_t ports[4]; /* local, remote, big endian */
};

struct flow_entry {
	uint32_t tag;
	uint32_t index; /* connection + 1, 0 = empty */
};

/* Owner: the netstack. */
struct flow_table {
	struct flow_entry *entries;
	struct flow_key *keys; /* by connection */
	uint32_t mask;
	uint32_t count, cap;
	uint32_t last; /* connection found last, or FLOW_NONE */
	struct siphash_key secret;
};

struct flow_key flow_key_make(const struct endpoint *local,
			      const struct endpoint *remote);

/* memory: zeroed, flow_size(cap) bytes. cap: largest number of connections. */
size_t flow_size(uint32_t cap);
void flow_init(struct flow_table *table, void *memory, uint32_t cap,
	       const struct siphash_key *secret);

/* FLOW_NONE when there is none. */
uint32_t flow_find(const struct flow_table *table, const struct flow_key *key);
/* The next flow_find() is likely for this connection, which is in the table. */
void flow_expect(struct flow_table *table, uint32_t index);
/* The key must not be in the table. */
void flow_insert(struct flow_table *table, const struct flow_key *key,
		 uint32_t index);
void flow_remove(struct flow_table *table, uint32_t index);

static inline const struct flow_key *flow_key_at(const struct flow_table *table,
						 uint32_t index)
{
	return &table->keys[index];
}

#endif
