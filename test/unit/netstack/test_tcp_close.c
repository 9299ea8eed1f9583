/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "netstack/tcp_segment.h"
#include "pair.h"

static struct pair pair;
static struct ns_handle c, s;

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 5;
	pair_open(&pair, NULL);
	pair_connect(&pair, IP_V6, &c, &s);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static struct netstack *ns(int side)
{
	return pair.side[side].ns;
}

static int send_text(int side, struct ns_handle handle, const char *text)
{
	return tcp_send(ns(side), pair.now, handle, text, strlen(text));
}

/* What is there to read: text, or -ERR_* of the read. */
static void expect_read(int side, struct ns_handle handle, const char *text,
			int then)
{
	char buf[256];
	int len = (int)strlen(text);

	if (len > 0) {
		assert_int_equal(
			tcp_recv(ns(side), pair.now, handle, buf, sizeof(buf)),
			len);
		assert_memory_equal(buf, text, (size_t)len);
	}
	assert_int_equal(tcp_recv(ns(side), pair.now, handle, buf, sizeof(buf)),
			 then);
}

static void expect_empty_after(uint64_t time)
{
	pair_run(&pair, time);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(netstack_connection_count(ns(side)), 0);
		assert_int_equal(pair.side[side].pool.used, 0);
	}
}

static unsigned bits(int side, struct ns_handle handle)
{
	return pair.side[side].bits[handle.index];
}

enum { RTT = 25000000 };

/* ------------------------------------------------------------- half-close */

/* first ends its direction, the other one goes on for a long while. */
static void half_close(int first)
{
	struct ns_handle a = first == 0 ? c : s;
	struct ns_handle b = first == 0 ? s : c;
	int other = !first;

	assert_int_equal(send_text(first, a, "question"), 8);
	assert_int_equal(tcp_shutdown(ns(first), pair.now, a), 0);
	assert_int_equal(pair_state(&pair, first, a), TCPS_FIN_WAIT_1);
	pair_run(&pair, RTT);
	assert_int_equal(pair_state(&pair, first, a), TCPS_FIN_WAIT_2);
	assert_true(bits(first, a) & NS_SENT);
	assert_int_equal(pair_state(&pair, other, b), TCPS_CLOSE_WAIT);
	assert_true(bits(other, b) & NS_EOF);
	expect_read(other, b, "question", -ERR_CLOSED);
	/* FIN-WAIT-2 lasts while the handle is held. */
	pair_run(&pair, 1000 * NS_PER_S);
	assert_int_equal(pair_state(&pair, first, a), TCPS_FIN_WAIT_2);
	assert_int_equal(send_text(other, b, "answer"), 6);
	pair_run(&pair, RTT);
	expect_read(first, a, "answer", 0);
	assert_int_equal(tcp_shutdown(ns(other), pair.now, b), 0);
	assert_int_equal(pair_state(&pair, other, b), TCPS_LAST_ACK);
	pair_run(&pair, RTT);
	expect_read(first, a, "", -ERR_CLOSED);
	assert_int_equal(pair_state(&pair, first, a), TCPS_TIME_WAIT);
	assert_true(bits(other, b) & NS_SENT);
	assert_int_equal(tcp_close(ns(first), pair.now, a), 0);
	assert_int_equal(tcp_close(ns(other), pair.now, b), 0);
	assert_int_equal(netstack_connection_count(ns(other)), 0);
	assert_int_equal(netstack_connection_count(ns(first)), 1);
	expect_empty_after(130 * NS_PER_S);
	assert_int_equal(netstack_counter(ns(0), NS_TCP_RESETS_SENT), 0);
	assert_int_equal(netstack_counter(ns(1), NS_TCP_RESETS_SENT), 0);
}

static void test_half_close_client_first(void **state)
{
	(void)state;
	half_close(0);
}

static void test_half_close_server_first(void **state)
{
	(void)state;
	half_close(1);
}

static void test_simultaneous_close(void **state)
{
	(void)state;
	send_text(0, c, "last");
	send_text(1, s, "words");
	assert_int_equal(tcp_shutdown(ns(0), pair.now, c), 0);
	assert_int_equal(tcp_shutdown(ns(1), pair.now, s), 0);
	pair_run(&pair, RTT);
	expect_read(0, c, "words", -ERR_CLOSED);
	expect_read(1, s, "last", -ERR_CLOSED);
	assert_int_equal(pair_state(&pair, 0, c), TCPS_TIME_WAIT);
	assert_int_equal(pair_state(&pair, 1, s), TCPS_TIME_WAIT);
	tcp_close(ns(0), pair.now, c);
	tcp_close(ns(1), pair.now, s);
	expect_empty_after(130 * NS_PER_S);
}

/* ------------------------------------------------------------- close */

/* Committed bytes are delivered after the handle is gone. */
static void test_close_delivers(void **state)
{
	struct pair_app apps[2] = {
		{.handle = c, .to_send = 120000},
		{.handle = s, .side = 1, .read_limit = NEVER, .shut = true}};

	(void)state;
	pair.apps = apps;
	pair.app_count = 1;
	while (apps[0].sent < 120000)
		pair_step(&pair, NEVER - 1);
	assert_int_equal(tcp_close(ns(0), pair.now, c), 0);
	assert_int_equal(tcp_close(ns(0), pair.now, c), -ERR_CLOSED);
	pair.apps = apps + 1;
	assert_true(pair_run_apps(&pair, 5 * NS_PER_S));
	assert_int_equal(apps[1].received, 120000);
	tcp_close(ns(1), pair.now, s);
	pair.app_count = 0;
	expect_empty_after(130 * NS_PER_S);
	assert_int_equal(netstack_counter(ns(0), NS_TCP_RESETS_SENT), 0);
}

/* Bytes that nobody read make the close a reset (RFC 2525 2.17). */
static void test_close_with_unread(void **state)
{
	(void)state;
	send_text(1, s, "unread");
	pair_run(&pair, RTT);
	assert_int_equal(tcp_close(ns(0), pair.now, c), 0);
	assert_int_equal(netstack_connection_count(ns(0)), 0);
	pair_run(&pair, RTT);
	assert_true(bits(1, s) & NS_FAILED);
	assert_int_equal(pair.side[1].error[s.index], -ERR_RESET);
	expect_read(1, s, "", -ERR_RESET);
	assert_int_equal(send_text(1, s, "x"), -ERR_RESET);
	tcp_close(ns(1), pair.now, s);
	expect_empty_after(NS_PER_S);
}

/* The connection is over while bytes wait to be read: they are still there. */
static void test_unread_after_the_end(void **state)
{
	(void)state;
	send_text(0, c, "late reader");
	assert_int_equal(tcp_shutdown(ns(0), pair.now, c), 0);
	pair_run(&pair, RTT);
	assert_int_equal(tcp_shutdown(ns(1), pair.now, s), 0);
	pair_run(&pair, 200 * NS_PER_S);
	assert_int_equal(pair_state(&pair, 1, s), TCPS_CLOSED);
	assert_false(bits(1, s) & NS_FAILED);
	expect_read(1, s, "late reader", -ERR_CLOSED);
	assert_int_equal(tcp_close(ns(1), pair.now, s), 0);
	assert_int_equal(tcp_close(ns(0), pair.now, c), 0);
	expect_empty_after(200 * NS_PER_S);
}

/* Nobody reads and nobody holds the sender's handle: it is not kept for ever by
 * a peer that goes on answering probes. */
static void test_orphan_behind_closed_window(void **state)
{
	static uint8_t big[100000];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(tcp_send(ns(0), pair.now, c, big, sizeof(big)) > 0);
		pair_run(&pair, NS_PER_S);
	}
	assert_int_equal(pair_info(&pair, 0, c).snd_wnd, 0);
	assert_int_equal(tcp_close(ns(0), pair.now, c), 0);
	pair_run(&pair, 100 * NS_PER_S);
	assert_int_equal(netstack_connection_count(ns(0)), 1);
	pair_run(&pair, 100 * NS_PER_S);
	assert_int_equal(netstack_connection_count(ns(0)), 0);
	assert_int_equal(tcp_close(ns(1), pair.now, s), 0);
	expect_empty_after(NS_PER_S);
}

/* Data for a handle that is gone is answered by a reset as well. */
static void test_data_after_close(void **state)
{
	(void)state;
	assert_int_equal(tcp_close(ns(0), pair.now, c), 0);
	pair_run(&pair, RTT);
	assert_int_equal(send_text(1, s, "late"), 4);
	pair_run(&pair, RTT);
	assert_true(bits(1, s) & NS_FAILED);
	assert_int_equal(pair.side[1].error[s.index], -ERR_RESET);
	tcp_close(ns(1), pair.now, s);
	expect_empty_after(NS_PER_S);
}

static void test_abort(void **state)
{
	(void)state;
	send_text(0, c, "never sent");
	assert_int_equal(tcp_abort(ns(0), pair.now, c), 0);
	pair_run(&pair, RTT);
	expect_read(1, s, "", -ERR_RESET);
	assert_true(bits(1, s) & NS_FAILED);
	tcp_close(ns(1), pair.now, s);
	expect_empty_after(NS_PER_S);
}

static void test_abort_of_handshake(void **state)
{
	struct endpoint to = pair_endpoint(1, IP_V4, 77);
	struct endpoint local = {.port = 77};
	struct ns_handle listener, handle;

	(void)state;
	tcp_abort(ns(0), pair.now, c);
	tcp_close(ns(1), pair.now, s);
	assert_int_equal(tcp_listen(ns(1), &local, 4, 0, &listener), 0);
	for (int ms = 0; ms < 40; ms++) {
		assert_int_equal(tcp_connect(ns(0), pair.now, &to, 0, &handle),
				 0);
		pair_run(&pair, (uint64_t)ms * NS_PER_MS);
		if (ms % 2)
			tcp_abort(ns(0), pair.now, handle);
		else
			tcp_close(ns(0), pair.now, handle);
	}
	tcp_close(ns(1), pair.now, listener);
	expect_empty_after(200 * NS_PER_S);
}

/* A listener that goes away resets whom nobody accepted. */
static void test_close_listener(void **state)
{
	struct endpoint to = pair_endpoint(1, IP_V4, 77);
	struct endpoint local = {.port = 77};
	struct ns_handle listener, handle[3];

	(void)state;
	tcp_abort(ns(0), pair.now, c);
	tcp_close(ns(1), pair.now, s);
	assert_int_equal(tcp_listen(ns(1), &local, 4, 0, &listener), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			tcp_connect(ns(0), pair.now, &to, 0, &handle[i]), 0);
		pair_run(&pair, 12 * NS_PER_MS);
	}
	assert_int_equal(tcp_close(ns(1), pair.now, listener), 0);
	assert_int_equal(netstack_connection_count(ns(1)), 0);
	pair_run(&pair, NS_PER_S);
	for (int i = 0; i < 3; i++) {
		assert_true(bits(0, handle[i]) & NS_FAILED);
		tcp_close(ns(0), pair.now, handle[i]);
	}
	expect_empty_after(NS_PER_S);
}

/* Nobody answers the close: it ends by itself. */
static struct pair_fate lose_all(struct pair *p,
				 const struct pair_packet *packet)
{
	(void)p;
	(void)packet;
	return (struct pair_fate){.copies = 0};
}

static void test_orphan(void **state)
{
	(void)state;
	send_text(0, c, "into the void");
	pair.fault = lose_all;
	tcp_close(ns(0), pair.now, c);
	tcp_abort(ns(1), pair.now, s);
	expect_empty_after(310 * NS_PER_S);
}

/* The peer acknowledges our FIN and never sends its own. */
static void test_fin_wait_2_of_orphan(void **state)
{
	(void)state;
	tcp_close(ns(0), pair.now, c);
	pair_run(&pair, 30 * NS_PER_S);
	assert_int_equal(netstack_connection_count(ns(0)), 1);
	pair_run(&pair, 100 * NS_PER_S);
	assert_int_equal(netstack_connection_count(ns(0)), 0);
	tcp_close(ns(1), pair.now, s);
	expect_empty_after(300 * NS_PER_S);
}

/* Every order and timing of two closes ends, with all bytes or a reset. */
static void test_races(void **state)
{
	typedef int (*end)(struct netstack *, uint64_t, struct ns_handle);
	static const end ends[] = {tcp_shutdown, tcp_close, tcp_abort};

	(void)state;
	pair_close(&pair);
	for (int way = 0; way < 9; way++) {
		for (int ms = 0; ms < 45; ms += 4) {
			open_pair(NULL);
			send_text(0, c, "abc");
			send_text(1, s, "defg");
			pair_run(&pair, (uint64_t)(ms % 7) * NS_PER_MS);
			ends[way / 3](ns(0), pair.now, c);
			pair_run(&pair, (uint64_t)ms * NS_PER_MS);
			ends[way % 3](ns(1), pair.now, s);
			pair_run(&pair, (uint64_t)ms * NS_PER_MS);
			tcp_close(ns(0), pair.now, c);
			tcp_close(ns(1), pair.now, s);
			expect_empty_after(300 * NS_PER_S);
			pair_close(&pair);
		}
	}
	open_pair(NULL);
}

/* ------------------------------------------------------------- TIME-WAIT */

static struct pair_fate note_port(struct pair *p,
				  const struct pair_packet *packet)
{
	struct pair_segment segment = pair_segment_of(packet);

	if (packet->from == 0 && (segment.flags & TCP_SYN))
		p->fault_state[1] = segment.src_port;
	return (struct pair_fate){.copies = 1};
}

/* Many more connections in turn than there are control blocks, all to one
 * service: TIME-WAIT makes room. */
static void test_many_in_turn(void **state)
{
	(void)state;
	tcp_abort(ns(0), pair.now, c);
	pair_run(&pair, RTT);
	tcp_close(ns(1), pair.now, s);
	pair.fault = note_port;
	for (int i = 0; i < 300; i++) {
		pair_connect(&pair, IP_V4, &c, &s);
		assert_true(pair.fault_state[1] >= 1024);
		tcp_close(ns(0), pair.now, c);
		pair_run(&pair, RTT);
		expect_read(1, s, "", -ERR_CLOSED);
		tcp_close(ns(1), pair.now, s);
		pair_run(&pair, RTT);
	}
	expect_empty_after(130 * NS_PER_S);
}

/* The same with the server closing first: its TIME-WAIT must take the SYN of
 * the next connection when that has the same ports. */
static void test_many_server_first(void **state)
{
	(void)state;
	tcp_abort(ns(0), pair.now, c);
	pair_run(&pair, RTT);
	tcp_close(ns(1), pair.now, s);
	for (int i = 0; i < 300; i++) {
		pair_connect(&pair, IP_V4, &c, &s);
		tcp_close(ns(1), pair.now, s);
		pair_run(&pair, RTT);
		expect_read(0, c, "", -ERR_CLOSED);
		tcp_close(ns(0), pair.now, c);
		pair_run(&pair, RTT);
	}
	expect_empty_after(130 * NS_PER_S);
}

static void test_table_full(void **state)
{
	struct endpoint to = pair_endpoint(1, IP_V4, 77);
	struct ns_handle handle[PAIR_CONNS];
	int count = 0, err;

	(void)state;
	pair.fault = lose_all;
	while ((err = tcp_connect(ns(0), pair.now, &to, 0, &handle[count])) ==
	       0)
		count++;
	assert_int_equal(err, -ERR_FULL);
	assert_int_equal(count, PAIR_CONNS - 1);
	for (int i = 0; i < count; i++)
		assert_int_equal(tcp_close(ns(0), pair.now, handle[i]), 0);
	assert_int_equal(netstack_connection_count(ns(0)), 1);
	assert_int_equal(tcp_connect(ns(0), pair.now, &to, 0, &handle[0]), 0);
	/* An old handle of the same block is stale. */
	assert_int_equal(tcp_shutdown(ns(0), pair.now, handle[count - 1]),
			 -ERR_CLOSED);
	tcp_close(ns(0), pair.now, handle[0]);
	tcp_abort(ns(0), pair.now, c);
	tcp_abort(ns(1), pair.now, s);
	expect_empty_after(NS_PER_S);
}

int main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(half_close_client_first),
		T(half_close_server_first),
		T(simultaneous_close),
		T(close_delivers),
		T(close_with_unread),
		T(data_after_close),
		T(unread_after_the_end),
		T(orphan_behind_closed_window),
		T(abort),
		T(abort_of_handshake),
		T(close_listener),
		T(orphan),
		T(fin_wait_2_of_orphan),
		T(races),
		T(many_in_turn),
		T(many_server_first),
		T(table_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
