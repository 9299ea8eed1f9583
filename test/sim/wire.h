/* SPDX-License-Identifier: ISC */
/*
 * What must be true of the segments that a host sends, by what it sent and
 * received before: the right edge of its window never moves left, it sends
 * nothing beyond the other's but a probe of one byte, and acknowledges nothing
 * that it cannot have.
 */
#ifndef TEST_SIM_WIRE_H
#define TEST_SIM_WIRE_H

#include <stdbool.h>
#include <stdint.h>

enum { WIRE_FLOWS = 128 };

struct wire_end {
	bool synchronized; /* edge and next are known */
	bool opened;       /* its SYN was seen */
	bool has_scale;
	uint8_t scale;
	uint32_t first; /* its SYN's number */
	uint32_t edge;  /* the rightmost announced */
	uint32_t next;  /* after the last byte that came from it */
};

struct wire_flow {
	uint16_t local, remote; /* ports; both 0: free */
	uint8_t version;        /* of IP */
	bool over;              /* what follows is of TIME-WAIT or a reset */
	struct wire_end ours, theirs;
};

/* Owner: the host. */
struct wire {
	struct wire_flow flows[WIRE_FLOWS];
};

/* Aborts with sim_fail() when an invariant is broken. */
void wire_sent(struct wire *wire, const uint8_t *data, uint32_t len);
void wire_received(struct wire *wire, const uint8_t *data, uint32_t len);

#endif
