/* SPDX-License-Identifier: ISC */
/*
 * A peer of another kind: what a host of ours sends is changed as if a stack
 * with a peculiarity had sent it. Packets are plain IP with TCP.
 */
#ifndef TEST_SIM_QUIRK_H
#define TEST_SIM_QUIRK_H

#include <stdbool.h>
#include <stdint.h>

#include "rng.h"

enum quirk_kind {
	QUIRK_NONE,
	QUIRK_STRETCH, /* one ACK for many segments, or 200 ms later */
	QUIRK_DIVIDE,  /* many ACKs for one segment */
	QUIRK_SHRINK,  /* windows that shrink, to nothing as well */
	QUIRK_TINY,    /* windows of a few hundred bytes */
	QUIRKS,
};
extern const char *const quirk_name[QUIRKS];

enum { QUIRK_FLOWS = 64, QUIRK_PACKET_MAX = 128, QUIRK_COPIES_MAX = 4 };

struct quirk_flow {
	uint16_t src, dst; /* ports; both 0: free */
	uint32_t ack;      /* of the last ACK seen */
	uint64_t due;      /* when the ACK held goes; NEVER: none is */
	uint32_t len;
	unsigned skipped;
	uint8_t packet[QUIRK_PACKET_MAX];
};

/* Owner: the host. */
struct quirk {
	enum quirk_kind kind;
	struct rng rng;
	unsigned shrink_left, shrink_by;
	uint16_t tiny;
	struct quirk_flow flows[QUIRK_FLOWS];
};

void quirk_init(struct quirk *quirk, enum quirk_kind kind, struct rng *rng);

struct quirk_out {
	const uint8_t *data;
	uint32_t len;
};

/* What goes on the wire instead of a packet: none, itself, several. The packet
 * may be changed in place; what is returned lives until the next call. */
unsigned quirk_send(struct quirk *quirk, uint64_t now, uint8_t *data,
		    uint32_t len, struct quirk_out out[QUIRK_COPIES_MAX]);
/* When an ACK that is held goes; NEVER. */
uint64_t quirk_deadline(const struct quirk *quirk);
/* One that is due; 0: none is. */
unsigned quirk_expire(struct quirk *quirk, uint64_t now,
		      struct quirk_out out[QUIRK_COPIES_MAX]);

#endif
