/* SPDX-License-Identifier: ISC */
/*
 * One side: a netstack with its applications, run in turns as the daemon does,
 * and with scenario->tunnel a WireGuard device below it.
 */
#ifndef TEST_SIM_HOST_H
#define TEST_SIM_HOST_H

#include "app.h"
#include "base/route.h"
#include "link.h"
#include "netstack/chunk.h"
#include "quirk.h"
#include "rival.h"
#include "tunnel.h"
#include "wire.h"

enum { HOST_PORT = 5432, HOST_APPS_MAX = 2 * SCENARIO_PAIRS_MAX };

/* Owner: the world. */
struct host {
	struct rival *rival; /* whose datagrams cross here as well */
	unsigned index;
	const struct scenario *scenario;
	const struct host_plan *plan;
	struct trace *trace;
	struct link *in, *out;
	struct rng rng;
	struct rng stack_rng; /* the netstack's own */
	struct netstack *ns;
	void *memory;
	struct chunk_pool pool;
	uint8_t *chunk_memory;
	uint32_t *chunk_links;
	struct route_table routes;
	struct route_node nodes[4];
	struct tunnel *tunnel; /* NULL: IP packets on the link */
	struct ns_handle listener;
	struct app *apps; /* of the world, both hosts' */
	unsigned app_count;
	uint64_t last_turn;
	uint64_t held_until; /* 0: the path is free */
	uint64_t pulled;     /* packets */
	struct quirk quirk;
	struct wire wire;
	uint64_t world_now; /* what its own clock may have left behind */
};

void host_open(struct host *host, const struct scenario *scenario,
	       struct rng *rng);
/* Listeners go; what is left of connections can be counted. */
void host_stop(struct host *host, uint64_t now);
void host_close(struct host *host);

/* The address of a host in a family. */
struct ip_addr host_address(unsigned index, uint8_t family);

/* One turn at a moment of the world's clock: expire, input, events,
 * applications, output. */
void host_turn(struct host *host, uint64_t now);
/* When it must run next; NEVER. */
uint64_t host_wake(const struct host *host);

#endif
