/* SPDX-License-Identifier: ISC */
/* ICMP of a whole netstack: echo in one piece and in many, errors that are
 * sent, when none is, and how many. */
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
#include "netstack/icmp.h"
#include "netstack/reassembly.h"

static struct lone lone;
static struct reasm peer; /* what the other end puts together */
static uint8_t big[LONE_PACKET_CAP];

static int open_lone(void **state)
{
	(void)state;
	lone_open(&lone, true, true);
	memset(&peer, 0, sizeof(peer));
	return 0;
}

static int close_lone(void **state)
{
	(void)state;
	lone_close(&lone);
	return 0;
}

static struct ip_addr ours(bool v6)
{
	return lone_address(v6 ? "fd09::1" : "10.9.0.1");
}

static struct ip_addr theirs(bool v6)
{
	return lone_address(v6 ? "fd09::2" : "10.9.0.2");
}

/* An echo request of len bytes of ICMP in big, as one packet. */
static uint32_t make_echo(bool v6, uint32_t len)
{
	struct ip_addr src = theirs(v6), dst = ours(v6);
	struct ip_build build = {
		.src = &src,
		.dst = &dst,
		.payload_len = len,
		.protocol = v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP,
	};
	uint32_t header = ip_build(big, &build);
	uint8_t *icmp = big + header;

	for (uint32_t i = 0; i < len; i++)
		icmp[i] = (uint8_t)(i + i / 255);
	icmp[0] = v6 ? 128 : 8;
	icmp[1] = 0;
	lone_seal(big, header + len, 2);
	return header + len;
}

/* Gives what is in big in fragments. */
static void give_in_parts(uint32_t len, uint32_t size)
{
	uint8_t packet[LONE_MTU];
	struct ip_packet ip;

	assert_int_equal(ip_parse(big, len, &ip), 0);
	for (uint32_t at = 0; at < ip.payload_len; at += size) {
		struct ip_build build = {.src = &ip.src,
					 .dst = &ip.dst,
					 .payload_len = ip.payload_len - at,
					 .protocol = ip.protocol};
		struct ip_part part = {
			.data = ip.payload + at, .id = 77, .at = (uint16_t)at};

		if (build.payload_len > size) {
			build.payload_len = size;
			part.more = true;
		}
		lone_give(&lone, packet,
			  ip_build_fragment(packet, &build, &part));
	}
}

/* Everything that comes out makes one packet in ret_ip. */
static unsigned take_whole(struct ip_packet *ret_ip)
{
	static struct lone_packet packet;
	unsigned count = 0;
	bool whole = false;

	while (lone_take(&lone, &packet)) {
		assert_false(whole);
		count++;
		if (packet.ip.fragment)
			whole = reasm_take(&peer, lone.now, 0, &packet.ip,
					   ret_ip) == REASM_WHOLE;
		else
			whole = true;
		if (!packet.ip.fragment)
			*ret_ip = packet.ip;
	}
	assert_true(whole || count == 0);
	return count;
}

static void assert_reply(const struct ip_packet *reply, bool v6, uint32_t len)
{
	struct ip_addr from = ours(v6), to = theirs(v6);
	struct icmp_message message;
	const uint8_t *request = big + ip_header_len(v6 ? IP_V6 : IP_V4);

	assert_true(ip_addr_equal(&reply->src, &from));
	assert_true(ip_addr_equal(&reply->dst, &to));
	assert_int_equal(reply->payload_len, len);
	assert_int_equal(reply->payload[0], v6 ? 129 : 0);
	assert_int_equal(reply->payload[1], 0);
	assert_memory_equal(reply->payload + 4, request + 4, len - 4);
	assert_int_equal(icmp_parse(reply, &message), 0); /* checksum */
}

/* Sizes around one packet, in one piece or many. */
static void test_echo(void **state)
{
	static const uint32_t lens[] = {8,    9,    64,   1372, 1373, 1380,
					1400, 1401, 2000, 2745, 9001};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(lens) / sizeof(lens[0]); i++) {
		bool v6 = i % 2;
		uint32_t len = lens[i / 2], packet = make_echo(v6, len);
		uint32_t room = LONE_MTU - (packet - len);
		uint32_t part = (room - (v6 ? 8 : 0)) / 8 * 8;
		struct ip_packet reply;

		if (packet <= LONE_MTU)
			lone_give(&lone, big, packet);
		else
			give_in_parts(packet, 1200);
		assert_int_equal(take_whole(&reply),
				 len <= room ? 1 : (len + part - 1) / part);
		assert_reply(&reply, v6, len);
		lone_advance(&lone, NS_PER_S);
	}
	assert_int_equal(netstack_counter(lone.ns, NS_REASSEMBLED), 9);
}

static void test_echo_largest(void **state)
{
	uint32_t len = make_echo(false, 65515);
	struct ip_packet reply;

	(void)state;
	give_in_parts(len, 1400);
	assert_int_equal(take_whole(&reply), 47);
	assert_reply(&reply, false, 65515);
	/* a second one is more than a second's answers */
	give_in_parts(len, 1400);
	assert_int_equal(take_whole(&reply), 47);
	give_in_parts(len, 1400);
	assert_int_equal(take_whole(&reply), 0);
	lone_advance(&lone, NS_PER_S);
	give_in_parts(len, 1400);
	assert_int_equal(take_whole(&reply), 47);
}

/* At most a hundred a second, and no more than the ring holds. */
static void test_echo_rate(void **state)
{
	static struct lone_packet packet;
	uint32_t len = make_echo(true, 64);
	unsigned count = 0;

	(void)state;
	for (int i = 0; i < 70; i++)
		lone_give(&lone, big, len);
	while (lone_take(&lone, &packet))
		count++;
	assert_int_equal(count, 64);
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_QUEUE), 6);
	for (int i = 0; i < 200; i++) {
		lone_give(&lone, big, len);
		count += lone_take(&lone, &packet);
	}
	assert_int_equal(count, 100);
	assert_int_equal(netstack_counter(lone.ns, NS_ICMP_TX), 100);
}

static void test_echo_broken(void **state)
{
	uint32_t len = make_echo(false, 64);
	static struct lone_packet packet;

	(void)state;
	big[len - 1] ^= 1;
	lone_give(&lone, big, len);
	assert_false(lone_take(&lone, &packet));
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_MALFORMED), 1);
}

/* An atomic fragment is a whole datagram, whatever else has its number. */
static void test_atomic(void **state)
{
	uint8_t packet[256];
	struct ip_packet ip, reply;
	uint32_t len = make_echo(true, 64);
	struct ip_build build = {.payload_len = 64,
				 .protocol = IP_PROTO_ICMPV6};
	struct ip_part part = {.id = 5};

	(void)state;
	assert_int_equal(ip_parse(big, len, &ip), 0);
	build.src = &ip.src;
	build.dst = &ip.dst;
	part.data = ip.payload;
	part.more = true;
	len = ip_build_fragment(packet, &build, &part);
	lone_give(&lone, packet, len);
	assert_int_equal(take_whole(&reply), 0);
	part.more = false;
	len = ip_build_fragment(packet, &build, &part);
	lone_give(&lone, packet, len);
	assert_int_equal(take_whole(&reply), 1);
	assert_reply(&reply, true, 64);
}

/* ------------------------------------------------------------- errors */

static void give_udp(bool v6)
{
	struct ip_addr src = theirs(v6), dst = ours(v6);
	struct lone_udp udp = {.src = &src,
			       .dst = &dst,
			       .src_port = 4000,
			       .dst_port = 9,
			       .data = "hello",
			       .len = 5};

	lone_give_udp(&lone, &udp);
}

static void test_unreachable(void **state)
{
	static struct lone_packet packet;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct icmp_message message;
		struct ip_addr local = ours(v6), remote = theirs(v6);

		give_udp(v6);
		assert_true(lone_take(&lone, &packet));
		assert_int_equal(icmp_parse(&packet.ip, &message), 0);
		assert_int_equal(message.kind, ICMP_HARD);
		assert_int_equal(message.error, -ERR_REFUSED);
		/* seen from the one that sent it */
		assert_true(ip_addr_equal(&message.local, &remote));
		assert_true(ip_addr_equal(&message.remote, &local));
		assert_int_equal(message.local_port, 4000);
		assert_int_equal(message.remote_port, 9);
		assert_false(lone_take(&lone, &packet));
	}
}

static void test_error_rate(void **state)
{
	static struct lone_packet packet;
	unsigned count = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		give_udp(i % 2);
		count += lone_take(&lone, &packet);
	}
	assert_int_equal(count, 100);
	lone_advance(&lone, NS_PER_S);
	for (int i = 0; i < 70; i++) /* more than the ring holds */
		give_udp(i % 2);
	while (lone_take(&lone, &packet))
		count++;
	assert_int_equal(count, 164);
}

/* Time exceeded about a datagram whose first fragment is there, and no word
 * about one that came without. */
static void test_reassembly_time(void **state)
{
	static struct lone_packet packet;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len = make_echo(v6, 4000);
		struct ip_packet ip;
		struct icmp_message message;
		uint8_t data[LONE_MTU];
		struct ip_build build = {.payload_len = 800};
		struct ip_part part = {.id = 5, .more = true};

		assert_int_equal(ip_parse(big, len, &ip), 0);
		build.src = &ip.src;
		build.dst = &ip.dst;
		build.protocol = IP_PROTO_UDP;
		part.data = ip.payload;
		lone_give(&lone, data, ip_build_fragment(data, &build, &part));
		part.id = 6;
		part.at = 800;
		lone_give(&lone, data, ip_build_fragment(data, &build, &part));
		lone_advance(&lone, (v6 ? 59 : 29) * NS_PER_S);
		assert_false(lone_take(&lone, &packet));
		lone_advance(&lone, NS_PER_S);
		assert_true(lone_take(&lone, &packet));
		assert_int_equal(icmp_parse(&packet.ip, &message), 0);
		assert_int_equal(packet.ip.payload[0], v6 ? 3 : 11);
		assert_int_equal(packet.ip.payload[1], 1);
		assert_true(packet.len <= 576);
		/* it quotes the first fragment as it came */
		part.id = 5;
		part.at = 0;
		ip_build_fragment(data, &build, &part);
		assert_memory_equal(packet.ip.payload + 8, data,
				    packet.ip.payload_len - 8);
		assert_false(lone_take(&lone, &packet));
	}
	assert_int_equal(netstack_counter(lone.ns, NS_REASSEMBLY_TIMEOUTS), 4);
}

/* RFC 1122 section 3.2.2: an error about an error would go round for ever. */
static void test_no_error_about_error(void **state)
{
	static struct lone_packet packet;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len = make_echo(v6, 4000);
		uint8_t data[LONE_MTU];
		struct ip_packet ip;
		struct ip_build build = {.payload_len = 800};
		struct ip_part part = {.id = 5, .more = true};

		big[len - 4000] = v6 ? 1 : 3; /* unreachable */
		assert_int_equal(ip_parse(big, len, &ip), 0);
		build.src = &ip.src;
		build.dst = &ip.dst;
		build.protocol = ip.protocol;
		part.data = ip.payload;
		lone_give(&lone, data, ip_build_fragment(data, &build, &part));
		lone_advance(&lone, 61 * NS_PER_S);
		assert_false(lone_take(&lone, &packet));
	}
	assert_int_equal(netstack_counter(lone.ns, NS_REASSEMBLY_TIMEOUTS), 2);
}

/* IPv4: protocol unreachable. IPv6: a parameter problem that points to the
 * field, behind extension headers too; but "nothing follows" is no problem. */
static void test_unknown_protocol(void **state)
{
	static struct lone_packet packet;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len = make_echo(v6, 64);
		uint8_t *ip = big;

		ip[v6 ? 6 : 9] = 132;
		if (!v6) {
			put_be16(ip + 10, 0);
			put_be16(ip + 10,
				 checksum_finish(checksum_add(0, ip, 20)));
		}
		lone_give(&lone, big, len);
		assert_true(lone_take(&lone, &packet));
		assert_int_equal(packet.ip.payload[0], v6 ? 4 : 3);
		assert_int_equal(packet.ip.payload[1], v6 ? 1 : 2);
		assert_int_equal(get_be32(packet.ip.payload + 4), v6 ? 6 : 0);
		assert_memory_equal(packet.ip.payload + 8, big, len);
		if (!v6)
			continue;
		ip[6] = 60; /* options, then the unknown one */
		ip[40] = 132;
		ip[41] = 0;
		lone_give(&lone, big, len);
		assert_true(lone_take(&lone, &packet));
		assert_int_equal(get_be32(packet.ip.payload + 4), 40);
		ip[40] = 59;
		lone_give(&lone, big, len);
		assert_false(lone_take(&lone, &packet));
	}
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_PROTOCOL), 4);
}

/* RFC 7112: headers that go on in a second fragment. */
static void test_cut_headers(void **state)
{
	static struct lone_packet packet;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len = make_echo(v6, 64);
		struct ip_packet ip;
		uint8_t data[LONE_MTU];
		struct ip_build build = {.payload_len = 16,
					 .protocol = IP_PROTO_TCP};
		struct ip_part part = {.id = 5, .more = true};

		assert_int_equal(ip_parse(big, len, &ip), 0);
		build.src = &ip.src;
		build.dst = &ip.dst;
		part.data = ip.payload;
		len = ip_build_fragment(data, &build, &part);
		lone_give(&lone, data, len);
		assert_int_equal(lone_take(&lone, &packet), v6);
		if (!v6)
			continue;
		assert_int_equal(packet.ip.payload[0], 4);
		assert_int_equal(packet.ip.payload[1], 3);
		assert_int_equal(get_be32(packet.ip.payload + 4), 0);
		assert_memory_equal(packet.ip.payload + 8, data, len);
	}
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_FRAGMENT), 2);
}

/* Fragments for somebody else take no place. */
static void test_not_ours(void **state)
{
	uint32_t len = make_echo(true, 4000);

	(void)state;
	big[39] = 9;
	give_in_parts(len, 1200);
	assert_int_equal(netstack_counter(lone.ns, NS_DROP_NOT_OURS), 4);
	assert_true(netstack_deadline(lone.ns) == NEVER);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_lone, close_lone)
	const struct CMUnitTest tests[] = {
		TEST(echo),
		TEST(echo_largest),
		TEST(echo_rate),
		TEST(echo_broken),
		TEST(atomic),
		TEST(unreachable),
		TEST(error_rate),
		TEST(reassembly_time),
		TEST(no_error_about_error),
		TEST(unknown_protocol),
		TEST(cut_headers),
		TEST(not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
