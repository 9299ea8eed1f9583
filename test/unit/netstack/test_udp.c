/* SPDX-License-Identifier: ISC */
/* UDP sockets: ports, queues, lengths and checksums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "lone.h"
#include "netstack/checksum.h"
#include "netstack/udp.h"

enum { SOCKETS = 8, QUEUE = UDP_QUEUE_MAX, HEADERS_V4 = 28, HEADERS_V6 = 48 };

static struct lone lone;
static struct lone_packet packet;
static struct endpoint from;
static uint8_t data[4096];
static size_t len;

static int open_lone(void **state)
{
	(void)state;
	lone_open(&lone, true, true);
	return 0;
}

static int close_lone(void **state)
{
	(void)state;
	lone_close(&lone);
	return 0;
}

static struct ns_handle open_port(uint16_t port)
{
	struct ns_handle handle;

	assert_int_equal(udp_open(lone.ns, port, 7, &handle), 0);
	return handle;
}

static struct endpoint peer(bool v6, uint16_t port)
{
	return (struct endpoint){
		.addr = lone_address(v6 ? "fd09::2" : "10.9.0.2"),
		.port = port};
}

static void give(bool v6, uint16_t port, const void *bytes, uint32_t count)
{
	struct endpoint src = peer(v6, 4000);
	struct ip_addr dst = lone_address(v6 ? "fd09::1" : "10.9.0.1");
	struct lone_udp udp = {.src = &src.addr,
			       .dst = &dst,
			       .src_port = src.port,
			       .dst_port = port,
			       .data = bytes,
			       .len = count};

	lone_give_udp(&lone, &udp);
}

static int receive(struct ns_handle handle, size_t cap)
{
	return udp_recv(lone.ns, handle, data, cap, &from, &len);
}

/* ------------------------------------------------------------- sockets */

static void test_ports(void **state)
{
	struct ns_handle handle, again;

	(void)state;
	handle = open_port(53);
	assert_int_equal(udp_open(lone.ns, 53, 0, &again), -ERR_EXISTS);
	for (uint32_t i = 1; i < SOCKETS; i++)
		(void)open_port(0);
	assert_int_equal(udp_open(lone.ns, 0, 0, &again), -ERR_FULL);
	assert_int_equal(udp_close(lone.ns, handle), 0);
	assert_int_equal(udp_close(lone.ns, handle), -ERR_CLOSED);
	assert_int_equal(receive(handle, 10), -ERR_CLOSED);
	again = open_port(53); /* the same place, another generation */
	assert_int_equal(receive(handle, 10), -ERR_CLOSED);
	assert_int_equal(receive(again, 10), -ERR_AGAIN);
	assert_int_equal(netstack_set_user(lone.ns, handle, 1), -ERR_CLOSED);
	assert_int_equal(netstack_set_user(lone.ns, again, 1), 0);
}

/* What is no UDP socket's handle at all. */
static void test_foreign_handle(void **state)
{
	struct ns_handle handle = {.index = 3, .generation = 1};
	struct endpoint to = peer(false, 9);

	(void)state;
	assert_int_equal(udp_send(lone.ns, handle, &to, "x", 1), -ERR_CLOSED);
	assert_int_equal(netstack_set_user(lone.ns, handle, 1), -ERR_CLOSED);
	handle.index |= UINT32_C(1) << 31;
	assert_int_equal(udp_close(lone.ns, handle), -ERR_CLOSED);
	assert_int_equal(netstack_set_user(lone.ns, handle, 1), -ERR_CLOSED);
}

/* ------------------------------------------------------------- sending */

static void test_send(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct ns_handle handle = open_port(0);
		struct endpoint to = peer(v6, 53);
		uint32_t headers = v6 ? HEADERS_V6 : HEADERS_V4;
		const uint8_t *udp;

		memset(data, 0x5a, LONE_MTU);
		assert_int_equal(udp_send(lone.ns, handle, &to, data,
					  LONE_MTU - headers + 1),
				 -ERR_TOO_LONG);
		assert_int_equal(udp_send(lone.ns, handle, &to, data,
					  LONE_MTU - headers),
				 0);
		assert_int_equal(udp_send(lone.ns, handle, &to, data, 1),
				 -ERR_AGAIN);
		assert_true(lone_take(&lone, &packet));
		assert_int_equal(packet.len, LONE_MTU);
		udp = packet.ip.payload;
		assert_true(ip_addr_equal(&packet.ip.dst, &to.addr));
		assert_int_equal(get_be16(udp + 2), 53);
		assert_true(get_be16(udp) >= 16384);
		assert_int_equal(get_be16(udp + 4), LONE_MTU - headers + 8);
		assert_memory_equal(udp + 8, data, LONE_MTU - headers);
		assert_int_equal(
			checksum_finish(checksum_add(
				checksum_pseudo(&packet.ip.src, &packet.ip.dst,
						IP_PROTO_UDP,
						packet.ip.payload_len),
				udp, packet.ip.payload_len)),
			0);
		assert_false(lone_take(&lone, &packet));
	}
}

/* A checksum that comes out as zero is sent as all ones (RFC 768). */
static void test_send_zero_checksum(void **state)
{
	struct ns_handle handle = open_port(53);
	struct endpoint to = peer(true, 53);
	uint8_t bytes[2] = {0, 0};
	uint16_t sum;

	(void)state;
	assert_int_equal(udp_send(lone.ns, handle, &to, bytes, 2), 0);
	assert_true(lone_take(&lone, &packet));
	sum = get_be16(packet.ip.payload + 6);
	put_be16(bytes, sum); /* what is missing to all ones */
	assert_int_equal(udp_send(lone.ns, handle, &to, bytes, 2), 0);
	assert_true(lone_take(&lone, &packet));
	assert_int_equal(get_be16(packet.ip.payload + 6), 0xffff);
}

static void test_send_errors(void **state)
{
	struct ns_handle handle = open_port(0);
	struct endpoint to = peer(false, 53);
	uint32_t taken[LONE_CHUNKS];

	(void)state;
	for (uint32_t i = 0; i < LONE_CHUNKS; i++)
		taken[i] = chunk_get(&lone.pool);
	assert_int_equal(udp_send(lone.ns, handle, &to, "x", 1),
			 -ERR_NO_MEMORY);
	for (uint32_t i = 0; i < LONE_CHUNKS; i++)
		chunk_put(&lone.pool, taken[i]);
	route_init(&lone.routes, lone.nodes, 4); /* no peer at all */
	assert_int_equal(udp_send(lone.ns, handle, &to, "x", 1), -ERR_NO_ROUTE);
}

static void test_send_no_family(void **state)
{
	struct endpoint to = peer(true, 53);

	(void)state;
	lone_close(&lone);
	lone_open(&lone, true, false);
	assert_int_equal(udp_send(lone.ns, open_port(0), &to, "x", 1),
			 -ERR_UNREACHABLE);
}

/* It waits while the path is held, and goes with the socket. */
static void test_send_held(void **state)
{
	struct ns_handle first = open_port(0), second = open_port(0);
	struct endpoint to = peer(false, 53);

	(void)state;
	netstack_path_hold(lone.ns, LONE_PATH);
	assert_int_equal(udp_send(lone.ns, first, &to, "one", 3), 0);
	assert_int_equal(udp_send(lone.ns, second, &to, "two", 3), 0);
	assert_false(lone_take(&lone, &packet));
	assert_int_equal(udp_close(lone.ns, first), 0);
	netstack_path_release(lone.ns, lone.now, LONE_PATH);
	assert_true(lone_take(&lone, &packet));
	assert_memory_equal(packet.ip.payload + 8, "two", 3);
	assert_false(lone_take(&lone, &packet));
}

/* "Port unreachable" counts when it is about what was sent last, and from the
 * socket's own port. */
static void test_refused(void **state)
{
	struct ns_handle handle = open_port(53);
	struct endpoint to = peer(true, 4000);
	struct lone_packet other;
	struct ns_event event;

	(void)state;
	assert_int_equal(udp_send(lone.ns, handle, &to, "x", 1), 0);
	assert_true(lone_take(&lone, &packet));
	for (int i = 0; i < 5; i++) {
		other = packet;
		assert_int_equal(ip_parse(other.data, other.len, &other.ip), 0);
		if (i == 0)
			other.data[41]++; /* another port of ours */
		if (i == 1)
			other.data[43]++; /* or of theirs */
		if (i == 2)
			other.data[39]++; /* another host */
		if (i == 3) /* it waits still, so nobody can know */
			assert_int_equal(udp_send(lone.ns, handle, &to, "y", 1),
					 0);
		lone_give(&lone, data,
			  icmp_build_error(&other.ip, ICMP_ERROR_PORT, data,
					   500));
		if (i == 3)
			assert_true(lone_take(&lone, &other));
		if (i < 4)
			assert_false(netstack_next_event(lone.ns, &event));
	}
	assert_true(netstack_next_event(lone.ns, &event));
	assert_int_equal(event.bits, NS_FAILED);
	assert_int_equal(event.error, -ERR_REFUSED);
	assert_int_equal(event.handle.index, handle.index);
}

/* ------------------------------------------------------------- receiving */

static void test_receive(void **state)
{
	struct ns_handle handle = open_port(53);
	struct ns_event event;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct endpoint src = peer(v6, 4000);

		give(v6, 53, "first", 5);
		give(v6, 53, "second!", 7);
		give(v6, 53, "", 0);
		assert_true(netstack_next_event(lone.ns, &event));
		assert_int_equal(event.bits, NS_READABLE);
		assert_true(event.user == 7);
		assert_false(netstack_next_event(lone.ns, &event));
		assert_int_equal(receive(handle, sizeof(data)), 0);
		assert_int_equal(len, 5);
		assert_memory_equal(data, "first", 5);
		assert_true(endpoint_equal(&from, &src));
		assert_int_equal(receive(handle, 4), 0); /* cut */
		assert_int_equal(len, 4);
		assert_memory_equal(data, "seco", 4);
		assert_int_equal(receive(handle, sizeof(data)), 0);
		assert_int_equal(len, 0);
		assert_int_equal(receive(handle, 4), -ERR_AGAIN);
		assert_int_equal(lone.pool.used, 0); /* nothing while idle */
	}
}

/* An event of a socket that was closed since is not reported. */
static void test_close_with_event(void **state)
{
	struct ns_handle first = open_port(53), second = open_port(54);
	struct ns_event event;

	(void)state;
	give(false, 53, "x", 1);
	give(false, 54, "x", 1);
	assert_int_equal(udp_close(lone.ns, first), 0);
	assert_true(netstack_next_event(lone.ns, &event));
	assert_int_equal(event.handle.index, second.index);
	assert_false(netstack_next_event(lone.ns, &event));
}

/* Bounded by number and by bytes; the oldest stay. */
static void test_receive_full(void **state)
{
	struct ns_handle handle = open_port(53);
	uint8_t bytes[1300];

	(void)state;
	for (uint8_t i = 0; i < QUEUE + 3; i++)
		give(false, 53, &i, 1);
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_QUEUE), 3);
	for (uint8_t i = 0; i < QUEUE; i++) {
		assert_int_equal(receive(handle, 10), 0);
		assert_int_equal(data[0], i);
	}
	memset(bytes, 1, sizeof(bytes));
	for (int i = 0; i < 30; i++) { /* never more than one waits */
		give(false, 53, bytes, sizeof(bytes));
		give(false, 53, bytes, sizeof(bytes));
		assert_int_equal(receive(handle, 10), 0);
		if (i % 2 == 1)
			while (receive(handle, 10) == 0)
				;
	}
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_QUEUE), 3);
}

static void test_receive_no_memory(void **state)
{
	struct ns_handle handle = open_port(53);
	uint32_t taken[LONE_CHUNKS];

	(void)state;
	for (uint32_t i = 0; i < LONE_CHUNKS; i++)
		taken[i] = chunk_get(&lone.pool);
	give(false, 53, "x", 1);
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_QUEUE), 1);
	assert_int_equal(receive(handle, 10), -ERR_AGAIN);
	for (uint32_t i = 0; i < LONE_CHUNKS; i++)
		chunk_put(&lone.pool, taken[i]);
}

/* A datagram made by hand: its own length field and checksum. */
static void give_raw(bool v6, uint16_t udp_len, int checksum, uint32_t count)
{
	struct endpoint src = peer(v6, 4000);
	struct ip_addr dst = lone_address(v6 ? "fd09::1" : "10.9.0.1");
	struct ip_build build = {.src = &src.addr,
				 .dst = &dst,
				 .payload_len = count,
				 .protocol = IP_PROTO_UDP};
	uint8_t bytes[128] = {0};
	uint32_t header = ip_build(bytes, &build);

	put_be16(bytes + header, 4000);
	put_be16(bytes + header + 2, 53);
	put_be16(bytes + header + 4, udp_len);
	if (checksum < 0)
		lone_seal(bytes, header + count, 6);
	else
		put_be16(bytes + header + 6, (uint16_t)checksum);
	lone_give(&lone, bytes, header + count);
}

static void test_receive_broken(void **state)
{
	struct ns_handle handle = open_port(53);

	(void)state;
	give_raw(false, 8, 0, 7); /* no header */
	give_raw(false, 7, 0, 12);
	give_raw(false, 13, 0, 12); /* more than there is */
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_MALFORMED), 3);
	give_raw(false, 12, 0x1234, 12);
	give_raw(true, 12, 0, 12); /* RFC 8200 section 8.1 */
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_CHECKSUM), 2);
	assert_int_equal(receive(handle, 10), -ERR_AGAIN);
	give_raw(false, 12, 0, 12); /* IPv4 may go without */
	assert_int_equal(receive(handle, 10), 0);
	assert_int_equal(len, 4);
	give_raw(true, 12, -1, 12);
	assert_int_equal(receive(handle, 10), 0);
}

/* A datagram of size bytes with headers, in fragments. */
static void give_fragments(uint8_t *whole, uint32_t size)
{
	uint8_t bytes[LONE_MTU];
	struct endpoint src = peer(true, 4000);
	struct ip_addr dst = lone_address("fd09::1");
	struct ip_build build = {.src = &src.addr,
				 .dst = &dst,
				 .payload_len = size - 40,
				 .protocol = IP_PROTO_UDP};
	struct ip_part part = {.id = 4};

	ip_build(whole, &build);
	memset(whole + 40, 0x77, size - 40);
	put_be16(whole + 42, 53);
	put_be16(whole + 44, (uint16_t)(size - 40));
	lone_seal(whole, size, 6);
	for (uint32_t at = 0; at < size - 40; at += 1000) {
		build.payload_len = size - 40 - at;
		part.more = build.payload_len > 1000;
		if (part.more)
			build.payload_len = 1000;
		part.at = (uint16_t)at;
		part.data = whole + 40 + at;
		lone_give(&lone, bytes,
			  ip_build_fragment(bytes, &build, &part));
	}
}

static void test_receive_fragments(void **state)
{
	struct ns_handle handle = open_port(53);
	static uint8_t whole[20000];

	(void)state;
	give_fragments(whole, 3000);
	assert_int_equal(receive(handle, sizeof(data)), 0);
	assert_int_equal(len, 3000 - 48);
	assert_memory_equal(data, whole + 48, len);
	/* more than a socket holds: nothing stays behind */
	give_fragments(whole, sizeof(whole));
	assert_int_equal(receive(handle, sizeof(data)), -ERR_AGAIN);
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_QUEUE), 1);
	assert_int_equal(lone.pool.used, 0);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_lone, close_lone)
	const struct CMUnitTest tests[] = {
		TEST(ports),          TEST(foreign_handle),
		TEST(send),           TEST(send_zero_checksum),
		TEST(send_errors),    TEST(send_no_family),
		TEST(send_held),      TEST(refused),
		TEST(receive),        TEST(close_with_event),
		TEST(receive_full),   TEST(receive_no_memory),
		TEST(receive_broken), TEST(receive_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
