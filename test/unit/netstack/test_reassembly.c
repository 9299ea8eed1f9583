/* SPDX-License-Identifier: ISC */
/* Reassembly: every order of parts, its limits, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "netstack/reassembly.h"

enum { PATH = 7, SECOND = 1000, MESSAGE_CAP = 65536 };

static struct reasm *reasm;
static uint8_t message[MESSAGE_CAP];
static struct ip_packet whole;
static uint64_t now;

static int open_reasm(void **state)
{
	(void)state;
	reasm = calloc(1, sizeof(*reasm));
	assert_non_null(reasm);
	now = SECOND * NS_PER_S;
	for (unsigned i = 0; i < MESSAGE_CAP; i++)
		message[i] = (uint8_t)(i * 7 + i / 251);
	return 0;
}

static int close_reasm(void **state)
{
	(void)state;
	free(reasm);
	return 0;
}

/* Who sends which part of which datagram. */
struct sent {
	bool v6;
	uint8_t host;
	uint16_t path;
	uint8_t protocol;
	uint32_t id;
};

static struct ip_addr address(bool v6, uint8_t host)
{
	uint8_t bytes[16] = {0xfd, 0, 0, 0, 0, 0, 0, host};
	uint8_t v4[4] = {10, 0, 0, host};

	bytes[15] = 1;
	return v6 ? ip_addr_v6(bytes) : ip_addr_v4(v4);
}

static enum reasm_verdict give(const struct sent *sent, uint32_t at,
			       uint32_t len, bool more)
{
	uint8_t packet[MESSAGE_CAP + 64];
	struct ip_addr src = address(sent->v6, sent->host);
	struct ip_addr dst = address(sent->v6, 200);
	struct ip_build build = {
		.src = &src,
		.dst = &dst,
		.payload_len = len,
		.protocol = sent->protocol != 0 ? sent->protocol : IP_PROTO_UDP,
	};
	struct ip_part part = {.data = message + at,
			       .id = sent->id,
			       .at = (uint16_t)at,
			       .more = more};
	struct ip_packet fragment;
	enum reasm_verdict verdict;
	uint32_t total = ip_build_fragment(packet, &build, &part);

	assert_int_equal(ip_parse(packet, total, &fragment), 0);
	assert_true(fragment.fragment);
	verdict = reasm_take(reasm, now, sent->path != 0 ? sent->path : PATH,
			     &fragment, &whole);
	reasm_check(reasm);
	return verdict;
}

static void assert_whole(const struct sent *sent, uint32_t len)
{
	struct ip_addr src = address(sent->v6, sent->host);

	assert_false(whole.fragment);
	assert_int_equal(whole.payload_len, len);
	assert_memory_equal(whole.payload, message, len);
	assert_int_equal(whole.protocol, IP_PROTO_UDP);
	assert_true(ip_addr_equal(&whole.src, &src));
}

static void assert_empty(void)
{
	assert_int_equal(reasm->count, 0);
	for (unsigned i = 0; i < REASM_BLOCKS / 64; i++)
		assert_int_equal(reasm->blocks_used[i], 0);
	assert_true(reasm_deadline(reasm) == NEVER);
}

/* Parts of a datagram in a random order, some of them twice. */
static void give_shuffled(const struct sent *sent, uint32_t len, uint32_t size)
{
	unsigned count = (len + size - 1) / size, order[REASM_PARTS];

	for (unsigned i = 0; i < count; i++)
		order[i] = i;
	for (unsigned i = count - 1; i > 0; i--) {
		unsigned k = (unsigned)rand() % (i + 1), kept = order[i];

		order[i] = order[k];
		order[k] = kept;
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t at = order[i] * size;
		bool more = at + size < len;
		uint32_t part = more ? size : len - at;

		if (i + 1 == count) {
			assert_int_equal(give(sent, at, part, more),
					 REASM_WHOLE);
			return;
		}
		assert_int_equal(give(sent, at, part, more), REASM_WAITS);
		if (rand() % 4 == 0)
			assert_int_equal(give(sent, at, part, more),
					 REASM_WAITS);
	}
}

static void test_orders(void **state)
{
	(void)state;
	srand(5);
	for (int i = 0; i < 300; i++) {
		struct sent sent = {
			.v6 = i % 2 == 1, .host = 1, .id = (uint32_t)i};
		uint32_t size = 8U + 8U * ((uint32_t)rand() % 180);
		uint32_t len = size + 1 + (uint32_t)rand() % (size * 40);

		give_shuffled(&sent, len, size);
		assert_whole(&sent, len);
		assert_empty();
	}
}

/* The largest there can be; one byte more is refused. */
static void test_largest(void **state)
{
	struct sent v4 = {.host = 1, .id = 1};
	struct sent v6 = {.v6 = true, .host = 1, .id = 1};

	(void)state;
	assert_int_equal(give(&v4, 0, 65504, true), REASM_WAITS);
	assert_int_equal(give(&v4, 65504, 12, false), REASM_DROPPED);
	assert_int_equal(give(&v4, 65504, 11, false), REASM_WHOLE);
	assert_whole(&v4, 65515);
	assert_int_equal(give(&v6, 0, 65520, true), REASM_WAITS);
	assert_int_equal(give(&v6, 65520, 16, false), REASM_DROPPED);
	assert_int_equal(give(&v6, 65520, 15, false), REASM_WHOLE);
	assert_whole(&v6, 65535);
	assert_empty();
}

/* RFC 5722: the rest of the datagram is refused until its time is over. */
static void test_overlap(void **state)
{
	static const struct {
		uint16_t at, len;
		bool more;
	} bad[] = {
		{8, 16, true},   /* runs into the next */
		{24, 16, true},  /* starts in it */
		{16, 16, false}, /* the same place, but the last */
		{0, 64, true},   /* covers it */
		{16, 8, true},   /* a piece of it */
		{24, 8, false},  /* its end, and the last */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sent sent = {.v6 = true, .host = 1, .id = i};

		assert_int_equal(give(&sent, 16, 16, true), REASM_WAITS);
		assert_int_equal(
			give(&sent, bad[i].at, bad[i].len, bad[i].more),
			REASM_DROPPED);
		assert_int_equal(give(&sent, 0, 16, true), REASM_DROPPED);
		assert_int_equal(give(&sent, 16, 16, true), REASM_DROPPED);
		assert_int_equal(give(&sent, 32, 16, false), REASM_DROPPED);
	}
	assert_int_equal(reasm->blocks_used[0], 0);
}

/* The same place with other bytes is no copy. */
static void test_changed_copy(void **state)
{
	struct sent sent = {.host = 1, .id = 9};

	(void)state;
	assert_int_equal(give(&sent, 0, 4096, true), REASM_WAITS);
	assert_int_equal(give(&sent, 0, 4096, true), REASM_WAITS);
	message[4000] ^= 1;
	assert_int_equal(give(&sent, 0, 4096, true), REASM_DROPPED);
	assert_int_equal(give(&sent, 4096, 8, false), REASM_DROPPED);
}

/* Two ends, or parts behind the end. */
static void test_ends(void **state)
{
	struct sent a = {.host = 1, .id = 1}, b = {.host = 1, .id = 2};
	struct sent c = {.host = 1, .id = 3};

	(void)state;
	assert_int_equal(give(&a, 64, 8, false), REASM_WAITS);
	assert_int_equal(give(&a, 128, 8, false), REASM_DROPPED);
	assert_int_equal(give(&b, 64, 8, false), REASM_WAITS);
	assert_int_equal(give(&b, 128, 8, true), REASM_DROPPED);
	assert_int_equal(give(&c, 128, 8, true), REASM_WAITS);
	assert_int_equal(give(&c, 64, 8, false), REASM_DROPPED);
}

static void test_lengths(void **state)
{
	struct sent sent = {.host = 1, .id = 1};

	(void)state;
	assert_int_equal(give(&sent, 0, 9, true), REASM_DROPPED);
	assert_int_equal(give(&sent, 8, 0, false), REASM_DROPPED);
	assert_int_equal(give(&sent, 0, 0, true), REASM_DROPPED);
	assert_int_equal(reasm->count, 0); /* they are nobody's */
}

/* The sender, the receiver, the peer, the number and, for IPv4, the protocol
 * are a datagram's name. */
static void test_names(void **state)
{
	struct sent first = {.host = 1, .id = 1, .path = 1};
	struct sent others[] = {
		{.host = 2, .id = 1, .path = 1},
		{.host = 1, .id = 2, .path = 1},
		{.host = 1, .id = 1, .path = 2},
		{.host = 1, .id = 1, .path = 1, .protocol = 99},
		{.host = 1, .id = 1, .path = 1, .v6 = true},
	};

	(void)state;
	assert_int_equal(give(&first, 0, 64, true), REASM_WAITS);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(give(&others[i], 64, 8, false), REASM_WAITS);
	assert_int_equal(reasm->count, 6);
	assert_int_equal(give(&first, 64, 8, false), REASM_WHOLE);
	/* RFC 8200: the protocol of later fragments does not matter. */
	others[4].protocol = 99;
	message[64]++;
	assert_int_equal(give(&others[4], 64, 8, false), REASM_DROPPED);
}

/* RFC 7112 and 1858: no header hides in the second fragment. */
static void test_tiny_first(void **state)
{
	struct sent tcp = {.host = 1, .id = 1, .protocol = IP_PROTO_TCP};
	struct sent chain = {.v6 = true, .host = 1, .id = 2, .protocol = 60};
	struct sent hop = {.v6 = true, .host = 1, .id = 3, .protocol = 0};
	struct sent again = {.v6 = true, .host = 1, .id = 4, .protocol = 44};
	struct sent icmp = {.host = 1, .id = 5, .protocol = IP_PROTO_ICMP};

	(void)state;
	memset(message, 0, 64);
	message[12] = 0x60; /* 24 bytes of TCP header */
	assert_int_equal(give(&tcp, 0, 16, true), REASM_HIDDEN);
	assert_int_equal(give(&tcp, 16, 16, false), REASM_DROPPED);
	tcp.id = 10;
	assert_int_equal(give(&tcp, 0, 24, true), REASM_WAITS);
	message[12] = 0xf0;
	tcp.id = 11;
	assert_int_equal(give(&tcp, 0, 24, true), REASM_HIDDEN);
	message[0] = IP_PROTO_UDP;
	message[1] = 1; /* 16 bytes of options */
	assert_int_equal(give(&chain, 0, 16, true), REASM_HIDDEN);
	chain.id = 20;
	assert_int_equal(give(&chain, 0, 24, true), REASM_WAITS);
	hop.protocol = 43;
	message[2] = 0; /* routing header type 0 */
	assert_int_equal(give(&hop, 0, 64, true), REASM_HIDDEN);
	message[3] = 1; /* a fragment in a fragment */
	assert_int_equal(give(&again, 0, 64, true), REASM_HIDDEN);
	assert_int_equal(give(&icmp, 0, 8, true), REASM_WAITS);
}

static void test_too_many_parts(void **state)
{
	struct sent sent = {.host = 1, .id = 1};

	(void)state;
	for (uint32_t i = 0; i < REASM_PARTS; i++)
		assert_int_equal(give(&sent, i * 16, 8, true), REASM_WAITS);
	assert_int_equal(give(&sent, 8, 8, true), REASM_DROPPED);
	assert_int_equal(give(&sent, 24, 8, true), REASM_DROPPED);
	assert_int_equal(reasm->blocks_used[0], 0);
}

/* ------------------------------------------------------------- time */

static unsigned expire_all(unsigned *ret_firsts)
{
	struct reasm_expired expired;
	unsigned count = 0;

	*ret_firsts = 0;
	while (reasm_expire(reasm, now, &expired)) {
		reasm_check(reasm);
		assert_int_equal(expired.path, PATH);
		count++;
		if (!expired.has_first)
			continue;
		(*ret_firsts)++;
		assert_memory_equal(expired.packet.payload, message,
				    expired.packet.payload_len);
		assert_int_equal(expired.packet.header[0] >> 4,
				 expired.packet.src.family == IP_V4 ? 4 : 6);
	}
	return count;
}

static void test_expiry(void **state)
{
	struct sent v4 = {.host = 1, .id = 1}, v6 = {.v6 = true, .host = 1};
	struct sent v4_late = {.host = 1, .id = 2};
	unsigned firsts;

	(void)state;
	assert_true(reasm_deadline(reasm) == NEVER);
	give(&v6, 0, 2048, true);
	give(&v4, 0, 8, true);
	give(&v4_late, 8, 8, true);
	assert_true(reasm_deadline(reasm) == now + 30 * NS_PER_S);
	now += 20 * NS_PER_S;
	give(&v4, 16, 8, false); /* buys no time */
	assert_int_equal(expire_all(&firsts), 0);
	now += 10 * NS_PER_S;
	assert_int_equal(expire_all(&firsts), 2);
	assert_int_equal(firsts, 1);
	assert_true(reasm_deadline(reasm) == now + 30 * NS_PER_S);
	assert_int_equal(give(&v4, 8, 8, true), REASM_WAITS); /* a new one */
	now += 30 * NS_PER_S;
	assert_int_equal(expire_all(&firsts), 2);
	assert_int_equal(firsts, 1);
	assert_empty();
}

/* A refused one is forgotten without a word. */
static void test_expiry_dead(void **state)
{
	struct sent sent = {.host = 1, .id = 1};
	unsigned firsts;

	(void)state;
	give(&sent, 0, 64, true);
	assert_int_equal(give(&sent, 8, 8, true), REASM_DROPPED);
	now += 30 * NS_PER_S;
	assert_int_equal(expire_all(&firsts), 1);
	assert_int_equal(firsts, 0);
	assert_int_equal(give(&sent, 0, 64, true), REASM_WAITS);
}

/* ------------------------------------------------------------- limits */

/* A flood from one host, or from many hosts of one peer, takes its own. */
static void flood(bool many_hosts)
{
	struct sent quiet = {.host = 100, .id = 1, .path = 1};
	struct sent neighbour = {.host = 101, .id = 1, .path = 2};

	assert_int_equal(give(&quiet, 0, 1232, true), REASM_WAITS);
	assert_int_equal(give(&neighbour, 0, 1232, true), REASM_WAITS);
	for (uint32_t i = 0; i < 1000; i++) {
		struct sent noise = {.host = many_hosts ? (uint8_t)(i % 90) : 7,
				     .id = i,
				     .path = 2};

		give(&noise, 0, 8U + 8U * (i * 37 % 8000), true);
		assert_true(reasm->count <= REASM_DATAGRAMS);
	}
	assert_int_equal(give(&quiet, 1232, 8, false), REASM_WHOLE);
	assert_int_equal(give(&neighbour, 1232, 8, false),
			 many_hosts ? REASM_WAITS : REASM_WHOLE);
}

static void test_flood_from_host(void **state)
{
	(void)state;
	flood(false);
}

static void test_flood_from_peer(void **state)
{
	(void)state;
	flood(true);
}

/* 256 KiB: five whole datagrams do not fit, and their sender loses. */
static void test_memory(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		struct sent sent = {.host = 1, .id = i};

		give(&sent, 0, 65504, true);
	}
	assert_int_equal(reasm->count, 4);
	for (uint32_t i = 5; i-- > 0;) {
		struct sent sent = {.host = 1, .id = i};

		assert_int_equal(give(&sent, 65504, 8, false),
				 i == 0 ? REASM_WAITS : REASM_WHOLE);
	}
}

/* 64 datagrams; small ones need a place as much as large ones. */
static void test_places(void **state)
{
	struct sent quiet = {.host = 100, .id = 1};

	(void)state;
	give(&quiet, 0, 8, true);
	for (uint32_t i = 0; i < 200; i++) {
		struct sent noise = {.host = 7, .id = i};

		give(&noise, 8, 8, true);
	}
	assert_int_equal(reasm->count, REASM_DATAGRAMS);
	assert_int_equal(give(&quiet, 8, 8, false), REASM_WHOLE);
}

/* Headers that are too long to keep are not quoted. */
static void test_long_headers(void **state)
{
	struct ip_addr src = address(true, 1), dst = address(true, 200);
	struct ip_build build = {
		.src = &src, .dst = &dst, .payload_len = 200, .protocol = 60};
	struct reasm_expired expired;
	struct ip_packet fragment;
	uint8_t packet[256] = {0};

	(void)state;
	ip_build(packet, &build);
	packet[40] = 44; /* 96 bytes of options, then the fragment header */
	packet[41] = 11;
	packet[136] = IP_PROTO_UDP;
	packet[139] = 1;
	assert_int_equal(ip_parse(packet, 240, &fragment), 0);
	assert_int_equal(reasm_take(reasm, now, PATH, &fragment, &whole),
			 REASM_WAITS);
	now += 60 * NS_PER_S;
	assert_true(reasm_expire(reasm, now, &expired));
	assert_false(expired.has_first);
	assert_false(reasm_expire(reasm, now, &expired));
}

/* The oldest of the busiest may be the very one that asks. */
static void test_own_turn(void **state)
{
	struct sent small = {.host = 1, .id = 1, .path = 1};
	struct sent large = {.host = 2, .id = 0, .path = 2};

	(void)state;
	give(&small, 0, 8, true);
	give(&large, 0, 31 * REASM_BLOCK_BYTES, true);
	for (large.id = 1; large.id < 3; large.id++)
		give(&large, 0, 65504, true);
	for (uint32_t i = 0; i < 32; i++) {
		struct sent tail = {.host = 2, .id = 10 + i, .path = 2};

		assert_int_equal(give(&tail, 8, 8, true), REASM_WAITS);
	}
	assert_true(reasm->blocks_used[0] == UINT64_MAX);
	assert_true(reasm->blocks_used[1] == UINT64_MAX);
	large.id = 0;
	assert_int_equal(give(&large, 31 * REASM_BLOCK_BYTES, 8, false),
			 REASM_DROPPED);
	assert_int_equal(give(&small, 8, 8, false), REASM_WHOLE);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_reasm, close_reasm)
	const struct CMUnitTest tests[] = {
		TEST(orders),          TEST(largest),     TEST(overlap),
		TEST(changed_copy),    TEST(ends),        TEST(lengths),
		TEST(names),           TEST(tiny_first),  TEST(too_many_parts),
		TEST(expiry),          TEST(expiry_dead), TEST(flood_from_host),
		TEST(flood_from_peer), TEST(memory),      TEST(places),
		TEST(long_headers),    TEST(own_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
