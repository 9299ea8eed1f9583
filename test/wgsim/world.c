/* SPDX-License-Identifier: ISC */
/* The clock, the choices, and the end at which everything must heal. */
#include "test/wgsim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_NS  (600 * NS_PER_S)
#define HEAL_NS (60 * NS_PER_S)

void world_note(struct world *world, const char *what, uint64_t a, uint64_t b)
{
	struct note *note = &world->notes[world->note_count++ % NOTES_MAX];

	*note = (struct note){world->now, what, a, b};
	world->hash ^= world->now ^ a << 20 ^ b << 40 ^ (uint64_t)what[0];
	world->hash *= UINT64_C(0x100000001b3);
	if (world->trace)
		printf("%14.6f %-8s %" PRIu64 " %" PRIu64 "\n",
		       (double)world->now / 1e9, what, a, b);
}

static void print_scenario(const struct world *world)
{
	const struct scenario *s = &world->scenario;

	printf("loss %u, duplicate %u, corrupt %u, replay %u, slow %u of "
	       "1000000; delay %" PRIu64 " ms, gap %" PRIu64 " ms\n",
	       s->loss, s->duplicate, s->corrupt, s->replay, s->slow,
	       s->delay / NS_PER_MS, s->gap / NS_PER_MS);
	printf("psk %d, roams %d, restarts %d, jumps %d, holes %d, "
	       "keepalive %u %u\n",
	       s->psk, s->roams, s->restarts, s->jumps, s->holes,
	       s->keepalive_s[0], s->keepalive_s[1]);
}

_Noreturn void world_fail(struct world *world, const char *why)
{
	uint64_t first = world->note_count > NOTES_MAX
				 ? world->note_count - NOTES_MAX
				 : 0;

	printf("seed %" PRIu64 ": %s\n", world->seed, why);
	print_scenario(world);
	for (uint64_t i = first; i < world->note_count; i++) {
		const struct note *note = &world->notes[i % NOTES_MAX];

		printf("%14.6f %-8s %" PRIu64 " %" PRIu64 "\n",
		       (double)note->now / 1e9, note->what, note->a, note->b);
	}
	printf("again: test/wgsim/wgsim --seed %" PRIu64 " --trace\n",
	       world->seed);
	exit(1);
}

/* ------------------------------------------------------------- choices */

static uint32_t some(struct rng *rng, uint32_t most)
{
	return rng_below(rng, 2) == 0 ? 0
				      : (uint32_t)rng_scale(rng, 1000, most);
}

static void choose(struct world *world)
{
	struct rng *rng = &world->rng;
	struct scenario *s = &world->scenario;

	s->loss = some(rng, 500000);
	s->duplicate = some(rng, 300000);
	s->corrupt = some(rng, 300000);
	s->replay = some(rng, 500000);
	s->slow = some(rng, 200000);
	s->delay = rng_scale(rng, NS_PER_MS, NS_PER_S);
	s->gap = rng_scale(rng, NS_PER_S, 60 * NS_PER_S);
	s->psk = rng_below(rng, 2);
	s->roams = rng_below(rng, 2);
	s->restarts = rng_below(rng, 3) == 0;
	s->jumps = rng_below(rng, 4) == 0;
	s->holes = rng_below(rng, 2);
	for (unsigned i = 0; i < SIDES; i++)
		if (rng_below(rng, 3) == 0)
			s->keepalive_s[i] = (uint16_t)rng_range(rng, 1, 60);
}

static void roam(struct world *world, unsigned index)
{
	const uint8_t bytes[4] = {192, 0, (uint8_t)(index + 1),
				  (uint8_t)rng_below(&world->rng, 250)};

	world->side[index].addr = (struct endpoint){
		.addr = ip_addr_v4(bytes),
		.port = (uint16_t)rng_range(&world->rng, 1024, 65535)};
	world_note(world, "roams", index, bytes[3]);
}

/* Keys and stamps are lost, the wall clock may have gone back. */
static void restart(struct world *world, unsigned index)
{
	struct side *side = &world->side[index];

	side_close(side);
	if (rng_below(&world->rng, 2) == 0)
		side->wall = -(int64_t)rng_below(&world->rng, 3600 * NS_PER_S);
	side_open(world, index, false);
}

static void trouble(struct world *world)
{
	const struct scenario *s = &world->scenario;
	unsigned index = (unsigned)rng_below(&world->rng, SIDES);

	switch (rng_below(&world->rng, 40)) {
	case 0:
		if (s->roams)
			roam(world, index);
		break;
	case 1:
		if (s->restarts) /* one end only: the other has the keys */
			restart(world, 1);
		break;
	case 2:
		if (s->holes)
			world->side[index].hole_until =
				world->now +
				rng_below(&world->rng, 200 * NS_PER_S);
		break;
	case 3:
		if (s->jumps && rng_below(&world->rng, 4) == 0)
			world->now +=
				rng_below(&world->rng, 5 * 3600 * NS_PER_S);
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------- time */

/* Until both are silent in this moment. */
static void turns(struct world *world)
{
	network_deliver(world);
	for (unsigned i = 0; i < SIDES; i++)
		side_turn(world, i);
}

static void advance(struct world *world, uint64_t until)
{
	for (;;) {
		uint64_t next = network_due(world);

		for (unsigned i = 0; i < SIDES; i++)
			next = time_min(next,
					wg_device_deadline(world->side[i].dev));
		if (next > until)
			break;
		if (next > world->now)
			world->now = next;
		turns(world);
	}
	if (until > world->now)
		world->now = until;
	turns(world);
}

/* Silence of minutes now and then, bursts otherwise. */
static uint64_t pause_ns(struct world *world)
{
	struct rng *rng = &world->rng;

	if (rng_below(rng, 50) == 0)
		return rng_below(rng, 250 * NS_PER_S);
	return rng_scale(rng, NS_PER_MS, world->scenario.gap);
}

static void heal(struct world *world)
{
	uint64_t end = world->now + HEAL_NS;
	uint32_t first = world->packet_count;
	bool got[SIDES] = {false, false};

	world->faults = false;
	for (unsigned i = 0; i < SIDES; i++)
		wg_peer_set_endpoint(world->side[i].dev, 0,
				     &world->side[!i].addr);
	while (!got[0] || !got[1]) {
		if (world->now > end)
			world_fail(world, "not healed in 60 s");
		for (unsigned i = 0; i < SIDES; i++) {
			side_send(world, i);
			side_turn(world, i);
		}
		advance(world, world->now + NS_PER_S);
		for (uint32_t i = first; i < world->packet_count; i++)
			if (world->packets[i].delivered)
				got[world->packets[i].from] = true;
	}
}

uint64_t world_run(struct world *world, uint64_t seed)
{
	bool trace = world->trace;
	uint64_t end, at;

	memset(world, 0, sizeof(*world));
	world->trace = trace;
	world->seed = seed;
	world->rng.state = seed;
	world->device_rng = rng_fork(&world->rng);
	world->now = world->start = 1000 * NS_PER_S;
	world->faults = true;
	network_init(world);
	choose(world);
	for (unsigned i = 0; i < SIDES; i++) {
		memset(&world->side[i].key, 0x40 + (int)i, KEY_LEN);
		roam(world, i);
	}
	for (unsigned i = 0; i < SIDES; i++)
		side_open(world, i, true);
	for (end = world->now + RUN_NS; world->now < end;) {
		unsigned index = (unsigned)rng_below(&world->rng, SIDES);

		at = world->now + pause_ns(world);
		advance(world, at);
		trouble(world);
		turns(world);
		side_send(world, index);
		side_turn(world, index);
	}
	heal(world);
	for (unsigned i = 0; i < SIDES; i++)
		side_close(&world->side[i]);
	return world->hash;
}
