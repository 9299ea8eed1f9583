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

enum { DUPLICATE_DELAY_NS = 3000000 };

/* One whole life: connect, bytes both ways, both ends, nothing left. What the
 * test is called is printed when it fails. */
static void live(const char *name, uint64_t bytes0, uint64_t bytes1,
		 uint64_t limit)
{
	struct pair_app apps[2] = {{.to_send = bytes0, .shut = true},
				   {.to_send = bytes1, .shut = true}};
	bool done;

	pair_connect_apps(&pair, IP_V4, apps);
	done = pair_run_apps(&pair, limit);
	if (!done || apps[0].error != 0 || apps[1].error != 0)
		fail_msg("%s: sent %llu %llu received %llu %llu error %d %d",
			 name, (unsigned long long)apps[0].sent,
			 (unsigned long long)apps[1].sent,
			 (unsigned long long)apps[0].received,
			 (unsigned long long)apps[1].received, apps[0].error,
			 apps[1].error);
	assert_int_equal(apps[1].received, bytes0);
	assert_int_equal(apps[0].received, bytes1);
	for (int i = 0; i < 2; i++)
		tcp_close(pair.side[i].ns, pair.now, apps[i].handle);
	pair.app_count = 0;
	pair.fault = NULL;
	pair_run(&pair, 200 * NS_PER_S);
	for (int i = 0; i < 2; i++) {
		if (netstack_connection_count(pair.side[i].ns) != 0 ||
		    pair.side[i].pool.used != 0)
			fail_msg("%s: left on side %d: %u blocks, %u chunks",
				 name, i,
				 netstack_connection_count(pair.side[i].ns),
				 pair.side[i].pool.used);
	}
}

static uint64_t retransmits(int side)
{
	return netstack_counter(pair.side[side].ns, NS_TCP_RETRANSMITS);
}

static uint64_t timeouts(int side)
{
	return netstack_counter(pair.side[side].ns, NS_TCP_TIMEOUTS);
}

/* ------------------------------------------------------------- one loss */

/* Loses packet number fault_param of side fault_state[1], once. */
static struct pair_fate lose_one(struct pair *p,
				 const struct pair_packet *packet)
{
	struct pair_fate fate = {.copies = 1};

	if (packet->from == p->fault_state[1] &&
	    p->fault_state[0]++ == p->fault_param)
		fate.copies = 0;
	return fate;
}

static void each_position(const char *what, pair_tweak tweak, bool both)
{
	for (uint64_t side = 0; side < 2; side++) {
		for (uint64_t at = 0; at < 60; at++) {
			char name[64];
			uint64_t bytes = 60000;

			snprintf(name, sizeof(name), "%s: side %d packet %d",
				 what, (int)side, (int)at);
			pair.seed = 7;
			pair_open(&pair, tweak);
			pair.fault = lose_one;
			pair.fault_param = at;
			pair.fault_state[1] = side;
			live(name, bytes, both ? bytes : 0, 30 * NS_PER_S);
			pair_close(&pair);
		}
	}
}

static void test_each_position(void **state)
{
	(void)state;
	each_position("one way", NULL, false);
	each_position("both ways", NULL, true);
}

static void without_sack(struct ns_config *config, int side)
{
	(void)side;
	config->tcp.sack = false;
}

static void without_options(struct ns_config *config, int side)
{
	(void)side;
	config->tcp.sack = false;
	config->tcp.timestamps = false;
	config->tcp.window_scaling = false;
}

static void without_timestamps(struct ns_config *config, int side)
{
	(void)side;
	config->tcp.timestamps = false;
}

static void test_each_position_no_sack(void **state)
{
	(void)state;
	each_position("no sack", without_sack, true);
}

static void test_each_position_plain(void **state)
{
	(void)state;
	each_position("no options", without_options, true);
}

static void test_each_position_no_timestamps(void **state)
{
	(void)state;
	each_position("no timestamps", without_timestamps, true);
}

/* A loss in the middle of a stream is repaired by its ACKs: no timeout, one
 * retransmission. */
static void test_no_timeout(void **state)
{
	(void)state;
	for (uint64_t at = 20; at < 300; at += 13) {
		pair_open(&pair, NULL);
		pair.fault = lose_one;
		pair.fault_param = at;
		live("fast retransmit", 1 << 20, 0, 30 * NS_PER_S);
		assert_int_equal(timeouts(0), 0);
		assert_int_equal(retransmits(0), 1);
		pair_close(&pair);
	}
}

/* The last segments of an exchange are lost: a probe after two round trips, not
 * the timeout. (For a single segment the ACK may be delayed by 200 ms, and the
 * timeout comes first: RFC 8985 7.2.) */
static struct pair_fate lose_data_once(struct pair *p,
				       const struct pair_packet *packet)
{
	struct pair_fate fate = {.copies = 1};

	if (packet->from == 0 && pair_segment_of(packet).len > 0 &&
	    p->fault_state[0]++ == p->fault_param)
		fate.copies = 0;
	return fate;
}

static struct pair_fate lose_end_of_three(struct pair *p,
					  const struct pair_packet *packet)
{
	struct pair_fate fate = {.copies = 1};

	if (packet->from == 0 && pair_segment_of(packet).len > 0 &&
	    p->fault_state[0]++ >= p->fault_param && p->fault_state[0] <= 3)
		fate.copies = 0;
	return fate;
}

static void test_tail_loss(void **state)
{
	static uint8_t request[4000], buf[8000];
	struct ns_handle c, s;
	uint64_t start;

	(void)state;
	for (uint64_t lost = 0; lost < 2; lost++) {
		int len = 0;

		pair_open(&pair, NULL);
		pair_connect(&pair, IP_V4, &c, &s);
		for (int i = 0; i < 20; i++) {
			assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c,
						  request, sizeof(request)),
					 sizeof(request));
			pair_run(&pair, 100 * NS_PER_MS);
			assert_int_equal(tcp_recv(pair.side[1].ns, pair.now, s,
						  buf, sizeof(buf)),
					 sizeof(request));
		}
		pair.fault = lose_end_of_three;
		pair.fault_param = lost;
		start = pair.now;
		assert_int_equal(tcp_send(pair.side[0].ns, pair.now, c, request,
					  sizeof(request)),
				 sizeof(request));
		while (len < (int)sizeof(request)) {
			int got = tcp_recv(pair.side[1].ns, pair.now, s, buf,
					   sizeof(buf));

			assert_true(got >= 0);
			len += got;
			assert_true(pair_step(&pair, start + NS_PER_S));
		}
		assert_true(pair.now - start < 120 * NS_PER_MS);
		assert_int_equal(timeouts(0), 0);
		pair_run(&pair, NS_PER_S);
		assert_true(retransmits(0) <= 4);
		pair_close(&pair);
	}
}

/* Without SACK what waits behind a hole is acknowledged late: that is no round
 * trip (MUST-18), and must not make the next timeout a long one. */
static void test_no_round_trip_behind_a_hole(void **state)
{
	struct pair_app apps[2] = {{.to_send = 9000}, {.to_send = 0}};

	(void)state;
	pair_open(&pair, without_options);
	pair_connect_apps(&pair, IP_V4, apps);
	pair.fault = lose_data_once;
	pair.fault_param = 4; /* too few duplicates follow */
	apps[0].read_limit = 0;
	apps[1].read_limit = 9000;
	assert_true(pair_run_apps(&pair, 10 * NS_PER_S));
	pair_run(&pair, NS_PER_S);
	assert_true(timeouts(0) > 0);
	assert_true(pair_info(&pair, 0, apps[0].handle).srtt_ns <
		    100 * NS_PER_MS);
	pair_close(&pair);
}

/* Packets above a size vanish without a word: smaller ones are tried. */
static struct pair_fate narrow(struct pair *p, const struct pair_packet *packet)
{
	return (struct pair_fate){.copies =
					  packet->len > p->fault_param ? 0 : 1};
}

static void test_black_hole(void **state)
{
	struct pair_app apps[2] = {{.to_send = 200000, .shut = true},
				   {.to_send = 200000, .shut = true}};

	(void)state;
	pair_open(&pair, NULL);
	pair_connect_apps(&pair, IP_V6, apps);
	pair.fault = narrow;
	pair.fault_param = 1300;
	assert_true(pair_run_apps(&pair, 20 * NS_PER_S));
	assert_int_equal(apps[0].received, 200000);
	assert_int_equal(apps[1].received, 200000);
	assert_int_equal(pair_info(&pair, 0, apps[0].handle).mss, 1200);
	pair_close(&pair);
}

/* ------------------------------------------------------------- many losses */

static struct pair_fate lose_random(struct pair *p,
				    const struct pair_packet *packet)
{
	(void)packet;
	return (struct pair_fate){
		.copies = pair_chance(p, (uint32_t)p->fault_param) ? 0 : 1};
}

static void random_loss(pair_tweak tweak, const char *what)
{
	static const uint32_t per_million[] = {1000, 10000, 50000, 100000,
					       200000};

	for (unsigned i = 0; i < 5; i++) {
		for (uint64_t seed = 1; seed < 12; seed++) {
			char name[64];

			snprintf(name, sizeof(name), "%s: loss %u seed %u",
				 what, per_million[i], (unsigned)seed);
			pair.seed = seed;
			pair_open(&pair, tweak);
			pair.fault = lose_random;
			pair.fault_param = per_million[i];
			live(name, 300000, 100000, 4000 * NS_PER_S);
			pair_close(&pair);
		}
	}
}

static void test_random_loss(void **state)
{
	(void)state;
	random_loss(NULL, "all options");
}

static void test_random_loss_no_sack(void **state)
{
	(void)state;
	random_loss(without_sack, "no sack");
}

static void test_random_loss_plain(void **state)
{
	(void)state;
	random_loss(without_options, "no options");
}

/* Loss, duplicates, delays and a path that closes, all at once. */
static struct pair_fate chaos(struct pair *p, const struct pair_packet *packet)
{
	struct pair_fate fate = {.copies = 1};

	(void)packet;
	if (pair_chance(p, 30000))
		fate.copies = 0;
	else if (pair_chance(p, 30000))
		fate.copies = 2;
	if (pair_chance(p, 100000))
		fate.delay = pair_random(p, 30) * NS_PER_MS;
	if (pair_chance(p, 500))
		p->side[pair_random(p, 2)].blocked_until =
			p->now + pair_random(p, 3000) * NS_PER_MS;
	return fate;
}

static void test_chaos(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 60; seed++) {
		char name[64];

		snprintf(name, sizeof(name), "chaos seed %u", (unsigned)seed);
		pair.seed = seed;
		pair_open(&pair, seed % 5 == 1   ? without_sack
				 : seed % 5 == 2 ? without_timestamps
						 : NULL);
		pair.read_while_lent = seed % 2;
		pair.fault = chaos;
		live(name, 400000, 200000, 1000 * NS_PER_S);
		pair_close(&pair);
	}
}

/* ------------------------------------------------------------- reordering */

static struct pair_fate reorder(struct pair *p,
				const struct pair_packet *packet)
{
	struct pair_fate fate = {.copies = 1};

	if (packet->from == 0 && pair_chance(p, 20000))
		fate.delay = p->fault_param;
	return fate;
}

/* Packets overtake each other and none is lost: after the first surprises the
 * sender waits, and takes back what it did. */
static void test_reordering(void **state)
{
	static const uint64_t delays[] = {NS_PER_MS / 2, 2 * NS_PER_MS,
					  4 * NS_PER_MS};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pair_app apps[2] = {{.to_send = 8 << 20, .shut = true},
					   {.shut = true}};
		uint64_t start;

		pair.seed = 3;
		pair_open(&pair, NULL);
		pair.unchecked = true;
		pair.fault = reorder;
		pair.fault_param = delays[i];
		pair.bytes_per_s[0] = 12500000;
		pair_connect_apps(&pair, IP_V4, apps);
		start = pair.now;
		assert_true(pair_run_apps(&pair, 60 * NS_PER_S));
		print_message("reordering by %llu us: %llu ms, %llu resent\n",
			      (unsigned long long)delays[i] / 1000,
			      (unsigned long long)(pair.now - start) / 1000000,
			      (unsigned long long)retransmits(0));
		assert_true(pair.now - start < 1500 * NS_PER_MS);
		assert_true(retransmits(0) < 100);
		assert_int_equal(timeouts(0), 0);
		pair_close(&pair);
	}
}

static struct pair_fate duplicate(struct pair *p,
				  const struct pair_packet *packet)
{
	(void)packet;
	return (struct pair_fate){
		.copies = pair_chance(p, 100000) ? 2 : 1,
		.delay = pair_chance(p, 10000) ? DUPLICATE_DELAY_NS : 0};
}

static void test_duplicates(void **state)
{
	(void)state;
	pair_open(&pair, NULL);
	pair.fault = duplicate;
	live("duplicates", 2 << 20, 2 << 20, 60 * NS_PER_S);
	assert_true(retransmits(0) < 20);
	pair_close(&pair);
}

/* ------------------------------------------------------------- the path */

/* A path that closes for a minute costs no retransmission before it opens. */
static void test_held_path(void **state)
{
	struct pair_app apps[2] = {{.to_send = 4 << 20, .shut = true},
				   {.shut = true}};
	uint64_t sent, start;

	(void)state;
	pair_open(&pair, NULL);
	pair_connect_apps(&pair, IP_V4, apps);
	pair_run(&pair, 100 * NS_PER_MS);
	sent = pair.side[0].pulled;
	pair.side[0].blocked_until = pair.now + 60 * NS_PER_S;
	pair_run(&pair, 59 * NS_PER_S);
	assert_int_equal(pair.side[0].pulled, sent);
	start = pair.now;
	assert_true(pair_run_apps(&pair, 10 * NS_PER_S));
	assert_true(pair.now - start < 2500 * NS_PER_MS);
	assert_true(retransmits(0) < 5);
	pair_close(&pair);
}

/* Everything is lost for a while: once the path is back, the transfer goes on
 * within the longest timeout. */
static struct pair_fate blackout(struct pair *p,
				 const struct pair_packet *packet)
{
	(void)packet;
	return (struct pair_fate){.copies = p->now < p->fault_param ? 0 : 1};
}

static void test_blackout(void **state)
{
	(void)state;
	for (uint64_t seconds = 1; seconds < 200; seconds *= 3) {
		struct pair_app apps[2] = {{.to_send = 2 << 20, .shut = true},
					   {.to_send = 2 << 20, .shut = true}};

		pair_open(&pair, NULL);
		pair_connect_apps(&pair, IP_V4, apps);
		pair_run(&pair, 55 * NS_PER_MS);
		pair.fault = blackout;
		pair.fault_param = pair.now + seconds * NS_PER_S;
		pair_run(&pair, seconds * NS_PER_S);
		assert_true(pair_run_apps(&pair, 65 * NS_PER_S));
		assert_int_equal(apps[0].received, 2 << 20);
		/* a storm would be thousands */
		assert_true(retransmits(0) + retransmits(1) < 600);
		pair_close(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_position),
		cmocka_unit_test(test_each_position_no_timestamps),
		cmocka_unit_test(test_each_position_no_sack),
		cmocka_unit_test(test_each_position_plain),
		cmocka_unit_test(test_no_timeout),
		cmocka_unit_test(test_tail_loss),
		cmocka_unit_test(test_no_round_trip_behind_a_hole),
		cmocka_unit_test(test_black_hole),
		cmocka_unit_test(test_random_loss),
		cmocka_unit_test(test_random_loss_no_sack),
		cmocka_unit_test(test_random_loss_plain),
		cmocka_unit_test(test_chaos),
		cmocka_unit_test(test_reordering),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_held_path),
		cmocka_unit_test(test_blackout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
