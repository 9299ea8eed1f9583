/* SPDX-License-Identifier: ISC */
/* Thousands of short connections per second to one address and port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/check.h"
#include "pair.h"

enum {
	PER_SECOND = 5000,
	SECONDS = 60,
	OPEN_MAX = 56, /* at once */
	PORTS = 65536 - 16384,
};

static struct pair pair;
static struct ns_handle listener;
static bool no_timestamps;

/* Connections of one side that are under way. */
static struct {
	struct ns_handle handles[OPEN_MAX];
	bool sent[OPEN_MAX];
	unsigned count;
} ends[2];

static void tweak(struct ns_config *config, int side)
{
	config->time_wait_max = no_timestamps ? PORTS + 1 : 0;
	config->tcp.timestamps = !(no_timestamps && side == 1);
}

static void add(int side, struct ns_handle handle)
{
	assert_true(ends[side].count < OPEN_MAX);
	ends[side].sent[ends[side].count] = false;
	ends[side].handles[ends[side].count++] = handle;
}

/* Sends a byte, or answers one; whoever closes first keeps TIME-WAIT. Returns
 * true when the connection is over. */
static bool serve(int side, unsigned i, int closer)
{
	struct netstack *ns = pair.side[side].ns;
	struct ns_handle handle = ends[side].handles[i];
	uint8_t byte = 7;
	int got;

	if (side == 0 && !ends[0].sent[i])
		ends[0].sent[i] = tcp_send(ns, pair.now, handle, &byte, 1) == 1;
	got = tcp_recv(ns, pair.now, handle, &byte, 1);
	if (got == 1 && side == 1)
		assert_int_equal(tcp_send(ns, pair.now, handle, &byte, 1), 1);
	if ((got == 1 && side == closer) ||
	    (got == -ERR_CLOSED && side != closer)) {
		assert_int_equal(tcp_close(ns, pair.now, handle), 0);
		return true;
	}
	return false;
}

static void serve_all(int side, int closer)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < ends[side].count; i++) {
		if (serve(side, i, closer))
			continue;
		ends[side].handles[kept] = ends[side].handles[i];
		ends[side].sent[kept++] = ends[side].sent[i];
	}
	ends[side].count = kept;
}

/* How many connections could be opened, of so many. */
static unsigned churn(unsigned count, int closer)
{
	struct endpoint to = pair_endpoint(1, IP_V6, 5432);
	struct endpoint from;
	struct ns_handle handle;
	unsigned opened = 0;

	for (unsigned i = 0; i < count; i++) {
		if (tcp_connect(pair.side[0].ns, pair.now, &to, 0, &handle) ==
		    0) {
			add(0, handle);
			opened++;
		}
		pair_run(&pair, NS_PER_S / PER_SECOND);
		while (tcp_accept(pair.side[1].ns, listener, 0, &handle,
				  &from) == 0)
			add(1, handle);
		serve_all(1, closer);
		serve_all(0, closer);
	}
	return opened;
}

static void start(void)
{
	struct endpoint local = {.port = 5432};

	memset(ends, 0, sizeof(ends));
	pair_open(&pair, tweak);
	pair.unchecked = true;
	pair.latency = 250 * 1000;
	assert_int_equal(tcp_listen(pair.side[1].ns, &local, 64, 0, &listener),
			 0);
}

static void stop(void)
{
	pair_run(&pair, 10 * NS_PER_MS);
	serve_all(1, 0);
	serve_all(0, 0);
	tcp_close(pair.side[1].ns, pair.now, listener);
	pair_run(&pair, 130 * NS_PER_S);
	pair_close(&pair);
}

static void expect_no_shortage(int closer)
{
	start();
	assert_int_equal(churn(SECONDS * PER_SECOND, closer),
			 SECONDS * PER_SECOND);
	assert_true(netstack_connection_count(pair.side[closer].ns) > 30000);
	netstack_check(pair.side[closer].ns);
	assert_int_equal(netstack_counter(pair.side[0].ns, NS_TCP_RETRANSMITS),
			 0);
	assert_int_equal(
		netstack_counter(pair.side[0].ns, NS_TCP_RESETS_RECEIVED), 0);
	stop();
}

static void test_client_closes(void **state)
{
	(void)state;
	expect_no_shortage(0);
}

static void test_server_closes(void **state)
{
	(void)state;
	expect_no_shortage(1);
}

/* Without timestamps nothing proves the order: the ports are used up, that is
 * said, and after 2 MSL there are some again. */
static void test_without_timestamps(void **state)
{
	(void)state;
	no_timestamps = true;
	start();
	assert_int_equal(churn(PORTS, 0), PORTS);
	assert_int_equal(churn(20, 0), 0);
	pair_run(&pair, 61 * NS_PER_S);
	assert_int_equal(churn(20, 0), 20);
	no_timestamps = false;
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_closes),
		cmocka_unit_test(test_server_closes),
		cmocka_unit_test(test_without_timestamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
