/* SPDX-License-Identifier: ISC */
/* Cookies, rates, and a device under load (checklist C2-C6, C10-C13). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "crypto/wg_cookie.h"
#include "crypto/wg_limiter.h"
#include "crypto/wg_load.h"
#include "pair.h"

static struct pair pair;
enum { INITIATION = 1, RESPONSE = 2, COOKIE = 3 };

static void fill(void *ctx, void *buf, size_t len)
{
	uint8_t *next = ctx, *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (*next)++;
}

static struct endpoint endpoint(const char *text)
{
	struct endpoint value;

	assert_int_equal(endpoint_parse(text, &value), 0);
	return value;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr value;

	assert_int_equal(ip_addr_parse(text, &value), 0);
	return value;
}

/* ------------------------------------------------------------- cookies */

/* One end that makes cookies, one that uses them. */
struct ends {
	struct wg_cookie_checker checker;
	struct wg_cookie_maker maker;
	struct random_source random;
	uint8_t state;
	struct wg_initiation message;
	struct wg_cookie_reply reply;
};

static void open_ends(struct ends *ends)
{
	uint8_t key[32] = {7};

	memset(ends, 0, sizeof(*ends));
	wg_cookie_checker_init(&ends->checker, key);
	wg_cookie_maker_init(&ends->maker, key);
	ends->random = (struct random_source){fill, &ends->state};
}

static void ask(struct ends *ends, uint64_t now, const struct endpoint *from)
{
	memset(&ends->message, 0x5a, sizeof(ends->message));
	wg_cookie_add_macs(&ends->maker, now, &ends->message,
			   sizeof(ends->message));
	wg_cookie_make_reply(&ends->checker, now, &ends->random, from,
			     &ends->message, sizeof(ends->message),
			     &ends->reply);
}

static bool accepted(struct ends *ends, uint64_t now,
		     const struct endpoint *from)
{
	wg_cookie_add_macs(&ends->maker, now, &ends->message,
			   sizeof(ends->message));
	assert_true(wg_cookie_check_mac1(&ends->checker, &ends->message,
					 sizeof(ends->message)));
	return wg_cookie_check_mac2(&ends->checker, now, from, &ends->message,
				    sizeof(ends->message));
}

/* C2, C5, C6: the cookie is good for its address and port only. */
static void test_source(void **state)
{
	static const char *const sources[] = {"192.0.2.1:1000",
					      "[2001:db8::1]:1000"};
	static const char *const others[] = {"192.0.2.1:1001", "192.0.2.2:1000",
					     "[2001:db8::2]:1000",
					     "[2001:db8::1]:1001"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct endpoint from = endpoint(sources[i]);
		struct ends ends;

		open_ends(&ends);
		assert_false(accepted(&ends, NS_PER_S, &from));
		ask(&ends, NS_PER_S, &from);
		assert_memory_equal(ends.reply.receiver, ends.message.sender,
				    4);
		assert_true(
			wg_cookie_consume(&ends.maker, NS_PER_S, &ends.reply));
		assert_true(accepted(&ends, NS_PER_S, &from));
		for (size_t j = 0; j < 4; j++) {
			struct endpoint other = endpoint(others[j]);

			assert_false(accepted(&ends, NS_PER_S, &other));
		}
	}
}

/* C5: the secret lives 120 s; C8: the cookie is used for 115 s. */
static void test_age(void **state)
{
	struct endpoint from = endpoint("192.0.2.1:1000");
	struct ends ends;

	(void)state;
	open_ends(&ends);
	ask(&ends, NS_PER_S, &from);
	assert_true(wg_cookie_consume(&ends.maker, NS_PER_S, &ends.reply));
	assert_true(accepted(&ends, 115 * NS_PER_S, &from));
	assert_false(accepted(&ends, 116 * NS_PER_S + 1, &from));
	ends.maker.cookie_until = NEVER;
	assert_true(accepted(&ends, 121 * NS_PER_S - 1, &from));
	assert_false(accepted(&ends, 121 * NS_PER_S, &from));
	ask(&ends, 121 * NS_PER_S, &from);
	assert_false(accepted(&ends, 121 * NS_PER_S, &from));
	assert_true(
		wg_cookie_consume(&ends.maker, 121 * NS_PER_S, &ends.reply));
	assert_true(accepted(&ends, 121 * NS_PER_S, &from));
}

/* ------------------------------------------------------------- limiter */

/* C12: five at once, then twenty per second; the /64 counts, the rest of an
 * IPv6 address does not. */
static void test_rate(void **state)
{
	static struct wg_limiter limiter;
	struct siphash_key key = {{1, 2}};
	struct ip_addr v4 = address("192.0.2.1"), next = address("192.0.2.2");
	struct ip_addr v6 = address("2001:db8::1");
	struct ip_addr same64 = address("2001:db8::ffff:1");
	struct ip_addr other64 = address("2001:db8:0:1::1");
	uint64_t now = 1000 * NS_PER_S;
	unsigned count = 0;

	(void)state;
	memset(&limiter, 0, sizeof(limiter));
	wg_limiter_init(&limiter, &key);
	for (unsigned i = 0; i < 5; i++)
		assert_true(wg_limiter_allow(&limiter, now, &v4));
	assert_false(wg_limiter_allow(&limiter, now, &v4));
	assert_true(wg_limiter_allow(&limiter, now, &next));
	for (unsigned i = 0; i < 5; i++)
		assert_true(wg_limiter_allow(&limiter, now, &v6));
	assert_false(wg_limiter_allow(&limiter, now, &same64));
	assert_true(wg_limiter_allow(&limiter, now, &other64));
	for (unsigned i = 0; i < 10000; i++)
		count += wg_limiter_allow(&limiter, now + i * NS_PER_MS, &v4);
	assert_in_range(count, 199, 200);
	assert_true(wg_limiter_allow(&limiter, now + 11 * NS_PER_S, &v4));
}

/* A table full of fresh sources refuses new ones, and keeps those it has; a
 * second later there is room. */
static void test_full(void **state)
{
	static struct wg_limiter limiter;
	struct siphash_key key = {{3, 4}};
	struct ip_addr known = address("192.0.2.1");
	uint64_t now = 1000 * NS_PER_S;
	unsigned refused = 0;

	(void)state;
	memset(&limiter, 0, sizeof(limiter));
	wg_limiter_init(&limiter, &key);
	assert_true(wg_limiter_allow(&limiter, now, &known));
	for (uint32_t i = 0; i < 100000; i++) {
		uint8_t bytes[4];
		struct ip_addr source;

		put_be32(bytes, 0x0a000000 + i);
		source = ip_addr_v4(bytes);
		refused += !wg_limiter_allow(&limiter, now, &source);
	}
	assert_true(refused > 97000);
	assert_true(wg_limiter_allow(&limiter, now, &known));
	assert_true(wg_limiter_allow(
		&limiter, now + 2 * NS_PER_S,
		&(struct ip_addr){.family = IP_V4, .bytes = {10, 9}}));
}

/* ------------------------------------------------------------- a device */

static int open_pair(void **state)
{
	(void)state;
	pair_open(&pair, &(struct pair_options){.mtu = 1420});
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static unsigned counter(unsigned side, enum wg_counter which)
{
	return (unsigned)wg_device_counter(pair.sides[side].dev, which);
}

/* An initiation of side 0 in full, its MACs good for side 1. */
static void take_initiation(uint8_t message[148])
{
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	pair_step(&pair, 0);
	assert_int_equal(pair.sides[0].wire_len, 148);
	memcpy(message, pair.sides[0].wire, 148);
	pair.cut = false;
}

/* So many copies from so many ports, at one moment. */
static void flood(const uint8_t message[148], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char from[32];

		snprintf(from, sizeof(from), "198.51.100.1:%u",
			 1024 + i % 60000);
		pair_deliver(&pair, 1, message, 148, 0, from);
	}
}

/* C3, C4, C11, C13: at ease no cookie is asked for; under load nothing else is
 * sent, and a bounded number of them. */
static void test_load_begins(void **state)
{
	uint8_t message[148];

	(void)state;
	take_initiation(message);
	flood(message, WG_LOAD_BURST);
	assert_int_equal(counter(1, WG_RX_LOAD), 0);
	pair_step(&pair, 0);
	assert_int_equal(pair.sides[1].sent[COOKIE], 0);
	flood(message, 10000);
	assert_int_equal(counter(1, WG_RX_LOAD), 10000);
	pair.cut = true;
	pair_step(&pair, 0);
	assert_int_equal(pair.sides[1].sent[COOKIE], WG_REPLIES_MAX);
	assert_int_equal(counter(1, WG_TX_COOKIES), WG_REPLIES_MAX);
	assert_true(pair.sides[1].sent[RESPONSE] <= 1);
}

/* E4, C6: back to the source, from the address that it was sent to, naming the
 * sender's index. */
static void test_reply_goes_back(void **state)
{
	uint8_t message[148], buf[WG_MESSAGE_MAX];
	struct wg_datagram in = {
		.data = message,
		.len = sizeof(message),
		.from = endpoint("203.0.113.5:777"),
		.local = address("192.0.2.2"),
		.ifindex = 3,
	};
	struct wg_destination to;
	struct packet packet;

	(void)state;
	take_initiation(message);
	flood(message, WG_LOAD_BURST);
	(void)wg_device_input(pair.sides[1].dev, pair.now, &in, &packet, 1);
	do { /* the response to the first one of the flood */
		assert_true(wg_device_pull(pair.sides[1].dev, pair.now, 0, buf,
					   &to) > 0);
	} while (buf[0] != COOKIE);
	assert_true(endpoint_equal(&to.to, &in.from));
	assert_true(ip_addr_equal(&to.source, &in.local));
	assert_int_equal(to.ifindex, 3);
	assert_memory_equal(buf + 4, message + 4, 4);
}

/* C9, C10: the real peer gets its cookie, and in with its next try; a second
 * after the flood none is needed. */
static void test_real_peer(void **state)
{
	uint8_t message[148];

	(void)state;
	pair_run(&pair, 600); /* not at the clock's start */
	take_initiation(message);
	for (unsigned i = 0; i < 60; i++) {
		flood(message, 200); /* 2000 per second */
		pair_step(&pair, 100 * NS_PER_MS);
	}
	assert_true(pair.sides[0].ups >= 1);
	assert_true(counter(1, WG_RX_LOAD) > 1000);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_true(pair.sides[1].packets >= 1);
}

/* C12: a good cookie does not help beyond the source's rate. */
static void test_one_source(void **state)
{
	struct wg_load *load = calloc(1, sizeof(*load));
	uint8_t next = 0;
	struct random_source random = {fill, &next};
	struct ip_addr source = address("192.0.2.1");
	uint64_t now = 1000 * NS_PER_S;
	unsigned taken = 0;

	(void)state;
	assert_non_null(load);
	for (unsigned i = 0; i < 100; i++)
		taken += wg_load_allows(load, now, &random, &source);
	assert_int_equal(taken, 5);
	free(load);
}

/* C11: load lasts for a second after the last message too many. */
static void test_sticky(void **state)
{
	struct wg_load *load = calloc(1, sizeof(*load));
	uint64_t now = 1000 * NS_PER_S;

	(void)state;
	assert_non_null(load);
	for (unsigned i = 0; i < WG_LOAD_BURST; i++)
		assert_true(wg_load_at_ease(load, now));
	assert_false(wg_load_at_ease(load, now));
	assert_false(wg_load_at_ease(load, now + 999 * NS_PER_MS));
	assert_true(wg_load_at_ease(load, now + 1001 * NS_PER_MS));
	/* A flood keeps it up as long as it lasts. */
	for (unsigned i = 0; i < 20000; i++)
		(void)wg_load_at_ease(load, now + i * NS_PER_MS / 2);
	for (unsigned i = 0; i < 10000; i++)
		assert_false(wg_load_at_ease(load, now + 10 * NS_PER_S +
							   i * NS_PER_MS / 2));
	free(load);
}

/* C4, C10: responses are subject to load as well; data of the session passes
 * meanwhile. */
static void test_responses(void **state)
{
	uint8_t message[148], response[92];
	unsigned before;

	(void)state;
	take_initiation(message);
	pair_deliver(&pair, 1, message, 148, 0, "198.51.100.1:7");
	pair.cut = true;
	pair_step(&pair, 0);
	assert_int_equal(pair.sides[1].wire_len, 92);
	memcpy(response, pair.sides[1].wire, 92);
	for (unsigned i = 0; i < WG_LOAD_BURST + 3; i++)
		pair_deliver(&pair, 0, response, 92, 0, "198.51.100.1:7");
	assert_int_equal(counter(0, WG_RX_HANDSHAKE), WG_LOAD_BURST - 1);
	assert_int_equal(counter(0, WG_RX_LOAD), 3);
	pair_step(&pair, 0);
	assert_int_equal(pair.sides[0].sent[COOKIE], 3);
	assert_int_equal(pair.sides[0].sent[INITIATION], 1);
	pair.cut = false;
	before = pair.sides[1].packets;
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_int_equal(pair.sides[1].packets, before + 1);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_full),
		WITH(test_reply_goes_back),
		WITH(test_load_begins),
		WITH(test_real_peer),
		WITH(test_responses),
		cmocka_unit_test(test_one_source),
		cmocka_unit_test(test_sticky),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
