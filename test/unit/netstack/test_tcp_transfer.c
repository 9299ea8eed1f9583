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

/* Both sides send and end; returns the virtual time it took. */
static uint64_t exchange(uint8_t family, uint64_t bytes, uint64_t limit)
{
	struct pair_app apps[2] = {{.to_send = bytes, .shut = true},
				   {.to_send = bytes, .shut = true}};
	uint64_t start;

	pair_connect_apps(&pair, family, apps);
	start = pair.now;
	if (!pair_run_apps(&pair, limit))
		fail_msg("stuck: sent %llu %llu received %llu %llu",
			 (unsigned long long)apps[0].sent,
			 (unsigned long long)apps[1].sent,
			 (unsigned long long)apps[0].received,
			 (unsigned long long)apps[1].received);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(apps[i].error, 0);
		assert_int_equal(apps[i].received, bytes);
		assert_true(apps[i].ended);
		assert_true(pair.side[i].bits[apps[i].handle.index] & NS_EOF);
	}
	start = pair.now - start;
	pair_run(&pair, NS_PER_S);
	for (int i = 0; i < 2; i++)
		tcp_close(pair.side[i].ns, pair.now, apps[i].handle);
	pair.app_count = 0;
	pair_run(&pair, 130 * NS_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(netstack_connection_count(pair.side[i].ns), 0);
		assert_int_equal(pair.side[i].pool.used, 0);
	}
	return start;
}

static void expect_no_retransmit(void)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			netstack_counter(pair.side[i].ns, NS_TCP_RETRANSMITS),
			0);
}

static void test_clean(void **state)
{
	static const uint8_t families[] = {IP_V4, IP_V6};

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (int lent = 0; lent < 2; lent++) {
			pair_open(&pair, NULL);
			pair.read_while_lent = lent;
			exchange(families[i], 1 << 20, 60 * NS_PER_S);
			expect_no_retransmit();
			pair_close(&pair);
		}
	}
}

/* 200 ms, 100 Mbit/s: the windows must grow to the path's 2.5 MB. */
static void test_long_fat(void **state)
{
	struct pair_app apps[2] = {{.to_send = 50 << 20, .shut = true},
				   {.to_send = 0, .shut = true}};
	uint64_t start, took;

	(void)state;
	pair_open(&pair, NULL);
	pair.latency = 100 * NS_PER_MS;
	pair.bytes_per_s[0] = 12500000;
	pair.queue_max = 4 << 20;
	pair.unchecked = true;
	pair_connect_apps(&pair, IP_V4, apps);
	start = pair.now;
	assert_true(pair_run_apps(&pair, 60 * NS_PER_S));
	took = pair.now - start;
	/* 4.2 s of bare sending; slow start takes 2 s more. */
	assert_true(took < 8 * NS_PER_S);
	pair_close(&pair);
}

/* The initial sequence number moves with time, so the time is chosen to let a
 * sequence number wrap in the middle of the transfer. */
static uint32_t first_seq[2];

static struct pair_fate note_seq(struct pair *p,
				 const struct pair_packet *packet)
{
	struct pair_segment segment = pair_segment_of(packet);

	(void)p;
	if (segment.flags & TCP_SYN)
		first_seq[packet->from] = segment.seq;
	return (struct pair_fate){.copies = 1};
}

static struct pair_fate lose_some(struct pair *p,
				  const struct pair_packet *packet)
{
	note_seq(p, packet);
	return (struct pair_fate){.copies = pair_chance(p, 20000) ? 0 : 1};
}

static void test_wrap(void **state)
{
	struct ns_handle c, s;

	(void)state;
	for (int side = 0; side < 2; side++) {
		for (int lossy = 0; lossy < 2; lossy++) {
			uint64_t wait;

			pair.seed = 1;
			pair_open(&pair, NULL);
			pair.fault = note_seq;
			pair_connect(&pair, IP_V4, &c, &s);
			pair_close(&pair);
			wait = (0xffff0000 - first_seq[side]) * UINT64_C(64);
			pair.seed = 1;
			pair_open(&pair, NULL);
			pair.now += wait;
			pair.fault = lossy ? lose_some : note_seq;
			exchange(IP_V4, 400000, 120 * NS_PER_S);
			assert_true(first_seq[side] > 0xffff0000 - 20000);
			pair_close(&pair);
		}
	}
}

static void test_small_writes(void **state)
{
	struct pair_app apps[2] = {{.to_send = 20000, .write_size = 7},
				   {.to_send = 20000, .write_size = 3}};

	(void)state;
	pair_open(&pair, NULL);
	pair_connect_apps(&pair, IP_V6, apps);
	apps[0].read_limit = apps[1].read_limit = 20000;
	assert_true(pair_run_apps(&pair, 60 * NS_PER_S));
	assert_int_equal(apps[0].received, 20000);
	expect_no_retransmit();
	/* Nobody starts sending tiny segments for 20000 bytes. */
	assert_true(pair.side[0].pulled < 100);
	pair_close(&pair);
}

/* Request and answer: each must leave at once and take one round trip. */
static void test_ping_pong(void **state)
{
	struct ns_handle c, s;
	uint64_t start;
	char byte;

	(void)state;
	pair_open(&pair, NULL);
	pair_connect(&pair, IP_V4, &c, &s);
	pair_run(&pair, NS_PER_S);
	start = pair.now;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c, "q", 1),
				 1);
		while (tcp_recv(pair.side[1].ns, pair.now, s, &byte, 1) != 1)
			assert_true(pair_step(&pair, NEVER - 1));
		assert_int_equal(tcp_send(pair.side[1].ns, pair.now, s, "a", 1),
				 1);
		while (tcp_recv(pair.side[0].ns, pair.now, c, &byte, 1) != 1)
			assert_true(pair_step(&pair, NEVER - 1));
	}
	assert_true(pair.now - start < 2100 * NS_PER_MS);
	expect_no_retransmit();
	/* Idle again: no buffers. */
	pair_run(&pair, 5 * NS_PER_S);
	assert_int_equal(pair.side[0].pool.used, 0);
	assert_int_equal(pair.side[1].pool.used, 0);
	pair_close(&pair);
}

/* An ACK for at most every second segment, and far fewer for batches. */
static void test_few_acks(void **state)
{
	struct pair_app apps[2] = {{.to_send = 4 << 20, .shut = true},
				   {.to_send = 0, .shut = true}};

	(void)state;
	pair_open(&pair, NULL);
	pair_connect_apps(&pair, IP_V4, apps);
	assert_true(pair_run_apps(&pair, 60 * NS_PER_S));
	assert_true(pair.side[1].pulled * 4 < pair.side[0].pulled);
	pair_close(&pair);
}

/* Two stacks with odd settings, 2 MiB, with an odd buffer. */
static void tweak_small(struct ns_config *config, int side)
{
	config->tcp.recv_buffer_max = side == 0 ? 3000 : 65535;
	config->tcp.send_buffer_max = side == 0 ? 5000 : 100000;
	config->tcp.initial_window = 1;
	config->tcp.delayed_ack_ns = side == 0 ? 0 : 500 * NS_PER_MS;
}

static void test_small_buffers(void **state)
{
	(void)state;
	pair_open(&pair, tweak_small);
	exchange(IP_V4, 100000, 600 * NS_PER_S);
	expect_no_retransmit();
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_ping_pong),
		cmocka_unit_test(test_small_writes),
		cmocka_unit_test(test_few_acks),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_long_fat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
