/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/time.h"
#include "daemon/router.h"

enum { PEERS = 4, LEN = 100, BUF = RUN_BYTES_MAX };

static struct router router;
static struct route_table routes;
static struct route_node nodes[2 * PEERS];
static struct ip_addr own;
static bool sessions[PEERS];
static uint8_t buffer[BUF];

/* Peer n has 10.0.0.(n + 2); we are 10.0.0.1. */
static struct ip_addr address(unsigned n)
{
	return ip_addr_v4((const uint8_t[4]){10, 0, 0, (uint8_t)(n + 2)});
}

static int start(void **state)
{
	(void)state;
	memset(&router, 0, sizeof(router));
	own = ip_addr_v4((const uint8_t[4]){10, 0, 0, 1});
	route_init(&routes, nodes, 2 * PEERS);
	for (unsigned i = 0; i < PEERS; i++) {
		struct prefix prefix = {.addr = address(i), .bits = 32};

		sessions[i] = true;
		route_insert(&routes, &prefix, (uint16_t)i);
	}
	return router_set(&router, true);
}

static int stop(void **state)
{
	(void)state;
	return router_set(&router, false);
}

static uint16_t header_sum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += get_be16(header + i);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static struct packet make(uint8_t *data, unsigned from,
			  const struct ip_addr *to, uint32_t len, uint8_t ttl)
{
	struct ip_addr src = address(from);

	memset(data, 0, 20);
	memset(data + 20, (int)len, len - 20);
	data[0] = 0x45;
	put_be16(data + 2, (uint16_t)len);
	data[8] = ttl;
	data[9] = 17;
	memcpy(data + 12, src.bytes, 4);
	memcpy(data + 16, to->bytes, 4);
	put_be16(data + 10, (uint16_t)~header_sum(data));
	return (struct packet){
		.data = data, .len = len, .path = (uint16_t)from};
}

static size_t give(unsigned from, const struct ip_addr *to, uint32_t len,
		   uint8_t ttl, uint64_t now)
{
	uint8_t data[2000];
	struct packet packet = make(data, from, to, len, ttl);

	return router_take(&router, now, &routes, &own, 1, &packet, 1);
}

static bool has_session(void *ctx, uint16_t path)
{
	(void)ctx;
	return sessions[path];
}

static bool pull(uint64_t now, struct run *run)
{
	*run = (struct run){.base = buffer, .cap = BUF, .mtu = 1420};
	return router_pull(&router, now, has_session, NULL, run);
}

static void test_one(void **state)
{
	struct ip_addr to = address(1);
	struct run run;

	(void)state;
	assert_int_equal(give(0, &to, LEN, 64, 0), 0);
	assert_true(pull(0, &run));
	assert_int_equal(run.path, 1);
	assert_int_equal(run.count, 1);
	assert_int_equal(run.last_len, LEN);
	assert_int_equal(run_ip(&run, LEN, 0)[8], 63);
	assert_int_equal(header_sum(run_ip(&run, LEN, 0)), 0xffff);
	assert_int_equal(run_ip(&run, LEN, 0)[LEN - 1], LEN);
	assert_false(pull(0, &run));
	assert_int_equal(router.routed, 1);
}

/* The checksum holds for every TTL. */
static void test_hops(void **state)
{
	struct ip_addr to = address(1);
	struct run run;

	(void)state;
	for (unsigned ttl = 0; ttl < 256; ttl++) {
		assert_int_equal(give(0, &to, LEN, (uint8_t)ttl, 0), 0);
		assert_int_equal(pull(0, &run), ttl > 1);
		if (ttl > 1)
			assert_int_equal(header_sum(run_ip(&run, LEN, 0)),
					 0xffff);
	}
	assert_int_equal(router.dropped, 2);
}

static void test_left_to_others(void **state)
{
	struct ip_addr same = address(0), nobody = address(99);
	struct run run;

	(void)state;
	assert_int_equal(give(0, &own, LEN, 64, 0), 1);
	assert_int_equal(give(0, &same, LEN, 64, 0), 1);
	assert_int_equal(give(0, &nobody, LEN, 64, 0), 1);
	router_set(&router, false);
	same = address(1);
	assert_int_equal(give(0, &same, LEN, 64, 0), 1);
	assert_false(pull(0, &run));
}

/* Equal lengths to one peer become one run, a shorter one ends it. */
static void test_runs(void **state)
{
	static const struct {
		unsigned to;
		uint32_t len;
	} in[] = {{1, 500}, {1, 500}, {1, 400}, {1, 500}, {2, 500}, {2, 600}};
	static const unsigned out[] = {3, 1, 1, 1};
	struct run run;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct ip_addr to = address(in[i].to);

		assert_int_equal(give(0, &to, in[i].len, 64, 0), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_true(pull(0, &run));
		assert_int_equal(run.count, out[i]);
	}
	assert_int_equal(run.last_len, 600);
	assert_false(pull(0, &run));
}

/* Longer than our own MTU: the padding must still fit. */
static void test_long_packet(void **state)
{
	struct ip_addr to = address(1);
	struct run run;

	(void)state;
	assert_int_equal(give(0, &to, 1500, 64, 0), 0);
	assert_int_equal(give(0, &to, 1537, 64, 0), 0);
	assert_true(pull(0, &run));
	assert_int_equal(run.mtu, 1500);
	assert_int_equal(run_padded(run.last_len, run.mtu), 1500);
	assert_int_equal(router.dropped, 1);
}

/* Whoever has no session waits a moment, and holds nobody up. */
static void test_waiting(void **state)
{
	struct ip_addr away = address(1), here = address(2);
	struct run run;

	(void)state;
	sessions[1] = false;
	for (unsigned i = 0; i < ROUTER_WAITING_MAX + 8; i++)
		give(0, &away, LEN, 64, 0);
	give(0, &here, LEN, 64, 0);
	assert_true(pull(0, &run));
	assert_int_equal(run.path, 2);
	assert_int_equal(router.dropped, 8);
	sessions[1] = true;
	assert_true(pull(ROUTER_PATIENCE_NS - 1, &run));
	assert_int_equal(run.count, ROUTER_WAITING_MAX);
	sessions[1] = false;
	give(0, &away, LEN, 64, 0);
	assert_false(pull(ROUTER_PATIENCE_NS, &run));
	sessions[1] = true;
	assert_false(pull(ROUTER_PATIENCE_NS, &run));
	assert_int_equal(router.count, 0);
}

static void test_full(void **state)
{
	struct ip_addr to = address(1);
	struct run run;
	unsigned seen = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < ROUTER_PACKETS + 5; i++)
			give(0, &to, LEN, 64, 0);
		while (pull(0, &run))
			seen += run.count;
	}
	assert_int_equal(seen, 3 * ROUTER_PACKETS);
	assert_int_equal(router.dropped, 15);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, start, stop)
	const struct CMUnitTest tests[] = {
		T(one),         T(hops),    T(left_to_others), T(runs),
		T(long_packet), T(waiting), T(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
