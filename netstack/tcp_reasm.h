/* SPDX-License-Identifier: ISC */
/*
 * Which bytes beyond rcv_nxt are there: sorted, disjoint ranges. The bytes
 * themselves wait in the receive chain, in their final place, so this is only
 * bookkeeping. The first few ranges live in the control block, more of them in
 * one chunk, and beyond TCP_REASM_MAX a segment is refused: an attacker who
 * sends every second byte costs us no more than that.
 */
#ifndef NETSTACK_TCP_REASM_H
#define NETSTACK_TCP_REASM_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/chunk.h"
#include "netstack/tcp_segment.h"

enum { TCP_REASM_INLINE = 4, TCP_REASM_MAX = 1360 };

struct tcp_reasm_range {
	struct tcp_range range;
	uint32_t stamp; /* larger = touched later */
};

/* Owner: the connection that embeds it. */
struct tcp_reasm {
	uint32_t chunk; /* CHUNK_NONE: the ranges are inline */
	uint32_t count;
	uint32_t stamp;
	struct tcp_reasm_range own[TCP_REASM_INLINE];
};

void tcp_reasm_init(struct tcp_reasm *reasm);
void tcp_reasm_clear(struct tcp_reasm *reasm, struct chunk_pool *pool);

/* Whether one more range could be kept. Takes the chunk when it is needed. */
bool tcp_reasm_ready(struct tcp_reasm *reasm, struct chunk_pool *pool);

/* Adds a range; tcp_reasm_ready() has said yes. */
void tcp_reasm_insert(struct tcp_reasm *reasm, struct chunk_pool *pool,
		      struct tcp_range range);

/* Whether all of the range is there already. */
bool tcp_reasm_contains(const struct tcp_reasm *reasm,
			const struct chunk_pool *pool, struct tcp_range range);

/* Removes the ranges that begin at or before rcv_nxt and returns where the data
 * in order now ends. */
uint32_t tcp_reasm_advance(struct tcp_reasm *reasm, struct chunk_pool *pool,
			   uint32_t rcv_nxt);

/* The ranges touched last, newest first (RFC 2018 section 4). */
uint32_t tcp_reasm_sack(const struct tcp_reasm *reasm,
			const struct chunk_pool *pool, struct tcp_range *sack,
			uint32_t cap);

/* Disjoint, sorted, not touching, all between rcv_nxt and rcv_adv. */
void tcp_reasm_check(const struct tcp_reasm *reasm,
		     const struct chunk_pool *pool, uint32_t rcv_nxt,
		     uint32_t rcv_adv);

#endif
