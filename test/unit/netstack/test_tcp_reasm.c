/* SPDX-License-Identifier: ISC */
/* Reassembly against an oracle: one flag per byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netstack/tcp_reasm.h"
#include "netstack/tcp_seq.h"

enum { SPACE = 4000, CHUNKS = 4 };

static uint8_t memory[CHUNKS * CHUNK_BYTES];
static uint32_t links[CHUNKS];
static struct chunk_pool pool;
static struct tcp_reasm reasm;
static uint64_t seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) +
	       UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

static int setup(void **state)
{
	(void)state;
	chunk_pool_init(&pool, memory, links, CHUNKS);
	tcp_reasm_init(&reasm);
	return 0;
}

static struct tcp_range range(uint32_t start, uint32_t end)
{
	return (struct tcp_range){.start = start, .end = end};
}

static void add(uint32_t start, uint32_t end)
{
	assert_true(tcp_reasm_ready(&reasm, &pool));
	tcp_reasm_insert(&reasm, &pool, range(start, end));
}

static void expect_sack(const uint32_t *edges, uint32_t count)
{
	struct tcp_range sack[4];

	assert_int_equal(tcp_reasm_sack(&reasm, &pool, sack, 4), count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(sack[i].start, edges[2 * i]);
		assert_int_equal(sack[i].end, edges[2 * i + 1]);
	}
}

/* RFC 2018 section 4: what came last is told first. */
static void test_recency(void **state)
{
	(void)state;
	add(100, 200);
	add(300, 400);
	add(500, 600);
	expect_sack((uint32_t[]){500, 600, 300, 400, 100, 200}, 3);
	add(200, 250);
	expect_sack((uint32_t[]){100, 250, 500, 600, 300, 400}, 3);
	add(250, 500); /* closes two holes */
	expect_sack((uint32_t[]){100, 600}, 1);
	assert_int_equal(tcp_reasm_advance(&reasm, &pool, 100), 600);
	expect_sack(NULL, 0);
}

static void test_many(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TCP_REASM_MAX; i++)
		add(1000 + 10 * i, 1005 + 10 * i);
	assert_false(tcp_reasm_ready(&reasm, &pool));
	assert_int_equal(pool.used, 1);
	tcp_reasm_check(&reasm, &pool, 0, UINT32_C(100000000));
	assert_int_equal(tcp_reasm_advance(&reasm, &pool, 1000), 1005);
	assert_true(tcp_reasm_ready(&reasm, &pool));
	tcp_reasm_clear(&reasm, &pool);
	assert_int_equal(pool.used, 0);
}

static void test_no_memory(void **state)
{
	(void)state;
	while (chunk_get(&pool) != CHUNK_NONE)
		;
	for (uint32_t i = 0; i < TCP_REASM_INLINE; i++)
		add(10 * i + 10, 10 * i + 15);
	assert_false(tcp_reasm_ready(&reasm, &pool));
}

/* The number of ranges that the flags make. */
static uint32_t runs(const uint8_t *there)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i < SPACE; i++)
		count += there[i] && !there[i - 1];
	return count;
}

static void test_oracle(void **state)
{
	(void)state;
	for (uint64_t round = 1; round < 300; round++) {
		uint32_t base = 0xfffff000 + (uint32_t)round; /* wraps */
		uint8_t there[SPACE] = {0};
		uint32_t next = 0; /* rcv_nxt */

		seed = round;
		setup(NULL);
		for (int step = 0; step < 200; step++) {
			uint32_t start = next + 1 + pick(SPACE - next - 2);
			uint32_t len = 1 + pick(60);
			bool all = true;

			if (start + len > SPACE)
				len = SPACE - start;
			for (uint32_t i = start; i < start + len; i++)
				all = all && there[i];
			assert_int_equal(
				tcp_reasm_contains(&reasm, &pool,
						   range(base + start,
							 base + start + len)),
				all);
			add(base + start, base + start + len);
			memset(there + start, 1, len);
			if (pick(4) == 0) { /* some data in order */
				uint32_t more = 1 + pick(100);

				if (next + more > SPACE - 10)
					break;
				next += more;
				memset(there, 1, next);
				while (next < SPACE && there[next])
					next++;
				assert_int_equal(tcp_reasm_advance(&reasm,
								   &pool,
								   base + next),
						 base + next);
				if (next > SPACE - 10)
					break;
			}
			tcp_reasm_check(&reasm, &pool, base + next,
					base + SPACE);
			memset(there, 1, next);
			assert_int_equal(reasm.count, runs(there));
		}
		tcp_reasm_clear(&reasm, &pool);
		assert_int_equal(pool.used, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_recency, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_no_memory, setup),
		cmocka_unit_test_setup(test_oracle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
