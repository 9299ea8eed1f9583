/* SPDX-License-Identifier: ISC */
/* IP headers: what is refused, and where the transport begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"

enum { LEN_V4 = 64 };

static uint8_t packet[512];
static struct ip_packet ip;

static struct ip_addr addr(const char *text)
{
	struct ip_addr parsed;

	assert_int_equal(ip_addr_parse(text, &parsed), 0);
	return parsed;
}

static uint32_t make(const char *from, uint32_t payload_len)
{
	struct ip_addr src = addr(from);
	struct ip_addr dst = addr(src.family == IP_V4 ? "10.0.0.1" : "fd00::1");
	struct ip_build build = {.src = &src,
				 .dst = &dst,
				 .payload_len = payload_len,
				 .protocol = IP_PROTO_UDP,
				 .tos = 0xb9};

	memset(packet, 0, sizeof(packet));
	return ip_build(packet, &build) + payload_len;
}

static int parse_v4(uint32_t len)
{
	put_be16(packet + 10, 0);
	put_be16(packet + 10, checksum_finish(checksum_add(
				      0, packet, (packet[0] & 15U) * 4)));
	return ip_parse(packet, len, &ip);
}

/* ------------------------------------------------------------- IPv4 */

static void test_v4(void **state)
{
	uint32_t len = make("10.0.0.2", 44);

	(void)state;
	assert_int_equal(len, LEN_V4);
	assert_int_equal(parse_v4(len), 0);
	assert_int_equal(ip.protocol, IP_PROTO_UDP);
	assert_int_equal(ip.tos, 0xb9);
	assert_int_equal(ip.ttl, IP_TTL);
	assert_false(ip.fragment);
	assert_ptr_equal(ip.payload, packet + 20);
	assert_int_equal(ip.payload_len, 44);
	/* what follows the datagram is not of it */
	assert_int_equal(parse_v4(len + 10), 0);
	assert_int_equal(ip.payload_len, 44);
	packet[10] ^= 1;
	assert_int_equal(ip_parse(packet, len, &ip), -ERR_INVALID);
}

static void test_v4_lengths(void **state)
{
	(void)state;
	make("10.0.0.2", 44);
	packet[0] = 0x44; /* 16 bytes of header */
	assert_int_equal(parse_v4(LEN_V4), -ERR_INVALID);
	packet[0] = 0x4f; /* 60: options */
	assert_int_equal(parse_v4(LEN_V4), 0);
	assert_int_equal(ip.payload_len, 4);
	assert_ptr_equal(ip.payload, packet + 60);
	put_be16(packet + 2, 59); /* less than its header */
	assert_int_equal(parse_v4(LEN_V4), -ERR_INVALID);
	put_be16(packet + 2, LEN_V4 + 1); /* more than there is */
	assert_int_equal(parse_v4(LEN_V4), -ERR_INVALID);
	packet[0] = 0x55;
	assert_int_equal(parse_v4(LEN_V4), -ERR_INVALID);
}

static void test_v4_fragments(void **state)
{
	static const struct {
		uint16_t field;
		bool fragment, more;
		uint16_t at;
	} rows[] = {
		{0x0000, false, false, 0},    {0x4000, false, false, 0},
		{0x2000, true, true, 0},      {0x0001, true, false, 8},
		{0x3fff, true, true, 65528},  {0x8000, false, false, 0},
		{0x1fff, true, false, 65528},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make("10.0.0.2", 44);
		put_be16(packet + 4, 0x1234);
		put_be16(packet + 6, rows[i].field);
		assert_int_equal(parse_v4(LEN_V4), 0);
		assert_int_equal(ip.fragment, rows[i].fragment);
		assert_int_equal(ip.more, rows[i].more);
		assert_int_equal(ip.fragment_at, rows[i].at);
		assert_int_equal(ip.fragment_id, 0x1234);
	}
}

static void test_martians(void **state)
{
	static const char *const bad[] = {"127.0.0.1", "0.0.0.0",  "224.0.0.1",
					  "::1",       "::",       "ff02::1",
					  "239.1.2.3", "127.9.9.9"};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t len = make(bad[i], 44);

		assert_int_equal(ip_parse(packet, len, &ip), -ERR_INVALID);
	}
}

/* ------------------------------------------------------------- IPv6 */

/* Extension headers of 8 bytes each, then UDP. Returns the result. */
static int parse_chain(const uint8_t *headers, unsigned count)
{
	uint32_t len = make("fd00::2", count * 8 + 8);

	packet[6] = count > 0 ? headers[0] : IP_PROTO_UDP;
	for (unsigned i = 0; i < count; i++) {
		packet[40 + i * 8] =
			i + 1 < count ? headers[i + 1] : IP_PROTO_UDP;
		if (headers[i] == 43)
			packet[40 + i * 8 + 2] = 4;
	}
	return ip_parse(packet, len, &ip);
}

static void test_v6(void **state)
{
	uint32_t len = make("fd00::2", 44);

	(void)state;
	assert_int_equal(ip_parse(packet, len, &ip), 0);
	assert_int_equal(ip.tos, 0xb9);
	assert_int_equal(ip.payload_len, 44);
	assert_ptr_equal(ip.payload, packet + 40);
	assert_int_equal(ip.protocol_at, 6);
	assert_int_equal(ip_parse(packet, len - 1, &ip), -ERR_INVALID);
	put_be16(packet + 4, 43);
	assert_int_equal(ip_parse(packet, len, &ip), 0);
	assert_int_equal(ip.payload_len, 43);
}

static void test_extensions(void **state)
{
	static const struct {
		uint8_t headers[9];
		unsigned count;
		bool valid;
	} rows[] = {
		{{0}, 1, true},                 /* for routers */
		{{60}, 1, true},                /* for us */
		{{0, 60, 43, 44, 60}, 5, true}, /* RFC 8200 4.1 */
		{{60, 0}, 2, false},            /* not first */
		{{60, 60, 60, 60, 60, 60, 60, 60}, 8, true},
		{{60, 60, 60, 60, 60, 60, 60, 60, 60}, 9, false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = parse_chain(rows[i].headers, rows[i].count);

		assert_int_equal(err, rows[i].valid ? 0 : -ERR_INVALID);
		if (err != 0)
			continue;
		assert_int_equal(ip.protocol, IP_PROTO_UDP);
		assert_int_equal(ip.payload_len, 8);
		assert_ptr_equal(ip.payload, packet + 40 + 8 * rows[i].count);
		assert_int_equal(ip.protocol_at, 32 + 8 * rows[i].count);
	}
}

/* RFC 5095: source routes of type 0 are refused, others skipped. */
static void test_routing_header(void **state)
{
	static const uint8_t routing[] = {43};
	uint32_t len = 56;

	(void)state;
	assert_int_equal(parse_chain(routing, 1), 0);
	packet[42] = 0;
	assert_int_equal(ip_parse(packet, len, &ip), -ERR_INVALID);
}

static void test_cut_extension(void **state)
{
	uint32_t len = make("fd00::2", 4);

	(void)state;
	packet[6] = 60;
	assert_int_equal(ip_parse(packet, len, &ip), -ERR_INVALID);
	len = make("fd00::2", 16);
	packet[6] = 60;
	packet[40] = IP_PROTO_UDP;
	packet[41] = 2; /* 24 bytes of 16 */
	assert_int_equal(ip_parse(packet, len, &ip), -ERR_INVALID);
}

/* Behind a fragment header lies a part, whatever it looks like. */
static void test_v6_fragments(void **state)
{
	static const uint8_t chain[] = {44, 60};

	(void)state;
	assert_int_equal(parse_chain(chain, 2), 0); /* atomic, RFC 6946 */
	assert_false(ip.fragment);
	assert_int_equal(ip.protocol, IP_PROTO_UDP);
	put_be16(packet + 42, 0x0ff9 | 6); /* reserved bits do not matter */
	put_be32(packet + 44, 0x12345678);
	assert_int_equal(ip_parse(packet, 64, &ip), 0);
	assert_true(ip.fragment && ip.more);
	assert_int_equal(ip.fragment_at, 0x0ff8);
	assert_int_equal(ip.fragment_id, 0x12345678);
	assert_int_equal(ip.protocol, 60);
	assert_int_equal(ip.payload_len, 16);
}

/* ------------------------------------------------------------- building */

/* What is cut parses to what was cut. */
static void test_build_fragment(void **state)
{
	static const char *const sources[] = {"10.0.0.2", "fd00::2"};
	uint8_t data[64];

	(void)state;
	memset(data, 0x3c, sizeof(data));
	for (unsigned i = 0; i < 4; i++) {
		struct ip_addr src = addr(sources[i % 2]);
		struct ip_build build = {.src = &src,
					 .dst = &src,
					 .payload_len = sizeof(data),
					 .protocol = IP_PROTO_ICMP,
					 .tos = 3};
		struct ip_part part = {
			.data = data, .id = 0xabcd, .at = 1480, .more = i < 2};
		uint32_t len = ip_build_fragment(packet, &build, &part);

		assert_int_equal(ip_parse(packet, len, &ip), 0);
		assert_true(ip.fragment);
		assert_int_equal(ip.more, i < 2);
		assert_int_equal(ip.fragment_at, 1480);
		assert_int_equal(ip.fragment_id, 0xabcd);
		assert_int_equal(ip.protocol, IP_PROTO_ICMP);
		assert_int_equal(ip.tos, 3);
		assert_int_equal(ip.payload_len, sizeof(data));
		assert_memory_equal(ip.payload, data, sizeof(data));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v4_lengths),
		cmocka_unit_test(test_v4_fragments),
		cmocka_unit_test(test_martians),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_routing_header),
		cmocka_unit_test(test_cut_extension),
		cmocka_unit_test(test_v6_fragments),
		cmocka_unit_test(test_build_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
