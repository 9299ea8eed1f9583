/* SPDX-License-Identifier: ISC */
/* Where datagrams go and from where (E1-E7), cookies as the maker uses them
 * (C2, C7-C9), and what waits for an endpoint (T10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/secret.h"
#include "crypto/wg_cookie.h"
#include "pair.h"

#define WALL (UINT64_C(1700000000) * NS_PER_S)

static struct pair pair;
static const char far_end[] = "192.0.2.2:2000";

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

static void connect_pair(void)
{
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	pair.cut = true;
}

/* What side 0 would send now, 0 = nothing. */
static size_t pull(uint8_t *buf, struct wg_destination *to)
{
	return wg_device_pull(pair.sides[0].dev, pair.now, WALL + pair.now, buf,
			      to);
}

/* A fresh data datagram of side 1, come to side 0 at local from an endpoint. */
static void receive_at(const char *local, uint32_t ifindex, const char *from)
{
	struct wg_datagram in = {.ifindex = ifindex};
	struct packet packet;

	assert_int_equal(ip_addr_parse(local, &in.local), 0);
	assert_int_equal(endpoint_parse(from, &in.from), 0);
	assert_int_equal(pair_send(&pair, 1, 100, 1), 0);
	in.data = pair.sides[1].wire;
	in.len = pair.sides[1].wire_len;
	assert_int_equal(
		wg_device_input(pair.sides[0].dev, pair.now, &in, &packet, 1),
		1);
}

static struct wg_destination seal_one(uint8_t ecn)
{
	static uint8_t buffer[256];
	struct run run = {.base = buffer,
			  .cap = sizeof(buffer),
			  .mtu = 1420,
			  .count = 1,
			  .ip_len = 40,
			  .last_len = 40,
			  .ecn = ecn};
	struct wg_destination to;

	assert_int_equal(wg_peer_want(pair.sides[0].dev, pair.now, 0), 0);
	wg_device_seal(pair.sides[0].dev, pair.now, &run, &to);
	return to;
}

static void expect_source(const struct wg_destination *to, const char *source,
			  uint32_t ifindex)
{
	char text[IP_TEXT_CAP];

	assert_string_equal(ip_addr_format(&to->source, text), source);
	assert_int_equal(to->ifindex, ifindex);
}

/* ------------------------------------------------------------- endpoints */

/* E2: the address we were asked at is the one we answer from, until the kernel
 * says that it is gone. */
static void test_source_sticks(void **state)
{
	struct wg_destination to;
	struct ip_addr other, gone;

	(void)state;
	connect_pair();
	receive_at("198.51.100.7", 3, far_end);
	to = seal_one(0);
	expect_source(&to, "198.51.100.7", 3);
	assert_int_equal(ip_addr_parse("198.51.100.8", &other), 0);
	assert_int_equal(ip_addr_parse("198.51.100.7", &gone), 0);
	wg_device_source_gone(pair.sides[0].dev, &other);
	to = seal_one(0);
	expect_source(&to, "198.51.100.7", 3);
	wg_device_source_gone(pair.sides[0].dev, &gone);
	assert_int_equal(seal_one(0).source.family, IP_NONE);
	receive_at("2001:db8::7", 3, far_end); /* IPv6: no interface */
	to = seal_one(0);
	expect_source(&to, "2001:db8::7", 0);
}

/* E3: a retry lets the kernel choose. */
static void test_retry_clears_source(void **state)
{
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;

	(void)state;
	connect_pair();
	receive_at("198.51.100.7", 3, far_end);
	pair.now += 200 * NS_PER_S;
	assert_int_equal(wg_peer_want(pair.sides[0].dev, pair.now, 0),
			 -ERR_NO_SESSION);
	assert_int_equal(pull(buf, &to), 148);
	expect_source(&to, "198.51.100.7", 3);
	pair.now += 6 * NS_PER_S;
	wg_device_expire(pair.sides[0].dev, pair.now);
	assert_int_equal(pull(buf, &to), 148);
	assert_int_equal(to.source.family, IP_NONE);
}

/* E7: a new endpoint from configuration. */
static void test_set_endpoint(void **state)
{
	struct wg_destination to;
	struct endpoint endpoint;

	(void)state;
	connect_pair();
	receive_at("198.51.100.7", 3, far_end);
	assert_int_equal(endpoint_parse("203.0.113.5:7", &endpoint), 0);
	wg_peer_set_endpoint(pair.sides[0].dev, 0, &endpoint);
	to = seal_one(0);
	assert_true(endpoint_equal(&to.to, &endpoint));
	assert_int_equal(to.source.family, IP_NONE);
}

/* W8, S6: AF41 for handshakes, only the ECN field for data. */
static void test_tos(void **state)
{
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;

	(void)state;
	pair.cut = true;
	assert_int_equal(wg_peer_want(pair.sides[0].dev, pair.now, 0),
			 -ERR_NO_SESSION);
	assert_int_equal(pull(buf, &to), 148);
	assert_int_equal(to.tos, 0x88);
	pair.cut = false;
	pair.now += 6 * NS_PER_S;
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(seal_one(2).tos, 2);
}

/* T10, S1: a keepalive that finds no endpoint leaves when there is one. */
static void test_late_endpoint(void **state)
{
	struct key stranger = {{9}}, public_key;
	struct wg_peer_config config = {.persistent_keepalive_s = 25};
	struct wg_device *dev = pair.sides[0].dev;
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;
	struct endpoint endpoint;
	uint16_t peer;

	(void)state;
	key_public(&stranger, &public_key);
	config.public_key = public_key;
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), 0);
	assert_int_equal(wg_peer_want(dev, pair.now, peer), -ERR_NO_ENDPOINT);
	for (unsigned i = 0; i < 100; i++) {
		wg_device_expire(dev, pair.now);
		assert_int_equal(pull(buf, &to), 0);
		pair.now += NS_PER_S;
	}
	assert_int_equal(endpoint_parse("203.0.113.5:7", &endpoint), 0);
	wg_peer_set_endpoint(dev, peer, &endpoint);
	assert_int_equal(pull(buf, &to), 148);
	assert_true(endpoint_equal(&to.to, &endpoint));
	assert_int_equal(pull(buf, &to), 0);
}

/* ------------------------------------------------------------- cookies */

static const uint8_t cookie[16] = "sixteen bytes .";

/* What the other side would send when it is under load. */
static struct wg_cookie_reply reply_to(const uint8_t *initiation)
{
	struct wg_cookie_reply reply = {.nonce = {1, 2, 3}};
	struct key responder;
	uint8_t key[32];

	wg_device_public_key(pair.sides[1].dev, &responder);
	blake2s_hash2(key, "cookie--", 8, responder.bytes, 32);
	put_le32(reply.type, WG_MESSAGE_COOKIE);
	memcpy(reply.receiver, initiation + 4, 4);
	xaead_seal(reply.sealed_cookie, cookie, sizeof(cookie),
		   initiation + 148 - 32, reply.nonce, key);
	return reply;
}

static bool has_mac2(const uint8_t *initiation)
{
	static const uint8_t zero[WG_MAC_LEN];
	uint8_t expected[WG_MAC_LEN];

	if (memcmp(initiation + 132, zero, sizeof(zero)) == 0)
		return false;
	blake2s_mac(expected, cookie, sizeof(cookie), initiation, 132);
	assert_memory_equal(initiation + 132, expected, sizeof(expected));
	return true;
}

static void next_initiation(uint8_t *buf, uint64_t after)
{
	struct wg_destination to;

	pair.now += after;
	(void)wg_peer_want(pair.sides[0].dev, pair.now, 0);
	wg_device_expire(pair.sides[0].dev, pair.now);
	assert_int_equal(pull(buf, &to), 148);
}

static unsigned refused(void)
{
	return (unsigned)wg_device_counter(pair.sides[0].dev, WG_RX_COOKIE);
}

/* C9: it is only remembered; C2, C8: for 115 s the next ones carry mac2. */
static void test_cookie(void **state)
{
	struct wg_cookie_reply reply;
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;

	(void)state;
	pair.cut = true;
	next_initiation(buf, 0);
	assert_false(has_mac2(buf));
	reply = reply_to(buf);
	pair_deliver(&pair, 0, (uint8_t *)&reply, sizeof(reply), 0,
		     "198.51.100.1:9");
	assert_int_equal(refused(), 0);
	assert_int_equal(pair_info(&pair, 0).endpoint.port, 2000);
	assert_int_equal(pull(buf, &to), 0);
	next_initiation(buf, 6 * NS_PER_S);
	assert_true(has_mac2(buf));
	next_initiation(buf, 108 * NS_PER_S);
	assert_true(has_mac2(buf));
	next_initiation(buf, 6 * NS_PER_S);
	assert_false(has_mac2(buf));
}

/* C7: forged in any bit, for another message, or a second time: refused. */
static void test_cookie_refused(void **state)
{
	struct wg_cookie_reply reply, changed;
	uint8_t buf[WG_MESSAGE_MAX];
	unsigned count = 0;

	(void)state;
	pair.cut = true;
	next_initiation(buf, 0);
	reply = reply_to(buf);
	for (unsigned bit = 32; bit < sizeof(reply) * 8; bit += 3) {
		changed = reply;
		((uint8_t *)&changed)[bit / 8] ^= (uint8_t)(1U << bit % 8);
		pair_deliver(&pair, 0, (uint8_t *)&changed, sizeof(changed), 0,
			     far_end);
		assert_int_equal(refused(), ++count);
	}
	next_initiation(buf, 6 * NS_PER_S);
	assert_false(has_mac2(buf));
	pair_deliver(&pair, 0, (uint8_t *)&reply, sizeof(reply), 0, far_end);
	assert_int_equal(refused(), ++count);
	reply = reply_to(buf);
	pair_deliver(&pair, 0, (uint8_t *)&reply, sizeof(reply), 0, far_end);
	assert_int_equal(refused(), count);
	pair_deliver(&pair, 0, (uint8_t *)&reply, sizeof(reply), 0, far_end);
	assert_int_equal(refused(), ++count);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_source_sticks),  WITH(test_retry_clears_source),
		WITH(test_set_endpoint),   WITH(test_tos),
		WITH(test_late_endpoint),  WITH(test_cookie),
		WITH(test_cookie_refused),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
