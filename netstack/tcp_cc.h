/* SPDX-License-Identifier: ISC */
/*
 * Congestion control: CUBIC (RFC 9438), a slow start that ends by delay (after
 * RFC 9406) and Proportional Rate Reduction (RFC 9937) during recovery.
 *
 * Not every loss is congestion: radio links and overloaded boxes lose packets
 * while their queues are empty, and CUBIC alone comes to a few percent of such
 * a path. As long as round trips show no queue and losses are few, a loss
 * changes nothing, but now and then, so that a queue in the shortest round trip
 * known is found out. Busy hosts and radio links delay without a queue, so mean
 * round trips are compared with those after a reduction as well. Where some
 * losses were found to be of that kind, congestion takes away no more than the
 * queue holds (the idea of TCP Veno and Westwood). On a path whose losses all
 * come with a queue this is CUBIC to the byte.
 *
 * It takes events, never duplicate ACKs: whoever judges a loss does so once per
 * window and says tcp_cc_congestion(). Amounts are bytes.
 */
#ifndef NETSTACK_TCP_CC_H
#define NETSTACK_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

#define TCP_SSTHRESH_NONE (UINT32_MAX / 2)
/* What a loss leaves, percent: beta of RFC 9438, and that of RFC 5681. */
enum { TCP_CC_KEEP = 70, TCP_CC_KEEP_RENO = 50 };

/* What an undo brings back. */
struct tcp_cc_saved {
	uint32_t cwnd, ssthresh, w_max, k_ms;
	uint64_t epoch;
};

/* Owner: the connection that embeds it. */
struct tcp_cc {
	uint32_t cwnd, ssthresh;
	uint32_t mss;
	/* CUBIC */
	uint32_t w_max;    /* window before the last reduction */
	uint32_t w_est;    /* what Reno would have */
	uint32_t k_ms;     /* time to reach w_max again */
	uint64_t epoch;    /* start of this growth, 0 = not begun */
	uint64_t acked_at; /* last ACK */
	/* HyStart */
	uint32_t round_end;   /* sequence number that ends the round */
	uint16_t since_trial; /* eighths of a window */
	uint8_t hystart;      /* eighths that were late */
	bool css;             /* conservative slow start */
	union {
		struct { /* outside recovery */
			uint32_t round_flight, last_flight; /* when it began */
			uint32_t queue_began; /* outstanding when it did */
		};
		struct { /* PRR */
			uint32_t recover_flight, prr_delivered, prr_out;
		};
	};
	/* what losses are like */
	uint16_t recent_count; /* segments since next_recent began */
	uint8_t tolerated;     /* losses, less what was reduced since */
	bool recovering;
	uint16_t delivered, lost;     /* segments, old ones fade */
	uint32_t recent, next_recent; /* least of an eighth of a window, us */
	uint32_t mean;                /* round trip over two windows, us / 16 */
	uint32_t floor, last_floor; /* least mean since the last full reduction,
				     * and of the time before it */
	struct tcp_cc_saved saved;
};

void tcp_cc_init(struct tcp_cc *cc, uint32_t mss, uint32_t initial_segments);
void tcp_cc_set_mss(struct tcp_cc *cc, uint32_t mss);

/* One acknowledgement outside recovery. limited: the window, not the
 * application, was what held the sender back (RFC 7661). */
struct tcp_cc_ack {
	uint64_t now;
	uint64_t rtt; /* of this ACK, 0 = no sample */
	uint64_t srtt, min_rtt;
	uint32_t acked;
	uint32_t snd_una, snd_nxt;
	bool limited;
	bool reno; /* grow as RFC 5681 has it */
};
void tcp_cc_ack(struct tcp_cc *cc, const struct tcp_cc_ack *ack);

/* What each acknowledgement told, in or outside recovery: the round trip (0 =
 * no sample), bytes that arrived and bytes that are lost. */
void tcp_cc_learn(struct tcp_cc *cc, uint64_t rtt, uint32_t delivered,
		  uint32_t lost);
/* Percent of the window that a loss leaves; 100: it is none of congestion's.
 * min_rtt: of the empty path. percent: losses beyond this are always
 * congestion's. */
unsigned tcp_cc_judge(struct tcp_cc *cc, uint64_t min_rtt, uint32_t percent);
/* A loss starts a recovery with flight bytes outstanding. */
void tcp_cc_congestion(struct tcp_cc *cc, uint32_t flight, unsigned keep);
/* During recovery: delivered by this ACK, pipe after it; advanced: snd_una
 * moved and nothing new was lost. */
void tcp_cc_recovery_ack(struct tcp_cc *cc, uint32_t delivered, uint32_t pipe,
			 bool advanced);
void tcp_cc_sent(struct tcp_cc *cc, uint32_t bytes);
void tcp_cc_recovered(struct tcp_cc *cc);
/* The retransmission timer fired; keep: percent for ssthresh; again: the last
 * one is not recovered from, and is what an undo goes back to. */
void tcp_cc_timeout(struct tcp_cc *cc, unsigned keep, bool again);
/* The last reduction was a mistake: everything as before it. */
void tcp_cc_undo(struct tcp_cc *cc);
/* Slow start is over and the window is used, pipe being what is in flight: what
 * goes follows from what arrives. */
bool tcp_cc_is_filled(const struct tcp_cc *cc, uint32_t pipe);
/* How fast to send, bytes per second. Then only a little faster than the window
 * goes round: it is sent evenly, and yet acknowledgements and not the pace
 * decide how much. Otherwise twice as fast. srtt > 0. */
uint64_t tcp_cc_pace(const struct tcp_cc *cc, uint64_t srtt, uint32_t pipe);
/* Nothing was sent for this many retransmission time-outs. */
void tcp_cc_idle(struct tcp_cc *cc, uint32_t initial_segments,
		 uint64_t timeouts);

#endif
