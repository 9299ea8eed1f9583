/* SPDX-License-Identifier: ISC */
/* What a router on the way says about a packet. */
#ifndef TEST_SIM_ROUTER_H
#define TEST_SIM_ROUTER_H

#include <stdint.h>

enum { ROUTER_MESSAGE_CAP = 128 };

/* "Packet too big" (RFC 4443 3.2) or "fragmentation needed" (RFC 1191) to the
 * sender of a packet, from its destination. Returns the length. */
uint32_t router_too_big(const uint8_t *packet, uint32_t mtu,
			uint8_t message[ROUTER_MESSAGE_CAP]);

#endif
