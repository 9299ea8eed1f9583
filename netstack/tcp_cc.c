/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_cc.h"

#include <string.h>

#include "base/time.h"

enum {
	CWND_MAX = 1 << 28,
	/* RFC 9438: beta = 0.7, C = 0.4; alpha = 3 * (1 - beta) / (1 + beta) */
	BETA_NUM = 7,
	BETA_DEN = 10,
	ALPHA_NUM = 9,
	ALPHA_DEN = 17,
	CUBIC_MS_MAX = 100000,
	USUAL_MSS = 1460,
	/* RFC 9406 section 4.3 */
	RTT_SAMPLES_MIN = 8,
	CSS_GROWTH_DIVISOR = 4,
	CSS_ROUNDS = 5,
	/* percent of the rate at which the window goes round */
	PACE_DOUBLING = 200,
	PACE_STEADY = 120,
};
#define RTT_THRESH_MIN_NS (4 * NS_PER_MS)
#define RTT_THRESH_MAX_NS (16 * NS_PER_MS)

/* RFC 6928: ten segments of the usual size; of larger ones less, but two. */
static uint32_t initial_window(uint32_t mss, uint32_t segments)
{
	uint32_t bytes = segments * USUAL_MSS;

	if (bytes < 2 * mss)
		bytes = 2 * mss;
	return segments * mss < bytes ? segments * mss : bytes;
}

void tcp_cc_init(struct tcp_cc *cc, uint32_t mss, uint32_t initial_segments)
{
	memset(cc, 0, sizeof(*cc));
	cc->mss = mss;
	cc->cwnd = initial_window(mss, initial_segments);
	cc->ssthresh = TCP_SSTHRESH_NONE;
	cc->round_min = cc->last_round_min = NEVER;
}

void tcp_cc_set_mss(struct tcp_cc *cc, uint32_t mss)
{
	cc->mss = mss;
	if (cc->cwnd < mss)
		cc->cwnd = mss;
}

static void grow(struct tcp_cc *cc, uint64_t bytes)
{
	uint64_t cwnd = cc->cwnd + bytes;

	cc->cwnd = cwnd < CWND_MAX ? (uint32_t)cwnd : CWND_MAX;
}

/* ------------------------------------------------------------- HyStart++ */

static uint64_t rtt_threshold(uint64_t rtt)
{
	uint64_t thresh = rtt / 8;

	if (thresh < RTT_THRESH_MIN_NS)
		return RTT_THRESH_MIN_NS;
	return thresh > RTT_THRESH_MAX_NS ? RTT_THRESH_MAX_NS : thresh;
}

static void start_round(struct tcp_cc *cc, uint32_t snd_nxt)
{
	cc->last_round_min = cc->round_min;
	cc->round_min = NEVER;
	cc->rtt_samples = 0;
	cc->round_end = snd_nxt;
	if (cc->css && ++cc->css_rounds >= CSS_ROUNDS)
		cc->ssthresh = cc->cwnd;
}

static void hystart_sample(struct tcp_cc *cc, uint64_t rtt)
{
	uint64_t last = cc->last_round_min;

	cc->round_min = time_min(cc->round_min, rtt);
	if (++cc->rtt_samples < RTT_SAMPLES_MIN || last == NEVER)
		return;
	if (!cc->css && cc->round_min >= last + rtt_threshold(last)) {
		cc->css = true;
		cc->css_rounds = 0;
		cc->css_baseline = cc->round_min;
	} else if (cc->css && cc->round_min < cc->css_baseline) {
		cc->css = false; /* the delay was not a queue of ours */
	}
}

static void slow_start(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
	if ((int32_t)(ack->snd_una - cc->round_end) >= 0)
		start_round(cc, ack->snd_nxt);
	if (ack->rtt != 0)
		hystart_sample(cc, ack->rtt);
	grow(cc, cc->css ? ack->acked / CSS_GROWTH_DIVISOR : ack->acked);
}

/* ------------------------------------------------------------- CUBIC */

static uint32_t cube_root(uint64_t value)
{
	uint64_t low = 0, high = CUBIC_MS_MAX;

	while (low < high) {
		uint64_t mid = (low + high + 1) / 2;

		if (mid * mid * mid <= value)
			low = mid;
		else
			high = mid - 1;
	}
	return (uint32_t)low;
}

static void start_epoch(struct tcp_cc *cc, uint64_t now)
{
	cc->epoch = now;
	cc->w_est = cc->cwnd;
	if (cc->cwnd < cc->w_max) {
		uint64_t segments = (cc->w_max - cc->cwnd) / cc->mss;

		/* K = cbrt(segments / 0.4) seconds */
		cc->k_ms = cube_root(segments * UINT64_C(2500000000));
	} else {
		cc->k_ms = 0;
		cc->w_max = cc->cwnd;
	}
}

/* W(t) = C * (t - K)^3 + W_max, in bytes. */
static uint64_t cubic_window(const struct tcp_cc *cc, uint64_t t_ms)
{
	uint64_t d = t_ms > cc->k_ms ? t_ms - cc->k_ms : cc->k_ms - t_ms;
	uint64_t bytes;

	if (d > CUBIC_MS_MAX)
		d = CUBIC_MS_MAX;
	bytes = d * d * d / 1000 * cc->mss / 1000 * 4 / 10 / 1000;
	if (t_ms > cc->k_ms)
		return cc->w_max + bytes;
	return bytes < cc->w_max ? cc->w_max - bytes : cc->mss;
}

static void grow_estimate(struct tcp_cc *cc, uint32_t acked)
{
	uint64_t add = (uint64_t)cc->mss * acked / cc->cwnd;

	if (cc->w_est < cc->w_max)
		add = add * ALPHA_NUM / ALPHA_DEN;
	cc->w_est += (uint32_t)add;
}

static void avoid_congestion(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
	uint64_t target;

	if (cc->epoch == 0)
		start_epoch(cc, ack->now);
	grow_estimate(cc, ack->acked);
	target = cubic_window(cc,
			      (ack->now - cc->epoch + ack->srtt) / NS_PER_MS);
	if (target < cc->w_est)
		target = cc->w_est;
	if (target > cc->cwnd + cc->cwnd / 2)
		target = cc->cwnd + cc->cwnd / 2;
	if (target > cc->cwnd)
		grow(cc, (target - cc->cwnd) * ack->acked / cc->cwnd);
}

void tcp_cc_ack(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
	uint64_t since = ack->now - cc->acked_at;

	cc->acked_at = ack->now;
	if (!ack->limited) { /* nothing is learnt, the curve stands still */
		if (cc->epoch != 0)
			cc->epoch += since;
		return;
	}
	if (cc->cwnd < cc->ssthresh)
		slow_start(cc, ack);
	else
		avoid_congestion(cc, ack);
}

/* ------------------------------------------------------------- reductions */

static void reduce(struct tcp_cc *cc)
{
	uint64_t cwnd = cc->cwnd;
	uint32_t ssthresh = (uint32_t)(cwnd * BETA_NUM / BETA_DEN);

	cc->saved = (struct tcp_cc_saved){
		.cwnd = cc->cwnd,
		.ssthresh = cc->ssthresh,
		.w_max = cc->w_max,
		.k_ms = cc->k_ms,
		.epoch = cc->epoch,
	};
	/* Fast convergence: leave room for whoever has just come. */
	if (cc->cwnd < cc->w_max)
		cwnd = cwnd * (BETA_DEN + BETA_NUM) / (2 * BETA_DEN);
	cc->w_max = (uint32_t)cwnd;
	cc->ssthresh = ssthresh < 2 * cc->mss ? 2 * cc->mss : ssthresh;
	cc->epoch = 0;
	cc->css = false;
}

void tcp_cc_congestion(struct tcp_cc *cc, uint32_t flight)
{
	reduce(cc);
	cc->recovering = true;
	cc->recover_flight = flight > 0 ? flight : cc->mss;
	cc->prr_delivered = 0;
	cc->prr_out = 0;
}

static uint64_t prr_allowance(const struct tcp_cc *cc, uint32_t delivered,
			      uint32_t pipe, bool advanced)
{
	uint64_t send;

	if (pipe > cc->ssthresh) {
		send = (uint64_t)cc->prr_delivered * cc->ssthresh;
		send = (send + cc->recover_flight - 1) / cc->recover_flight;
		return send > cc->prr_out ? send - cc->prr_out : 0;
	}
	send = delivered;
	if (cc->prr_delivered > cc->prr_out &&
	    cc->prr_delivered - cc->prr_out > send)
		send = cc->prr_delivered - cc->prr_out;
	if (advanced)
		send += cc->mss;
	return send < cc->ssthresh - pipe ? send : cc->ssthresh - pipe;
}

void tcp_cc_recovery_ack(struct tcp_cc *cc, uint32_t delivered, uint32_t pipe,
			 bool advanced)
{
	uint64_t send;

	cc->prr_delivered += delivered;
	send = prr_allowance(cc, delivered, pipe, advanced);
	if (cc->prr_out == 0 && send < cc->mss)
		send = cc->mss; /* the first retransmission always goes */
	cc->cwnd = pipe + (uint32_t)send;
}

void tcp_cc_sent(struct tcp_cc *cc, uint32_t bytes)
{
	if (cc->recovering)
		cc->prr_out += bytes;
}

void tcp_cc_recovered(struct tcp_cc *cc)
{
	if (cc->recovering)
		cc->cwnd = cc->ssthresh;
	cc->recovering = false;
}

void tcp_cc_timeout(struct tcp_cc *cc, bool again)
{
	if (!again)
		reduce(cc);
	cc->recovering = false;
	cc->cwnd = cc->mss;
}

void tcp_cc_undo(struct tcp_cc *cc)
{
	if (cc->cwnd < cc->saved.cwnd)
		cc->cwnd = cc->saved.cwnd;
	cc->ssthresh = cc->saved.ssthresh;
	cc->w_max = cc->saved.w_max;
	cc->k_ms = cc->saved.k_ms;
	cc->epoch = cc->saved.epoch;
	cc->recovering = false;
}

uint64_t tcp_cc_pace(const struct tcp_cc *cc, uint64_t srtt)
{
	bool doubling = cc->cwnd < cc->ssthresh;
	uint64_t window = cc->cwnd;

	if (cc->recovering && cc->ssthresh > cc->cwnd) {
		window = cc->ssthresh;
		doubling = false;
	}
	return window * (doubling ? PACE_DOUBLING : PACE_STEADY) *
		       (NS_PER_S / 100) / srtt +
	       1;
}

void tcp_cc_idle(struct tcp_cc *cc, uint32_t initial_segments,
		 uint64_t timeouts)
{
	uint32_t restart = initial_window(cc->mss, initial_segments);

	if (cc->cwnd <= restart)
		return;
	for (; timeouts > 0 && cc->cwnd > restart; timeouts--)
		cc->cwnd /= 2;
	if (cc->cwnd < restart)
		cc->cwnd = restart;
	cc->epoch = 0;
}
