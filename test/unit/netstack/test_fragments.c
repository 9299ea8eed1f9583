/* SPDX-License-Identifier: ISC */
/* TCP over a path that cuts every long packet, in order or not, with and
 * without loss: what is put together is lent and copied like the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "netstack/ip.h"
#include "pair.h"

enum { BYTES = 400000, PART = 488 };

static struct pair pair;
static uint32_t ids;
static uint32_t loss; /* per million, of fragments */
static bool backwards;

static void inject_part(struct pair *p, const struct pair_packet *packet,
			const struct ip_packet *ip, uint32_t at)
{
	struct ip_build build = {.src = &ip->src,
				 .dst = &ip->dst,
				 .payload_len = ip->payload_len - at,
				 .protocol = ip->protocol};
	struct ip_part part = {
		.data = ip->payload + at, .id = ids, .at = (uint16_t)at};
	uint8_t data[PART + IP_FRAGMENT_HEADERS];

	if (build.payload_len > PART) {
		build.payload_len = PART;
		part.more = true;
	}
	if (!pair_chance(p, loss))
		pair_inject(p, !packet->from, data,
			    ip_build_fragment(data, &build, &part));
}

static struct pair_fate cut(struct pair *p, const struct pair_packet *packet)
{
	struct ip_packet ip;
	uint32_t count;

	CHECK(ip_parse(packet->data, packet->len, &ip) == 0);
	if (ip.payload_len <= PART)
		return (struct pair_fate){.copies = 1};
	count = (ip.payload_len + PART - 1) / PART;
	ids++;
	for (uint32_t i = 0; i < count; i++)
		inject_part(p, packet, &ip,
			    PART * (backwards ? count - 1 - i : i));
	return (struct pair_fate){.copies = 0};
}

static void transfer(uint8_t family, uint64_t seconds)
{
	static struct pair_app apps[2];

	memset(apps, 0, sizeof(apps));
	apps[0].stream = apps[1].stream_in = 1;
	apps[1].stream = apps[0].stream_in = 2;
	for (int i = 0; i < 2; i++) {
		apps[i].to_send = apps[i].read_limit = BYTES;
		apps[i].shut = true;
	}
	pair_connect_apps(&pair, family, apps);
	pair.fault = cut;
	assert_true(pair_run_apps(&pair, seconds * NS_PER_S));
	assert_true(netstack_counter(pair.side[0].ns, NS_REASSEMBLED) >
		    BYTES / 1420);
}

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 31;
	pair_open(&pair, NULL);
	loss = 0;
	backwards = false;
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static void test_in_order(void **state)
{
	(void)state;
	transfer(IP_V4, 20);
	assert_int_equal(netstack_counter(pair.side[1].ns, NS_DROP_FRAGMENT),
			 0);
}

static void test_backwards(void **state)
{
	(void)state;
	backwards = true;
	transfer(IP_V6, 20);
	assert_int_equal(netstack_counter(pair.side[1].ns, NS_DROP_FRAGMENT),
			 0);
}

/* The application reads while the buffers of the batch are lent. */
static void test_read_while_lent(void **state)
{
	(void)state;
	pair.read_while_lent = true;
	transfer(IP_V6, 20);
}

/* What lacks a fragment is sent again by TCP; its rest is forgotten in time. */
static void test_loss(void **state)
{
	uint64_t gone;

	(void)state;
	loss = 10000;
	transfer(IP_V6, 120);
	pair_run(&pair, 61 * NS_PER_S);
	gone = netstack_counter(pair.side[1].ns, NS_REASSEMBLY_TIMEOUTS);
	assert_in_range(gone, 5, 100);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		TEST(in_order),
		TEST(backwards),
		TEST(read_while_lent),
		TEST(loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
