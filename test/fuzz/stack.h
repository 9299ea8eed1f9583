/* SPDX-License-Identifier: ISC */
/* A netstack for fuzz targets, made anew for each input in static memory. */
#ifndef TEST_FUZZ_STACK_H
#define TEST_FUZZ_STACK_H

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/route.h"
#include "base/time.h"
#include "netstack/check.h"
#include "netstack/netstack.h"

enum { STACK_CHUNKS = 128, STACK_MTU = 1420, STACK_PULLS_MAX = 100000 };

/* Owner: the target, one for all inputs. */
struct stack {
	struct netstack *ns;
	void *memory;
	size_t memory_len;
	struct chunk_pool pool;
	uint8_t *chunk_memory;
	uint32_t links[STACK_CHUNKS];
	struct route_table routes;
	struct route_node nodes[4];
	struct ip_addr addresses[2];
	uint64_t random;
	uint64_t now;
};

static inline void stack_random(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 1442695040;
		out[i] = (uint8_t)(*state >> 56);
	}
}

static inline void stack_routes(struct stack *stack)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	struct prefix prefix;

	route_init(&stack->routes, stack->nodes, ARRAY_SIZE(stack->nodes));
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		CHECK(prefix_parse(all[i], &prefix) == 0);
		CHECK(route_insert(&stack->routes, &prefix, 0) == 0);
	}
}

static inline void stack_open(struct stack *stack)
{
	struct ns_config config = {
		.connections_max = 8,
		.udp_max = 2,
		.mtu = STACK_MTU,
		.address_count = 2,
		.addresses = stack->addresses,
		.routes = &stack->routes,
		.chunks = &stack->pool,
		.random = {.fill = stack_random, .ctx = &stack->random},
	};

	stack->random = 1;
	stack->now = 1000 * NS_PER_S;
	CHECK(ip_addr_parse("10.0.0.1", &stack->addresses[0]) == 0);
	CHECK(ip_addr_parse("fd00::1", &stack->addresses[1]) == 0);
	netstack_tcp_defaults(&config.tcp);
	if (stack->memory == NULL) {
		stack->memory_len = netstack_size(&config);
		stack->memory = malloc(stack->memory_len);
		stack->chunk_memory =
			malloc((size_t)STACK_CHUNKS * CHUNK_BYTES);
		CHECK(stack->memory != NULL && stack->chunk_memory != NULL);
	}
	memset(stack->memory, 0, stack->memory_len);
	stack_routes(stack);
	chunk_pool_init(&stack->pool, stack->chunk_memory, stack->links,
			STACK_CHUNKS);
	stack->ns = netstack_init(stack->memory, &config);
}

/* Nothing may stay behind. */
static inline void stack_close(struct stack *stack)
{
	netstack_fini(stack->ns);
	CHECK(stack->pool.used == 0);
}

/* Takes everything that wants to be sent; the last packet stays in ret_last,
 * which has STACK_MTU bytes. Returns its length, 0 = nothing was sent. */
static inline uint32_t stack_pull(struct stack *stack, uint8_t *ret_last)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	uint32_t last_len = 0;
	uint32_t pulls = 0;
	uint16_t path;

	while (netstack_next_path(stack->ns, &path)) {
		struct run run = {.base = buffer,
				  .cap = sizeof(buffer),
				  .mtu = STACK_MTU,
				  .path = path};
		size_t count = netstack_pull(stack->ns, stack->now, &run);

		CHECK(++pulls < STACK_PULLS_MAX);
		if (count == 0)
			continue;
		last_len = run.last_len;
		memcpy(ret_last, run_ip(&run, run.ip_len, run.count - 1U),
		       last_len);
	}
	netstack_check(stack->ns);
	return last_len;
}

/* One packet, in a buffer that is gone afterwards. */
static inline void stack_input(struct stack *stack, const uint8_t *data,
			       uint32_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct packet packet = {.data = copy, .len = len, .path = 0};

	CHECK(copy != NULL);
	memcpy(copy, data, len);
	netstack_input(stack->ns, stack->now, &packet, 1);
	netstack_input_done(stack->ns, stack->now);
	free(copy);
	netstack_check(stack->ns);
}

static inline void stack_events(struct stack *stack)
{
	struct ns_event event;

	while (netstack_next_event(stack->ns, &event))
		;
}

static inline void stack_advance(struct stack *stack, uint64_t duration)
{
	stack->now += duration;
	netstack_expire(stack->ns, stack->now);
	CHECK(netstack_deadline(stack->ns) > stack->now);
	netstack_check(stack->ns);
}

#endif
