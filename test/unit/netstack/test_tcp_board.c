/* SPDX-License-Identifier: ISC */
/* The scoreboard against an oracle: one entry per byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netstack/tcp_board.h"
#include "netstack/tcp_seq.h"

enum { SPACE = 3000, CHUNKS = 16 };

static uint8_t memory[CHUNKS * CHUNK_BYTES];
static uint32_t links[CHUNKS];
static struct chunk_pool pool;
static struct tcp_board board;
static uint64_t seed;

struct byte {
	uint8_t state;
	bool retransmitted;
};
static struct byte oracle[SPACE];
static uint32_t una, nxt, base;

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
	tcp_board_init(&board);
	memset(oracle, 0, sizeof(oracle));
	una = nxt = 0;
	base = 0xfffffa00;
	return 0;
}

static struct tcp_record *at(uint16_t index)
{
	return tcp_board_at(&board, &pool, index);
}

static void send(uint32_t len, uint64_t now)
{
	assert_true(tcp_board_ready(&board, &pool));
	tcp_board_append(&board, &pool, base + nxt, base + nxt + len, now);
	nxt += len;
}

/* A record of exactly [start, end), cut out of what is there. */
static uint16_t cut(uint32_t start, uint32_t end)
{
	uint16_t index = tcp_board_find(&board, &pool, base + start);

	if (at(index)->state == TCP_SACKED)
		return TCP_RECORD_NONE;
	if (at(index)->seq != base + start)
		index = tcp_board_split(&board, &pool, index, base + start);
	if (seq_lt(base + end, at(index)->end))
		(void)tcp_board_split(&board, &pool, index, base + end);
	return index;
}

static void set(uint16_t index, enum tcp_record_state state)
{
	for (uint32_t seq = at(index)->seq; seq != at(index)->end; seq++)
		oracle[seq - base].state = (uint8_t)state;
}

static void compare(void)
{
	uint32_t bytes[TCP_RECORD_STATES] = {0};
	uint32_t first_lost = SPACE;
	uint16_t index;

	tcp_board_check(&board, &pool, base + una, base + nxt);
	for (index = board.head; index != TCP_RECORD_NONE;
	     index = at(index)->next) {
		for (uint32_t seq = at(index)->seq; seq != at(index)->end;
		     seq++)
			assert_int_equal(at(index)->state,
					 oracle[seq - base].state);
	}
	for (uint32_t i = una; i < nxt; i++) {
		bytes[oracle[i].state]++;
		if (oracle[i].state == TCP_LOST && first_lost == SPACE)
			first_lost = i;
	}
	assert_memory_equal(bytes, board.bytes, sizeof(bytes));
	index = tcp_board_first_lost(&board, &pool);
	if (first_lost == SPACE)
		assert_int_equal(index, TCP_RECORD_NONE);
	else
		assert_int_equal(at(index)->seq, base + first_lost);
}

static void step(uint64_t now)
{
	uint32_t start, end;
	uint16_t index;

	if (una == nxt || pick(4) == 0) {
		if (nxt < SPACE - 100)
			send(1 + pick(60), now / 3);
		return;
	}
	start = una + pick(nxt - una);
	end = start + 1 + pick(40);
	if (end > nxt)
		end = nxt;
	switch (pick(6)) {
	case 0: /* acknowledged cumulatively */
		while (board.count > 0 &&
		       seq_lt(at(board.head)->seq, base + end))
			tcp_board_remove_head(&board, &pool, base + end);
		una = end;
		return;
	case 1:
	case 2:
		index = cut(start, end);
		if (index == TCP_RECORD_NONE)
			return;
		set(index, TCP_SACKED);
		tcp_board_set_sacked(&board, &pool, index);
		return;
	case 3:
		index = cut(start, end);
		if (index == TCP_RECORD_NONE)
			return;
		set(index, TCP_LOST);
		tcp_board_set_lost(&board, &pool, index);
		return;
	case 4:
		index = tcp_board_first_lost(&board, &pool);
		if (index == TCP_RECORD_NONE)
			return;
		set(index, TCP_IN_FLIGHT);
		tcp_board_set_resent(&board, &pool, index, now);
		assert_int_equal(board.newest, index);
		return;
	default:
		if (pick(10) != 0)
			return;
		tcp_board_lose_all(&board, &pool, false);
		for (uint32_t i = una; i < nxt; i++) {
			if (oracle[i].state == TCP_IN_FLIGHT)
				oracle[i].state = TCP_LOST;
		}
		if (pick(2) == 0)
			return;
		tcp_board_find_all(&board, &pool);
		for (uint32_t i = una; i < nxt; i++) {
			if (oracle[i].state == TCP_LOST)
				oracle[i].state = TCP_IN_FLIGHT;
		}
	}
}

static void test_oracle(void **state)
{
	(void)state;
	for (uint64_t round = 1; round < 200; round++) {
		seed = round;
		setup(NULL);
		for (uint64_t now = 1; now < 400; now++) {
			step(now);
			compare();
		}
		tcp_board_clear(&board, &pool);
		assert_int_equal(pool.used, 0);
	}
}

/* What leaves at one moment is one record; what is all acknowledged owns
 * nothing. */
static void test_runs(void **state)
{
	(void)state;
	send(100, 5);
	send(100, 5);
	assert_int_equal(board.count, 1);
	send(100, 6);
	assert_int_equal(board.count, 2);
	tcp_board_set_sacked(&board, &pool, cut(50, 100));
	assert_int_equal(board.count, 4);
	tcp_board_set_sacked(&board, &pool, cut(100, 200));
	assert_int_equal(board.count, 3);
	tcp_board_set_sacked(&board, &pool, cut(200, 300));
	tcp_board_set_sacked(&board, &pool, cut(0, 50));
	assert_int_equal(board.count, 1);
	tcp_board_remove_head(&board, &pool, base + 300);
	assert_int_equal(board.count, 0);
	assert_int_equal(pool.used, 0);
}

/* Order of sending: what RACK looks at first was sent first. */
static void test_order(void **state)
{
	uint16_t index;

	(void)state;
	for (uint64_t now = 0; now < 10; now++)
		send(10, now);
	index = cut(20, 30);
	tcp_board_set_lost(&board, &pool, index);
	tcp_board_set_resent(&board, &pool, index, 100);
	for (uint64_t last = 0; board.oldest != TCP_RECORD_NONE;) {
		assert_true(at(board.oldest)->sent >= last);
		last = at(board.oldest)->sent;
		tcp_board_set_lost(&board, &pool, board.oldest);
	}
	assert_int_equal(board.bytes[TCP_LOST], 100);
	tcp_board_clear(&board, &pool);
}

/* A peer that SACKs every second byte costs a bounded amount, and something is
 * always left for splitting what must be sent again. */
static void test_scarce(void **state)
{
	uint32_t splits = 0;

	(void)state;
	base = 0;
	tcp_board_append(&board, &pool, 0, 1 << 20, 0);
	for (uint32_t seq = 1; !tcp_board_scarce(&board, &pool); seq += 2) {
		uint16_t index = tcp_board_find(&board, &pool, seq);

		index = tcp_board_split(&board, &pool, index, seq);
		assert_int_not_equal(index, TCP_RECORD_NONE);
		assert_int_not_equal(
			tcp_board_split(&board, &pool, index, seq + 1),
			TCP_RECORD_NONE);
		tcp_board_set_sacked(&board, &pool, index);
		splits++;
	}
	assert_in_range(splits, 1000, 3000);
	assert_int_equal(pool.used, TCP_RECORD_CHUNKS);
	assert_false(tcp_board_ready(&board, &pool));
	for (uint32_t i = 1; i <= TCP_RECORDS_SPARE / 2; i++) {
		uint32_t seq = (1 << 20) - i;

		assert_int_not_equal(
			tcp_board_split(&board, &pool,
					tcp_board_find(&board, &pool, seq),
					seq),
			TCP_RECORD_NONE);
	}
	tcp_board_check(&board, &pool, 0, 1 << 20);
	tcp_board_clear(&board, &pool);
	assert_int_equal(pool.used, 0);
}

static void test_no_memory(void **state)
{
	(void)state;
	while (chunk_get(&pool) != CHUNK_NONE)
		;
	send(10, 1);
	send(10, 2);
	assert_false(tcp_board_ready(&board, &pool));
	assert_true(tcp_board_scarce(&board, &pool));
	assert_int_not_equal(
		tcp_board_split(&board, &pool, board.head, base + 5),
		TCP_RECORD_NONE);
	assert_int_equal(tcp_board_split(&board, &pool, board.tail, base + 15),
			 TCP_RECORD_NONE);
	tcp_board_check(&board, &pool, base, base + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_runs, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_scarce, setup),
		cmocka_unit_test_setup(test_no_memory, setup),
		cmocka_unit_test_setup(test_oracle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
