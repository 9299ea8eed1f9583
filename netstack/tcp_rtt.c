/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_rtt.h"

#include "base/time.h"

enum { BACKOFF_MAX = 20 };

void tcp_rtt_init(struct tcp_rtt *rtt)
{
	*rtt = (struct tcp_rtt){.rto = NS_PER_S};
}

void tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t sample, uint64_t rto_min,
                    uint64_t rto_max)
{
	uint64_t spread;

	if (sample == 0)
		sample = 1; /* 0 means that there is none */
	if (rtt->srtt == 0) {
		rtt->srtt = sample;
		rtt->rttvar = sample / 2;
	} else {
		uint64_t delta = rtt->srtt > sample ? rtt->srtt - sample
		                                    : sample - rtt->srtt;

		rtt->rttvar = rtt->rttvar - rtt->rttvar / 4 + delta / 4;
		rtt->srtt = rtt->srtt - rtt->srtt / 8 + sample / 8;
	}
	spread = 4 * rtt->rttvar;
	if (spread < rto_min)
		spread = rto_min;
	rtt->rto = time_min(rtt->srtt + spread, rto_max);
	rtt->backoff = 0;
}

uint64_t tcp_rtt_timeout(const struct tcp_rtt *rtt, uint64_t rto_max)
{
	return time_min(rtt->rto << rtt->backoff, rto_max);
}

void tcp_rtt_back_off(struct tcp_rtt *rtt)
{
	if (rtt->backoff < BACKOFF_MAX)
		rtt->backoff++;
}
