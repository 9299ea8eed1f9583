/* SPDX-License-Identifier: ISC */
#include "netstack/reply.h"

#include <stddef.h>

#include "base/check.h"

struct reply *reply_reserve(struct reply_ring *ring, uint16_t path)
{
	struct reply *reply;

	if (ring->count == REPLY_COUNT)
		return NULL;
	reply = &ring->replies[(ring->head + ring->count) % REPLY_COUNT];
	reply->path = path;
	return reply;
}

void reply_commit(struct reply_ring *ring)
{
	CHECK(ring->count < REPLY_COUNT);
	ring->count++;
}

const struct reply *reply_first(const struct reply_ring *ring)
{
	return ring->count > 0 ? &ring->replies[ring->head] : NULL;
}

void reply_drop(struct reply_ring *ring)
{
	CHECK(ring->count > 0);
	ring->head = (ring->head + 1) % REPLY_COUNT;
	ring->count--;
}
