/* SPDX-License-Identifier: ISC */
/* The WireGuard device below a netstack, with one peer: the other host. */
#ifndef TEST_SIM_TUNNEL_H
#define TEST_SIM_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/run.h"

struct tunnel;

/* Both keys follow from the scenario's seed. */
struct tunnel *tunnel_open(uint64_t seed, unsigned index, uint16_t mtu,
			   const struct random_source *random);
void tunnel_close(struct tunnel *tunnel);

/* Whether a run can be sealed now; a 'no' starts a handshake. */
bool tunnel_ready(struct tunnel *tunnel, uint64_t now);
/* Seals in place: datagrams at the run's stride. */
void tunnel_seal(struct tunnel *tunnel, uint64_t now, struct run *run);
/* Opens in place what host from sent; returns whether a packet is in it. */
bool tunnel_input(struct tunnel *tunnel, uint64_t now, uint8_t *data,
		  uint32_t len, unsigned from, struct packet *ret_packet);
/* A message that is not data, 0 = none. */
enum { TUNNEL_MESSAGE_CAP = 256 };
size_t tunnel_pull(struct tunnel *tunnel, uint64_t now,
		   uint8_t message[TUNNEL_MESSAGE_CAP]);
/* Whether a session came up since the last question. */
bool tunnel_came_up(struct tunnel *tunnel);
uint64_t tunnel_deadline(const struct tunnel *tunnel);
void tunnel_expire(struct tunnel *tunnel, uint64_t now);

#endif
