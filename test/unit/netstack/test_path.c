/* SPDX-License-Identifier: ISC */
/* What a path was found to carry: how long packets are, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "netstack/tcp_segment.h"
#include "pair.h"

static struct pair pair;

/* The longest packet of side 0, and the MSS of the last SYN of each side. */
static struct {
	uint32_t longest;
	uint16_t mss[2];
} seen;

static struct pair_fate watch(struct pair *p, const struct pair_packet *packet)
{
	struct tcp_segment segment;
	uint32_t header = packet->data[0] >> 4 == 4 ? 20 : 40;

	(void)p;
	if (packet->from == 0 && packet->len > seen.longest)
		seen.longest = packet->len;
	assert_int_equal(tcp_segment_parse(packet->data + header,
					   packet->len - header, &segment),
			 0);
	if (segment.has_mss)
		seen.mss[packet->from] = segment.mss;
	return (struct pair_fate){.copies = 1};
}

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 21;
	pair_open(&pair, NULL);
	pair.fault = watch;
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static uint32_t longest_of_next(uint64_t bytes)
{
	seen.longest = 0;
	pair.apps[0].to_send += bytes;
	pair_run(&pair, 5 * NS_PER_S);
	assert_true(pair.apps[1].received == pair.apps[0].to_send);
	return seen.longest;
}

static void open_apps(struct pair_app apps[2], uint8_t family)
{
	memset(apps, 0, 2 * sizeof(apps[0]));
	apps[0].stream = apps[1].stream_in = 1;
	apps[1].stream = apps[0].stream_in = 2;
	apps[0].read_limit = apps[1].read_limit = UINT64_MAX;
	pair_connect_apps(&pair, family, apps);
}

/* Of a connection that is open: at once, without taking anything for lost, and
 * back after ten minutes. */
static void test_open_connection(void **state)
{
	struct pair_app apps[2];
	struct netstack *ns = pair.side[0].ns;

	(void)state;
	open_apps(apps, IP_V6);
	assert_int_equal(longest_of_next(100000), 1420);
	pair.apps[0].to_send += 100000;
	pair_run(&pair, 15 * NS_PER_MS); /* some of it is under way */
	netstack_path_mtu(ns, pair.now, PAIR_PATH, 1392);
	assert_int_equal(longest_of_next(100000), 1392);
	assert_int_equal(pair_info(&pair, 0, apps[0].handle).retransmits, 0);
	netstack_path_mtu(ns, pair.now, PAIR_PATH, 1400); /* no news */
	assert_int_equal(longest_of_next(100000), 1392);
	netstack_path_mtu(ns, pair.now, PAIR_PATH, 100); /* never below */
	assert_int_equal(longest_of_next(100000), 1280);
	pair_run(&pair, 570 * NS_PER_S);
	assert_int_equal(longest_of_next(100000), 1280);
	pair_run(&pair, 30 * NS_PER_S);
	assert_int_equal(longest_of_next(100000), 1420);
	assert_true(pair_info(&pair, 0, apps[0].handle).mss == 1420 - 72);
}

/* Of one that begins later: in both directions. */
static void test_new_connection(void **state)
{
	struct pair_app apps[2];

	(void)state;
	netstack_path_mtu(pair.side[0].ns, pair.now, PAIR_PATH, 1300);
	open_apps(apps, IP_V4);
	assert_int_equal(seen.mss[0], 1260);
	assert_int_equal(seen.mss[1], 1380);
	assert_int_equal(longest_of_next(100000), 1300);
	assert_int_equal(pair_info(&pair, 1, apps[1].handle).mss, 1260 - 12);
}

/* Another path has nothing to do with it. */
static void test_other_path(void **state)
{
	struct pair_app apps[2];

	(void)state;
	netstack_path_mtu(pair.side[0].ns, pair.now, PAIR_PATH + 1, 1300);
	open_apps(apps, IP_V6);
	assert_int_equal(longest_of_next(100000), 1420);
	netstack_path_mtu(pair.side[0].ns, pair.now, PAIR_PATH + 1, 1280);
	assert_int_equal(longest_of_next(100000), 1420);
}

/* Two paths have a time of their own each. */
static void test_two_times(void **state)
{
	struct pair_app apps[2];
	struct netstack *ns = pair.side[0].ns;

	(void)state;
	open_apps(apps, IP_V6);
	netstack_path_mtu(ns, pair.now, PAIR_PATH + 1, 1300);
	pair_run(&pair, 300 * NS_PER_S);
	netstack_path_mtu(ns, pair.now, PAIR_PATH, 1300);
	pair_run(&pair, 400 * NS_PER_S);
	assert_int_equal(longest_of_next(100000), 1300);
	pair_run(&pair, 200 * NS_PER_S);
	assert_int_equal(longest_of_next(100000), 1420);
}

/* ------------------------------------------------------------- silence */

static bool silent;

static struct pair_fate swallow(struct pair *p,
				const struct pair_packet *packet)
{
	(void)p;
	(void)packet;
	return (struct pair_fate){.copies = silent ? 0 : 1};
}

/* After a long outage the timeout has doubled to most of a minute. One
 * connection asks whether the path is back; once it is, no more than that. */
static void test_probe(void **state)
{
	struct pair_app apps[2];
	struct netstack *ns = pair.side[0].ns;
	uint64_t lost;

	(void)state;
	open_apps(apps, IP_V6);
	assert_int_equal(netstack_path_probe(ns, pair.now, PAIR_PATH, 1), 0);
	pair.fault = swallow;
	silent = true;
	pair.apps[0].to_send = 1000;
	pair_run(&pair, 100 * NS_PER_S);
	lost = pair.lost;
	pair_run(&pair, NS_PER_S);
	assert_true(pair.lost == lost); /* it waits for its timer */
	assert_int_equal(netstack_path_probe(ns, pair.now, PAIR_PATH + 1, 1),
			 0);
	assert_int_equal(netstack_path_probe(ns, pair.now, PAIR_PATH, 0), 1);
	pair_run(&pair, NS_PER_MS);
	assert_true(pair.lost == lost);
	assert_int_equal(netstack_path_probe(ns, pair.now, PAIR_PATH, 1), 1);
	pair_run(&pair, NS_PER_MS);
	assert_true(pair.lost == lost + 1);
	silent = false;
	assert_int_equal(netstack_path_probe(ns, pair.now, PAIR_PATH, 1), 1);
	pair_run(&pair, 100 * NS_PER_MS);
	assert_true(pair.apps[1].received == 1000);
	assert_int_equal(netstack_path_probe(ns, pair.now, PAIR_PATH, 1), 0);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		TEST(open_connection), TEST(new_connection), TEST(other_path),
		TEST(two_times),       TEST(probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
