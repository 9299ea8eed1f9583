/* SPDX-License-Identifier: ISC */
/*
 * Packets from one peer of a tunnel to another, when route_between_peers asks
 * for it: a ring between tunnel_input(), whose buffers are lent for a turn
 * only, and tunnel_output(). No I/O.
 *
 * As a router does, it counts the hop limit down. What has no room, or no
 * session after ROUTER_PATIENCE_NS, is dropped and counted: the ends send it
 * again.
 */
#ifndef DAEMON_ROUTER_H
#define DAEMON_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/route.h"
#include "base/run.h"

enum {
	ROUTER_PACKETS = 1024,
	ROUTER_PACKET_MAX = 1536,
	ROUTER_WAITING_MAX = 32, /* without a session */
};
#define ROUTER_PATIENCE_NS UINT64_C(2000000000)

struct router_entry {
	uint64_t at;  /* awake time it came */
	uint16_t len; /* 0: has gone already */
	uint16_t path;
};

/* Owner: its tunnel. */
struct router {
	uint8_t *data; /* NULL: nothing is routed */
	struct router_entry entries[ROUTER_PACKETS];
	uint32_t head, count; /* of entries, those that have gone included */
	uint64_t routed, dropped;
};

/* Whether a run for the path could be sealed now. */
typedef bool (*router_ready)(void *ctx, uint16_t path);

/* 0 or -ERR_NO_MEMORY; turning it off forgets what is in it. */
int router_set(struct router *router, bool on);

/* Takes what is for other peers out of packets and returns how many are left.
 * own: the tunnel's addresses. */
size_t router_take(struct router *router, uint64_t now,
		   const struct route_table *routes, const struct ip_addr *own,
		   uint32_t own_count, struct packet *packets, size_t count);

/* Fills a run, for run->path, with what was taken for a path that is ready.
 * False: there is none. */
bool router_pull(struct router *router, uint64_t now, router_ready ready,
		 void *ctx, struct run *run);

#endif
