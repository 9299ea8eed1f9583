/* SPDX-License-Identifier: ISC */
/* Listeners that are bound to one of our addresses each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "pair.h"

enum { PORT = 80 };

static struct pair pair;

static int open_pair(void **state)
{
	(void)state;
	pair.seed = 51;
	pair_open(&pair, NULL);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static int listen_at(uint8_t family, struct ns_handle *ret_handle)
{
	struct endpoint at = {.port = PORT};

	if (family != IP_NONE)
		at = pair_endpoint(1, family, PORT);
	return tcp_listen(pair.side[1].ns, &at, 4, 0, ret_handle);
}

static struct ns_handle connect_to(uint8_t family)
{
	struct endpoint to = pair_endpoint(1, family, PORT);
	struct ns_handle handle;

	assert_int_equal(
		tcp_connect(pair.side[0].ns, pair.now, &to, 0, &handle), 0);
	pair_run(&pair, NS_PER_S);
	return handle;
}

static bool accepts(struct ns_handle listener, uint8_t family)
{
	struct endpoint from, want = pair_endpoint(0, family, 0);
	struct ns_handle handle;
	int err = tcp_accept(pair.side[1].ns, listener, 0, &handle, &from);

	if (err == -ERR_AGAIN)
		return false;
	assert_int_equal(err, 0);
	assert_true(ip_addr_equal(&from.addr, &want.addr));
	return true;
}

/* Each gets what is for its address; a third for all would take from both. */
static void test_two_addresses(void **state)
{
	struct ns_handle v4, v6, all;

	(void)state;
	assert_int_equal(listen_at(IP_V4, &v4), 0);
	assert_int_equal(listen_at(IP_V6, &v6), 0);
	assert_int_equal(listen_at(IP_NONE, &all), -ERR_EXISTS);
	assert_int_equal(listen_at(IP_V4, &all), -ERR_EXISTS);
	(void)connect_to(IP_V6);
	assert_false(accepts(v4, IP_V6));
	assert_true(accepts(v6, IP_V6));
	(void)connect_to(IP_V4);
	assert_true(accepts(v4, IP_V4));
	assert_false(accepts(v6, IP_V4));
}

static void test_one_address(void **state)
{
	struct ns_handle v4, handle;

	(void)state;
	assert_int_equal(listen_at(IP_V4, &v4), 0);
	handle = connect_to(IP_V6);
	assert_int_equal(pair.side[0].error[handle.index], -ERR_REFUSED);
	assert_int_equal(tcp_close(pair.side[1].ns, pair.now, v4), 0);
	assert_int_equal(listen_at(IP_NONE, &v4), 0);
	handle = connect_to(IP_V6);
	assert_int_equal(pair_state(&pair, 0, handle), TCPS_ESTABLISHED);
	assert_true(accepts(v4, IP_V6));
}

/* No control block is left for another connection: its SYN is not answered, and
 * it comes through when there is room. */
static void test_table_full(void **state)
{
	struct ns_handle listener, fill[PAIR_CONNS], handle;
	struct endpoint at = {.port = 0};

	(void)state;
	assert_int_equal(listen_at(IP_NONE, &listener), 0);
	for (uint16_t i = 1; i < PAIR_CONNS; i++) {
		at.port = 1000 + i;
		assert_int_equal(
			tcp_listen(pair.side[1].ns, &at, 1, 0, &fill[i]), 0);
	}
	at.port = 9;
	assert_int_equal(tcp_listen(pair.side[1].ns, &at, 1, 0, &handle),
			 -ERR_FULL);
	handle = connect_to(IP_V4);
	assert_int_equal(pair_state(&pair, 0, handle), TCPS_SYN_SENT);
	assert_int_equal(tcp_close(pair.side[1].ns, pair.now, fill[7]), 0);
	pair_run(&pair, 5 * NS_PER_S);
	assert_int_equal(pair_state(&pair, 0, handle), TCPS_ESTABLISHED);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		TEST(two_addresses),
		TEST(one_address),
		TEST(table_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
