/* SPDX-License-Identifier: ISC */
/*
 * A stream of somebody else beside ours: a model of a kernel's TCP with CUBIC
 * (RFC 9438), HyStart of delays and of trains, fast convergence, selective
 * acknowledgements and proportional rate reduction, no pacing. Its datagrams
 * cross the links of the hosts and are known by a first byte of 0.
 */
#ifndef TEST_SIM_RIVAL_H
#define TEST_SIM_RIVAL_H

#include "link.h"

enum { RIVAL_RING = 32768, RIVAL_MSS = 1348, RIVAL_PACKET = 1420 };

/* Owner: the world. Windows count segments. */
struct rival {
	struct link *data, *acks;
	uint64_t start_at; /* NEVER: there is none */
	/* sender */
	uint64_t una, next, highest; /* delivered, exclusive */
	uint64_t sent_at[RIVAL_RING];
	uint8_t state[RIVAL_RING];
	uint32_t pipe, lost;
	uint64_t newest_sent; /* of what was delivered */
	double cwnd, ssthresh;
	double w_max, w_est, origin, k;
	uint64_t epoch;
	uint64_t min_rtt, srtt, rto_at;
	uint64_t round_end, round_start, train_at, round_min;
	unsigned samples;
	bool started;
	bool in_trains; /* what it may send is saved up for a large packet */
	bool recovering;
	uint64_t recover;
	uint64_t prr_delivered, prr_out, prr_flight;
	/* receiver */
	uint64_t expected, received;
	uint64_t got_at[RIVAL_RING];
	unsigned unacked;
};

void rival_init(struct rival *rival, struct link *data, struct link *acks,
		uint64_t start_at, bool in_trains);
/* Whether the datagram is the rival's; then it is dealt with. */
bool rival_arrive(struct rival *rival, uint64_t now,
		  const struct link_packet *packet);
void rival_expire(struct rival *rival, uint64_t now);
uint64_t rival_deadline(const struct rival *rival);

#endif
