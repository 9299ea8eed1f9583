/* SPDX-License-Identifier: ISC */
/* Checksums, chains, flows and IP headers against naive twins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "netstack/chain.h"
#include "netstack/checksum.h"
#include "netstack/flow.h"
#include "netstack/icmp.h"
#include "netstack/ip.h"

static uint16_t naive_sum(const uint8_t *data, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint64_t)data[i] << 8 : data[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)rand();
}

/* Every length and offset, in one piece, in two, and while copying. */
static void test_checksum(void **state)
{
	static uint8_t data[3000], copy[3000];

	(void)state;
	srand(1);
	fill(data, sizeof(data));
	for (size_t len = 0; len < 2900; len += len < 80 ? 1 : 37) {
		const uint8_t *from = data + len % 16;
		size_t cut = len == 0 ? 0 : (size_t)rand() % len;
		uint32_t tail = checksum_add(0, from + cut, len - cut);
		uint16_t expected = naive_sum(from, len);

		assert_int_equal(checksum_finish(checksum_add(0, from, len)),
				 expected);
		if (cut % 2 == 1)
			tail = checksum_odd(tail);
		assert_int_equal(checksum_finish(checksum_add(tail, from, cut)),
				 expected);
		memset(copy, 0x5a, sizeof(copy));
		assert_int_equal(
			checksum_finish(checksum_copy(0, copy, from, len)),
			expected);
		assert_memory_equal(copy, from, len);
		assert_int_equal(copy[len], 0x5a);
	}
}

/* ------------------------------------------------------------- chains */

enum { FLAT = 400000, CHUNKS = 40 };

struct world {
	struct chunk_pool pool;
	struct chain chain;
	uint8_t flat[FLAT]; /* what the chain must hold */
	size_t len;
};

static void append(struct world *world)
{
	struct iovec iov[8];
	size_t want = 1 + (size_t)rand() % 40000, done = 0;
	int count = chain_space(&world->chain, &world->pool, iov, 8, want);

	for (int i = 0; i < count; i++) {
		if (world->len + done + iov[i].iov_len > FLAT)
			break;
		fill(iov[i].iov_base, iov[i].iov_len);
		memcpy(world->flat + world->len + done, iov[i].iov_base,
		       iov[i].iov_len);
		done += iov[i].iov_len;
	}
	done = done > 3 ? done - (size_t)rand() % 3 : done;
	chain_commit(&world->chain, done);
	world->len += done;
	if (rand() % 2 == 0)
		chain_trim(&world->chain, &world->pool);
}

/* Out of order: the later half first, then the gap. */
static void write_ahead(struct world *world)
{
	static uint8_t data[20000];
	size_t len = 2 + (size_t)rand() % (sizeof(data) - 2);
	size_t half = len / 2;
	uint32_t at = world->chain.len;

	fill(data, len);
	if (world->len + len > FLAT ||
	    chain_write(&world->chain, &world->pool, at + (uint32_t)half,
			data + half, len - half) != 0)
		return;
	assert_int_equal(
		chain_write(&world->chain, &world->pool, at, data, half), 0);
	chain_commit(&world->chain, len);
	memcpy(world->flat + world->len, data, len);
	world->len += len;
}

static void consume(struct world *world)
{
	size_t len = world->len == 0 ? 0 : (size_t)rand() % (world->len + 1);

	chain_consume(&world->chain, &world->pool, len);
	memmove(world->flat, world->flat + len, world->len - len);
	world->len -= len;
}

static void compare(struct world *world)
{
	static uint8_t copy[FLAT];
	struct iovec iov[CHUNKS + 1];
	int count = chain_iov(&world->chain, &world->pool, iov, CHUNKS + 1);
	size_t at = 0, from;
	uint32_t sum;

	assert_int_equal(world->chain.len, world->len);
	for (int i = 0; i < count; i++) {
		assert_memory_equal(iov[i].iov_base, world->flat + at,
				    iov[i].iov_len);
		at += iov[i].iov_len;
	}
	assert_int_equal(at, world->len);
	from = world->len == 0 ? 0 : (size_t)rand() % world->len;
	sum = chain_read_sum(&world->chain, &world->pool, (uint32_t)from, copy,
			     world->len - from);
	assert_memory_equal(copy, world->flat + from, world->len - from);
	assert_int_equal(checksum_finish(sum),
			 naive_sum(copy, world->len - from));
}

static void test_chain(void **state)
{
	static struct world world;
	uint32_t links[CHUNKS];
	uint8_t *memory = malloc((size_t)CHUNKS * CHUNK_BYTES);

	(void)state;
	assert_non_null(memory);
	srand(2);
	chunk_pool_init(&world.pool, memory, links, CHUNKS);
	chain_init(&world.chain);
	for (unsigned step = 0; step < 3000; step++) {
		switch (rand() % 3) {
		case 0:
			append(&world);
			break;
		case 1:
			write_ahead(&world);
			break;
		default:
			consume(&world);
		}
		compare(&world);
	}
	chain_clear(&world.chain, &world.pool);
	assert_int_equal(world.pool.used, 0);
	free(memory);
}

/* ------------------------------------------------------------- flows */

enum { FLOWS = 100 };

static struct flow_key key_of(uint32_t number)
{
	struct endpoint local = {.port = (uint16_t)number};
	struct endpoint remote = {.port = 80};

	assert_int_equal(ip_addr_parse("10.0.0.1", &local.addr), 0);
	assert_int_equal(ip_addr_parse("fdaa::1", &remote.addr), 0);
	return flow_key_make(&local, &remote);
}

static void test_flows(void **state)
{
	struct siphash_key secret = {{1, 2}};
	void *memory = calloc(1, flow_size(FLOWS));
	bool present[FLOWS] = {false};
	struct flow_table table;

	(void)state;
	assert_non_null(memory);
	flow_init(&table, memory, FLOWS, &secret);
	srand(4);
	for (unsigned step = 0; step < 100000; step++) {
		uint32_t number = (uint32_t)rand() % FLOWS;
		struct flow_key key = key_of(number);

		assert_int_equal(flow_find(&table, &key),
				 present[number] ? number : FLOW_NONE);
		if (present[number] && step % 3 == 0)
			flow_expect(&table, number);
		if (present[number])
			flow_remove(&table, number);
		else
			flow_insert(&table, &key, number);
		present[number] = !present[number];
	}
	free(memory);
}

/* ------------------------------------------------------------- IP */

static uint32_t echo_request(uint8_t *packet, bool v6)
{
	struct ip_addr src, dst;
	struct ip_build build = {
		.src = &src,
		.dst = &dst,
		.payload_len = 24,
		.protocol = v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP,
	};
	uint32_t header_len, sum = 0;
	uint8_t *icmp;

	assert_int_equal(ip_addr_parse(v6 ? "fdaa::2" : "10.0.0.2", &src), 0);
	assert_int_equal(ip_addr_parse(v6 ? "fdaa::1" : "10.0.0.1", &dst), 0);
	header_len = ip_build(packet, &build);
	icmp = packet + header_len;
	memset(icmp, 0x11, 24);
	icmp[0] = v6 ? 128 : 8;
	icmp[1] = 0;
	put_be16(icmp + 2, 0);
	if (v6)
		sum = checksum_pseudo(&src, &dst, build.protocol, 24);
	put_be16(icmp + 2, checksum_finish(checksum_add(sum, icmp, 24)));
	return header_len + 24;
}

/* What is built parses; every shorter piece and every other header is refused
 * or handled, never read beyond its end. */
static void test_ip(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint8_t packet[128];
		uint32_t len = echo_request(packet, v6 == 1);
		struct icmp_message message;
		struct ip_packet ip;

		assert_int_equal(ip_parse(packet, len, &ip), 0);
		assert_int_equal(ip.payload_len, 24);
		assert_int_equal(icmp_parse(&ip, &message), 0);
		assert_int_equal(message.kind, ICMP_ECHO);
		for (uint32_t cut = 0; cut < len; cut++) {
			uint8_t *exact = malloc(cut + 1);

			assert_non_null(exact);
			memcpy(exact, packet, cut);
			assert_int_equal(ip_parse(exact, cut, &ip),
					 -ERR_INVALID);
			free(exact);
		}
		for (uint32_t bit = 0; bit < len * 8; bit++) {
			packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
			if (ip_parse(packet, len, &ip) == 0)
				(void)icmp_parse(&ip, &message);
			packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
}

/* As many as were free all the while go back, and are given out again when
 * there are no others. */
static void test_chunk_idle(void **state)
{
	static uint8_t memory[8 * CHUNK_BYTES];
	uint32_t links[8], held[8];
	struct chunk_pool pool;

	(void)state;
	chunk_pool_init(&pool, memory, links, 8);
	chunk_idle_begin(&pool);
	assert_int_equal(chunk_idle(&pool), CHUNK_NONE);
	for (unsigned i = 0; i < 6; i++)
		held[i] = chunk_get(&pool);
	for (unsigned i = 0; i < 5; i++)
		chunk_put(&pool, held[i]);
	assert_int_equal(chunk_idle(&pool), CHUNK_NONE); /* not all the while */
	chunk_idle_begin(&pool);
	held[0] = chunk_get(&pool); /* two are needed at the same time */
	held[1] = chunk_get(&pool);
	chunk_put(&pool, held[0]);
	chunk_put(&pool, held[1]);
	for (unsigned i = 0; i < 3; i++)
		assert_int_not_equal(chunk_idle(&pool), CHUNK_NONE);
	assert_int_equal(chunk_idle(&pool), CHUNK_NONE);
	assert_int_equal(pool.used, 1);
	assert_int_equal(pool.free_count, 2);
	for (unsigned i = 0; i < 7; i++)
		assert_int_not_equal(chunk_get(&pool), CHUNK_NONE);
	assert_int_equal(chunk_get(&pool), CHUNK_NONE);
	assert_int_equal(pool.used, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_chunk_idle),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
