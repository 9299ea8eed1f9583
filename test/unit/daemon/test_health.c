/* SPDX-License-Identifier: ISC */
/* Readiness, and the text that explains it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/health.h"
#include "far.h"

static struct far far;

static void expect(bool ready, bool stopping, const char *text)
{
	char *got = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&got, &len);

	assert_non_null(out);
	assert_int_equal(health_write(out, &far.proxy, &far.now, stopping),
			 ready);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, text);
	free(got);
}

static int open_far(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:5432", false);
	strcpy(far.proxy.forwards[0].mapping.name, "pg");
	far.proxy.forwards[0].listening = true;
	return 0;
}

static int open_wrong_key(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:5432", true);
	strcpy(far.proxy.forwards[0].mapping.name, "pg");
	far.proxy.forwards[0].listening = true;
	return 0;
}

static int close_far(void **state)
{
	(void)state;
	far_close(&far);
	return 0;
}

static uint32_t accept_client(void)
{
	struct endpoint from = {.port = 40000};
	enum reason refused = REASON_NONE;

	assert_int_equal(ip_addr_parse("127.0.0.1", &from.addr), 0);
	return proxy_accept(&far.proxy, &far.now, 0, &from, &refused);
}

static void test_idle(void **state)
{
	(void)state;
	expect(true, false, "ready\ntunnel fly idle\nforward pg listening\n");
	expect(false, true,
	       "stopping\ntunnel fly idle\nforward pg listening\n");
}

static void test_up(void **state)
{
	uint32_t relay = accept_client();

	(void)state;
	assert_true(far_run_until(&far, relay, RELAY_OPEN, 1000));
	expect(true, false, "ready\ntunnel fly up\nforward pg listening\n");
}

static void test_not_listening(void **state)
{
	(void)state;
	far.proxy.forwards[0].listening = false;
	expect(false, false, "not ready\ntunnel fly idle\nforward pg failed\n");
	far.proxy.forwards[0].draining = true;
	expect(true, false, "ready\ntunnel fly idle\nforward pg draining\n");
}

static void test_target_down(void **state)
{
	(void)state;
	far.proxy.forwards[0].down = REASON_CONNECT_REFUSED;
	expect(true, false,
	       "ready\ntunnel fly idle\n"
	       "forward pg paused reason=connect_refused\n");
	far.proxy.forwards[0].down = REASON_NONE;
}

static void test_full(void **state)
{
	(void)state;
	while (!proxy_is_full(&far.proxy))
		assert_int_not_equal(accept_client(), RELAY_NONE);
	far_step(&far, NS_PER_MS);
	far_step(&far, NS_PER_MS);
	expect(false, false, "full\ntunnel fly up\nforward pg listening\n");
}

static void test_tunnel_down(void **state)
{
	(void)state;
	assert_int_not_equal(accept_client(), RELAY_NONE);
	for (int i = 0; i < 120; i++)
		far_step(&far, 100 * NS_PER_MS);
	expect(false, false,
	       "not ready\ntunnel fly down\n"
	       "forward pg paused reason=tunnel_down\n");
	/* Nobody uses it any more: its state does not matter. */
	far.proxy.forwards[0].listening = false;
	proxy_doom_forward(&far.proxy, &far.now, 0, REASON_KILLED);
	proxy_retire_forward(&far.proxy, &far.now, 0);
	expect(true, false, "ready\ntunnel fly down\n");
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_far)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_idle, open_far),
		WITH(test_up, open_far),
		WITH(test_not_listening, open_far),
		WITH(test_target_down, open_far),
		WITH(test_full, open_far),
		WITH(test_tunnel_down, open_wrong_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
