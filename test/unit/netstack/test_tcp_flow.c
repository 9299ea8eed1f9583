/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "netstack/tcp_segment.h"
#include "pair.h"

static struct pair pair;

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 11;
	pair_open(&pair, NULL);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

/* ------------------------------------------------------------- windows */

/* The right edge offered, followed on the wire (I3). */
static struct {
	bool syn_seen;
	uint32_t edge;
	uint8_t scale;
	uint32_t beyond; /* payload sent beyond it, and not a probe */
} wire;

static struct pair_fate watch(struct pair *p, const struct pair_packet *packet)
{
	struct pair_segment segment = pair_segment_of(packet);
	uint32_t edge;

	(void)p;
	if (segment.flags & TCP_SYN) {
		wire.syn_seen = true;
		wire.edge = segment.ack + segment.wnd;
	} else if (packet->from == 1 && wire.syn_seen) {
		edge = segment.ack + ((uint32_t)segment.wnd << wire.scale);
		assert_true((int32_t)(edge - wire.edge) >= 0);
		wire.edge = edge;
	} else if (wire.syn_seen && segment.len > 1) {
		if ((int32_t)(segment.seq + segment.len - wire.edge) > 0)
			wire.beyond++;
	}
	return (struct pair_fate){.copies = 1};
}

/* The reader stops, starts, stops; nothing is lost, the edge never retreats. */
static void test_stop_and_go(void **state)
{
	struct pair_app apps[2] = {{.to_send = 1 << 20, .shut = true},
				   {.shut = true}};
	uint64_t seconds = 1;

	(void)state;
	memset(&wire, 0, sizeof(wire));
	pair.fault = watch;
	pair_connect_apps(&pair, IP_V4, apps);
	wire.scale = pair_info(&pair, 1, apps[1].handle).rcv_wscale;
	apps[1].read_limit = 0;
	while (apps[1].received < 1 << 20) {
		pair_run(&pair, seconds * NS_PER_S);
		seconds = seconds * 2 % 100;
		apps[1].read_limit += 70001;
	}
	assert_true(pair_run_apps(&pair, 10 * NS_PER_S));
	assert_int_equal(wire.beyond, 0);
	assert_int_equal(netstack_counter(pair.side[0].ns, NS_TCP_TIMEOUTS), 0);
}

/* A closed window may stay closed for hours while it is answered (MUST-37), and
 * probes back off to one a minute. */
static void test_zero_window_for_hours(void **state)
{
	struct pair_app apps[2] = {{.to_send = 1 << 20, .shut = true},
				   {.to_send = 0}};
	uint64_t pulled;

	(void)state;
	pair_connect_apps(&pair, IP_V4, apps);
	apps[1].read_limit = 0;
	pair_run(&pair, 1800 * NS_PER_S);
	pulled = pair.side[0].pulled;
	pair_run(&pair, 3600 * NS_PER_S);
	assert_in_range(pair.side[0].pulled - pulled, 30, 100);
	assert_int_equal(pair_state(&pair, 0, apps[0].handle),
			 TCPS_ESTABLISHED);
	apps[1].read_limit = NEVER;
	pair_run(&pair, 5 * NS_PER_S);
	assert_int_equal(apps[1].received, 1 << 20);
}

/* The update that opens the window is lost: the probe finds out. */
static struct pair_fate lose_when_told(struct pair *p,
				       const struct pair_packet *packet)
{
	struct pair_fate fate = {.copies = 1};

	if (packet->from == 1 && p->fault_state[0] > 0) {
		p->fault_state[0]--;
		fate.copies = 0;
	}
	return fate;
}

static void test_lost_window_update(void **state)
{
	struct pair_app apps[2] = {{.to_send = 1 << 20, .shut = true},
				   {.shut = true}};

	(void)state;
	pair.fault = lose_when_told;
	pair_connect_apps(&pair, IP_V4, apps);
	apps[1].read_limit = 0;
	pair_run(&pair, 2 * NS_PER_S);
	pair.fault_state[0] = 3;
	apps[1].read_limit = NEVER;
	assert_true(pair_run_apps(&pair, 20 * NS_PER_S));
	assert_int_equal(apps[1].received, 1 << 20);
}

/* Slow reading in tiny bites must not make tiny segments (SWS). */
static void test_silly_window(void **state)
{
	struct pair_app apps[2] = {{.to_send = 400000, .shut = true},
				   {.shut = true}};
	uint64_t pulled;

	(void)state;
	pair_connect_apps(&pair, IP_V4, apps);
	apps[1].read_limit = 0;
	pair_run(&pair, 3 * NS_PER_S);
	pulled = pair.side[0].pulled;
	while (apps[1].received < 100000) {
		apps[1].read_limit += 10;
		pair_run(&pair, NS_PER_MS);
	}
	assert_true(pair.side[0].pulled - pulled < 200);
}

/* ------------------------------------------------------------- timers */

static struct pair_fate lose_all(struct pair *p,
				 const struct pair_packet *packet)
{
	(void)packet;
	return (struct pair_fate){.copies = p->fault_param != 0 ? 0 : 1};
}

static void test_keepalive(void **state)
{
	struct ns_handle c, s;
	uint64_t pulled, start;

	(void)state;
	pair.fault = lose_all;
	pair_connect(&pair, IP_V4, &c, &s);
	pair_run(&pair, 50 * NS_PER_S);
	pulled = pair.side[0].pulled;
	pair_run(&pair, 600 * NS_PER_S); /* answered: alive */
	assert_in_range(pair.side[0].pulled - pulled, 9, 22);
	assert_int_equal(pair_state(&pair, 0, c), TCPS_ESTABLISHED);
	pair.fault_param = 1;
	start = pair.now;
	while (!(pair.side[0].bits[c.index] & NS_FAILED) &&
	       pair_step(&pair, start + 600 * NS_PER_S))
		;
	assert_int_equal(pair.side[0].error[c.index], -ERR_TIMEOUT);
	/* 60 s idle, 6 probes 10 s apart */
	assert_in_range(pair.now - start, 60 * NS_PER_S, 131 * NS_PER_S);
	tcp_close(pair.side[0].ns, pair.now, c);
	tcp_close(pair.side[1].ns, pair.now, s);
}

static void test_user_timeout(void **state)
{
	struct ns_handle c, s;
	uint64_t start;

	(void)state;
	pair.fault = lose_all;
	pair_connect(&pair, IP_V4, &c, &s);
	pair.fault_param = 1;
	start = pair.now;
	assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c, "abc", 3), 3);
	while (!(pair.side[0].bits[c.index] & NS_FAILED) &&
	       pair_step(&pair, start + 1000 * NS_PER_S))
		;
	assert_int_equal(pair.side[0].error[c.index], -ERR_TIMEOUT);
	assert_in_range(pair.now - start, 299 * NS_PER_S, 365 * NS_PER_S);
	/* RTO 0.2 s doubling to 60 s: about a dozen */
	assert_in_range(netstack_counter(pair.side[0].ns, NS_TCP_RETRANSMITS),
			8, 18);
	assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c, "abc", 3),
			 -ERR_TIMEOUT);
	tcp_close(pair.side[0].ns, pair.now, c);
}

/* ------------------------------------------------------------- the budget */

/* All chunks of the receiver are taken: nothing breaks, and when they come back
 * the transfer goes on. */
static void test_no_memory(void **state)
{
	struct pair_app apps[2] = {{.to_send = 2 << 20, .shut = true},
				   {.to_send = 2 << 20, .shut = true}};
	static uint32_t taken[PAIR_CHUNKS];

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct chunk_pool *pool = &pair.side[side].pool;
		uint32_t count = 0;

		pair_connect_apps(&pair, IP_V4, apps);
		pair_run(&pair, 45 * NS_PER_MS);
		while ((taken[count] = chunk_get(pool)) != CHUNK_NONE)
			count++;
		pair.side[side].chunks_taken = count;
		pair_run(&pair, 10 * NS_PER_S);
		while (count > 0)
			chunk_put(pool, taken[--count]);
		pair.side[side].chunks_taken = 0;
		assert_true(pair_run_apps(&pair, 130 * NS_PER_S));
		assert_int_equal(apps[0].received, 2 << 20);
		assert_int_equal(apps[1].received, 2 << 20);
		for (int i = 0; i < 2; i++) {
			tcp_close(pair.side[i].ns, pair.now, apps[i].handle);
			apps[i] = (struct pair_app){.to_send = 2 << 20,
						    .shut = true};
		}
		pair.app_count = 0;
		pair_run(&pair, NS_PER_S);
	}
}

static void test_send_limits(void **state)
{
	struct ns_handle c, s;
	static uint8_t big[1 << 20];
	struct iovec iov[4];
	int sent, total = 0;

	(void)state;
	pair_connect(&pair, IP_V4, &c, &s);
	while ((sent = tcp_send(pair.side[0].ns, pair.now, c, big,
				sizeof(big))) > 0)
		total += sent;
	assert_int_equal(sent, 0);
	/* cwnd and 128 KiB more */
	assert_in_range(total, 128 << 10, 256 << 10);
	assert_int_equal(tcp_send_space(pair.side[0].ns, c, iov, 4, 1), 0);
	pair.side[0].bits[c.index] = 0;
	pair_run(&pair, 200 * NS_PER_MS);
	assert_true(pair.side[0].bits[c.index] & NS_WRITABLE);
	assert_true(tcp_send_space(pair.side[0].ns, c, iov, 4, 1) > 0);
	assert_int_equal(tcp_send_commit(pair.side[0].ns, pair.now, c, 0), 0);
	assert_int_equal(tcp_shutdown(pair.side[0].ns, pair.now, c), 0);
	assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c, big, 1),
			 -ERR_STATE);
}

int main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(stop_and_go),        T(zero_window_for_hours),
		T(lost_window_update), T(silly_window),
		T(keepalive),          T(user_timeout),
		T(no_memory),          T(send_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
