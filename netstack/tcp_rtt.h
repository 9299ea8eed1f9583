/* SPDX-License-Identifier: ISC */
/*
 * Round-trip time and retransmission timeout (RFC 6298). Nanoseconds.
 *
 * One departure: the variance term is never below the minimum RTO, so the
 * timeout stays that far above the round-trip time itself. On a path of steady
 * 300 ms the RFC's formula ends at 300 ms plus the clock's grain, and the first
 * delayed ACK is taken for a loss.
 */
#ifndef NETSTACK_TCP_RTT_H
#define NETSTACK_TCP_RTT_H

#include <stdint.h>

struct tcp_rtt {
	uint64_t srtt, rttvar; /* 0: no sample yet */
	uint64_t rto;          /* without back-off */
	uint8_t backoff;       /* times the timeout has doubled */
};

/* Until the first sample the timeout is 1 s (RFC 6298 2.1). */
void tcp_rtt_init(struct tcp_rtt *rtt);

/* One measurement, never from a retransmitted segment (MUST-18). Ends the
 * back-off. */
void tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t sample, uint64_t rto_min,
                    uint64_t rto_max);

/* The timeout with its back-off, at most rto_max. */
uint64_t tcp_rtt_timeout(const struct tcp_rtt *rtt, uint64_t rto_max);
void tcp_rtt_back_off(struct tcp_rtt *rtt);

#endif
