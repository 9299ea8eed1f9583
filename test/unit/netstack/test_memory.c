/* SPDX-License-Identifier: ISC */
/* The budget is spent: who waits for memory is told when there is some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "pair.h"

static struct pair pair;
static uint32_t taken[2][PAIR_CHUNKS];

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 41;
	pair_open(&pair, NULL);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static void take_all(int side)
{
	struct pair_side *s = &pair.side[side];
	uint32_t chunk;

	while ((chunk = chunk_get(&s->pool)) != CHUNK_NONE)
		taken[side][s->chunks_taken++] = chunk;
}

static void give_back(int side, uint32_t count)
{
	struct pair_side *s = &pair.side[side];

	while (count-- > 0)
		chunk_put(&s->pool, taken[side][--s->chunks_taken]);
}

/* Nobody is told before there is anything to have, nor long after. */
static void test_writer_waits(void **state)
{
	struct ns_handle client, server;
	struct iovec iov[4];
	unsigned *bits;

	(void)state;
	pair_connect(&pair, IP_V6, &client, &server);
	bits = &pair.side[0].bits[client.index];
	take_all(0);
	*bits = 0;
	assert_int_equal(tcp_send_space(pair.side[0].ns, client, iov, 4, 1000),
			 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(*bits & NS_WRITABLE, 0);
	give_back(0, 4);
	pair_run(&pair, 20 * NS_PER_MS);
	assert_int_equal(*bits & NS_WRITABLE, NS_WRITABLE);
	*bits = 0;
	assert_int_equal(
		tcp_send(pair.side[0].ns, pair.now, client, "hello", 5), 5);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(*bits & NS_WRITABLE, 0); /* told once */
	assert_int_equal(pair_info(&pair, 1, server).recv_queued, 5);
	give_back(0, pair.side[0].chunks_taken);
}

/* What cannot be kept is not acknowledged; it comes again when there is room.
 */
static void test_reader_has_none(void **state)
{
	struct ns_handle client, server;
	char data[8];

	(void)state;
	pair_connect(&pair, IP_V4, &client, &server);
	take_all(1);
	assert_int_equal(
		tcp_send(pair.side[0].ns, pair.now, client, "hello", 5), 5);
	pair_run(&pair, NS_PER_S);
	assert_true(netstack_counter(pair.side[1].ns, NS_DROP_MEMORY) > 0);
	assert_int_equal(pair_info(&pair, 1, server).recv_queued, 0);
	assert_int_equal(pair_info(&pair, 0, client).unacked, 5);
	give_back(1, 2);
	pair_run(&pair, 5 * NS_PER_S);
	assert_int_equal(tcp_recv(pair.side[1].ns, pair.now, server, data, 8),
			 5);
	assert_memory_equal(data, "hello", 5);
	give_back(1, pair.side[1].chunks_taken);
}

/* A handshake needs no memory of the budget. */
static void test_connect_without_memory(void **state)
{
	struct ns_handle client, server;

	(void)state;
	take_all(0);
	take_all(1);
	pair_connect(&pair, IP_V6, &client, &server);
	assert_int_equal(pair_state(&pair, 0, client), TCPS_ESTABLISHED);
	give_back(0, pair.side[0].chunks_taken);
	give_back(1, pair.side[1].chunks_taken);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		TEST(writer_waits),
		TEST(reader_has_none),
		TEST(connect_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
