/* SPDX-License-Identifier: ISC */
/* Two devices, a wire between them, and a clock that is moved by hand. */
#ifndef TEST_PAIR_H
#define TEST_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/wg_device.h"

enum { SIDES = 2, PACKET_CAP = 2048 };

struct pair_side {
	struct wg_device *dev;
	void *memory, *secret;
	struct wg_config config;
	struct key private_key;
	struct endpoint endpoint; /* where its datagrams come from */
	uint64_t clock_behind;    /* its wall clock, ns */
	/* what arrived and happened */
	unsigned packets, ups, retries, failures, roams;
	uint8_t last[PACKET_CAP];
	uint32_t last_len;
	/* what it sent, by message type */
	unsigned sent[5];
	uint8_t wire[PACKET_CAP]; /* the last datagram that left */
	uint32_t wire_len;
};

struct pair {
	uint64_t now;
	bool cut; /* the wire loses everything */
	uint64_t random_state;
	struct pair_side sides[SIDES];
};

struct pair_options {
	bool psk, other_psk;  /* both have one; they differ */
	uint16_t keepalive_s; /* of side 0 */
	uint16_t mtu;
};

/* Side 0 is 10.0.0.1 and knows the other's endpoint; side 1 is 10.0.0.2. */
void pair_open(struct pair *pair, const struct pair_options *options);
void pair_close(struct pair *pair);

/* Delivers messages until nothing is left, then the clock moves on. */
void pair_step(struct pair *pair, uint64_t step);
/* Steps of 100 ms for so many seconds. */
void pair_run(struct pair *pair, unsigned seconds);

/* One IPv4 packet of len bytes from side to the other; what wg_peer_want()
 * said. count packets of one run when it is more. */
int pair_send(struct pair *pair, unsigned side, uint32_t len, uint16_t count);
/* The same with any source address. */
int pair_send_from(struct pair *pair, unsigned side, const char *source,
		   uint32_t len);
/* Hands a datagram to a side as if it came from an address. */
size_t pair_deliver(struct pair *pair, unsigned side, const uint8_t *data,
		    uint32_t len, uint32_t segment, const char *from);

struct wg_peer_info pair_info(const struct pair *pair, unsigned side);

#endif
