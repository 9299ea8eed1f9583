/* SPDX-License-Identifier: ISC */
/*
 * One netstack in virtual time whose peer is the test: packets are given to it
 * and taken from it by hand.
 */
#ifndef TEST_NETSTACK_LONE_H
#define TEST_NETSTACK_LONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/route.h"
#include "base/run.h"
#include "base/time.h"
#include "netstack/chunk.h"
#include "netstack/ip.h"
#include "netstack/netstack.h"

enum {
	LONE_PATH = 2,
	LONE_CHUNKS = 256,
	LONE_CONNS = 32,
	LONE_MTU = 1420,
	LONE_PACKET_CAP = 65536 + 128,
	LONE_BATCH_MAX = 16,
};

struct lone {
	struct netstack *ns;
	void *memory;
	struct chunk_pool pool;
	uint8_t *chunk_memory;
	uint32_t links[LONE_CHUNKS];
	struct route_table routes;
	struct route_node nodes[4];
	uint64_t random;
	uint64_t now;
	bool batching;
	struct packet batch[LONE_BATCH_MAX];
	uint32_t batch_count;
};

/* A packet the netstack sent, parsed. */
struct lone_packet {
	uint8_t data[LONE_MTU];
	uint32_t len;
	struct ip_packet ip;
};

/* Ours is 10.9.0.1 and fd09::1, without v4 or v6 as asked. */
void lone_open(struct lone *lone, bool v4, bool v6);
/* Every chunk must be back. */
void lone_close(struct lone *lone);
struct ip_addr lone_address(const char *text);

void lone_give(struct lone *lone, const uint8_t *data, uint32_t len);
/* From here on packets wait; lone_input() gives them as one batch, whose
 * buffers are lent until lone_input_done(). */
void lone_batch(struct lone *lone);
void lone_input(struct lone *lone);
void lone_input_done(struct lone *lone);
/* One packet, or false: it has nothing to say. */
bool lone_take(struct lone *lone, struct lone_packet *ret_packet);
void lone_advance(struct lone *lone, uint64_t duration);

/* A packet's transport checksum is written over two bytes at 'at'. */
void lone_seal(uint8_t *packet, uint32_t len, uint32_t at);

/* UDP from a peer, as one packet. */
struct lone_udp {
	const struct ip_addr *src, *dst;
	uint16_t src_port, dst_port;
	const void *data;
	uint32_t len;
};
void lone_give_udp(struct lone *lone, const struct lone_udp *udp);

#endif
