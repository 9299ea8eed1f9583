/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "netstack/tcp_option.h"
#include "pair.h"

static struct pair pair;
static struct ns_handle c, s;

static struct netstack *ns(int side)
{
	return pair.side[side].ns;
}

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 7;
	pair_open(&pair, NULL);
	pair_connect(&pair, IP_V6, &c, &s);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	tcp_abort(ns(0), pair.now, c);
	tcp_abort(ns(1), pair.now, s);
	pair_run(&pair, 200 * NS_PER_S);
	pair_close(&pair);
	return 0;
}

static uint64_t get(struct ns_handle handle, enum tcp_option option)
{
	uint64_t value = 12345;

	assert_int_equal(tcp_get_option(ns(0), handle, option, &value), 0);
	return value;
}

static int set(enum tcp_option option, uint64_t value)
{
	return tcp_set_option(ns(0), pair.now, c, option, value);
}

static void test_defaults(void **state)
{
	struct ns_tcp_config config;

	(void)state;
	netstack_tcp_defaults(&config);
	assert_int_equal(get(c, TCP_OPTION_NO_DELAY), 1);
	assert_int_equal(get(c, TCP_OPTION_KEEPALIVE_IDLE),
			 config.keepalive_idle_ns);
	assert_int_equal(get(c, TCP_OPTION_ABORT_ON_CLOSE), 0);
	assert_int_equal(get(c, TCP_OPTION_RECV_BUFFER),
			 config.recv_buffer_max);
}

static void test_range(void **state)
{
	static const struct {
		enum tcp_option option;
		uint64_t value;
	} bad[] = {
		{TCP_OPTION_NO_DELAY, 2},
		{TCP_OPTION_ABORT_ON_CLOSE, 2},
		{TCP_OPTION_KEEPALIVE_IDLE, NEVER},
		{TCP_OPTION_KEEPALIVE_INTERVAL, 0},
		{TCP_OPTION_KEEPALIVE_PROBES, 0},
		{TCP_OPTION_KEEPALIVE_PROBES, 255},
		{TCP_OPTION_USER_TIMEOUT, NEVER},
		{TCP_OPTION_MAX_SEGMENT, 10},
		{TCP_OPTION_MAX_SEGMENT, 65536},
		{TCP_OPTION_SEND_BUFFER, 0},
		{TCP_OPTION_RECV_BUFFER, UINT64_C(1) << 31},
		{TCP_OPTIONS, 1},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set(bad[i].option, bad[i].value),
				 -ERR_INVALID);
	assert_int_equal(tcp_get_option(ns(0), c, TCP_OPTIONS, &value),
			 -ERR_INVALID);
	c.generation += 2;
	assert_int_equal(set(TCP_OPTION_NO_DELAY, 0), -ERR_CLOSED);
	assert_int_equal(tcp_get_option(ns(0), c, TCP_OPTION_NO_DELAY, &value),
			 -ERR_CLOSED);
	assert_int_equal(tcp_error(ns(0), c), -ERR_CLOSED);
	c.generation -= 2;
}

/* One at a time, each alone; and there is an end of different ones. */
static void test_sets(void **state)
{
	struct ns_handle listeners[TCP_OPTION_SETS];

	(void)state;
	assert_int_equal(set(TCP_OPTION_KEEPALIVE_PROBES, 3), 0);
	assert_int_equal(set(TCP_OPTION_USER_TIMEOUT, NS_PER_S), 0);
	assert_int_equal(get(c, TCP_OPTION_KEEPALIVE_PROBES), 3);
	assert_int_equal(get(c, TCP_OPTION_USER_TIMEOUT), NS_PER_S);
	for (unsigned i = 0; i + 2 < TCP_OPTION_SETS; i++) {
		struct endpoint local = {.port = (uint16_t)(1000 + i)};

		assert_int_equal(tcp_listen(ns(0), &local, 1, 0, &listeners[i]),
				 0);
		assert_int_equal(tcp_set_option(ns(0), pair.now, listeners[i],
						TCP_OPTION_USER_TIMEOUT,
						(i + 2) * NS_PER_S),
				 0);
	}
	/* All are in use: a new one does not fit, an old one does. */
	assert_int_equal(set(TCP_OPTION_USER_TIMEOUT, 99999), -ERR_FULL);
	assert_int_equal(get(c, TCP_OPTION_USER_TIMEOUT), NS_PER_S);
	assert_int_equal(tcp_close(ns(0), pair.now, listeners[5]), 0);
	assert_int_equal(set(TCP_OPTION_USER_TIMEOUT, 99999), 0);
	for (unsigned i = 0; i + 2 < TCP_OPTION_SETS; i++) {
		if (i != 5)
			tcp_close(ns(0), pair.now, listeners[i]);
	}
}

static void test_inherited(void **state)
{
	struct endpoint local = {.port = 80}, from;
	struct endpoint to = pair_endpoint(0, IP_V4, 80);
	struct ns_handle listener, near, far;

	(void)state;
	assert_int_equal(tcp_listen(ns(0), &local, 1, 0, &listener), 0);
	assert_int_equal(tcp_set_option(ns(0), pair.now, listener,
					TCP_OPTION_MAX_SEGMENT, 1000),
			 0);
	assert_int_equal(tcp_set_option(ns(0), pair.now, listener,
					TCP_OPTION_RECV_BUFFER, 60000),
			 0);
	assert_int_equal(tcp_connect(ns(1), pair.now, &to, 0, &far), 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(tcp_accept(ns(0), listener, 0, &near, &from), 0);
	assert_int_equal(get(near, TCP_OPTION_MAX_SEGMENT), 1000);
	assert_int_equal(pair_info(&pair, 1, far).mss, 1000 - 12);
	assert_int_equal(pair_info(&pair, 0, near).mss, 1000 - 12);
	assert_int_equal(pair_info(&pair, 0, near).rcv_wscale, 0);
	assert_true(pair_info(&pair, 1, far).snd_wnd <= 60000);
	tcp_close(ns(0), pair.now, listener);
	assert_int_equal(get(near, TCP_OPTION_MAX_SEGMENT), 1000);
	tcp_abort(ns(0), pair.now, near);
	tcp_abort(ns(1), pair.now, far);
}

/* Right after tcp_connect() nothing has been sent yet. */
static void test_before_the_syn(void **state)
{
	struct endpoint local = {.port = 80}, to = pair_endpoint(1, IP_V6, 80);
	struct ns_handle listener, near;

	(void)state;
	assert_int_equal(tcp_listen(ns(1), &local, 1, 0, &listener), 0);
	assert_int_equal(tcp_connect(ns(0), pair.now, &to, 0, &near), 0);
	assert_int_equal(tcp_set_option(ns(0), pair.now, near,
					TCP_OPTION_RECV_BUFFER, 60000),
			 0);
	assert_int_equal(tcp_set_option(ns(0), pair.now, near,
					TCP_OPTION_MAX_SEGMENT, 1000),
			 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 0, near).rcv_wscale, 0);
	assert_int_equal(pair_info(&pair, 0, near).mss, 1000 - 12);
	tcp_close(ns(1), pair.now, listener);
	tcp_abort(ns(0), pair.now, near);
}

static void test_refused(void **state)
{
	struct endpoint to = pair_endpoint(1, IP_V6, 81);
	struct ns_handle near;

	(void)state;
	assert_int_equal(tcp_connect(ns(0), pair.now, &to, 0, &near), 0);
	pair_run(&pair, NS_PER_S);
	for (int i = 0; i < 2; i++) /* as long as the handle lives */
		assert_int_equal(tcp_error(ns(0), near), -ERR_REFUSED);
	tcp_close(ns(0), pair.now, near);
	assert_int_equal(tcp_error(ns(0), near), -ERR_CLOSED);
}

static uint64_t segments_for(unsigned writes)
{
	uint64_t before = pair_info(&pair, 0, c).segments_sent;

	for (unsigned i = 0; i < writes; i++) {
		assert_int_equal(tcp_send(ns(0), pair.now, c, "abc", 3), 3);
		pair_run(&pair, NS_PER_MS);
	}
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 3 * writes);
	tcp_recv(ns(1), pair.now, s, (char[64]){0}, 64);
	return pair_info(&pair, 0, c).segments_sent - before;
}

static void test_nagle(void **state)
{
	(void)state;
	assert_int_equal(segments_for(5), 5);
	assert_int_equal(set(TCP_OPTION_NO_DELAY, 0), 0);
	assert_int_equal(segments_for(5), 2);
	/* What is held goes when that is turned off, or with the FIN. */
	tcp_send(ns(0), pair.now, c, "abc", 3);
	pair_run(&pair, NS_PER_MS);
	tcp_send(ns(0), pair.now, c, "def", 3);
	pair_run(&pair, NS_PER_MS);
	assert_int_equal(pair_info(&pair, 0, c).unacked, 3);
	assert_int_equal(set(TCP_OPTION_NO_DELAY, 1), 0);
	pair_run(&pair, NS_PER_MS);
	assert_int_equal(pair_info(&pair, 0, c).unacked, 6);
	assert_int_equal(set(TCP_OPTION_NO_DELAY, 0), 0);
	tcp_send(ns(0), pair.now, c, "ghi", 3);
	tcp_shutdown(ns(0), pair.now, c);
	pair_run(&pair, NS_PER_MS);
	assert_int_equal(pair_info(&pair, 0, c).unacked, 10);
	tcp_recv(ns(1), pair.now, s, (char[64]){0}, 64);
}

/* Turned on late, and turned off again. */
static void test_keepalive(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(set(TCP_OPTION_KEEPALIVE_IDLE, 0), 0);
	tcp_set_option(ns(1), pair.now, s, TCP_OPTION_KEEPALIVE_IDLE, 0);
	before = pair_info(&pair, 0, c).segments_sent;
	pair_run(&pair, 1000 * NS_PER_S);
	assert_int_equal(pair_info(&pair, 0, c).segments_sent, before);
	assert_int_equal(set(TCP_OPTION_KEEPALIVE_INTERVAL, NS_PER_S), 0);
	assert_int_equal(set(TCP_OPTION_KEEPALIVE_PROBES, 2), 0);
	assert_int_equal(set(TCP_OPTION_KEEPALIVE_IDLE, 5 * NS_PER_S), 0);
	pair_run(&pair, 12 * NS_PER_S);
	assert_in_range(pair_info(&pair, 0, c).segments_sent - before, 2, 4);
	tcp_abort(ns(1), pair.now, s); /* and its RST is lost */
	pair_drain(&pair, 1);
	pair.side[1].blocked_until = NEVER;
	pair_run(&pair, 20 * NS_PER_S);
	assert_true(pair.side[0].bits[c.index] & NS_FAILED);
	assert_int_equal(tcp_error(ns(0), c), -ERR_TIMEOUT);
	pair.side[1].blocked_until = 0;
}

static void test_user_timeout(void **state)
{
	(void)state;
	assert_int_equal(set(TCP_OPTION_USER_TIMEOUT, 3 * NS_PER_S), 0);
	pair.side[1].blocked_until = pair.now + 20 * NS_PER_S;
	tcp_send(ns(0), pair.now, c, "abc", 3);
	pair_run(&pair, 2 * NS_PER_S);
	assert_false(pair.side[0].bits[c.index] & NS_FAILED);
	pair_run(&pair, 4 * NS_PER_S);
	assert_true(pair.side[0].bits[c.index] & NS_FAILED);
}

static void test_abort_on_close(void **state)
{
	(void)state;
	assert_int_equal(set(TCP_OPTION_ABORT_ON_CLOSE, 1), 0);
	assert_int_equal(tcp_close(ns(0), pair.now, c), 0);
	pair_run(&pair, NS_PER_S);
	assert_true(pair.side[1].bits[s.index] & NS_FAILED);
	assert_int_equal(tcp_error(ns(1), s), -ERR_RESET);
}

static void test_buffers(void **state)
{
	static char data[100000];

	(void)state;
	assert_int_equal(set(TCP_OPTION_SEND_BUFFER, 10000), 0);
	assert_int_equal(tcp_send(ns(0), pair.now, c, data, sizeof(data)),
			 10000);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 10000);
	tcp_recv(ns(1), pair.now, s, data, sizeof(data));
	/* A smaller buffer takes back nothing that was announced. */
	assert_int_equal(tcp_set_option(ns(1), pair.now, s,
					TCP_OPTION_RECV_BUFFER, 4096),
			 0);
	tcp_send(ns(0), pair.now, c, data, 10000);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 10000);
	tcp_recv(ns(1), pair.now, s, data, sizeof(data));
	pair_run(&pair, 10 * NS_PER_S);
}

static void test_shutdown_receive(void **state)
{
	static char data[50000];

	(void)state;
	tcp_send(ns(0), pair.now, c, "abc", 3);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(tcp_shutdown_receive(ns(1), pair.now, s), 0);
	assert_int_equal(tcp_recv(ns(1), pair.now, s, data, 10), -ERR_CLOSED);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(tcp_send(ns(0), pair.now, c, data, sizeof(data)) >
			    0);
		pair_run(&pair, NS_PER_S);
		assert_int_equal(pair_info(&pair, 0, c).unacked, 0);
	}
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 0);
	/* The other direction goes on, and so does the end of this one. */
	assert_int_equal(tcp_send(ns(1), pair.now, s, "xyz", 3), 3);
	tcp_shutdown(ns(0), pair.now, c);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 0, c).recv_queued, 3);
	assert_true(pair.side[1].bits[s.index] & NS_EOF);
	assert_int_equal(pair_state(&pair, 1, s), TCPS_CLOSE_WAIT);
	assert_int_equal(tcp_shutdown_receive(ns(1), pair.now, s), 0);
	tcp_recv(ns(0), pair.now, c, data, 10);
}

static void test_info(void **state)
{
	struct ns_tcp_info info = pair_info(&pair, 0, c);

	(void)state;
	assert_int_equal(info.cwnd_segments, 10);
	assert_int_equal(info.lost_segments, 0);
	assert_int_equal(info.sacked_segments, 0);
	assert_true(info.min_rtt_ns > 0 && info.min_rtt_ns <= info.srtt_ns);
	assert_false(info.reordering);
	assert_int_equal(info.backoff, 0);
}

int main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(defaults),       T(range),          T(sets),
		T(inherited),      T(before_the_syn), T(refused),
		T(nagle),          T(keepalive),      T(user_timeout),
		T(abort_on_close), T(buffers),        T(shutdown_receive),
		T(info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
