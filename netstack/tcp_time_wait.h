/* SPDX-License-Identifier: ISC */
/*
 * Connections in TIME-WAIT whose handle was given up: what RFC 9293 3.4.1 needs
 * to keep of them, in at most 64 bytes each.
 *
 * Theory of operation: a ring of entries in the order of their coming, which is
 * nearly the order of their end because all last 2 MSL; buckets of chains over
 * it find one by its tuple. When the ring is full the oldest goes. An entry
 * that is over counts as gone when it is looked at: nobody has to wake up.
 *
 * A tuple may be used again before its time when timestamps prove the order
 * (RFC 6191), so that one address and port can be connected to thousands of
 * times per second.
 */
#ifndef NETSTACK_TCP_TIME_WAIT_H
#define NETSTACK_TCP_TIME_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"

struct netstack;
struct tcp_arrival;
struct tcp_conn;

enum { TIME_WAIT_MAX_DEFAULT = 32768 };

struct tcp_time_wait {
	uint32_t next;     /* in its bucket: index + 1, 0 = none */
	uint32_t since_ms; /* of the stack's clock */
	uint32_t snd_nxt, rcv_nxt, ts_recent;
	uint16_t path, wnd;
	uint8_t ports[4]; /* local, remote, big endian */
	uint8_t remote[16];
	uint8_t family; /* IP_NONE: gone */
	uint8_t local;  /* index of our address */
	bool timestamps;
};
static_assert(sizeof(struct tcp_time_wait) + 2 * sizeof(uint32_t) <= 64,
	      "with its share of the buckets");

/* Owner: the netstack. */
struct tcp_time_wait_table {
	struct tcp_time_wait *entries;
	uint32_t *buckets; /* index + 1; at most two for an entry */
	uint32_t cap, mask;
	uint32_t head, used; /* of the ring, those that are gone included */
	uint32_t count;      /* not gone, though maybe over */
	uint32_t latest_ms;  /* when the youngest came */
};

size_t tcp_time_wait_size(uint32_t cap);
/* memory: zeroed, tcp_time_wait_size(cap) bytes. */
void tcp_time_wait_init(struct tcp_time_wait_table *table, void *memory,
			uint32_t cap);

/* Takes a connection over when it is in TIME-WAIT, its handle is given up and
 * it has sent everything: its block is released then. */
void tcp_time_wait_settle(struct netstack *ns, struct tcp_conn *conn);

/* Whether the segment was for one of these, and has been dealt with. A SYN
 * that may open the next connection takes the entry away. */
bool tcp_time_wait_arrive(struct netstack *ns,
			  const struct tcp_arrival *arrival);

/* Whether a new connection may have the tuple; an entry in its way goes. */
bool tcp_time_wait_yields(struct netstack *ns, const struct endpoint *local,
			  const struct endpoint *remote, uint64_t now);

/* Those that are not over. */
uint32_t tcp_time_wait_count(const struct netstack *ns);
/* When all will be over, and then they go. */
uint64_t tcp_time_wait_deadline(const struct netstack *ns);
void tcp_time_wait_expire(struct netstack *ns, uint64_t now);

/* For tests: walks all of it. */
void tcp_time_wait_check(const struct netstack *ns);

#endif
