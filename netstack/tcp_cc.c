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
	INITIAL_SEGMENTS = 10,
	/* RFC 9406 section 4.3 */
	RTT_SAMPLES_MIN = 8,
	CSS_GROWTH_DIVISOR = 4,
	LATE_EIGHTHS = 3,
	MEAN_UNITS = 16,
	BUSY_DIVISOR = 3,
	QUEUE_DIVISOR = 16,         /* less of the round trip is no queue yet */
	TOLERANT_RTT_MIN_US = 4000, /* CUBIC is well there */
	LOST_MIN = 8,               /* segments: fewer are no rate */
	LOSS_WINDOW = 1024,
	/* of a window: a whole one hides a queue that has just come, and
	 * one round trip may be long for any reason */
	RECENT_DIVISOR = 8,
	/* One loss without a queue makes up for four with one. */
	LOSSY_STEP = 4,
	LOSSY_MAX = 32,
	/* The shortest round trip of a stream that found a queue has that in
	 * it: from time to time something is taken away all the same. */
	TRIAL_EIGHTHS = 128 * 8,
	LOSSY_GROWTH_DIVISOR = 8,
	LOSSY_GROWTH_MAX = 16, /* segments, so that streams come to equal */
	/* percent of the rate at which the window goes round */
	PACE_FILLING = 200,
	PACE_STEADY = 102,
};
#define RTT_THRESH_MIN_US 4000
#define RTT_THRESH_MAX_US 16000
#define RTT_NONE          UINT32_MAX

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
	cc->recent = cc->next_recent = RTT_NONE;
	cc->floor = cc->last_floor = RTT_NONE;
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

static uint32_t microseconds(uint64_t ns)
{
	return (uint32_t)time_min(ns / NS_PER_US, RTT_NONE - 1);
}

/* ------------------------------------------------------------- HyStart */

/* Slow start ends when a queue has come (the idea of RFC 9406). Its segments
 * are paced, so that the least round trip of a whole round, which that RFC
 * takes, is of the first of them and comes one round trip after the queue: it
 * is looked for in eighths of a window. What the window has grown since the
 * queue began is taken back, then follows one round of a quarter's growth. */

static uint32_t rtt_threshold(uint32_t rtt)
{
	uint32_t thresh = rtt / 8;

	if (thresh < RTT_THRESH_MIN_US)
		return RTT_THRESH_MIN_US;
	return thresh > RTT_THRESH_MAX_US ? RTT_THRESH_MAX_US : thresh;
}

static void start_round(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
	cc->last_flight = cc->round_flight;
	cc->round_flight = ack->snd_nxt - ack->snd_una;
	cc->round_end = ack->snd_nxt;
	if (cc->css)
		cc->ssthresh = cc->cwnd;
	cc->css = false;
}

/* What was outstanding when the segment was sent that is acknowledged now. */
static uint32_t flight_then(const struct tcp_cc *cc,
			    const struct tcp_cc_ack *ack)
{
	uint64_t left = cc->round_end - ack->snd_una;
	uint64_t more = cc->round_flight > cc->last_flight
				? cc->round_flight - cc->last_flight
				: 0;

	if (left >= cc->round_flight)
		return cc->round_flight - (uint32_t)more;
	return cc->round_flight - (uint32_t)(more * left / cc->round_flight);
}

/* Of what was outstanding: mean round trips know of delays without a queue. */
static uint32_t without_queue(const struct tcp_cc *cc, uint32_t flight)
{
	uint32_t usual = cc->floor / MEAN_UNITS;

	if (usual >= cc->recent)
		return flight;
	return (uint32_t)((uint64_t)flight * usual / cc->recent);
}

/* A queue is there when round trips are longer for a while; it began when the
 * window was what it was a round trip before they were. */
static void look_for_queue(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
	uint32_t empty = microseconds(ack->min_rtt);
	uint32_t more = rtt_threshold(empty);
	uint32_t least = initial_window(cc->mss, INITIAL_SEGMENTS);

	if (cc->css || cc->recent_count != 0 || cc->recent == RTT_NONE ||
	    cc->last_flight == 0)
		return; /* no eighth of a window ends here */
	if (cc->recent < empty + more ||
	    cc->recent < cc->mean / MEAN_UNITS + more / 4) {
		cc->hystart = 0;
		return;
	}
	if (cc->hystart++ == 0)
		cc->queue_began = without_queue(cc, flight_then(cc, ack));
	if (cc->hystart < LATE_EIGHTHS)
		return;
	if (cc->queue_began < least)
		cc->queue_began = least;
	if (cc->queue_began < cc->cwnd)
		cc->cwnd = cc->queue_began;
	cc->css = true;
	cc->hystart = 0;
	cc->round_end = ack->snd_nxt;
}

static void slow_start(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
	if ((int32_t)(ack->snd_una - cc->round_end) >= 0)
		start_round(cc, ack);
	if (cc->cwnd >= cc->ssthresh)
		return;
	if (!ack->reno)
		look_for_queue(cc, ack);
	grow(cc, cc->css ? ack->acked / CSS_GROWTH_DIVISOR : ack->acked);
}

/* ------------------------------------------------------------- judgement */

static uint16_t segments(const struct tcp_cc *cc, uint32_t bytes)
{
	uint32_t count = (bytes + cc->mss / 2) / cc->mss;

	return (uint16_t)(count < LOSS_WINDOW ? count : LOSS_WINDOW);
}

static void learn_mean(struct tcp_cc *cc, uint32_t rtt, uint32_t delivered)
{
	int64_t span = 2 * (int64_t)(cc->cwnd > cc->mss ? cc->cwnd : cc->mss);
	int64_t off;

	if (cc->mean == 0 || delivered > span)
		cc->mean = rtt * MEAN_UNITS;
	off = (int64_t)rtt * MEAN_UNITS - cc->mean;
	cc->mean = (uint32_t)(cc->mean + off * delivered / span);
	if (cc->mean < cc->floor)
		cc->floor = cc->mean;
}

void tcp_cc_learn(struct tcp_cc *cc, uint64_t rtt, uint32_t delivered,
		  uint32_t lost)
{
	uint32_t span = cc->cwnd / RECENT_DIVISOR / cc->mss;

	if (span > LOSS_WINDOW)
		span = LOSS_WINDOW;
	cc->recent_count += segments(cc, delivered);
	cc->delivered += segments(cc, delivered);
	cc->lost += segments(cc, lost);
	if (cc->delivered + cc->lost > LOSS_WINDOW) {
		cc->delivered /= 2;
		cc->lost /= 2;
	}
	if (cc->recent_count > LOSS_WINDOW)
		cc->recent_count = LOSS_WINDOW;
	if (rtt == 0)
		return;
	learn_mean(cc, microseconds(rtt), delivered);
	if (microseconds(rtt) < cc->next_recent)
		cc->next_recent = microseconds(rtt);
	if (cc->recent_count < RTT_SAMPLES_MIN || cc->recent_count < span)
		return;
	if (cc->since_trial < UINT16_MAX)
		cc->since_trial++;
	cc->recent = cc->next_recent;
	cc->next_recent = RTT_NONE;
	cc->recent_count = 0;
}

static uint32_t least_of_late(const struct tcp_cc *cc)
{
	return cc->recent < cc->next_recent ? cc->recent : cc->next_recent;
}

static uint32_t slack(uint32_t empty)
{
	uint32_t slack = empty / QUEUE_DIVISOR;

	if (slack < RTT_THRESH_MIN_US)
		return RTT_THRESH_MIN_US < empty / 4 ? RTT_THRESH_MIN_US
						     : empty / 4;
	return slack > RTT_THRESH_MAX_US ? RTT_THRESH_MAX_US : slack;
}

/* A reduction takes from a queue of ours. Where the mean round trip is no
 * longer than after one, it is busy hosts or a radio link that delay, which the
 * shortest round trip of all has escaped. */
static bool is_busy(const struct tcp_cc *cc, uint32_t empty)
{
	uint32_t usual =
		(cc->floor < cc->last_floor ? cc->floor : cc->last_floor) /
		MEAN_UNITS;
	uint32_t most = empty + empty / BUSY_DIVISOR;

	if (cc->mean == 0 || cc->cwnd < cc->ssthresh)
		return false;
	return cc->mean / MEAN_UNITS <=
	       (usual < most ? usual : most) + slack(empty);
}

static bool shows_queue(const struct tcp_cc *cc, uint32_t empty)
{
	return least_of_late(cc) > empty + slack(empty) /* or is not known */
	       && !is_busy(cc, empty);
}

static bool loses_much(const struct tcp_cc *cc, uint32_t percent)
{
	uint32_t all = (uint32_t)cc->delivered + cc->lost;

	return cc->lost >= LOST_MIN && cc->lost * 100 > all * percent;
}

unsigned tcp_cc_judge(struct tcp_cc *cc, uint64_t min_rtt, uint32_t percent)
{
	uint32_t empty = microseconds(min_rtt);
	unsigned keep = TCP_CC_KEEP;

	if (loses_much(cc, percent) || empty < TOLERANT_RTT_MIN_US) {
		cc->tolerated = 0;
	} else if (!shows_queue(cc, empty)) {
		if (cc->since_trial >= TRIAL_EIGHTHS) {
			cc->since_trial = 0;
			return TCP_CC_KEEP;
		}
		cc->tolerated += LOSSY_STEP;
		if (cc->tolerated > LOSSY_MAX)
			cc->tolerated = LOSSY_MAX;
		return 100;
	} else if (cc->tolerated > 0) {
		cc->tolerated--;
		keep = (unsigned)(UINT64_C(100) * empty / least_of_late(cc));
	}
	return keep > TCP_CC_KEEP ? keep : TCP_CC_KEEP;
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

/* The curve leads back to where a loss was, which says nothing here. */
static void seek_queue(struct tcp_cc *cc, uint32_t acked)
{
	uint64_t step = cc->cwnd / LOSSY_GROWTH_DIVISOR;

	if (step > (uint64_t)LOSSY_GROWTH_MAX * cc->mss)
		step = (uint64_t)LOSSY_GROWTH_MAX * cc->mss;
	cc->epoch = 0;
	grow(cc, step * acked / cc->cwnd);
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
	else if (ack->reno)
		grow(cc, (uint64_t)cc->mss * ack->acked / cc->cwnd);
	else if (cc->tolerated >= LOSSY_MAX / 2 &&
		 !shows_queue(cc, microseconds(ack->min_rtt)))
		seek_queue(cc, ack->acked);
	else
		avoid_congestion(cc, ack);
}

/* ------------------------------------------------------------- reductions */

static void reduce(struct tcp_cc *cc, unsigned keep)
{
	uint64_t cwnd = cc->cwnd;
	uint32_t ssthresh;

	if (cc->css) /* what is lost was sent with the window of before */
		keep = 100;
	ssthresh = (uint32_t)(cwnd * keep / 100);

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
	if (keep == TCP_CC_KEEP) {
		cc->last_floor = cc->floor;
		cc->floor = RTT_NONE;
	}
	cc->css = false;
	cc->hystart = 0;
	cc->delivered = cc->lost = 0; /* they have had their effect */
}

void tcp_cc_congestion(struct tcp_cc *cc, uint32_t flight, unsigned keep)
{
	reduce(cc, keep);
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

static void end_recovery(struct tcp_cc *cc)
{
	if (!cc->recovering)
		return;
	cc->recovering = false;
	cc->round_flight = cc->last_flight = 0;
}

void tcp_cc_recovered(struct tcp_cc *cc)
{
	if (cc->recovering)
		cc->cwnd = cc->ssthresh;
	end_recovery(cc);
}

void tcp_cc_timeout(struct tcp_cc *cc, unsigned keep, bool again)
{
	if (!again)
		reduce(cc, keep);
	end_recovery(cc);
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
	end_recovery(cc);
}

bool tcp_cc_is_filled(const struct tcp_cc *cc, uint32_t pipe)
{
	if (cc->recovering)
		return true;
	return cc->cwnd >= cc->ssthresh && pipe >= cc->cwnd / 2;
}

uint64_t tcp_cc_pace(const struct tcp_cc *cc, uint64_t srtt, uint32_t pipe)
{
	bool filled = tcp_cc_is_filled(cc, pipe);
	uint64_t window = cc->cwnd;

	if (cc->recovering && cc->ssthresh > cc->cwnd)
		window = cc->ssthresh;
	return window * (filled ? PACE_STEADY : PACE_FILLING) *
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
