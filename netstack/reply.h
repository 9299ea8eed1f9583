/* SPDX-License-Identifier: ISC */
/*
 * Packets that belong to no socket: resets, echo replies, ICMP errors. A
 * short ring; when it is full, or its packet's path is held, the packet is
 * dropped, which the protocols behind it expect.
 */
#ifndef NETSTACK_REPLY_H
#define NETSTACK_REPLY_H

#include <stdint.h>

enum {
	REPLY_COUNT = 64,
	REPLY_BYTES = 1500,
};

struct reply {
	uint16_t path;
	uint16_t len;
	uint8_t data[REPLY_BYTES];
};

/* Owner: the netstack. All zero is the initial state. */
struct reply_ring {
	uint32_t head, count;
	struct reply replies[REPLY_COUNT];
};

/* A place to write a packet into, or NULL; reply_commit() makes it wait. */
struct reply *reply_reserve(struct reply_ring *ring, uint16_t path);
void reply_commit(struct reply_ring *ring);
/* The oldest one, or NULL. */
const struct reply *reply_first(const struct reply_ring *ring);
void reply_drop(struct reply_ring *ring);

#endif
