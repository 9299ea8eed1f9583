/* SPDX-License-Identifier: ISC */
/*
 * The scoreboard: what was sent and is not yet acknowledged cumulatively (RFC
 * 2018, 6675, 8985).
 *
 * Theory of operation: one record for all segments that left together, split
 * where a SACK edge, a loss or a partial acknowledgment falls into it, and
 * merged again when neighbours no longer differ. Records stand in a list in
 * sequence order, covering snd_una to snd_nxt without a gap; those in flight
 * stand in a second list in the order they were last sent, which is what RACK
 * walks. So each step costs what it changes, not what is outstanding. The first
 * few records live in the control block, the others in chunks borrowed while
 * there are any.
 *
 *   IN_FLIGHT --SACK--> SACKED
 *     |   ^               ^
 *   lost  sent again      |
 *     v   |               |
 *    LOST ------SACK------+
 */
#ifndef NETSTACK_TCP_BOARD_H
#define NETSTACK_TCP_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/chunk.h"

enum {
	TCP_RECORD_NONE = 0xffff,
	TCP_RECORDS_INLINE = 3,
	TCP_RECORD_CHUNKS = 8, /* bounds what SACK can cost: CVE-2019-11477 */
	/* Kept for splitting what must be sent again; twice as many are not
	 * used for new data. */
	TCP_RECORDS_SPARE = 32,
};

enum tcp_record_state {
	TCP_IN_FLIGHT,
	TCP_SACKED,
	TCP_LOST,
	TCP_RECORD_STATES
};

struct tcp_record {
	uint64_t sent;           /* last time */
	uint32_t seq, end;       /* FIN counts */
	uint16_t next, prev;     /* in sequence order */
	uint16_t later, earlier; /* in order of sending, IN_FLIGHT only */
	uint8_t state;           /* enum tcp_record_state */
	bool retransmitted;      /* ever: no round trip from it (Karn) */
};

/* Owner: the connection that embeds it. */
struct tcp_board {
	struct tcp_record own[TCP_RECORDS_INLINE];
	uint32_t chunks[TCP_RECORD_CHUNKS];
	uint32_t bytes[TCP_RECORD_STATES]; /* sequence space by state */
	uint16_t head, tail;               /* in sequence order */
	uint16_t oldest, newest;           /* in order of sending */
	uint16_t first_lost;               /* no record before it is LOST */
	uint16_t hint;                     /* where the last SACK was found */
	uint16_t free, used, count;
};

void tcp_board_init(struct tcp_board *board);
void tcp_board_clear(struct tcp_board *board, struct chunk_pool *pool);
uint32_t tcp_board_chunks(const struct tcp_board *board);

/* Valid until the board is cleared; lists end with TCP_RECORD_NONE. */
struct tcp_record *tcp_board_at(struct tcp_board *board,
				const struct chunk_pool *pool, uint16_t index);

/* Whether new data may be recorded. Takes a chunk when one is needed. */
bool tcp_board_ready(struct tcp_board *board, struct chunk_pool *pool);
/* So few records are left that SACK must not split any more. */
bool tcp_board_scarce(struct tcp_board *board, struct chunk_pool *pool);

/* New data left now; tcp_board_ready() has said yes. */
void tcp_board_append(struct tcp_board *board, struct chunk_pool *pool,
		      uint32_t seq, uint32_t end, uint64_t now);

/* Makes a record begin at seq, which lies inside this one; returns the right
 * part, or TCP_RECORD_NONE when there is no record to be had. */
uint16_t tcp_board_split(struct tcp_board *board, struct chunk_pool *pool,
			 uint16_t index, uint32_t seq);

/* The record that holds seq, which is outstanding. */
uint16_t tcp_board_find(struct tcp_board *board, const struct chunk_pool *pool,
			uint32_t seq);

void tcp_board_set_lost(struct tcp_board *board, struct chunk_pool *pool,
			uint16_t index);
/* Merges with SACKed neighbours; returns the record it has become part of. */
uint16_t tcp_board_set_sacked(struct tcp_board *board, struct chunk_pool *pool,
			      uint16_t index);
/* Sent again: the newest in order of sending. */
void tcp_board_set_resent(struct tcp_board *board, struct chunk_pool *pool,
			  uint16_t index, uint64_t now);

/* Everything in flight is lost; sacked_too: what was SACKed as well. */
void tcp_board_lose_all(struct tcp_board *board, struct chunk_pool *pool,
			bool sacked_too);
/* Nothing was lost after all: it is in flight since it was sent. */
void tcp_board_find_all(struct tcp_board *board, struct chunk_pool *pool);

/* Takes the first record away, or its beginning up to seq. */
void tcp_board_remove_head(struct tcp_board *board, struct chunk_pool *pool,
			   uint32_t seq);

/* The first LOST record in sequence order, or TCP_RECORD_NONE. */
uint16_t tcp_board_first_lost(struct tcp_board *board,
			      const struct chunk_pool *pool);

/* Walks everything and compares with the counts (I1, I4). */
void tcp_board_check(const struct tcp_board *board,
		     const struct chunk_pool *pool, uint32_t first,
		     uint32_t end);

#endif
