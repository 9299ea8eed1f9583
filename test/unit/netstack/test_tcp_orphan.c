/* SPDX-License-Identifier: ISC */
/* Connections that nobody has a handle of, and a table that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "pair.h"

enum { CONNS = 4, PORT = 77 };

static struct pair pair;
static struct ns_handle listener;

static struct pair_fate lose_all(struct pair *of, const struct pair_packet *p)
{
	(void)of;
	(void)p;
	return (struct pair_fate){.copies = 0};
}

static void small_table(struct ns_config *config, int side)
{
	if (side == 0)
		config->connections_max = CONNS;
}

static int open_pair(void **state)
{
	struct endpoint at = {.port = PORT};

	(void)state;
	pair.seed = 77;
	pair.fault = NULL;
	pair_open(&pair, small_table);
	assert_int_equal(tcp_listen(pair.side[1].ns, &at, 16, 0, &listener), 0);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static struct netstack *near(void)
{
	return pair.side[0].ns;
}

static int connect_one(struct ns_handle *ret_handle)
{
	struct endpoint to = pair_endpoint(1, IP_V4, PORT);

	return tcp_connect(near(), pair.now, &to, 0, ret_handle);
}

static void fill_table(struct ns_handle handles[CONNS])
{
	for (unsigned i = 0; i < CONNS; i++)
		assert_int_equal(connect_one(&handles[i]), 0);
	pair_run(&pair, NS_PER_S);
	for (unsigned i = 0; i < CONNS; i++)
		assert_int_equal(pair_state(&pair, 0, handles[i]),
				 TCPS_ESTABLISHED);
}

static struct ns_handle accept_one(void)
{
	struct endpoint from;
	struct ns_handle handle;

	assert_int_equal(
		tcp_accept(pair.side[1].ns, listener, 0, &handle, &from), 0);
	return handle;
}

/* What a silent peer does not take is given up, but only when a new connection
 * needs the place. */
static void test_silent_peer(void **state)
{
	struct ns_handle handles[CONNS], fresh;

	(void)state;
	fill_table(handles);
	pair.fault = lose_all;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(tcp_send(near(), pair.now, handles[i], "x", 1),
				 1);
		assert_int_equal(tcp_close(near(), pair.now, handles[i]), 0);
	}
	/* It may yet be taken: its timer has not fired. */
	assert_int_equal(connect_one(&fresh), -ERR_FULL);
	pair_run(&pair, 3 * NS_PER_S);
	assert_int_equal(netstack_connection_count(near()), CONNS);
	assert_int_equal(netstack_counter(near(), NS_TCP_ORPHANS_RESET), 0);
	assert_int_equal(connect_one(&fresh), 0);
	assert_int_equal(connect_one(&handles[0]), 0);
	assert_int_equal(netstack_counter(near(), NS_TCP_ORPHANS_RESET), 2);
	/* Nobody else is. */
	assert_int_equal(connect_one(&handles[1]), -ERR_FULL);
	assert_int_equal(pair_state(&pair, 0, handles[2]), TCPS_ESTABLISHED);
	assert_int_equal(pair_state(&pair, 0, handles[3]), TCPS_ESTABLISHED);
}

/* One whose peer has everything, and does not close, goes without a reset. */
static void test_peer_keeps_open(void **state)
{
	struct ns_handle handles[CONNS], fresh, far;

	(void)state;
	fill_table(handles);
	far = accept_one();
	assert_int_equal(tcp_close(near(), pair.now, handles[0]), 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_state(&pair, 1, far), TCPS_CLOSE_WAIT);
	assert_int_equal(connect_one(&fresh), 0);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(pair_state(&pair, 0, fresh), TCPS_ESTABLISHED);
	assert_int_equal(netstack_counter(near(), NS_TCP_ORPHANS_RESET), 1);
	assert_int_equal(netstack_counter(near(), NS_TCP_RESETS_SENT), 0);
	/* What the other one still says is answered as by a stranger. */
	assert_int_equal(tcp_send(pair.side[1].ns, pair.now, far, "x", 1), 1);
	pair_run(&pair, NS_PER_S);
	assert_int_equal(tcp_error(pair.side[1].ns, far), -ERR_RESET);
}

int main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(silent_peer),
		T(peer_keeps_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
