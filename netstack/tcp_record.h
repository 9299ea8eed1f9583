/* SPDX-License-Identifier: ISC */
/*
 * What is in flight: the sender's scoreboard (RFC 2018, 6675, 8985).
 *
 * Theory of operation: records are consecutive, ordered, and cover [snd_una,
 * snd_nxt) without gaps. One record stands for all segments that left together
 * and is split only where a SACK edge or a retransmission needs it; neighbours
 * that became alike are joined again. A few records live in the connection;
 * more of them borrow one chunk, so an idle connection owns none.
 *
 *   SENT -> SACKED                     the peer has it
 *   SENT -> LOST -> SENT (again)       judged lost, then retransmitted
 */
#ifndef NETSTACK_TCP_RECORD_H
#define NETSTACK_TCP_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/chunk.h"

enum record_state { RECORD_SENT, RECORD_SACKED, RECORD_LOST, RECORD_STATES };

struct tcp_record {
	uint64_t sent; /* when it left last */
	uint32_t seq, end;
	uint8_t state;      /* enum record_state */
	bool retransmitted; /* no RTT from it (Karn) */
};

enum {
	RECORDS_INLINE = 4,
	RECORDS_MAX = CHUNK_BYTES / sizeof(struct tcp_record),
	/* kept for what must be split to be sent again; twice as much is not
	 * used for new data */
	RECORDS_SPARE = 32,
};

/* Owner: the connection that embeds it. */
struct tcp_records {
	uint32_t first, count;         /* in the array */
	uint32_t chunk;                /* CHUNK_NONE: the inline array */
	uint32_t bytes[RECORD_STATES]; /* sequence space by state */
	struct tcp_record few[RECORDS_INLINE];
};

void tcp_records_init(struct tcp_records *records);
void tcp_records_clear(struct tcp_records *records, struct chunk_pool *pool);

/* The records in order; valid until the next change. */
struct tcp_record *tcp_records_at(struct tcp_records *records,
				  const struct chunk_pool *pool,
				  uint32_t index);

/* So few records are left that SACK must not split any more: what a peer can
 * cost us that acknowledges every second byte is bounded. */
bool tcp_records_scarce(const struct tcp_records *records);

/* New data left now. 0; or -ERR_FULL, -ERR_NO_MEMORY: do not send it. Ask with
 * tcp_records_reserve() before. */
int tcp_records_reserve(struct tcp_records *records, struct chunk_pool *pool);
void tcp_records_append(struct tcp_records *records, struct chunk_pool *pool,
			uint32_t seq, uint32_t end, uint64_t now);

/* Everything before una is acknowledged. */
void tcp_records_ack(struct tcp_records *records, struct chunk_pool *pool,
		     uint32_t una);

/* Makes [start, end) one or more whole records and returns the index of the
 * first one and how many. When there is no room to split, the range shrinks to
 * whole records inside it; 0 records is possible. */
uint32_t tcp_records_cut(struct tcp_records *records, struct chunk_pool *pool,
			 uint32_t start, uint32_t end, uint32_t *ret_first);

void tcp_records_set(struct tcp_records *records, struct tcp_record *record,
		     enum record_state state);

/* Joins neighbours of one state whose times do not differ any more. */
void tcp_records_join(struct tcp_records *records,
		      const struct chunk_pool *pool);

#endif
