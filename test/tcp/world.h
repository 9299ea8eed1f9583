/* SPDX-License-Identifier: ISC */
/*
 * One netstack on a virtual clock, and everything it sends kept until the
 * script looks at it.
 */
#ifndef TEST_TCP_WORLD_H
#define TEST_TCP_WORLD_H

#include "base/route.h"
#include "netstack/chunk.h"
#include "netstack/netstack.h"
#include "script.h"

enum { WORLD_CAPTURED_MAX = 4096 };

struct captured {
	uint64_t at;
	uint8_t *data;
	uint32_t len;
};

/* Owner: the runner. */
struct world {
	uint8_t family;
	uint64_t start, now;
	struct ip_addr ours, peers; /* ours: of the stack */
	struct netstack *ns;
	void *memory;
	struct chunk_pool pool;
	uint8_t *chunk_memory;
	uint32_t *chunk_links;
	struct route_table routes;
	struct route_node nodes[4];
	uint64_t random_state;
	uint16_t mtu;
	struct captured captured[WORLD_CAPTURED_MAX];
	unsigned first, count; /* of captured, a ring */
	uint8_t *kept[64];     /* packets of the batch that is being made */
	unsigned kept_count;
};

void world_open(struct world *world, const struct script_options *options,
		uint8_t family, uint64_t start);
/* Returns how many chunks the stack failed to give back. */
uint32_t world_close(struct world *world);

/* Gives the stack a packet. more: the batch goes on with the next one. */
void world_inject(struct world *world, const uint8_t *packet, uint32_t len,
		  bool more);

/* Runs what is due at once. After every call on the netstack. */
void world_settle(struct world *world);

/* Time goes on to until, timers firing on the way, or with stop_at_packet to
 * the moment when something was captured. */
void world_run(struct world *world, uint64_t until, bool stop_at_packet);

/* The oldest captured packet, or NULL; world_drop() takes it away. */
const struct captured *world_first(const struct world *world);
void world_drop(struct world *world);

#endif
