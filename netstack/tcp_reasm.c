/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_reasm.h"

#include <string.h>

#include "base/check.h"
#include "netstack/tcp_seq.h"

static_assert(TCP_REASM_MAX * sizeof(struct tcp_reasm_range) <= CHUNK_BYTES,
	      "the ranges fit into a chunk");

void tcp_reasm_init(struct tcp_reasm *reasm)
{
	memset(reasm, 0, sizeof(*reasm));
	reasm->chunk = CHUNK_NONE;
}

void tcp_reasm_clear(struct tcp_reasm *reasm, struct chunk_pool *pool)
{
	if (reasm->chunk != CHUNK_NONE)
		chunk_put(pool, reasm->chunk);
	reasm->chunk = CHUNK_NONE;
	reasm->count = 0;
}

static const struct tcp_reasm_range *look(const struct tcp_reasm *reasm,
					  const struct chunk_pool *pool)
{
	if (reasm->chunk == CHUNK_NONE)
		return reasm->own;
	return (const void *)chunk_data(pool, reasm->chunk);
}

static struct tcp_reasm_range *edit(struct tcp_reasm *reasm,
				    struct chunk_pool *pool)
{
	if (reasm->chunk == CHUNK_NONE)
		return reasm->own;
	return (void *)chunk_data(pool, reasm->chunk);
}

bool tcp_reasm_ready(struct tcp_reasm *reasm, struct chunk_pool *pool)
{
	uint32_t chunk;

	if (reasm->chunk != CHUNK_NONE)
		return reasm->count < TCP_REASM_MAX;
	if (reasm->count < TCP_REASM_INLINE)
		return true;
	chunk = chunk_get(pool);
	if (chunk == CHUNK_NONE)
		return false;
	memcpy(chunk_data(pool, chunk), reasm->own, sizeof(reasm->own));
	reasm->chunk = chunk;
	return true;
}

/* The first range that ends at or after seq, or count. */
static uint32_t find(const struct tcp_reasm *reasm,
		     const struct chunk_pool *pool, uint32_t seq)
{
	const struct tcp_reasm_range *ranges = look(reasm, pool);
	uint32_t low = 0, high = reasm->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (seq_lt(ranges[middle].range.end, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Takes ranges [first, end) out. */
static void take_out(struct tcp_reasm *reasm, struct tcp_reasm_range *ranges,
		     uint32_t first, uint32_t end)
{
	memmove(ranges + first, ranges + end,
		(reasm->count - end) * sizeof(*ranges));
	reasm->count -= end - first;
}

void tcp_reasm_insert(struct tcp_reasm *reasm, struct chunk_pool *pool,
		      struct tcp_range range)
{
	struct tcp_reasm_range *ranges = edit(reasm, pool);
	uint32_t first = find(reasm, pool, range.start);
	uint32_t end = first;

	while (end < reasm->count &&
	       seq_le(ranges[end].range.start, range.end)) {
		range.start = seq_min(range.start, ranges[end].range.start);
		range.end = seq_max(range.end, ranges[end].range.end);
		end++;
	}
	if (end > first) { /* merges with what it touches */
		take_out(reasm, ranges, first + 1, end);
	} else {
		memmove(ranges + first + 1, ranges + first,
			(reasm->count - first) * sizeof(*ranges));
		reasm->count++;
	}
	ranges[first].range = range;
	ranges[first].stamp = ++reasm->stamp;
}

bool tcp_reasm_contains(const struct tcp_reasm *reasm,
			const struct chunk_pool *pool, struct tcp_range range)
{
	const struct tcp_reasm_range *ranges = look(reasm, pool);
	uint32_t at = find(reasm, pool, range.end);

	return at < reasm->count && seq_le(ranges[at].range.start, range.start);
}

uint32_t tcp_reasm_advance(struct tcp_reasm *reasm, struct chunk_pool *pool,
			   uint32_t rcv_nxt)
{
	struct tcp_reasm_range *ranges = edit(reasm, pool);
	uint32_t end = 0;

	for (; end < reasm->count; end++) {
		if (seq_gt(ranges[end].range.start, rcv_nxt))
			break;
		rcv_nxt = seq_max(rcv_nxt, ranges[end].range.end);
	}
	take_out(reasm, ranges, 0, end);
	if (reasm->count == 0)
		tcp_reasm_clear(reasm, pool);
	return rcv_nxt;
}

/* The newest range older than stamp, or NULL. */
static const struct tcp_reasm_range *
newest_before(const struct tcp_reasm *reasm, const struct chunk_pool *pool,
	      uint32_t stamp)
{
	const struct tcp_reasm_range *ranges = look(reasm, pool);
	const struct tcp_reasm_range *found = NULL;

	for (uint32_t i = 0; i < reasm->count; i++) {
		if (seq_lt(ranges[i].stamp, stamp) &&
		    (found == NULL || seq_lt(found->stamp, ranges[i].stamp)))
			found = &ranges[i];
	}
	return found;
}

uint32_t tcp_reasm_sack(const struct tcp_reasm *reasm,
			const struct chunk_pool *pool, struct tcp_range *sack,
			uint32_t cap)
{
	uint32_t stamp = reasm->stamp + 1;
	uint32_t count = 0;

	while (count < cap) {
		const struct tcp_reasm_range *range =
			newest_before(reasm, pool, stamp);

		if (range == NULL)
			break;
		sack[count++] = range->range;
		stamp = range->stamp;
	}
	return count;
}

void tcp_reasm_check(const struct tcp_reasm *reasm,
		     const struct chunk_pool *pool, uint32_t rcv_nxt,
		     uint32_t rcv_adv)
{
	const struct tcp_reasm_range *ranges = look(reasm, pool);

	CHECK(reasm->count <= TCP_REASM_MAX);
	for (uint32_t i = 0; i < reasm->count; i++) {
		CHECK(seq_lt(rcv_nxt, ranges[i].range.start));
		CHECK(seq_lt(ranges[i].range.start, ranges[i].range.end));
		rcv_nxt = ranges[i].range.end;
	}
	CHECK(reasm->count == 0 || seq_le(rcv_nxt, rcv_adv));
}
