/* SPDX-License-Identifier: ISC */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

const char *const link_fate_name[LINK_FATES] = {
	[LINK_PASSED] = "",
	[LINK_LOST] = " LOST",
	[LINK_QUEUE_FULL] = " QUEUE",
	[LINK_DUPLICATED] = " TWICE",
	[LINK_CORRUPTED] = " CORRUPT",
	[LINK_TOO_BIG] = " TOO BIG",
};

void link_open(struct link *link, const struct link_config *config,
	       struct rng *rng)
{
	memset(link, 0, sizeof(*link));
	link->config = *config;
	link->rng = rng_fork(rng);
	link->heap = malloc(LINK_PACKETS_MAX * sizeof(*link->heap));
	CHECK(link->heap != NULL);
}

void link_close(struct link *link)
{
	for (uint32_t i = 0; i < link->count; i++)
		free(link->heap[i].data);
	free(link->heap);
}

void link_heal(struct link *link)
{
	link->config = (struct link_config){
		.latency_ns = link->config.latency_ns,
		.bytes_per_s = link->config.bytes_per_s,
		.queue_bytes = link->config.queue_bytes,
		.narrow = link->config.narrow,
		.narrow_from = link->config.narrow_from,
		.narrow_silent = link->config.narrow_silent,
	};
	link->burst_until = 0;
}

/* ------------------------------------------------------------- the heap */

static bool before(const struct link_packet *a, const struct link_packet *b)
{
	return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void heap_push(struct link *link, const struct link_packet *packet)
{
	uint32_t at = link->count++;

	CHECK(link->count <= LINK_PACKETS_MAX);
	while (at > 0 && before(packet, &link->heap[(at - 1) / 2])) {
		link->heap[at] = link->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	link->heap[at] = *packet;
}

static struct link_packet heap_pop(struct link *link)
{
	struct link_packet first = link->heap[0];
	struct link_packet last = link->heap[--link->count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= link->count)
			break;
		if (child + 1 < link->count &&
		    before(&link->heap[child + 1], &link->heap[child]))
			child++;
		if (!before(&link->heap[child], &last))
			break;
		link->heap[at] = link->heap[child];
		at = child;
	}
	link->heap[at] = last;
	return first;
}

/* ------------------------------------------------------------- faults */

static bool is_lost(struct link *link, uint64_t now)
{
	const struct link_config *config = &link->config;

	if (now >= config->dark_from && now < config->dark_to)
		return true;
	if (now < link->burst_until)
		return true;
	if (rng_chance(&link->rng, config->burst_start))
		link->burst_until =
			now + rng_below(&link->rng, config->burst_ns);
	return rng_chance(&link->rng, config->loss);
}

/* When the last bit has left the sender; NEVER when the queue is full. */
static uint64_t departure(struct link *link, uint64_t now, uint32_t len)
{
	const struct link_config *config = &link->config;
	uint64_t start = link->idle_at > now ? link->idle_at : now;

	if (config->bytes_per_s == 0)
		return now;
	if (config->queue_bytes != 0 &&
	    (start - now) / 1000 * config->bytes_per_s / 1000000 + len >
		    config->queue_bytes)
		return NEVER;
	link->idle_at = start + len * NS_PER_S / config->bytes_per_s;
	return link->idle_at;
}

static uint64_t in_slot(struct link *link, uint64_t at)
{
	if (link->config.slot_ns == 0)
		return at;
	if (at > link->slot_end)
		link->slot_end =
			at + rng_below(&link->rng, link->config.slot_ns);
	return link->slot_end;
}

static uint64_t arrival(struct link *link, uint64_t leaves)
{
	const struct link_config *config = &link->config;
	uint64_t at = leaves + config->latency_ns +
		      rng_below(&link->rng, config->jitter_ns + 1);

	if (rng_chance(&link->rng, config->reorder))
		return at + rng_below(&link->rng, config->reorder_ns + 1);
	if (at < link->latest)
		at = link->latest;
	link->latest = at;
	return in_slot(link, at);
}

static void put(struct link *link, uint64_t at, const uint8_t *data,
		uint32_t len, bool corrupt)
{
	struct link_packet packet = {
		.at = at, .number = link->numbers++, .len = len};

	packet.data = malloc(len);
	CHECK(packet.data != NULL);
	memcpy(packet.data, data, len);
	if (corrupt) {
		uint64_t bit = rng_below(&link->rng, len * UINT64_C(8));

		packet.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		link->corrupted++;
	}
	heap_push(link, &packet);
}

enum link_fate link_send(struct link *link, uint64_t now, const uint8_t *data,
			 uint32_t len)
{
	bool corrupt = rng_chance(&link->rng, link->config.corrupt);
	bool twice = rng_chance(&link->rng, link->config.duplicate);
	uint64_t leaves;

	link->sent++;
	if (link->config.narrow != 0 && len > link->config.narrow &&
	    now >= link->config.narrow_from) {
		link->lost++;
		return LINK_TOO_BIG;
	}
	if (is_lost(link, now)) {
		link->lost++;
		return LINK_LOST;
	}
	leaves = departure(link, now, len);
	if (leaves == NEVER) {
		link->lost++;
		return LINK_QUEUE_FULL;
	}
	put(link, arrival(link, leaves), data, len, corrupt);
	if (twice)
		put(link, arrival(link, leaves), data, len, false);
	if (corrupt)
		return LINK_CORRUPTED;
	return twice ? LINK_DUPLICATED : LINK_PASSED;
}

uint64_t link_next_arrival(const struct link *link)
{
	return link->count > 0 ? link->heap[0].at : NEVER;
}

bool link_receive(struct link *link, uint64_t now,
		  struct link_packet *ret_packet)
{
	if (link_next_arrival(link) > now)
		return false;
	*ret_packet = heap_pop(link);
	return true;
}
