/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "netstack/tcp_segment.h"
#include "pair.h"

static struct pair pair;

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 42;
	pair_open(&pair, NULL);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static const struct endpoint *listen_at(uint16_t port, struct ns_handle *handle)
{
	static struct endpoint to;
	struct endpoint local = {.port = port};

	assert_int_equal(tcp_listen(pair.side[1].ns, &local, 4, 1, handle), 0);
	to = pair_endpoint(1, IP_V4, port);
	return &to;
}

static void expect_established(uint8_t family)
{
	struct ns_handle c, s;
	struct ns_tcp_info info;

	pair_connect(&pair, family, &c, &s);
	assert_int_equal(pair_state(&pair, 0, c), TCPS_ESTABLISHED);
	assert_int_equal(pair_state(&pair, 1, s), TCPS_ESTABLISHED);
	assert_true(pair.side[0].bits[c.index] & NS_CONNECTED);
	info = pair_info(&pair, 0, c);
	assert_true(info.sack && info.timestamps && info.window_scaling);
	assert_int_equal(info.mss, 1420 - (family == IP_V4 ? 20 : 40) - 32);
	assert_int_equal(info.path, PAIR_PATH);
	assert_int_equal(info.remote.port, 5432);
	assert_int_equal(info.cwnd, 10 * info.mss);
	assert_true(info.srtt_ns >= 20 * NS_PER_MS);
}

static void test_v4(void **state)
{
	(void)state;
	expect_established(IP_V4);
}

static void test_v6(void **state)
{
	(void)state;
	expect_established(IP_V6);
}

static void test_refused(void **state)
{
	struct endpoint to = pair_endpoint(1, IP_V4, 99);
	struct ns_handle c;

	(void)state;
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, &to, 1, &c), 0);
	pair_run(&pair, NS_PER_S);
	assert_true(pair.side[0].bits[c.index] & NS_FAILED);
	assert_int_equal(pair.side[0].error[c.index], -ERR_REFUSED);
	assert_int_equal(tcp_close(pair.side[0].ns, pair.now, c), 0);
	assert_int_equal(tcp_close(pair.side[0].ns, pair.now, c), -ERR_CLOSED);
	assert_int_equal(netstack_connection_count(pair.side[0].ns), 0);
}

/* Loses the first packets of a kind: fault_param of them, SYN or SYN-ACK. */
static struct pair_fate lose_syn(struct pair *p,
				 const struct pair_packet *packet)
{
	struct pair_segment segment = pair_segment_of(packet);
	struct pair_fate fate = {.copies = 1};

	if ((segment.flags & TCP_SYN) && packet->from == p->fault_state[1] &&
	    p->fault_state[0] < p->fault_param) {
		p->fault_state[0]++;
		fate.copies = 0;
	}
	return fate;
}

static void test_lost_syn(void **state)
{
	(void)state;
	for (uint64_t side = 0; side < 2; side++) {
		for (uint64_t lost = 1; lost < 4; lost++) {
			uint64_t start = pair.now;
			struct ns_handle c, s;

			pair.fault = lose_syn;
			pair.fault_param = lost;
			pair.fault_state[0] = 0;
			pair.fault_state[1] = side;
			pair_connect(&pair, IP_V4, &c, &s);
			/* 1 s, then doubling; a SYN again asks for a SYN-ACK
			 * before the server repeats its own */
			if (side == 0)
				assert_true(pair.now - start >=
					    ((1u << lost) - 1) * NS_PER_S);
			assert_in_range(pair.now - start, NS_PER_S,
					(1u << lost) * NS_PER_S);
			tcp_abort(pair.side[0].ns, pair.now, c);
			pair_run(&pair, NS_PER_S);
			tcp_close(pair.side[1].ns, pair.now, s);
			pair_run(&pair, NS_PER_S);
		}
	}
	assert_int_equal(netstack_connection_count(pair.side[0].ns), 0);
	assert_int_equal(netstack_connection_count(pair.side[1].ns), 0);
}

static void test_no_answer(void **state)
{
	struct endpoint to = pair_endpoint(1, IP_V4, 99);
	uint64_t start = pair.now;
	struct ns_handle c;

	(void)state;
	pair.fault = lose_syn;
	pair.fault_param = 1000;
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, &to, 1, &c), 0);
	while (!(pair.side[0].bits[c.index] & NS_FAILED) &&
	       pair_step(&pair, start + 600 * NS_PER_S))
		;
	assert_int_equal(pair.side[0].error[c.index], -ERR_TIMEOUT);
	assert_in_range(pair.now - start, 60 * NS_PER_S, 300 * NS_PER_S);
	assert_in_range(pair.side[0].pulled, 5, 8);
	assert_int_equal(tcp_close(pair.side[0].ns, pair.now, c), 0);
}

/* The SYN waits for its path: nothing counts until it leaves. */
static void test_held_path(void **state)
{
	struct ns_handle listener, c, s;
	const struct endpoint *to = listen_at(80, &listener);
	struct endpoint from;
	uint64_t start = pair.now;

	(void)state;
	pair.side[0].blocked_until = pair.now + 8 * NS_PER_S;
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, to, 1, &c), 0);
	pair_run(&pair, 7 * NS_PER_S);
	assert_int_equal(pair.side[0].pulled, 0);
	while (tcp_accept(pair.side[1].ns, listener, 2, &s, &from) != 0)
		assert_true(pair_step(&pair, start + 20 * NS_PER_S));
	assert_in_range(pair.now - start, 8 * NS_PER_S,
			8 * NS_PER_S + 40 * NS_PER_MS);
	assert_int_equal(pair_info(&pair, 0, c).retransmits, 0);
	assert_true(pair_info(&pair, 0, c).srtt_ns < 40 * NS_PER_MS);
}

static void test_backlog(void **state)
{
	struct ns_handle listener, c[6], s;
	const struct endpoint *to = listen_at(80, &listener);
	struct endpoint from;
	int accepted = 0;

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(
			tcp_connect(pair.side[0].ns, pair.now, to, 1, &c[i]),
			0);
	pair_run(&pair, 500 * NS_PER_MS);
	assert_true(pair.side[1].bits[listener.index] & NS_ACCEPTABLE);
	while (tcp_accept(pair.side[1].ns, listener, 2, &s, &from) == 0)
		accepted++;
	assert_int_equal(accepted, 4);
	pair_run(&pair, 5 * NS_PER_S);
	while (tcp_accept(pair.side[1].ns, listener, 2, &s, &from) == 0)
		accepted++;
	assert_int_equal(accepted, 6);
}

static void test_listen_errors(void **state)
{
	struct ns_handle a, b;
	struct endpoint any = {.port = 80};
	struct endpoint one = pair_endpoint(1, IP_V4, 80);

	(void)state;
	assert_int_equal(tcp_listen(pair.side[1].ns, &any, 1, 0, &a), 0);
	assert_int_equal(tcp_listen(pair.side[1].ns, &any, 1, 0, &b),
			 -ERR_EXISTS);
	assert_int_equal(tcp_listen(pair.side[1].ns, &one, 1, 0, &b),
			 -ERR_EXISTS);
	assert_int_equal(tcp_close(pair.side[1].ns, pair.now, a), 0);
	assert_int_equal(tcp_listen(pair.side[1].ns, &one, 1, 0, &b), 0);
}

/* ------------------------------------------------------------- options */

static int knobs; /* bit 0-2: side 0, bit 3-5: side 1 */

static void set_knobs(struct ns_config *config, int side)
{
	int bits = knobs >> (3 * side);

	config->tcp.timestamps = bits & 1;
	config->tcp.sack = (bits & 2) != 0;
	config->tcp.window_scaling = (bits & 4) != 0;
}

static void test_options(void **state)
{
	(void)state;
	for (knobs = 0; knobs < 64; knobs++) {
		int both = knobs & knobs >> 3;
		struct ns_handle c, s;
		struct ns_tcp_info info;

		pair_open(&pair, set_knobs);
		pair_connect(&pair, IP_V6, &c, &s);
		for (int side = 0; side < 2; side++) {
			info = pair_info(&pair, side, side == 0 ? c : s);
			assert_int_equal(info.timestamps, both & 1);
			assert_int_equal(info.sack, (both & 2) != 0);
			assert_int_equal(info.window_scaling, (both & 4) != 0);
			assert_int_equal(info.mss, 1360 - 12 * (both & 1));
		}
		pair_close(&pair);
	}
}

static struct pair_fate answers_vanish(struct pair *p,
				       const struct pair_packet *packet)
{
	(void)p;
	return (struct pair_fate){.copies = packet->from == 0};
}

/* Clients that are never heard of again fill a listener for seconds only. */
static void test_flood(void **state)
{
	struct ns_handle l, c[4], good;

	(void)state;
	const struct endpoint *to = listen_at(80, &l);

	pair.fault = answers_vanish;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			tcp_connect(pair.side[0].ns, pair.now, to, 1, &c[i]),
			0);
	pair_run(&pair, NS_PER_S / 2);
	for (int i = 0; i < 4; i++)
		tcp_abort(pair.side[0].ns, pair.now, c[i]);
	pair_run(&pair, NS_PER_S / 2);
	pair.fault = NULL;
	pair.side[0].blocked_until = pair.now + 3 * NS_PER_S; /* no RST */
	pair_run(&pair, 4 * NS_PER_S);
	/* The half that is in nobody's way may wait. */
	assert_in_range(netstack_connection_count(pair.side[1].ns), 1, 3);
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, to, 1, &good),
			 0);
	pair_run(&pair, 2 * NS_PER_S);
	assert_int_equal(pair_state(&pair, 0, good), TCPS_ESTABLISHED);
}

/* A held SYN meets silence, however often it is sent, until it is answered. */
static void test_hold(void **state)
{
	struct netstack *ns = pair.side[1].ns;
	struct ns_handle l, c, s;
	struct endpoint from;

	(void)state;
	const struct endpoint *to = listen_at(80, &l);

	assert_int_equal(tcp_hold(ns, l), 0);
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, to, 1, &c), 0);
	pair_run(&pair, 4 * NS_PER_S);
	assert_true(pair.side[1].bits[l.index] & NS_ACCEPTABLE);
	assert_int_equal(pair.side[1].pulled, 0);
	assert_int_equal(tcp_accept(ns, l, 2, &s, &from), 0);
	assert_int_equal(tcp_accept(ns, l, 2, &s, &from), -ERR_AGAIN);
	pair_run(&pair, 4 * NS_PER_S);
	assert_int_equal(pair.side[1].pulled, 0);
	assert_int_equal(pair_state(&pair, 1, s), TCPS_SYN_RECEIVED);
	assert_int_equal(tcp_answer(ns, s), 0);
	assert_int_equal(tcp_answer(ns, s), -ERR_STATE);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_state(&pair, 0, c), TCPS_ESTABLISHED);
	assert_int_equal(pair_state(&pair, 1, s), TCPS_ESTABLISHED);
	assert_true(pair.side[1].bits[s.index] & NS_CONNECTED);
}

static void test_hold_and_refuse(void **state)
{
	struct netstack *ns = pair.side[1].ns;
	struct ns_handle l, c, s;
	struct endpoint from;

	(void)state;
	const struct endpoint *to = listen_at(80, &l);

	assert_int_equal(tcp_hold(ns, l), 0);
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, to, 1, &c), 0);
	pair_run(&pair, NS_PER_S / 2);
	assert_int_equal(tcp_accept(ns, l, 2, &s, &from), 0);
	assert_int_equal(tcp_abort(ns, pair.now, s), 0);
	pair_run(&pair, NS_PER_S);
	assert_true(pair.side[0].bits[c.index] & NS_FAILED);
	assert_int_equal(pair.side[0].error[c.index], -ERR_REFUSED);
	assert_int_equal(netstack_connection_count(ns), 1); /* the listener */
}

/* A client that hangs up while it is held is heard. */
static void test_hold_and_hang_up(void **state)
{
	struct netstack *ns = pair.side[1].ns;
	struct ns_handle l, c, s;
	struct endpoint from;

	(void)state;
	const struct endpoint *to = listen_at(80, &l);

	assert_int_equal(tcp_hold(ns, l), 0);
	assert_int_equal(tcp_connect(pair.side[0].ns, pair.now, to, 1, &c), 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(tcp_accept(ns, l, 2, &s, &from), 0);
	assert_int_equal(tcp_answer(ns, s), 0);
	assert_int_equal(tcp_abort(pair.side[0].ns, pair.now, c), 0);
	pair_run(&pair, NS_PER_S);
	assert_true(pair.side[1].bits[s.index] & NS_FAILED);
	assert_int_equal(tcp_close(ns, pair.now, s), 0);
}

int main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(v4),
		T(v6),
		T(refused),
		T(lost_syn),
		T(no_answer),
		T(held_path),
		T(backlog),
		T(listen_errors),
		T(flood),
		T(hold),
		T(hold_and_refuse),
		T(hold_and_hang_up),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
