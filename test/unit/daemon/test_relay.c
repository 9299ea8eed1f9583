/* SPDX-License-Identifier: ISC */
/* One relay between a pretended client and a real far end in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "far.h"

static struct far far;

static uint32_t accept_client(void)
{
	struct endpoint from = {.port = 40000};
	enum reason refused = REASON_NONE;
	uint32_t relay;

	assert_int_equal(ip_addr_parse("127.0.0.1", &from.addr), 0);
	relay = proxy_accept(&far.proxy, &far.now, 0, &from, &refused);
	assert_int_not_equal(relay, RELAY_NONE);
	return relay;
}

static struct relay *relay_at(uint32_t index)
{
	return &far.proxy.relays[index];
}

static uint32_t connected_client(void)
{
	uint32_t relay = accept_client();

	assert_true(far_run_until(&far, relay, RELAY_OPEN, 1000));
	far_step(&far, NS_PER_MS); /* the last ACK of the handshake */
	assert_true(far_accept(&far));
	return relay;
}

static void client_sends(uint32_t index, const char *text)
{
	struct iovec iov[4];
	int count = relay_upstream_space(relay_at(index), iov, 4, 65536);

	assert_true(count > 0 && iov[0].iov_len >= strlen(text));
	memcpy(iov[0].iov_base, text, strlen(text));
	relay_read(relay_at(index), &far.now, strlen(text));
}

static void far_receives(const char *text)
{
	char got[256];
	int len;

	far_step(&far, NS_PER_MS);
	len = tcp_recv(far.tunnel.ns, far.now.awake, far.conn, got,
		       sizeof(got));
	assert_int_equal(len, (int)strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void client_receives(uint32_t index, const char *text)
{
	struct iovec iov[4];

	far_step(&far, NS_PER_MS);
	assert_int_equal(relay_downstream(relay_at(index), iov, 4), 1);
	assert_int_equal(iov[0].iov_len, strlen(text));
	assert_memory_equal(iov[0].iov_base, text, strlen(text));
	relay_written(relay_at(index), &far.now, strlen(text));
}

static void release(uint32_t index)
{
	while (proxy_next_work(&far.proxy) != RELAY_NONE)
		;
	proxy_release(&far.proxy, &far.now, index);
	assert_int_equal(far.proxy.relay_count, 0);
}

static void expect_doom(uint32_t index, enum reason reason, unsigned limit_ms)
{
	assert_true(far_run_until(&far, index, RELAY_DOOMED, limit_ms));
	assert_string_equal(reason_word(relay_at(index)->reason),
			    reason_word(reason));
	release(index);
}

static int open_v4(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:5432", false);
	return 0;
}

static int open_v6(void **state)
{
	(void)state;
	far_open(&far, "0:[fd09::1]:5432", false);
	return 0;
}

static int open_closed_port(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:1", false);
	return 0;
}

static int open_silent(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.77:5432", false);
	return 0;
}

static int open_unrouted(void **state)
{
	(void)state;
	far_open(&far, "0:10.10.0.1:5432", false);
	return 0;
}

static int open_wrong_key(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:5432", true);
	return 0;
}

static int close_far(void **state)
{
	(void)state;
	far_close(&far);
	return 0;
}

static void test_bytes_both_ways(void **state)
{
	uint32_t relay = connected_client();

	(void)state;
	client_sends(relay, "select 1");
	far_receives("select 1");
	assert_int_equal(
		tcp_send(far.tunnel.ns, far.now.awake, far.conn, "one", 3), 3);
	client_receives(relay, "one");
	assert_int_equal(relay_at(relay)->bytes_up, 8);
	assert_int_equal(relay_at(relay)->bytes_down, 3);
}

static void test_client_ends_first(void **state)
{
	uint32_t relay = connected_client();
	struct iovec iov[4];

	(void)state;
	client_sends(relay, "question");
	relay_client_eof(relay_at(relay), &far.now);
	assert_false(relay_wants_client(relay_at(relay)));
	far_receives("question");
	assert_int_equal(tcp_recv(far.tunnel.ns, far.now.awake, far.conn, iov,
				  sizeof(iov)),
			 -ERR_CLOSED);
	assert_int_equal(
		tcp_send(far.tunnel.ns, far.now.awake, far.conn, "answer", 6),
		6);
	client_receives(relay, "answer");
	assert_int_equal(tcp_shutdown(far.tunnel.ns, far.now.awake, far.conn),
			 0);
	far_step(&far, NS_PER_MS);
	assert_int_equal(relay_downstream(relay_at(relay), iov, 4),
			 -ERR_CLOSED);
	relay_client_shut(relay_at(relay), &far.now);
	assert_false(relay_resets_client(relay_at(relay)));
	expect_doom(relay, REASON_DONE, 1);
}

static void test_server_ends_first(void **state)
{
	uint32_t relay = connected_client();
	struct iovec iov[4];

	(void)state;
	assert_int_equal(tcp_shutdown(far.tunnel.ns, far.now.awake, far.conn),
			 0);
	far_step(&far, NS_PER_MS);
	assert_int_equal(relay_downstream(relay_at(relay), iov, 4),
			 -ERR_CLOSED);
	relay_client_shut(relay_at(relay), &far.now);
	assert_int_equal(relay_at(relay)->state, RELAY_OPEN);
	client_sends(relay, "still talking");
	far_receives("still talking");
	relay_client_eof(relay_at(relay), &far.now);
	expect_doom(relay, REASON_DONE, 1);
}

static void test_server_resets(void **state)
{
	uint32_t relay = connected_client();

	(void)state;
	assert_int_equal(tcp_abort(far.tunnel.ns, far.now.awake, far.conn), 0);
	far_step(&far, NS_PER_MS);
	assert_true(relay_resets_client(relay_at(relay)));
	expect_doom(relay, REASON_UPSTREAM_RESET, 10);
}

static void test_client_resets(void **state)
{
	uint32_t relay = connected_client();
	char byte;

	(void)state;
	relay_doom(relay_at(relay), &far.now, REASON_CLIENT_RESET);
	far_step(&far, NS_PER_MS);
	assert_int_equal(
		tcp_recv(far.tunnel.ns, far.now.awake, far.conn, &byte, 1),
		-ERR_RESET);
	expect_doom(relay, REASON_CLIENT_RESET, 1);
}

static void test_client_leaves_while_dialing(void **state)
{
	uint32_t relay = accept_client();

	(void)state;
	relay_doom(relay_at(relay), &far.now, REASON_CLIENT_RESET);
	expect_doom(relay, REASON_CLIENT_RESET, 1);
	for (int i = 0; i < 100; i++)
		far_step(&far, 100 * NS_PER_MS);
	assert_int_equal(netstack_connection_count(far.proxy.tunnels[0]->ns),
			 0);
}

static void test_refused(void **state)
{
	(void)state;
	expect_doom(accept_client(), REASON_CONNECT_REFUSED, 1000);
}

static void test_silent_target(void **state)
{
	(void)state;
	expect_doom(accept_client(), REASON_CONNECT_TIMEOUT, 10100);
}

static void test_no_route(void **state)
{
	(void)state;
	expect_doom(accept_client(), REASON_NO_ROUTE, 100);
}

static void test_wrong_key(void **state)
{
	(void)state;
	expect_doom(accept_client(), REASON_TUNNEL_DOWN, 10100);
}

static void test_peer_goes_silent(void **state)
{
	uint32_t relay = connected_client();

	(void)state;
	far.cut = true;
	client_sends(relay, "lost");
	for (int i = 0; i < 310 * 10; i++)
		far_step(&far, 100 * NS_PER_MS);
	expect_doom(relay, REASON_UPSTREAM_TIMEOUT, 1);
}

static void test_outage_heals(void **state)
{
	uint32_t relay = connected_client();

	(void)state;
	far.cut = true;
	client_sends(relay, "patience");
	for (int i = 0; i < 600; i++)
		far_step(&far, 100 * NS_PER_MS);
	far.cut = false;
	for (int i = 0; i < 30; i++) /* 3 s */
		far_step(&far, 100 * NS_PER_MS);
	far_receives("patience");
}

static void test_not_allowed(void **state)
{
	struct endpoint from = {.port = 40000};
	enum reason refused = REASON_NONE;
	struct mapping *mapping = &far.proxy.forwards[0].mapping;

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.0/8", &mapping->allow[0]), 0);
	mapping->allow_count = 1;
	assert_int_equal(ip_addr_parse("192.0.2.9", &from.addr), 0);
	assert_int_equal(proxy_accept(&far.proxy, &far.now, 0, &from, &refused),
			 RELAY_NONE);
	assert_int_equal(refused, REASON_NOT_ALLOWED);
}

static void test_limit(void **state)
{
	struct endpoint from = {.port = 40000};
	enum reason refused = REASON_NONE;

	(void)state;
	far.proxy.forwards[0].mapping.connections_max = 2;
	accept_client();
	accept_client();
	assert_int_equal(proxy_accept(&far.proxy, &far.now, 0, &from, &refused),
			 RELAY_NONE);
	assert_int_equal(refused, REASON_LIMIT);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_far)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_bytes_both_ways, open_v4),
		WITH(test_bytes_both_ways, open_v6),
		WITH(test_client_ends_first, open_v4),
		WITH(test_server_ends_first, open_v4),
		WITH(test_server_resets, open_v4),
		WITH(test_client_resets, open_v4),
		WITH(test_client_leaves_while_dialing, open_v4),
		WITH(test_client_leaves_while_dialing, open_silent),
		WITH(test_refused, open_closed_port),
		WITH(test_silent_target, open_silent),
		WITH(test_no_route, open_unrouted),
		WITH(test_wrong_key, open_wrong_key),
		WITH(test_peer_goes_silent, open_v4),
		WITH(test_outage_heals, open_v4),
		WITH(test_not_allowed, open_v4),
		WITH(test_limit, open_v4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
