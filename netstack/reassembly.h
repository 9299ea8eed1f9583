/* SPDX-License-Identifier: ISC */
/*
 * Reassembly of IPv4 and IPv6 datagrams (RFC 791, RFC 8200 section 4.5).
 *
 * What waits is bounded: 64 datagrams of at most 64 fragments, 256 KiB, 30 s
 * (IPv4) or 60 s (IPv6). When one of these is spent, the oldest datagram of
 * whoever has most goes: of the busiest peer first, of its busiest source then,
 * so that a flood takes its own places and not a neighbour's.
 *
 * Fragments that overlap, or whose lengths contradict each other, end their
 * datagram (RFC 5722); it stays known until its time is over, so that the rest
 * of it is refused too. Exact copies are ignored. A first fragment without all
 * headers ends it as well (RFC 7112).
 *
 * The memory is an arena in the netstack's own, untouched until it is needed.
 */
#ifndef NETSTACK_REASSEMBLY_H
#define NETSTACK_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "netstack/ip.h"

enum {
	REASM_DATAGRAMS = 64,
	REASM_PARTS = 64,
	REASM_BLOCK_BYTES = 2048,
	REASM_BLOCKS = 128,
	REASM_DATAGRAM_BLOCKS = 32, /* 64 KiB */
	REASM_HEADERS_CAP = 128,    /* longer ones are not quoted */
	REASM_BUCKETS = 64,
	REASM_PACKET_CAP = 65536 + IPV6_HEADER_LEN,
};

/* Payload bytes of a datagram that have arrived. */
struct reasm_part {
	uint16_t at, end;
};

struct reasm_datagram {
	struct ip_addr src, dst;
	uint64_t expires; /* 0: the place is free */
	uint64_t number;  /* order of arrival */
	uint32_t id;
	uint16_t path;
	uint8_t protocol;           /* IPv4 only: part of its name */
	uint8_t next_header;        /* as the first fragment has it */
	uint8_t tos;                /* of the first fragment */
	uint8_t by_path, by_source; /* buckets */
	bool dead;                  /* to be refused until it expires */
	uint8_t header_len;         /* of the first fragment, 0 = unknown */
	uint8_t block_count, count; /* of blocks, of parts */
	uint16_t bytes, total;      /* arrived; all, 0 = unknown */
	uint8_t blocks[REASM_DATAGRAM_BLOCKS]; /* + 1, 0 = none */
	struct reasm_part parts[REASM_PARTS];  /* by position */
	uint8_t header[REASM_HEADERS_CAP];
};

/* Owner: the netstack. All zero but the key is the initial state. */
struct reasm {
	struct siphash_key key;
	uint64_t numbers;
	uint64_t deadline; /* at most the earliest; 0 = none */
	uint32_t count;
	uint64_t blocks_used[REASM_BLOCKS / 64];
	struct reasm_datagram datagrams[REASM_DATAGRAMS];
	uint8_t packet[REASM_PACKET_CAP]; /* what was put together last */
	uint8_t arena[REASM_BLOCKS][REASM_BLOCK_BYTES];
};

enum reasm_verdict {
	REASM_WAITS,
	REASM_WHOLE,   /* the datagram is there */
	REASM_DROPPED, /* it, or this part of it, is refused */
	REASM_HIDDEN,  /* it is refused: a first fragment without all headers */
};

/* Takes a fragment from a peer. REASM_WHOLE fills in a whole packet, good until
 * the next call. */
enum reasm_verdict reasm_take(struct reasm *reasm, uint64_t now, uint16_t path,
			      const struct ip_packet *fragment,
			      struct ip_packet *ret_whole);

/* NEVER, or a time at which reasm_expire() should be called. */
uint64_t reasm_deadline(const struct reasm *reasm);

/* What happened to a datagram whose time is over. */
struct reasm_expired {
	uint16_t path;
	bool has_first; /* then packet is the start of the first fragment */
	struct ip_packet packet;
};

/* Removes one datagram whose time is over. False: there is none left. */
bool reasm_expire(struct reasm *reasm, uint64_t now,
		  struct reasm_expired *ret_expired);

/* For tests: CHECKs that the books are right. */
void reasm_check(const struct reasm *reasm);

#endif
