/* SPDX-License-Identifier: ISC */
/*
 * One direction of a bad network: a rate with a drop-tail queue, latency, and
 * faults that a seed chooses. Datagrams come out in the order of arrival.
 */
#ifndef TEST_SIM_LINK_H
#define TEST_SIM_LINK_H

#include "rng.h"

enum { LINK_PACKETS_MAX = 32768 };

/* Chances are per million datagrams, times are nanoseconds. */
struct link_config {
	uint64_t latency_ns;
	uint64_t jitter_ns; /* of each datagram, order is kept */
	uint64_t slot_ns; /* delivered in bunches, at most so far apart: a busy
			   * processor, a radio link */
	uint64_t bytes_per_s; /* 0: no limit */
	uint32_t queue_bytes; /* drop-tail; 0: endless */
	uint32_t loss;
	uint32_t burst_start; /* chance that a burst of losses begins */
	uint64_t burst_ns;    /* and how long it is at most */
	uint32_t duplicate;
	uint32_t reorder;            /* chance to be held back */
	uint64_t reorder_ns;         /* by at most this */
	uint32_t corrupt;            /* one bit */
	uint64_t dark_from, dark_to; /* nothing arrives */
	uint32_t narrow;             /* longest datagram that passes; 0: any */
	uint64_t narrow_from;
	bool narrow_silent; /* nobody is told of what was too big */
};

struct link_packet {
	uint64_t at;
	uint64_t number;
	uint8_t *data;
	uint32_t len;
};

/* Owner: the world. */
struct link {
	struct link_config config;
	struct rng rng;
	uint64_t idle_at;  /* when the last byte has left the queue */
	uint64_t latest;   /* arrival of the last datagram in order */
	uint64_t slot_end; /* when the bunch is delivered */
	uint64_t numbers;
	uint64_t burst_until;
	struct link_packet *heap;
	uint32_t count;
	uint64_t sent, lost, corrupted;
};

void link_open(struct link *link, const struct link_config *config,
	       struct rng *rng);
void link_close(struct link *link);
/* From now on a good network: rate, latency and width stay. */
void link_heal(struct link *link);

/* What became of a datagram, for the trace. */
enum link_fate {
	LINK_PASSED,
	LINK_LOST,
	LINK_QUEUE_FULL,
	LINK_DUPLICATED,
	LINK_CORRUPTED,
	LINK_TOO_BIG,
	LINK_FATES,
};
extern const char *const link_fate_name[LINK_FATES];

enum link_fate link_send(struct link *link, uint64_t now, const uint8_t *data,
			 uint32_t len);

/* NEVER when nothing is on its way. */
uint64_t link_next_arrival(const struct link *link);
/* The datagram that has arrived; its data is the caller's to free. */
bool link_receive(struct link *link, uint64_t now,
		  struct link_packet *ret_packet);

#endif
