/* SPDX-License-Identifier: ISC */
/* Loses, delays, doubles, changes and repeats datagrams. */
#include "test/wgsim/world.h"

#include <string.h>

#include "base/check.h"

void network_init(struct world *world)
{
	for (unsigned i = 0; i < FLIGHT_MAX; i++)
		world->flight[i].due = NEVER;
}

/* Never in the second MAC, which is not looked at without load. */
static void corrupt(struct world *world, struct datagram *copy)
{
	uint32_t end = copy->data[0] == 4 ? copy->len : copy->len - 16;
	uint64_t at = rng_below(&world->rng, end);

	copy->data[at] ^= (uint8_t)(1U << rng_below(&world->rng, 8));
	copy->corrupt = true;
}

static void launch(struct world *world, const struct datagram *datagram)
{
	const struct scenario *scenario = &world->scenario;
	uint64_t delay = NS_PER_MS + rng_below(&world->rng, scenario->delay);
	unsigned i = 0;

	while (i < FLIGHT_MAX && world->flight[i].due != NEVER)
		i++;
	if (i == FLIGHT_MAX)
		return;
	world->flight[i] = *datagram;
	if (world->faults && rng_chance(&world->rng, scenario->slow))
		delay += rng_below(&world->rng, 30 * NS_PER_S);
	if (world->faults && rng_chance(&world->rng, scenario->corrupt))
		corrupt(world, &world->flight[i]);
	world->flight[i].due = world->now + delay;
}

/* Someone on the way sends an old one from an address of his own. */
static void replay(struct world *world)
{
	static const uint8_t bytes[4] = {203, 0, 113, 9};
	struct datagram old = world->old[rng_below(&world->rng, OLD_MAX)];

	if (old.len == 0)
		return;
	old.from = (struct endpoint){.addr = ip_addr_v4(bytes), .port = 9};
	old.dest = world->side[old.to].addr;
	launch(world, &old);
}

void network_send(struct world *world, unsigned from, const uint8_t *data,
		  uint32_t len, const struct endpoint *dest)
{
	const struct scenario *scenario = &world->scenario;
	struct datagram datagram = {.number = world->datagrams++,
				    .len = len,
				    .to = !from,
				    .from = world->side[from].addr,
				    .dest = *dest};

	CHECK(len <= DATAGRAM_CAP);
	CHECK(datagram.number <
	      sizeof(world->accepted) / sizeof(world->accepted[0]));
	memcpy(datagram.data, data, len);
	world_note(world, "sends", from * 10 + data[0], datagram.number);
	if (world->faults) {
		world->old[rng_below(&world->rng, OLD_MAX)] = datagram;
		if (rng_chance(&world->rng, scenario->replay))
			replay(world);
		if (rng_chance(&world->rng, scenario->duplicate))
			launch(world, &datagram);
		if (rng_chance(&world->rng, scenario->loss) ||
		    world->now < world->side[from].hole_until)
			return;
	}
	launch(world, &datagram);
}

uint64_t network_due(const struct world *world)
{
	uint64_t due = NEVER;

	for (unsigned i = 0; i < FLIGHT_MAX; i++)
		due = time_min(due, world->flight[i].due);
	return due;
}

void network_deliver(struct world *world)
{
	for (unsigned i = 0; i < FLIGHT_MAX; i++) {
		struct datagram *copy = &world->flight[i];

		if (copy->due > world->now)
			continue;
		copy->due = NEVER;
		if (endpoint_equal(&copy->dest, &world->side[copy->to].addr))
			side_take(world, copy);
	}
}
