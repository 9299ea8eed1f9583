/* SPDX-License-Identifier: ISC */
/* UDP as a server uses it: who asked, which address was asked, and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/udp.h"
#include "pair.h"

enum { CLIENT, SERVER, PORT = 53 };

static struct ip_addr addr(const char *text)
{
	struct ip_addr parsed;

	CHECK(ip_addr_parse(text, &parsed) == 0);
	return parsed;
}

/* The server has several addresses of each family. */
static void more_addresses(struct ns_config *config, int side)
{
	static struct ip_addr addresses[4];

	if (side != SERVER)
		return;
	addresses[0] = addr("10.9.0.2");
	addresses[1] = addr("10.9.0.3");
	addresses[2] = addr("fd09::2");
	addresses[3] = addr("fd09::3");
	config->addresses = addresses;
	config->address_count = 4;
}

struct fixture {
	struct pair pair;
	struct ns_handle client, server;
};

static struct netstack *ns(struct fixture *f, int side)
{
	return f->pair.side[side].ns;
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	memset(f, 0, sizeof(*f));
	pair_open(&f->pair, more_addresses);
	assert_int_equal(udp_open(ns(f, CLIENT), 0, 1, &f->client), 0);
	assert_int_equal(udp_open(ns(f, SERVER), PORT, 2, &f->server), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pair_close(&f->pair);
	return 0;
}

static void ask(struct fixture *f, const char *to, uint8_t what)
{
	struct endpoint endpoint = {.addr = addr(to), .port = PORT};

	assert_int_equal(
		udp_send(ns(f, CLIENT), f->client, &endpoint, &what, 1), 0);
	pair_run(&f->pair, NS_PER_S);
}

/* The server takes what is there. */
static bool take(struct fixture *f, uint8_t *ret_what)
{
	struct endpoint from;
	uint8_t data[64];
	size_t len;
	int err = udp_recv(ns(f, SERVER), f->server, data, sizeof(data), &from,
			   &len);

	if (err == -ERR_AGAIN)
		return false;
	assert_int_equal(err, 0);
	assert_int_equal(len, 1);
	*ret_what = data[0];
	return true;
}

static void expect_answer(struct fixture *f, const char *from, uint8_t what)
{
	struct endpoint got;
	char text[IP_TEXT_CAP];
	uint8_t data[2048];
	size_t len;

	pair_run(&f->pair, NS_PER_S);
	assert_int_equal(udp_recv(ns(f, CLIENT), f->client, data, sizeof(data),
				  &got, &len),
			 0);
	assert_int_equal(got.port, PORT);
	assert_string_equal(ip_addr_format(&got.addr, text), from);
	assert_int_equal(data[0], what);
}

/* A client drops an answer from another address than it asked. */
static void test_from_the_address_asked(void **state)
{
	static const char *const addresses[] = {"10.9.0.3", "fd09::3",
						"10.9.0.2", "fd09::2"};
	struct fixture *f = *state;

	for (uint8_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		uint8_t what;

		ask(f, addresses[i], i);
		assert_true(take(f, &what));
		assert_int_equal(udp_reply(ns(f, SERVER), f->server, &what, 1),
				 0);
		expect_answer(f, addresses[i], i);
	}
}

static void test_sizes(void **state)
{
	static const uint8_t data[1280] = {7};
	struct fixture *f = *state;
	uint8_t what;

	assert_int_equal(udp_reply(ns(f, SERVER), f->server, data, 1),
			 -ERR_STATE);
	ask(f, "fd09::3", 1);
	assert_true(take(f, &what));
	assert_int_equal(udp_reply(ns(f, SERVER), f->server, data, 1233),
			 -ERR_TOO_LONG);
	assert_int_equal(udp_reply(ns(f, SERVER), f->server, data, 1232), 0);
	expect_answer(f, "fd09::3", 7);
	ask(f, "10.9.0.3", 1);
	assert_true(take(f, &what));
	assert_int_equal(udp_reply(ns(f, SERVER), f->server, data, 1253),
			 -ERR_TOO_LONG);
	assert_int_equal(udp_reply(ns(f, SERVER), f->server, data, 1252), 0);
	expect_answer(f, "10.9.0.3", 7);
	assert_int_equal(udp_close(ns(f, SERVER), f->server), 0);
	assert_int_equal(udp_reply(ns(f, SERVER), f->server, data, 1),
			 -ERR_CLOSED);
}

/* A burst waits in order, up to the queue's length; the rest is counted. */
static void test_burst(void **state)
{
	struct fixture *f = *state;
	uint8_t what;

	for (uint8_t i = 0; i < UDP_QUEUE_MAX + 3; i++)
		ask(f, "10.9.0.3", i);
	assert_int_equal(netstack_counter(ns(f, SERVER), NS_DROP_QUEUE), 3);
	for (uint8_t i = 0; i < UDP_QUEUE_MAX; i++) {
		assert_true(take(f, &what));
		assert_int_equal(what, i);
		assert_int_equal(udp_reply(ns(f, SERVER), f->server, &what, 1),
				 0);
	}
	assert_false(take(f, &what));
	for (uint8_t i = 0; i < UDP_QUEUE_MAX; i++)
		expect_answer(f, "10.9.0.3", i);
}

/* A path that cannot send must not keep answers of others waiting. */
static void test_held_path(void **state)
{
	struct fixture *f = *state;
	struct netstack *server = ns(f, SERVER);
	uint8_t what;
	uint16_t path;

	ask(f, "10.9.0.3", 1);
	assert_true(take(f, &what));
	netstack_path_hold(server, PAIR_PATH);
	assert_int_equal(udp_reply(server, f->server, &what, 1), 0);
	assert_false(netstack_next_path(server, &path));
	assert_int_equal(netstack_counter(server, NS_DROP_QUEUE), 1);
	netstack_path_release(server, f->pair.now, PAIR_PATH);
	assert_false(netstack_next_path(server, &path));
	ask(f, "10.9.0.3", 2);
	assert_true(take(f, &what));
	assert_int_equal(udp_reply(server, f->server, &what, 1), 0);
	expect_answer(f, "10.9.0.3", 2);
}

/* The ring is short; what does not fit is refused, not written over. */
static void test_full_ring(void **state)
{
	struct fixture *f = *state;
	uint8_t what;
	int err = 0;
	unsigned count = 0;

	ask(f, "10.9.0.3", 1);
	assert_true(take(f, &what));
	for (; err == 0; count++) {
		assert_true(count < 1000);
		err = udp_reply(ns(f, SERVER), f->server, &what, 1);
	}
	assert_int_equal(err, -ERR_FULL);
	pair_run(&f->pair, NS_PER_S);
	assert_int_equal(udp_reply(ns(f, SERVER), f->server, &what, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_from_the_address_asked,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_path, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_full_ring, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
