/* SPDX-License-Identifier: ISC */
/* Segments that should not be believed: RFC 9293 3.10.7, RFC 5961, RFC 7323. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "craft.h"
#include "netstack/tcp_segment.h"

static struct pair pair;
static struct ns_handle c, s;
static struct endpoint client, server;

/* Last segments on the wire, by sender. */
static struct {
	struct pair_segment last[2];
	uint32_t count[2];
	bool deaf; /* the client hears nothing any more */
} wire;

static struct pair_fate watch(struct pair *p, const struct pair_packet *packet)
{
	(void)p;
	wire.last[packet->from] = pair_segment_of(packet);
	wire.count[packet->from]++;
	return (struct pair_fate){.copies = wire.deaf && packet->from == 1 ? 0
									   : 1};
}

static void no_timestamps(struct ns_config *config, int side)
{
	(void)side;
	config->tcp.timestamps = false;
}

static void open_with(pair_tweak tweak)
{
	struct ns_tcp_info info;

	pair.seed = 5;
	pair_open(&pair, tweak);
	pair.fault = watch;
	wire.deaf = false;
	pair_connect(&pair, IP_V4, &c, &s);
	pair_run(&pair, NS_PER_S);
	info = pair_info(&pair, 0, c);
	client = info.local;
	server = info.remote;
	assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c, "hello", 5), 5);
	assert_int_equal(tcp_send(pair.side[1].ns, pair.now, s, "world", 5), 5);
	pair_run(&pair, NS_PER_S);
	memset(wire.count, 0, sizeof(wire.count));
}

static int open_pair(void **state)
{
	(void)state;
	open_with(no_timestamps);
	return 0;
}

static void trusting(struct ns_config *config, int side)
{
	no_timestamps(config, side);
	config->tcp.verify_checksums = false;
}

static int open_pair_trusting(void **state)
{
	(void)state;
	open_with(trusting);
	return 0;
}

static int open_pair_timestamps(void **state)
{
	(void)state;
	open_with(NULL);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

/* rcv_nxt and snd_nxt of the server, as the wire says. */
static uint32_t server_rcv_nxt(void)
{
	return wire.last[1].ack;
}

static uint32_t server_snd_nxt(void)
{
	return wire.last[0].ack;
}

static void to_server(uint8_t flags, uint32_t seq, uint32_t ack,
		      const char *data)
{
	struct tcp_segment segment = {
		.flags = flags,
		.seq = seq,
		.ack = ack,
		.wnd = 1000,
		.data = (const uint8_t *)data,
		.len = data == NULL ? 0 : (uint32_t)strlen(data),
	};

	craft_inject(&pair, &client, &server, &segment);
	pair_settle(&pair);
}

static void expect_alive(uint32_t answers)
{
	assert_int_equal(pair_state(&pair, 1, s), TCPS_ESTABLISHED);
	assert_int_equal(wire.count[1], answers);
	wire.count[1] = 0;
	pair_run(&pair, NS_PER_S);
}

static void test_reset_exact(void **state)
{
	(void)state;
	to_server(TCP_RST, server_rcv_nxt(), 0, NULL);
	assert_true(pair.side[1].bits[s.index] & NS_FAILED);
	assert_int_equal(pair.side[1].error[s.index], -ERR_RESET);
	assert_int_equal(wire.count[1], 0);
}

/* RFC 5961 3.2: in the window but not exact: a challenge ACK. */
static void test_reset_in_window(void **state)
{
	uint32_t rcv_nxt = server_rcv_nxt();

	(void)state;
	to_server(TCP_RST, rcv_nxt + 1, 0, NULL);
	expect_alive(1);
	to_server(TCP_RST | TCP_ACK, rcv_nxt + 1000, server_snd_nxt(), NULL);
	expect_alive(1);
	assert_int_equal(
		netstack_counter(pair.side[1].ns, NS_TCP_CHALLENGE_ACKS), 2);
}

static void test_reset_outside(void **state)
{
	uint32_t rcv_nxt = server_rcv_nxt();

	(void)state;
	to_server(TCP_RST, rcv_nxt - 1, 0, NULL);
	expect_alive(0);
	to_server(TCP_RST, rcv_nxt + 100000000, 0, NULL);
	expect_alive(0);
}

/* RFC 5961 4.2, and at most one challenge in half a second. */
static void test_syn(void **state)
{
	uint32_t rcv_nxt = server_rcv_nxt();

	(void)state;
	to_server(TCP_SYN, rcv_nxt, 0, NULL);
	expect_alive(1);
	for (uint32_t i = 0; i < 10; i++)
		to_server(TCP_SYN, rcv_nxt + i * 1000, 0, NULL);
	expect_alive(1);
	to_server(TCP_SYN | TCP_ACK, rcv_nxt - 100, server_snd_nxt(), NULL);
	expect_alive(1);
}

/* RFC 5961 5.2: acknowledges what was never sent, or too old. */
static void test_ack_range(void **state)
{
	uint32_t rcv_nxt = server_rcv_nxt();
	uint32_t snd_nxt = server_snd_nxt();

	(void)state;
	to_server(TCP_ACK, rcv_nxt, snd_nxt + 1, "evil");
	expect_alive(1);
	to_server(TCP_ACK, rcv_nxt, snd_nxt - 100000000, "evil");
	expect_alive(1);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 5);
	/* without ACK: dropped */
	to_server(0, rcv_nxt, 0, "evil");
	expect_alive(0);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 5);
}

static void test_window_edges(void **state)
{
	uint32_t rcv_nxt = server_rcv_nxt();
	uint32_t snd_nxt = server_snd_nxt();
	uint32_t wnd = pair_info(&pair, 1, s).rcv_wnd;

	(void)state;
	wire.deaf = true;
	/* old data: acknowledged again */
	to_server(TCP_ACK, rcv_nxt - 5, snd_nxt, "hello");
	expect_alive(1);
	/* half old, half new */
	to_server(TCP_ACK, rcv_nxt - 5, snd_nxt, "hello!");
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 6);
	wire.count[1] = 0;
	/* beyond the window */
	to_server(TCP_ACK, rcv_nxt + wnd + 10, snd_nxt, "far");
	expect_alive(1);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 6);
	/* an ACK of nothing new, in the window, is not answered */
	to_server(TCP_ACK, rcv_nxt + 1, snd_nxt, NULL);
	expect_alive(0);
}

static struct tcp_segment four_bytes(void)
{
	return (struct tcp_segment){
		.flags = TCP_ACK,
		.seq = server_rcv_nxt(),
		.ack = server_snd_nxt(),
		.wnd = 1000,
		.data = (const uint8_t *)"data",
		.len = 4,
	};
}

static void test_bad_checksum(void **state)
{
	struct tcp_segment segment = four_bytes();

	(void)state;
	craft_inject_damaged(&pair, &client, &server, &segment);
	pair_settle(&pair);
	expect_alive(0);
	assert_int_equal(netstack_counter(pair.side[1].ns, NS_DROP_CHECKSUM),
			 1);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 5);
	craft_inject(&pair, &client, &server, &segment);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 9);
}

/* Who is told not to look takes what comes. */
static void test_no_checksum(void **state)
{
	struct tcp_segment segment = four_bytes();

	(void)state;
	craft_inject_damaged(&pair, &client, &server, &segment);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(netstack_counter(pair.side[1].ns, NS_DROP_CHECKSUM),
			 0);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 9);
}

/* PAWS: an old timestamp makes data unacceptable, and an ACK says so (RFC 7323
 * 5.3); a reset is judged without it. */
static void test_paws(void **state)
{
	struct tcp_segment segment = {
		.flags = TCP_ACK,
		.seq = server_rcv_nxt(),
		.ack = server_snd_nxt(),
		.wnd = 1000,
		.has_timestamps = true,
		.ts_val = wire.last[0].ts_val - 5000,
		.data = (const uint8_t *)"old",
		.len = 3,
	};

	(void)state;
	assert_true(wire.last[0].ts_val != 0);
	craft_inject(&pair, &client, &server, &segment);
	pair_settle(&pair);
	expect_alive(1);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 5);
	segment.ts_val = wire.last[0].ts_val + 1;
	craft_inject(&pair, &client, &server, &segment);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 8);
	/* without a timestamp: a middlebox took it */
	segment.has_timestamps = false;
	segment.seq += 3;
	craft_inject(&pair, &client, &server, &segment);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_info(&pair, 1, s).recv_queued, 11);
	segment.seq += 3;
	segment.flags = TCP_RST;
	segment.len = 0;
	craft_inject(&pair, &client, &server, &segment);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair.side[1].error[s.index], -ERR_RESET);
}

/* No socket: RFC 9293 3.10.7.1. */
static void test_no_socket(void **state)
{
	struct endpoint closed = server;
	struct tcp_segment segment = {.flags = TCP_SYN, .seq = 1000, .wnd = 1};

	(void)state;
	closed.port = 9;
	craft_inject(&pair, &client, &closed, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.count[1], 1);
	assert_int_equal(wire.last[1].flags, TCP_RST | TCP_ACK);
	assert_int_equal(wire.last[1].ack, 1001);
	assert_int_equal(wire.last[1].seq, 0);
	segment.flags = TCP_ACK;
	segment.ack = 77;
	craft_inject(&pair, &client, &closed, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.count[1], 2);
	assert_int_equal(wire.last[1].flags, TCP_RST);
	assert_int_equal(wire.last[1].seq, 77);
	segment.flags = TCP_RST;
	craft_inject(&pair, &client, &closed, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.count[1], 2);
}

/* A listener: RST ignored, ACK reset, SYN taken. */
static void test_listener(void **state)
{
	struct endpoint local = {.port = 81};
	struct endpoint to = server;
	struct tcp_segment segment = {.flags = TCP_RST, .seq = 5, .wnd = 1};
	struct ns_handle listener;

	(void)state;
	to.port = 81;
	assert_int_equal(tcp_listen(pair.side[1].ns, &local, 2, 0, &listener),
			 0);
	craft_inject(&pair, &client, &to, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.count[1], 0);
	segment.flags = TCP_ACK;
	segment.ack = 99;
	craft_inject(&pair, &client, &to, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.count[1], 1);
	assert_int_equal(wire.last[1].flags, TCP_RST);
	assert_int_equal(wire.last[1].seq, 99);
	segment.flags = TCP_SYN | TCP_FIN;
	craft_inject(&pair, &client, &to, &segment);
	pair_settle(&pair);
	assert_int_equal(netstack_connection_count(pair.side[1].ns), 2);
	segment.flags = TCP_SYN;
	craft_inject(&pair, &client, &to, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.last[1].flags, TCP_SYN | TCP_ACK);
	assert_int_equal(wire.last[1].ack, 6);
	/* A reset frees the half-open one at once. */
	segment.flags = TCP_RST;
	segment.seq = 6;
	craft_inject(&pair, &client, &to, &segment);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(netstack_connection_count(pair.side[1].ns), 2);
}

/* ------------------------------------------------------- simultaneous open */

/* The client's SYN crosses one of ours with the same ports (MUST-10). */
static void test_simultaneous_open(void **state)
{
	struct endpoint to = server;
	struct endpoint from;
	struct tcp_segment segment = {.flags = TCP_SYN,
				      .seq = 5000,
				      .wnd = 2000,
				      .has_mss = true,
				      .mss = 1000};
	struct ns_handle handle;

	(void)state;
	to.port = 4000; /* nobody listens there; its packets are lost */
	assert_int_equal(
		tcp_connect(pair.side[0].ns, pair.now, &to, 0, &handle), 0);
	from = pair_info(&pair, 0, handle).local;
	craft_inject(&pair, &to, &from, &segment);
	pair_settle(&pair);
	assert_int_equal(pair_state(&pair, 0, handle), TCPS_SYN_RECEIVED);
	assert_int_equal(wire.last[0].flags, TCP_SYN | TCP_ACK);
	assert_int_equal(wire.last[0].ack, 5001);
	segment.flags = TCP_SYN | TCP_ACK;
	segment.ack = wire.last[0].seq + 1;
	craft_inject(&pair, &to, &from, &segment);
	pair_settle(&pair);
	assert_int_equal(pair_state(&pair, 0, handle), TCPS_ESTABLISHED);
	assert_true(pair.side[0].bits[handle.index] & NS_CONNECTED);
	tcp_abort(pair.side[0].ns, pair.now, handle);
}

/* SYN-SENT: an ACK of something else is reset, a reset without it ignored. */
static void test_syn_sent(void **state)
{
	struct endpoint to = server;
	struct endpoint from;
	struct tcp_segment segment = {.flags = TCP_ACK, .ack = 1, .wnd = 10};
	struct ns_handle handle;
	uint32_t iss;

	(void)state;
	to.port = 4000;
	pair.latency = NS_PER_S;
	assert_int_equal(
		tcp_connect(pair.side[0].ns, pair.now, &to, 0, &handle), 0);
	pair_settle(&pair);
	iss = wire.last[0].seq;
	wire.count[0] = 0;
	from = pair_info(&pair, 0, handle).local;
	craft_inject(&pair, &to, &from, &segment);
	pair_settle(&pair);
	assert_int_equal(wire.count[0], 1);
	assert_int_equal(wire.last[0].flags, TCP_RST);
	assert_int_equal(wire.last[0].seq, 1);
	segment.flags = TCP_RST;
	craft_inject(&pair, &to, &from, &segment);
	pair_settle(&pair);
	segment.flags = TCP_RST | TCP_ACK;
	craft_inject(&pair, &to, &from, &segment);
	pair_settle(&pair);
	assert_int_equal(pair_state(&pair, 0, handle), TCPS_SYN_SENT);
	segment.ack = iss + 1;
	craft_inject(&pair, &to, &from, &segment);
	pair_settle(&pair);
	assert_int_equal(pair.side[0].error[handle.index], -ERR_REFUSED);
	tcp_close(pair.side[0].ns, pair.now, handle);
}

/* TIME-WAIT at the server: a SYN with a newer timestamp or a higher sequence
 * number opens the next connection (RFC 6191), an old one does not. */
static void test_time_wait_reopened(void **state)
{
	struct endpoint local = {.port = server.port};
	struct tcp_segment syn = {
		.flags = TCP_SYN, .wnd = 1000, .has_timestamps = true};
	uint32_t ts_val = wire.last[0].ts_val;
	struct ns_handle listener;

	(void)state;
	assert_int_equal(tcp_listen(pair.side[1].ns, &local, 2, 0, &listener),
			 0);
	tcp_recv(pair.side[0].ns, pair.now, c, &(char[8]){0}, 8);
	tcp_recv(pair.side[1].ns, pair.now, s, &(char[8]){0}, 8);
	assert_int_equal(tcp_close(pair.side[1].ns, pair.now, s), 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(tcp_close(pair.side[0].ns, pair.now, c), 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(netstack_connection_count(pair.side[1].ns), 2);
	wire.deaf = true;
	syn.seq = server_rcv_nxt() - 1000;
	syn.ts_val = ts_val - 1000;
	craft_inject(&pair, &client, &server, &syn);
	pair_settle(&pair);
	assert_int_equal(wire.last[1].flags, TCP_ACK); /* no SYN-ACK */
	syn.ts_val = ts_val + 100000;
	craft_inject(&pair, &client, &server, &syn);
	pair_settle(&pair);
	assert_int_equal(wire.last[1].flags, TCP_SYN | TCP_ACK);
	assert_int_equal(wire.last[1].ack, syn.seq + 1);
	assert_int_equal(netstack_connection_count(pair.side[1].ns), 2);
}

int main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(reset_exact),
		T(reset_in_window),
		T(reset_outside),
		T(syn),
		T(ack_range),
		T(window_edges),
		T(bad_checksum),
		cmocka_unit_test_setup_teardown(test_no_checksum,
						open_pair_trusting, close_pair),
		cmocka_unit_test_setup_teardown(test_paws, open_pair_timestamps,
						close_pair),
		cmocka_unit_test_setup_teardown(test_time_wait_reopened,
						open_pair_timestamps,
						close_pair),
		T(no_socket),
		T(listener),
		T(simultaneous_open),
		T(syn_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
