/* SPDX-License-Identifier: ISC */
/*
 * Which sequence ranges arrived out of order. The bytes wait in the receive
 * chain in their final place; this is only the map, most recent first, which
 * is the order in which SACK blocks are sent (RFC 2018 section 4).
 */
#ifndef NETSTACK_TCP_REASM_H
#define NETSTACK_TCP_REASM_H

#include <stdint.h>

#include "netstack/tcp_segment.h"

enum { REASM_RANGES = 32 };

/* Owner: the connection that embeds it. Ranges are disjoint, not adjacent, and
 * lie beyond rcv_nxt. All zero is empty. */
struct tcp_reasm {
	uint32_t count;
	struct tcp_range ranges[REASM_RANGES];
};

/* Adds a range and puts what it merges into in front. 0 or -ERR_FULL. */
int tcp_reasm_add(struct tcp_reasm *reasm, uint32_t start, uint32_t end);

/* The stream is complete up to seq: forgets what that covers, and returns how
 * far it is complete with what waited. */
uint32_t tcp_reasm_advance(struct tcp_reasm *reasm, uint32_t seq);

/* The end of the last range, or seq when there is none. */
uint32_t tcp_reasm_end(const struct tcp_reasm *reasm, uint32_t seq);

#endif
