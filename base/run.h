/* SPDX-License-Identifier: ISC */
/*
 * The two shapes in which packets cross the layers.
 *
 * Inward, struct packet: one decrypted IP packet, still lying in the buffer
 * that recvmsg() filled. It is valid until the end of the turn.
 *
 * Outward, struct run: consecutive IP packets for one peer, all of the same
 * length except that the last may be shorter, written at a fixed stride with
 * room for the WireGuard header before and padding and tag after each. The
 * netstack fills it, WireGuard seals it in place, and the result *is* the
 * buffer of one UDP_SEGMENT sendmsg(). Nothing is copied in between.
 *
 *   base -> | hdr 16 | ip_len, padding | tag 16 | hdr 16 | ...
 *           |<----------- stride -------------->|
 */
#ifndef BASE_RUN_H
#define BASE_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum {
	RUN_HEAD = 16,        /* WireGuard data header */
	RUN_TAIL = 16,        /* Poly1305 tag */
	RUN_PACKETS_MAX = 64, /* the kernel's UDP_MAX_SEGMENTS, older value */
	RUN_BYTES_MAX =
		65000, /* below the largest UDP payload of both families */
};

struct packet {
	uint8_t *data;
	uint32_t len;
	uint16_t path; /* the peer it came from; answers go there */
	uint8_t ecn;   /* outer ECN field after decapsulation rules */
};

struct run {
	uint8_t *base; /* owned by the caller, at least cap bytes */
	uint32_t cap;  /* at most RUN_BYTES_MAX */
	uint16_t mtu;  /* of the tunnel: no packet is longer */
	/* filled by the netstack */
	uint16_t path;   /* the peer it goes to */
	uint16_t count;  /* packets, at most RUN_PACKETS_MAX */
	uint16_t ip_len; /* length of every packet but the last */
	uint16_t last_len;
	uint8_t ecn;
};

/* Padding rule S3: to a multiple of 16, but never beyond the MTU. */
static inline uint32_t run_padded(uint32_t ip_len, uint32_t mtu)
{
	uint32_t padded = (ip_len + 15) & ~UINT32_C(15);

	CHECK(ip_len <= mtu);
	return padded <= mtu ? padded : mtu;
}

static inline uint32_t run_stride(uint32_t ip_len, uint32_t mtu)
{
	return RUN_HEAD + run_padded(ip_len, mtu) + RUN_TAIL;
}

/* How many packets of ip_len fit; the netstack asks before it writes. */
static inline uint32_t run_room(const struct run *run, uint32_t ip_len)
{
	uint32_t fit = run->cap / run_stride(ip_len, run->mtu);

	return fit < RUN_PACKETS_MAX ? fit : RUN_PACKETS_MAX;
}

/* Where packet number index of ip_len-sized packets is written. */
static inline uint8_t *run_ip(const struct run *run, uint32_t ip_len,
			      uint32_t index)
{
	return run->base + (size_t)index * run_stride(ip_len, run->mtu) +
	       RUN_HEAD;
}

/* Length of the sealed datagrams together, from base. */
static inline uint32_t run_sealed_len(const struct run *run)
{
	return (uint32_t)(run->count - 1) * run_stride(run->ip_len, run->mtu) +
	       run_stride(run->last_len, run->mtu);
}

#endif
