/* SPDX-License-Identifier: ISC */
/* CUBIC (RFC 9438) beside its formulas in floating point, HyStart (RFC 9406)
 * and proportional rate reduction (RFC 9937). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/time.h"
#include "netstack/tcp_cc.h"

enum { MSS = 1000, SENT_MAX = 20000 };

static struct tcp_cc cc;
static uint64_t now;
static uint32_t seq;

static int setup(void **state)
{
	(void)state;
	tcp_cc_init(&cc, MSS, 10);
	now = 1000 * NS_PER_S;
	seq = 0;
	return 0;
}

/* One round trip of ACKs for every second segment. */
static void round_trip(uint64_t rtt, bool limited)
{
	uint32_t window = cc.cwnd;
	uint32_t acks = window / (2 * MSS);

	for (uint32_t i = 0; i < acks; i++) {
		struct tcp_cc_ack ack = {
			.now = now + rtt * (i + 1) / acks,
			.rtt = rtt,
			.srtt = rtt,
			.min_rtt = rtt,
			.acked = 2 * MSS,
			.snd_una = seq + 2 * MSS * (i + 1),
			.snd_nxt = seq + window + 2 * MSS * (i + 1),
			.limited = limited,
		};

		tcp_cc_ack(&cc, &ack);
	}
	now += rtt;
	seq += 2 * MSS * acks;
}

static void lose(void)
{
	tcp_cc_congestion(&cc, cc.cwnd, TCP_CC_KEEP);
	tcp_cc_recovered(&cc);
}

static void test_initial_window(void **state)
{
	(void)state;
	assert_int_equal(cc.cwnd, 10 * MSS);
	tcp_cc_init(&cc, 8940, 10); /* RFC 6928: 14600 bytes or two segments */
	assert_int_equal(cc.cwnd, 2 * 8940);
	tcp_cc_init(&cc, 1460, 1);
	assert_int_equal(cc.cwnd, 1460);
}

static void test_slow_start(void **state)
{
	(void)state;
	for (uint32_t window = 10 * MSS; window < 1000 * MSS; window *= 2) {
		assert_int_equal(cc.cwnd, window);
		round_trip(50 * NS_PER_MS, true);
	}
}

/* RFC 7661: a window nobody fills does not grow. */
static void test_not_limited(void **state)
{
	(void)state;
	round_trip(50 * NS_PER_MS, false);
	assert_int_equal(cc.cwnd, 10 * MSS);
}

static double cube_root(double x)
{
	double low = 0, high = 1000;

	for (int i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (middle * middle * middle < x)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* cwnd follows W(t) = 0.4 (t - K)^3 + W_max within a few segments, from the
 * reduction to well beyond W_max. */
static void test_cubic_curve(void **state)
{
	double w_max = 1000, k = cube_root(w_max * 0.3 / 0.4);
	uint64_t start;

	(void)state;
	cc.cwnd = 1000 * MSS;
	lose();
	assert_int_equal(cc.cwnd, 700 * MSS);
	assert_int_equal(cc.ssthresh, 700 * MSS);
	start = now;
	for (int i = 0; i < 150; i++) {
		double t, want;

		round_trip(100 * NS_PER_MS, true);
		t = (double)(now - start) / 1e9;
		want = w_max + 0.4 * (t - k) * (t - k) * (t - k);
		if (t < 1)
			continue;
		assert_true((double)cc.cwnd / MSS < want * 1.02 + 3);
		assert_true((double)cc.cwnd / MSS > want * 0.98 - 3);
	}
	assert_true(cc.cwnd > 1050 * MSS);
}

/* On short paths it is never slower than Reno's 0.53 segments a round trip. */
static void test_reno_friendly(void **state)
{
	uint32_t before;

	(void)state;
	cc.cwnd = 20 * MSS;
	lose();
	before = cc.cwnd;
	for (int i = 0; i < 10; i++)
		round_trip(NS_PER_MS, true);
	assert_true(cc.cwnd >= before + 3 * MSS);
	assert_true(cc.cwnd <= before + 8 * MSS);
}

static void test_fast_convergence(void **state)
{
	(void)state;
	cc.cwnd = 100 * MSS;
	lose();
	assert_int_equal(cc.w_max, 100 * MSS);
	cc.cwnd = 80 * MSS; /* lost again before it came back */
	lose();
	assert_int_equal(cc.w_max, 68 * MSS); /* 80 * (1 + 0.7) / 2 */
}

static void test_undo(void **state)
{
	struct tcp_cc before;

	(void)state;
	cc.cwnd = 100 * MSS;
	lose();
	for (int i = 0; i < 20; i++)
		round_trip(20 * NS_PER_MS, true);
	before = cc;
	lose();
	tcp_cc_undo(&cc);
	assert_int_equal(cc.cwnd, before.cwnd);
	assert_int_equal(cc.ssthresh, before.ssthresh);
	assert_int_equal(cc.w_max, before.w_max);
	assert_int_equal(cc.epoch, before.epoch);
	assert_int_equal(cc.k_ms, before.k_ms);
	/* a timeout and its repetition go back to before the first */
	tcp_cc_timeout(&cc, TCP_CC_KEEP, false);
	assert_int_equal(cc.cwnd, MSS);
	tcp_cc_timeout(&cc, TCP_CC_KEEP, true);
	tcp_cc_undo(&cc);
	assert_int_equal(cc.cwnd, before.cwnd);
}

/* The application pauses: the curve stands still meanwhile. */
static void test_pause(void **state)
{
	uint32_t before;

	(void)state;
	cc.cwnd = 500 * MSS;
	lose();
	for (int i = 0; i < 5; i++)
		round_trip(50 * NS_PER_MS, true);
	before = cc.cwnd;
	for (int i = 0; i < 1000; i++)
		round_trip(50 * NS_PER_MS, false);
	assert_int_equal(cc.cwnd, before);
	round_trip(50 * NS_PER_MS, true);
	assert_true(cc.cwnd < before + before / 10);
}

static void test_idle(void **state)
{
	(void)state;
	cc.cwnd = 160 * MSS;
	tcp_cc_idle(&cc, 10, 2);
	assert_int_equal(cc.cwnd, 40 * MSS);
	tcp_cc_idle(&cc, 10, 100);
	assert_int_equal(cc.cwnd, 10 * MSS);
}

/* ------------------------------------------------------------- HyStart */

static uint64_t sent_at[SENT_MAX];

/* Slow start over a link that holds a window of 200 segments in this round
 * trip, with a queue behind it: one acknowledgement for each segment. */
static void start_over_link(uint64_t empty, uint32_t segments)
{
	uint64_t per_segment = empty / 200;
	static uint64_t left[SENT_MAX];
	uint64_t free_at = 0;
	uint32_t sent = 0;

	for (uint32_t acked = 0; acked < segments; acked++) {
		struct tcp_cc_ack ack = {.min_rtt = empty, .srtt = empty};

		ack.now = acked > 0 ? left[acked - 1] + empty : 0;
		for (; sent < acked + cc.cwnd / MSS; sent++) {
			assert_in_range(sent, 0, SENT_MAX - 1);
			free_at = (free_at > ack.now ? free_at : ack.now) +
				  per_segment;
			left[sent] = free_at;
			sent_at[sent] = ack.now;
		}
		ack.now = left[acked] + empty;
		ack.rtt = ack.now - sent_at[acked];
		ack.acked = MSS;
		ack.snd_una = (acked + 1) * MSS;
		ack.snd_nxt = sent * MSS;
		ack.limited = true;
		tcp_cc_learn(&cc, ack.rtt, MSS, 0);
		tcp_cc_ack(&cc, &ack);
	}
}

/* The queue fills: slow start ends by delay, before loss, and with about what
 * the path holds, though the window has doubled since. */
static void test_hystart_leaves(void **state)
{
	(void)state;
	start_over_link(50 * NS_PER_MS, 2000);
	assert_true(cc.cwnd >= cc.ssthresh);
	assert_in_range(cc.ssthresh, 150 * MSS, 300 * MSS);
}

/* A loss right then is of the window of before: it takes no more away. */
static void test_hystart_then_loss(void **state)
{
	uint32_t before;

	(void)state;
	for (uint32_t acked = 100; !cc.css; acked += 10) {
		setup(NULL);
		start_over_link(50 * NS_PER_MS, acked);
	}
	before = cc.cwnd;
	tcp_cc_congestion(&cc, 2 * before, TCP_CC_KEEP);
	assert_int_equal(cc.ssthresh, before);
	tcp_cc_recovered(&cc);
	tcp_cc_congestion(&cc, before, TCP_CC_KEEP);
	assert_int_equal(cc.ssthresh, before / 10 * 7);
}

/* Single late ones are no queue. */
static void test_hystart_stays(void **state)
{
	uint64_t rtt = 50 * NS_PER_MS;

	(void)state;
	for (int i = 0; i < 5; i++) {
		round_trip(rtt, true);
		tcp_cc_learn(&cc, rtt + 10 * NS_PER_MS, MSS, 0);
	}
	assert_false(cc.css);
	assert_int_equal(cc.cwnd, 10 * 32 * MSS);
}

/* ------------------------------------------------------------- pace */

/* Twice round in slow start, and until half of the window is used; hardly more
 * than once later; in recovery never slower than the window that it will end
 * with. */
static void test_pace(void **state)
{
	uint64_t srtt = 100 * NS_PER_MS;

	(void)state;
	setup(NULL);
	cc.cwnd = 100 * MSS;
	assert_int_equal(tcp_cc_pace(&cc, srtt, 100 * MSS) / MSS, 2000);
	assert_false(tcp_cc_is_filled(&cc, 100 * MSS));
	cc.ssthresh = 100 * MSS;
	assert_int_equal(tcp_cc_pace(&cc, srtt, 50 * MSS) / MSS, 1020);
	assert_true(tcp_cc_is_filled(&cc, 50 * MSS));
	assert_int_equal(tcp_cc_pace(&cc, srtt, 50 * MSS - 1) / MSS, 2000);
	assert_false(tcp_cc_is_filled(&cc, 50 * MSS - 1));
	tcp_cc_congestion(&cc, 100 * MSS, TCP_CC_KEEP);
	cc.cwnd = MSS;
	assert_int_equal(tcp_cc_pace(&cc, srtt, 0) / MSS, 714);
}

/* ------------------------------------------------------------- judgement */

#define EMPTY (20 * NS_PER_MS)

static void arrive(uint32_t segments, uint64_t rtt)
{
	for (uint32_t i = 0; i < segments; i++)
		tcp_cc_learn(&cc, rtt, MSS, 0);
}

static unsigned lose_at(uint64_t rtt)
{
	arrive(100, rtt);
	tcp_cc_learn(&cc, 0, 0, MSS);
	return tcp_cc_judge(&cc, EMPTY, 3);
}

/* A loss is the path's own while nothing queues, and congestion's as soon as
 * something does, or when nothing is known. */
static void test_judge(void **state)
{
	(void)state;
	assert_int_equal(tcp_cc_judge(&cc, EMPTY, 3), TCP_CC_KEEP);
	assert_int_equal(lose_at(EMPTY + 5 * NS_PER_MS), TCP_CC_KEEP);
	assert_int_equal(lose_at(EMPTY + 3 * NS_PER_MS), 100);
	/* where losses are the path's own, only the queue is taken away */
	for (int i = 0; i < 4; i++)
		assert_int_equal(lose_at(EMPTY + 5 * NS_PER_MS), 80);
	/* all of that kind are used up */
	assert_int_equal(lose_at(EMPTY + 5 * NS_PER_MS), TCP_CC_KEEP);
	assert_int_equal(lose_at(EMPTY), 100);
	assert_int_equal(lose_at(3 * EMPTY), TCP_CC_KEEP);
	/* a path too short to tell */
	arrive(100, NS_PER_MS);
	assert_int_equal(tcp_cc_judge(&cc, NS_PER_MS, 3), TCP_CC_KEEP);
}

/* Many losses are congestion, a short queue or none; once. */
static void test_judge_many(void **state)
{
	(void)state;
	arrive(200, EMPTY);
	tcp_cc_learn(&cc, 0, 0, 6 * MSS);
	assert_int_equal(tcp_cc_judge(&cc, EMPTY, 3), 100);
	tcp_cc_learn(&cc, 0, 0, 2 * MSS);
	assert_int_equal(tcp_cc_judge(&cc, EMPTY, 3), TCP_CC_KEEP);
	assert_int_equal(tcp_cc_judge(&cc, EMPTY, 4), 100);
	tcp_cc_congestion(&cc, 100 * MSS, TCP_CC_KEEP);
	assert_int_equal(tcp_cc_judge(&cc, EMPTY, 3), 100);
	for (int i = 0; i < 50; i++) { /* what is long past counts little */
		arrive(100, EMPTY);
		tcp_cc_learn(&cc, 0, 0, MSS);
		assert_int_equal(tcp_cc_judge(&cc, EMPTY, 3), 100);
	}
}

/* On a path known to lose, the window grows by an eighth in a round trip, and
 * no more than 16 segments, until something queues. */
static void test_seeks_queue(void **state)
{
	uint32_t before;

	(void)state;
	cc.cwnd = cc.ssthresh = 80 * MSS;
	for (int i = 0; i < 8; i++)
		assert_int_equal(lose_at(EMPTY), 100);
	before = cc.cwnd;
	round_trip(EMPTY, true);
	assert_in_range(cc.cwnd, before + before / 9, before + before / 8);
	before = cc.cwnd = 800 * MSS;
	round_trip(EMPTY, true);
	assert_in_range(cc.cwnd, before + 15 * MSS, before + 16 * MSS);
	arrive(4000, EMPTY + 5 * NS_PER_MS);
	before = cc.cwnd;
	round_trip(EMPTY, true);
	assert_true(cc.cwnd < before + 2 * MSS);
}

/* ------------------------------------------------------------- PRR */

/* Losses in one window: recovery never sends more than slow start would, and
 * ends with ssthresh in flight, without a burst. */
static void test_prr(void **state)
{
	(void)state;
	for (uint32_t losses = 1; losses < 60; losses += 7) {
		uint32_t pipe, sent = 0, delivered = 0;

		setup(NULL);
		cc.cwnd = 100 * MSS;
		tcp_cc_congestion(&cc, 100 * MSS, TCP_CC_KEEP);
		pipe = (100 - losses) * MSS;
		while (delivered < (100 - losses) * MSS) {
			uint32_t room;

			delivered += MSS;
			pipe -= MSS;
			tcp_cc_recovery_ack(&cc, MSS, pipe, false);
			room = cc.cwnd > pipe ? cc.cwnd - pipe : 0;
			room -= room % MSS;
			/* never more than slow start would */
			assert_true(room <= 2 * MSS);
			sent += room;
			pipe += room;
			tcp_cc_sent(&cc, room);
			assert_true(pipe <= 100 * MSS);
		}
		/* what is in flight at the end is ssthresh, or less when more
		 * was lost than that */
		if (losses < 30)
			assert_in_range(sent, 68 * MSS, 70 * MSS);
		else
			assert_true(sent <= 70 * MSS);
		tcp_cc_recovered(&cc);
		assert_int_equal(cc.cwnd, 70 * MSS);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(test_##name, setup)
	const struct CMUnitTest tests[] = {
		T(initial_window),
		T(slow_start),
		T(not_limited),
		T(cubic_curve),
		T(reno_friendly),
		T(fast_convergence),
		T(undo),
		T(pause),
		T(idle),
		T(hystart_leaves),
		T(hystart_then_loss),
		T(hystart_stays),
		T(prr),
		T(pace),
		T(judge),
		T(judge_many),
		T(seeks_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
