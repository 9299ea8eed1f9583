/* SPDX-License-Identifier: ISC */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"
#include "netstack/check.h"

enum { PATH = 0, SETTLE_MAX = 100000 };

/* ------------------------------------------------------------- open, close */

/* SplitMix64: any state is a good one. */
static void fill_random(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		out[i] = (uint8_t)(z >> 56);
	}
}

static void open_routes(struct world *world)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0"};

	route_init(&world->routes, world->nodes, ARRAY_SIZE(world->nodes));
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct prefix prefix;

		CHECK(prefix_parse(all[i], &prefix) == 0);
		CHECK(route_insert(&world->routes, &prefix, PATH) == 0);
	}
}

static void open_chunks(struct world *world, uint32_t count)
{
	world->chunk_memory = malloc((size_t)count * CHUNK_BYTES);
	world->chunk_links = calloc(count, sizeof(*world->chunk_links));
	CHECK(world->chunk_memory != NULL && world->chunk_links != NULL);
	chunk_pool_init(&world->pool, world->chunk_memory, world->chunk_links,
			count);
}

void world_open(struct world *world, const struct script_options *options,
		uint8_t family, uint64_t start)
{
	bool v4 = family == IP_V4;
	struct ns_config config = {
		.connections_max = options->connections,
		.udp_max = 1,
		.address_count = 1,
		.addresses = &world->ours,
		.routes = &world->routes,
		.chunks = &world->pool,
		.random = {.fill = fill_random, .ctx = &world->random_state},
		.tcp = options->tcp,
	};

	memset(world, 0, sizeof(*world));
	world->family = family;
	world->start = world->now = start;
	world->mtu = (uint16_t)(options->mtu + (v4 ? 0 : 20));
	config.mtu = world->mtu;
	CHECK(ip_addr_parse(v4 ? "10.0.0.1" : "fd00::1", &world->ours) == 0);
	CHECK(ip_addr_parse(v4 ? "192.0.2.1" : "fd00:9::1", &world->peers) ==
	      0);
	open_routes(world);
	open_chunks(world, options->chunks);
	world->memory = calloc(1, netstack_size(&config));
	CHECK(world->memory != NULL);
	world->ns = netstack_init(world->memory, &config);
}

uint32_t world_close(struct world *world)
{
	uint32_t left;

	netstack_fini(world->ns);
	left = world->pool.used;
	while (world_first(world) != NULL)
		world_drop(world);
	free(world->memory);
	free(world->chunk_memory);
	free(world->chunk_links);
	return left;
}

/* ------------------------------------------------------------- captured */

static void capture(struct world *world, const uint8_t *data, uint32_t len)
{
	struct captured *slot = &world->captured[(world->first + world->count) %
						 WORLD_CAPTURED_MAX];

	CHECK(world->count < WORLD_CAPTURED_MAX);
	slot->data = malloc(len);
	CHECK(slot->data != NULL);
	memcpy(slot->data, data, len);
	slot->len = len;
	slot->at = world->now;
	world->count++;
}

const struct captured *world_first(const struct world *world)
{
	return world->count > 0 ? &world->captured[world->first] : NULL;
}

void world_drop(struct world *world)
{
	CHECK(world->count > 0);
	free(world->captured[world->first].data);
	world->first = (world->first + 1) % WORLD_CAPTURED_MAX;
	world->count--;
}

/* ------------------------------------------------------------- running */

static void pull(struct world *world)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	unsigned rounds = 0;
	uint16_t path;

	while (netstack_next_path(world->ns, &path)) {
		struct run run = {.base = buffer,
				  .cap = sizeof(buffer),
				  .mtu = world->mtu,
				  .path = path};
		size_t count = netstack_pull(world->ns, world->now, &run);

		CHECK(path == PATH && ++rounds < SETTLE_MAX);
		CHECK(count == 0 || count == run.count);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t len =
				i + 1 < count ? run.ip_len : run.last_len;

			CHECK(len <= world->mtu);
			capture(world, run_ip(&run, run.ip_len, i), len);
		}
	}
}

void world_settle(struct world *world)
{
	pull(world);
	netstack_check(world->ns);
}

/* The buffers of a batch are overwritten afterwards: what the stack still
 * reads from them is then wrong for all to see. */
static void end_batch(struct world *world)
{
	netstack_input_done(world->ns, world->now);
	for (unsigned i = 0; i < world->kept_count; i++)
		free(world->kept[i]);
	world->kept_count = 0;
	world_settle(world);
}

void world_inject(struct world *world, const uint8_t *data, uint32_t len,
		  bool more)
{
	static struct packet batch[ARRAY_SIZE(world->kept)];
	uint8_t *copy = malloc(len);

	CHECK(copy != NULL && world->kept_count < ARRAY_SIZE(world->kept));
	memcpy(copy, data, len);
	batch[world->kept_count] =
		(struct packet){.data = copy, .len = len, .path = PATH};
	world->kept[world->kept_count++] = copy;
	if (more)
		return;
	netstack_input(world->ns, world->now, batch, world->kept_count);
	end_batch(world);
}

void world_run(struct world *world, uint64_t until, bool stop_at_packet)
{
	for (unsigned rounds = 0;; rounds++) {
		uint64_t deadline = netstack_deadline(world->ns);

		if (stop_at_packet && world->count > 0)
			return;
		if (deadline > until)
			break;
		CHECK(rounds < SETTLE_MAX);
		if (deadline > world->now)
			world->now = deadline;
		netstack_expire(world->ns, world->now);
		world_settle(world);
	}
	if (until > world->now)
		world->now = until;
}
