/* SPDX-License-Identifier: ISC */
/* The metrics of a proxy that works, read back strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "daemon/metrics.h"
#include "far.h"
#include "prometheus.h"

static struct far far;
static struct histogram turns;
static struct metrics_edge edge = {
	.version = "1.2.3",
	.libraries = "libuv 1",
	.turns = &turns,
	.configured = 1700000000 * NS_PER_S,
};

static struct prom scrape(void)
{
	struct metrics_text text = {.data = NULL};
	struct prom prom;

	assert_int_equal(metrics_write(&text, &far.proxy, &far.now, &edge), 0);
	prom_parse(&prom, text.data, text.len);
	free(text.data);
	return prom;
}

static void expect(const char *series, double value)
{
	struct prom prom = scrape();
	double got = prom_value(&prom, series);

	prom_free(&prom);
	if (got < value || got > value)
		fail_msg("%s is %g, not %g", series, got, value);
}

static int open_far(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:5432", false);
	strcpy(far.proxy.forwards[0].mapping.name, "pg");
	far.proxy.forwards[0].listening = true;
	return 0;
}

static int open_closed_port(void **state)
{
	(void)state;
	far_open(&far, "0:10.9.0.1:1", false);
	strcpy(far.proxy.forwards[0].mapping.name, "pg");
	return 0;
}

static int close_far(void **state)
{
	(void)state;
	far_close(&far);
	memset(&edge.process, 0, sizeof(edge.process));
	return 0;
}

static uint32_t accept_client(void)
{
	struct endpoint from = {.port = 40000};
	enum reason refused = REASON_NONE;

	assert_int_equal(ip_addr_parse("127.0.0.1", &from.addr), 0);
	return proxy_accept(&far.proxy, &far.now, 0, &from, &refused);
}

static uint32_t connected_client(void)
{
	uint32_t relay = accept_client();

	assert_int_not_equal(relay, RELAY_NONE);
	assert_true(far_run_until(&far, relay, RELAY_OPEN, 1000));
	far_step(&far, NS_PER_MS);
	assert_true(far_accept(&far));
	return relay;
}

static void end(uint32_t relay, enum reason reason)
{
	relay_doom(&far.proxy.relays[relay], &far.now, reason);
	while (proxy_next_work(&far.proxy) != RELAY_NONE)
		;
	proxy_release(&far.proxy, &far.now, relay);
}

static void client_sends(uint32_t relay, size_t len)
{
	struct iovec iov[4];
	int count = relay_upstream_space(&far.proxy.relays[relay], iov, 4, len);

	assert_true(count > 0 && iov[0].iov_len >= len);
	memset(iov[0].iov_base, 'x', len);
	relay_read(&far.proxy.relays[relay], &far.now, len);
	far_step(&far, NS_PER_MS);
}

static void test_idle(void **state)
{
	struct prom prom = scrape();

	(void)state;
	prom_free(&prom);
	expect("wgproxy_build_info{version=\"1.2.3\",libs=\"libuv 1\"}", 1);
	expect("wgproxy_forward_up{forward=\"pg\"}", 1);
	expect("wgproxy_connections_active{forward=\"pg\"}", 0);
	expect("wgproxy_peer_up{tunnel=\"fly\",peer=\"0\"}", 0);
	expect("wgproxy_peer_last_handshake_timestamp_seconds"
	       "{tunnel=\"fly\",peer=\"0\"}",
	       0);
	expect("wgproxy_buffer_limit_bytes", 16 << 20);
	expect("wgproxy_config_last_reload_successful", 1);
	expect("wgproxy_config_last_reload_success_timestamp_seconds",
	       1700000000);
}

/* Each reason has its series before anything happened. */
static void test_every_reason(void **state)
{
	struct prom prom = scrape();

	(void)state;
	for (unsigned r = REASON_DONE; r < REASONS; r++) {
		char series[256];

		snprintf(series, sizeof(series),
			 "wgproxy_connection_terminations_total{forward=\"pg\","
			 "reason=\"%s\"}",
			 reason_word((enum reason)r));
		(void)prom_value(&prom, series);
		if (r == REASON_DONE)
			continue;
		snprintf(series, sizeof(series),
			 "wgproxy_connections_total{forward=\"pg\","
			 "result=\"%s\"}",
			 reason_word((enum reason)r));
		(void)prom_value(&prom, series);
	}
	prom_free(&prom);
}

static void test_connection(void **state)
{
	uint64_t before = far.now.wall;
	uint32_t relay = connected_client();
	struct prom prom;
	double at;

	(void)state;
	client_sends(relay, 1000);
	expect("wgproxy_connections_active{forward=\"pg\"}", 1);
	expect("wgproxy_connections_total{forward=\"pg\",result=\"ok\"}", 1);
	expect("wgproxy_connection_bytes_total{forward=\"pg\","
	       "direction=\"tx\"}",
	       1000);
	expect("wgproxy_peer_up{tunnel=\"fly\",peer=\"0\"}", 1);
	expect("wgproxy_peer_handshakes_total{tunnel=\"fly\",peer=\"0\"}", 1);
	expect("wgproxy_connect_duration_seconds_count{forward=\"pg\"}", 1);
	expect("wgproxy_tcp_rtt_seconds_count{tunnel=\"fly\"}", 1);
	prom = scrape();
	at = prom_value(&prom, "wgproxy_peer_last_handshake_timestamp_seconds"
			       "{tunnel=\"fly\",peer=\"0\"}");
	assert_true(at >= (double)(before / NS_PER_S));
	assert_true(at <= (double)(far.now.wall / NS_PER_S + 1));
	assert_true(prom_value(&prom, "wgproxy_peer_bytes_total{tunnel=\"fly\","
				      "peer=\"0\",direction=\"tx\"}") > 1000);
	prom_free(&prom);
	far.cut = true; /* what is not acknowledged stays in its buffer */
	client_sends(relay, 500);
	prom = scrape();
	assert_true(prom_value(&prom, "wgproxy_buffer_bytes") > 0);
	prom_free(&prom);
	end(relay, REASON_CLIENT_RESET);
	expect("wgproxy_connections_active{forward=\"pg\"}", 0);
	expect("wgproxy_connections_total{forward=\"pg\",result=\"ok\"}", 1);
	expect("wgproxy_connection_terminations_total{forward=\"pg\","
	       "reason=\"client_reset\"}",
	       1);
	expect("wgproxy_connection_bytes_total{forward=\"pg\","
	       "direction=\"tx\"}",
	       1500);
}

static void test_refused(void **state)
{
	uint32_t relay = accept_client();
	struct prom prom;

	(void)state;
	assert_true(far_run_until(&far, relay, RELAY_DOOMED, 1000));
	end(relay, REASON_NONE);
	expect("wgproxy_connections_total{forward=\"pg\","
	       "result=\"connect_refused\"}",
	       1);
	prom = scrape();
	assert_true(prom_sum(&prom, "wgproxy_connection_terminations_total") <
		    1);
	assert_true(prom_sum(&prom, "wgproxy_connections_total") < 2);
	prom_free(&prom);
	expect("wgproxy_forward_up{forward=\"pg\"}", 0);
}

static void test_escapes(void **state)
{
	(void)state;
	strcpy(far.proxy.forwards[0].mapping.name, "a\"b\\c\nd");
	expect("wgproxy_forward_up{forward=\"a\\\"b\\\\c\\nd\"}", 1);
}

static void test_removed_forward(void **state)
{
	uint32_t relay = connected_client(), slot;
	struct mapping mapping = far.proxy.forwards[0].mapping;

	(void)state;
	far.proxy.forwards[0].listening = false;
	proxy_retire_forward(&far.proxy, &far.now, 0);
	assert_int_equal(
		proxy_add_forward(&far.proxy, &far.now, &mapping, &slot), 0);
	/* Its successor has the name: no series twice. */
	expect("wgproxy_connections_active{forward=\"pg\"}", 0);
	end(relay, REASON_DONE);
}

static void test_process(void **state)
{
	(void)state;
	edge.process = (struct metrics_process){
		.open_fds = 12,
		.max_fds = 1024,
		.resident_bytes = 4096,
		.started = 1700000000 * NS_PER_S + 250 * NS_PER_MS,
		.cpu_ns = 10 * NS_PER_MS,
	};
	expect("process_open_fds", 12);
	expect("process_max_fds", 1024);
	expect("process_resident_memory_bytes", 4096);
	expect("process_start_time_seconds", 1700000000.25);
	expect("process_cpu_seconds_total", 0.01);
}

/* The bounds belong to their class. */
static void test_histogram(void **state)
{
	(void)state;
	memset(&turns, 0, sizeof(turns));
	histogram_add(&turns, 0);
	histogram_add(&turns, NS_PER_MS);
	histogram_add(&turns, NS_PER_MS + 1);
	histogram_add(&turns, 3600 * NS_PER_S);
	expect("wgproxy_event_loop_lag_seconds_bucket{le=\"0.001\"}", 2);
	expect("wgproxy_event_loop_lag_seconds_bucket{le=\"0.0025\"}", 3);
	expect("wgproxy_event_loop_lag_seconds_bucket{le=\"10\"}", 3);
	expect("wgproxy_event_loop_lag_seconds_bucket{le=\"+Inf\"}", 4);
	expect("wgproxy_event_loop_lag_seconds_sum", 3600.002000001);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_far)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_idle, open_far),
		WITH(test_every_reason, open_far),
		WITH(test_connection, open_far),
		WITH(test_refused, open_closed_port),
		WITH(test_escapes, open_far),
		WITH(test_removed_forward, open_far),
		WITH(test_process, open_far),
		WITH(test_histogram, open_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
