/* SPDX-License-Identifier: ISC */
/* A tunnel's zone, asked by the far end through a real tunnel in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "far.h"
#include "netstack/dns_codec.h"

enum { ID = 0x4242, MESSAGE_CAP = 4096 };

static struct far far;
static struct config_name table[2];

static struct ip_addr addr(const char *text)
{
	struct ip_addr parsed;

	CHECK(ip_addr_parse(text, &parsed) == 0);
	return parsed;
}

static struct tunnel_zone *zone(void)
{
	return &far.proxy.tunnels[0]->zone;
}

static void serve(const char *origin)
{
	strcpy(far.tunnel_config.zone, origin);
	assert_int_equal(tunnel_zone_set(zone(), &far.now, &far.tunnel_config),
			 0);
	far_step(&far, NS_PER_MS);
}

static void expose(const char *text, const char *name, uint32_t *ret_slot)
{
	char message[MAPPING_MESSAGE_CAP];
	struct mapping mapping;

	assert_int_equal(expose_parse(text, &mapping, message), 0);
	strcpy(mapping.name, name);
	assert_int_equal(
		proxy_add_forward(&far.proxy, &far.now, &mapping, ret_slot), 0);
}

static int setup(void **state)
{
	struct endpoint endpoint;

	(void)state;
	far_open(&far, "0:10.9.0.1:5432", false);
	CHECK(endpoint_parse("192.0.2.2:1000", &endpoint) == 0);
	tunnel_peer_resolved(&far.tunnel, &far.now, 0, &endpoint);
	memset(table, 0, sizeof(table));
	strcpy(table[0].name, "db.internal");
	table[0].addresses[0] = addr("10.9.0.7");
	table[0].address_count = 1;
	strcpy(table[1].name, "appname.internal");
	table[1].addresses[0] = addr("10.9.0.8");
	table[1].address_count = 1;
	far.tunnel_config.names = table;
	far.tunnel_config.name_count = 2;
	serve("internal");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	far_close(&far);
	return 0;
}

/* ------------------------------------------------------------- UDP */

static void ask(struct ns_handle socket, const char *to, const char *name,
		enum dns_type type)
{
	struct endpoint endpoint = {.addr = addr(to), .port = ZONE_PORT};
	uint8_t query[DNS_QUERY_CAP];
	int len = dns_build_query(name, type, ID, query);

	assert_true(len > 0);
	assert_int_equal(
		udp_send(far.tunnel.ns, socket, &endpoint, query, (size_t)len),
		0);
	for (unsigned i = 0; i < 20; i++)
		far_step(&far, NS_PER_MS);
}

/* Asks over UDP; false: nobody answers. */
static bool look_up(const char *to, const char *name, enum dns_type type,
		    struct dns_reply *reply)
{
	struct ns_handle socket;
	struct endpoint from;
	uint8_t data[MESSAGE_CAP];
	size_t len;
	int err;

	assert_int_equal(udp_open(far.tunnel.ns, 0, 0, &socket), 0);
	ask(socket, to, name, type);
	err = udp_recv(far.tunnel.ns, socket, data, sizeof(data), &from, &len);
	udp_close(far.tunnel.ns, socket);
	if (err != 0)
		return false;
	assert_true(from.port == ZONE_PORT);
	assert_int_equal(dns_parse_reply(data, len, name, type, ID, reply), 0);
	return true;
}

static void expect_count(const char *name, enum dns_type type, uint32_t count)
{
	struct dns_reply reply;

	assert_true(look_up("fd09::2", name, type, &reply));
	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.count, count);
}

static void expect_none(const char *name, enum dns_type type, int err)
{
	struct dns_reply reply;

	assert_true(look_up("10.9.0.2", name, type, &reply));
	assert_int_equal(reply.error, err);
}

static void test_names(void **state)
{
	uint32_t slot;

	(void)state;
	expect_count("db.internal", DNS_A, 1);
	expect_none("web.internal", DNS_A, -ERR_NO_NAME);
	expect_count("ns.internal", DNS_AAAA, 1);
	expose("80:/run/web.sock", "web", &slot);
	expect_count("web.internal", DNS_A, 1);
	expect_count("web.internal", DNS_AAAA, 1);
	proxy_retire_forward(&far.proxy, &far.now, slot);
	expect_none("web.internal", DNS_A, -ERR_NO_NAME);
	expect_none("web.example", DNS_A, -ERR_NAME_SERVER);
}

/* In the table and exposed: all of its addresses. One address: only that. */
static void test_both(void **state)
{
	uint32_t slot;

	(void)state;
	expose("81:/run/app.sock", "appname", &slot);
	expect_count("appname.internal", DNS_A, 2);
	expect_count("appname.internal", DNS_AAAA, 1);
	expose("[fd09::2]:82:/run/six.sock", "Six", &slot);
	expect_count("six.internal", DNS_AAAA, 1);
	expect_none("six.internal", DNS_A, -ERR_NO_ADDRESS);
}

/* No name for DNS, so it is not in the zone; the others are. */
static void test_names_that_are_none(void **state)
{
	uint32_t slot;

	(void)state;
	expose("83:/run/a.sock", "a..b", &slot);
	expose("84:/run/b.sock", "b", &slot);
	expect_count("b.internal", DNS_A, 1);
	expect_none("a.internal", DNS_A, -ERR_NO_NAME);
}

static void test_other_zone(void **state)
{
	struct dns_reply reply;

	(void)state;
	table[0].name[0] = 'x';
	serve("internal");
	expect_count("xb.internal", DNS_A, 1);
	expect_none("db.internal", DNS_A, -ERR_NO_NAME);
	far.tunnel_config.name_count = 0;
	serve("example");
	expect_none("xb.internal", DNS_A, -ERR_NAME_SERVER);
	expect_count("ns.example", DNS_A, 1);
	serve("");
	assert_false(look_up("10.9.0.2", "ns.example", DNS_A, &reply));
	serve("internal");
	expect_none("xb.internal", DNS_A, -ERR_NO_NAME);
}

/* The port is taken: later, when it is free, the zone is served. */
static void test_port_is_taken(void **state)
{
	struct dns_reply reply;
	uint32_t slot;

	(void)state;
	serve("");
	expose("53:/run/other.sock", "other", &slot);
	serve("internal");
	assert_false(look_up("10.9.0.2", "ns.internal", DNS_A, &reply));
	proxy_retire_forward(&far.proxy, &far.now, slot);
	far_step(&far, NS_PER_MS);
	expect_count("ns.internal", DNS_A, 1);
}

static void test_retired_tunnel(void **state)
{
	struct dns_reply reply;

	(void)state;
	assert_true(look_up("10.9.0.2", "ns.internal", DNS_A, &reply));
	proxy_retire_forward(&far.proxy, &far.now, 0);
	proxy_retire_tunnel(&far.proxy, &far.now, 0);
	assert_int_equal(netstack_connection_count(far.proxy.tunnels[0]->ns),
			 0);
	assert_false(look_up("10.9.0.2", "ns.internal", DNS_A, &reply));
}

/* ------------------------------------------------------------- TCP */

static struct ns_handle dial(void)
{
	struct endpoint to = {.addr = addr("fd09::2"), .port = ZONE_PORT};
	struct ns_handle conn;

	assert_int_equal(
		tcp_connect(far.tunnel.ns, far.now.awake, &to, 0, &conn), 0);
	for (unsigned i = 0; i < 20; i++)
		far_step(&far, NS_PER_MS);
	return conn;
}

static void run(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++)
		far_step(&far, NS_PER_MS);
}

static void send_bytes(struct ns_handle conn, const void *data, size_t len)
{
	assert_int_equal(
		tcp_send(far.tunnel.ns, far.now.awake, conn, data, len), len);
}

static size_t make_query(uint8_t *message, uint16_t id)
{
	int len = dns_build_query("db.internal", DNS_A, id, message + 2);

	assert_true(len > 0);
	put_be16(message, (uint16_t)len);
	return 2 + (size_t)len;
}

/* Returns what there is: a length, 0 for nothing yet, or -ERR_*. */
static int receive(struct ns_handle conn, uint8_t data[MESSAGE_CAP])
{
	return tcp_recv(far.tunnel.ns, far.now.awake, conn, data, MESSAGE_CAP);
}

/* Answers in order, one behind the other; returns how many. */
static unsigned count_answers(const uint8_t *data, size_t len, uint16_t first)
{
	unsigned count = 0;

	while (len > 0) {
		struct dns_reply reply;
		size_t message = get_be16(data);

		assert_true(message + 2 <= len);
		assert_int_equal(
			dns_parse_reply(data + 2, message, "db.internal", DNS_A,
					(uint16_t)(first + count), &reply),
			0);
		assert_int_equal(reply.count, 1);
		data += 2 + message;
		len -= 2 + message;
		count++;
	}
	return count;
}

/* In pieces of every size, and the answer only after the last. */
static void test_tcp_pieces(void **state)
{
	struct ns_handle conn = dial();
	uint8_t query[2 + DNS_QUERY_CAP], data[MESSAGE_CAP];
	size_t len = make_query(query, 1);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(receive(conn, data), 0);
		send_bytes(conn, query + i, 1);
		run(3);
	}
	run(3);
	assert_int_equal(count_answers(data, (size_t)receive(conn, data), 1),
			 1);
	tcp_close(far.tunnel.ns, far.now.awake, conn);
	run(10);
	assert_int_equal(zone()->server.client_count, 0);
}

/* More questions at once than a turn answers, then the end of them. */
static void test_tcp_pipelined(void **state)
{
	enum { COUNT = 60 };
	struct ns_handle conn = dial();
	uint8_t query[2 + DNS_QUERY_CAP];
	static uint8_t data[MESSAGE_CAP];
	size_t got = 0;

	(void)state;
	for (uint16_t i = 0; i < COUNT; i++)
		send_bytes(conn, query, make_query(query, i));
	tcp_shutdown(far.tunnel.ns, far.now.awake, conn);
	for (unsigned i = 0; i < 100; i++) {
		int len = tcp_recv(far.tunnel.ns, far.now.awake, conn,
				   data + got, sizeof(data) - got);

		if (len == -ERR_CLOSED)
			break;
		assert_true(len >= 0 && i < 99);
		got += (size_t)len;
		run(1);
	}
	assert_int_equal(count_answers(data, got, 0), COUNT);
	assert_int_equal(zone()->server.client_count, 0);
	assert_int_equal(zone()->server.unfinished, 0);
}

/* Who does not read its answers is not read from either, and then cut. */
static void test_tcp_never_reads(void **state)
{
	static uint8_t queries[1000 * 64];
	struct ns_handle conn = dial();
	uint64_t limit = far.now.awake + 30 * NS_PER_S;
	size_t len = 0, at = 0;

	(void)state;
	while (len + 64 < sizeof(queries))
		len += make_query(queries + len, 7);
	while (zone()->server.client_count > 0) {
		int took = tcp_send(far.tunnel.ns, far.now.awake, conn,
				    queries + at, len - at);

		at = took > 0 ? (at + (size_t)took) % len : at;
		assert_true(far.now.awake < limit);
		far_step(&far, 2 * NS_PER_MS);
	}
	assert_true(zone()->server.zone->counters[ZONE_ANSWERED] > 1000);
}

static void test_tcp_idle(void **state)
{
	struct ns_handle conn = dial();
	uint8_t query[2 + DNS_QUERY_CAP], data[MESSAGE_CAP];
	size_t len = make_query(query, 1);

	(void)state;
	run(9000);
	send_bytes(conn, query, len);
	run(9000); /* a complete question starts the time anew */
	assert_int_equal(zone()->server.client_count, 1);
	send_bytes(conn, query, len - 1); /* an incomplete one does not */
	run(1500);
	assert_int_equal(zone()->server.client_count, 0);
	assert_int_equal(receive(conn, data), -ERR_RESET);
}

/* Too long, or no question at all: reset. */
static void test_tcp_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\xff\xff", 2},
		{"\x04\xd1", 2},
		{"\0\0", 2},
		{"\0\4abcd", 6},
		{"\0\14\1\1\x80\0\0\1\0\0\0\0\0\0", 14}, /* an answer */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ns_handle conn = dial();
		uint8_t data[MESSAGE_CAP];

		send_bytes(conn, cases[i].bytes, cases[i].len);
		run(20);
		assert_int_equal(receive(conn, data), -ERR_RESET);
		assert_int_equal(zone()->server.client_count, 0);
		tcp_abort(far.tunnel.ns, far.now.awake, conn);
	}
}

/* The one that has been silent longest makes room. */
static void test_tcp_many(void **state)
{
	struct ns_handle conns[ZONE_CLIENTS_MAX + 1];
	uint8_t query[2 + DNS_QUERY_CAP], data[MESSAGE_CAP];
	size_t len = make_query(query, 1);

	(void)state;
	for (unsigned i = 0; i < ZONE_CLIENTS_MAX; i++)
		conns[i] = dial();
	send_bytes(conns[0], query, len);
	run(20);
	assert_true(receive(conns[0], data) > 0);
	conns[ZONE_CLIENTS_MAX] = dial();
	assert_int_equal(zone()->server.client_count, ZONE_CLIENTS_MAX);
	assert_int_equal(receive(conns[0], data), 0);
	assert_int_equal(receive(conns[1], data), -ERR_RESET);
	send_bytes(conns[ZONE_CLIENTS_MAX], query, len);
	run(20);
	assert_true(receive(conns[ZONE_CLIENTS_MAX], data) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_that_are_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_other_zone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_port_is_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_retired_tunnel, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tcp_pieces, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tcp_pipelined, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tcp_never_reads, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_tcp_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
