/* SPDX-License-Identifier: ISC */
/* A device that is configured anew while it runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "crypto/secret.h"
#include "pair.h"

static struct pair pair;
enum { INITIATION = 1 };

static int open_connected(void **state)
{
	(void)state;
	pair_open(&pair, &(struct pair_options){.mtu = 1420});
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_int_equal(pair.sides[1].packets, 1);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static struct wg_peer_info info_of(unsigned side, uint16_t peer)
{
	struct wg_peer_info info;

	wg_peer_info(pair.sides[side].dev, pair.now, peer, &info);
	return info;
}

/* Whether a packet from side 0 arrives, a handshake included. */
static bool crosses(void)
{
	unsigned before = pair.sides[1].packets;

	(void)pair_send(&pair, 0, 100, 1);
	pair_run(&pair, 1);
	(void)pair_send(&pair, 0, 100, 1);
	pair_run(&pair, 1);
	return pair.sides[1].packets > before;
}

/* A4: all that belongs to a peer goes with it, and the place is free. */
static void test_remove(void **state)
{
	struct wg_device *dev = pair.sides[0].dev;
	struct wg_peer_config config = {.public_key = info_of(0, 0).public_key};
	struct prefix prefix;
	uint16_t peer = 9;

	(void)state;
	(void)pair_send(&pair, 0, 100, 1);
	wg_peer_remove(dev, 0);
	assert_false(info_of(0, 0).used);
	assert_false(wg_peer_find(dev, &config.public_key, &peer));
	assert_int_equal(prefix_parse("10.0.0.2", &prefix), 0);
	assert_int_equal(route_lookup(wg_device_routes(dev), &prefix.addr),
			 ROUTE_NONE);
	pair_run(&pair, 200); /* what was queued is passed over */
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), 0);
	assert_int_equal(peer, 0);
	assert_true(wg_peer_find(dev, &config.public_key, &peer));
	assert_false(info_of(0, 0).session);
	assert_int_equal(info_of(0, 0).tx_bytes, 0);
}

/* N16: the greatest stamp went with the peer, so an old initiation of its
 * would be accepted by a peer that was added again; here the other way round:
 * an added peer is reached at once. */
static void test_add_again(void **state)
{
	struct wg_device *dev = pair.sides[0].dev;
	struct wg_peer_info old = info_of(0, 0);
	struct wg_peer_config config = {.public_key = old.public_key};
	struct prefix prefix;
	uint16_t peer;

	(void)state;
	pair_run(&pair, 1); /* past the flood gate (N17) */
	wg_peer_remove(dev, 0);
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), 0);
	assert_int_equal(prefix_parse("10.0.0.2", &prefix), 0);
	assert_int_equal(wg_peer_allow(dev, peer, &prefix), 0);
	wg_peer_set_endpoint(dev, peer, &old.endpoint);
	assert_true(crosses());
}

/* N20: the session stays, the next handshake needs the new key. */
static void test_preshared_key(void **state)
{
	struct key psk = {.bytes = {1, 2, 3}};
	struct wg_peer_config config = {.preshared_key = &psk};

	(void)state;
	wg_peer_change(pair.sides[0].dev, pair.now, 0, &config);
	assert_true(crosses());
	pair_run(&pair, 181);
	assert_false(crosses());
	wg_peer_change(pair.sides[1].dev, pair.now, 0, &config);
	pair_run(&pair, 6);
	assert_true(crosses());
}

/* T10: turned on, it leaves at once; turned off, none follows. */
static void test_keepalive(void **state)
{
	struct wg_peer_config config = {.persistent_keepalive_s = 7};
	unsigned before;

	(void)state;
	pair_run(&pair, 20); /* the answer to data */
	before = pair.sides[0].sent[4];
	wg_peer_change(pair.sides[0].dev, pair.now, 0, &config);
	pair_run(&pair, 1);
	assert_int_equal(pair.sides[0].sent[4], before + 1);
	pair_run(&pair, 14);
	assert_int_equal(pair.sides[0].sent[4], before + 3);
	config.persistent_keepalive_s = 0;
	wg_peer_change(pair.sides[0].dev, pair.now, 0, &config);
	before = pair.sides[0].sent[4];
	pair_run(&pair, 60);
	assert_int_equal(pair.sides[0].sent[4], before);
}

/* N21: the same key is nothing; another needs a handshake that may begin at
 * once, and the other side must know it. */
static void test_private_key(void **state)
{
	struct wg_device *dev = pair.sides[0].dev;
	struct key own = {.bytes = {9, 8, 7}}, public_key;
	struct wg_peer_config config = {.public_key = own};
	struct prefix prefix;
	unsigned before = pair.sides[0].sent[INITIATION];
	uint16_t peer;

	(void)state;
	wg_device_set_private_key(dev, &own);
	wg_device_public_key(dev, &public_key);
	assert_false(info_of(0, 0).session);
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[0].sent[INITIATION], before + 1); /* T6 */
	assert_false(crosses());
	config.public_key = public_key;
	wg_peer_remove(pair.sides[1].dev, 0);
	assert_int_equal(
		wg_peer_add(pair.sides[1].dev, pair.now, &config, &peer), 0);
	assert_int_equal(prefix_parse("10.0.0.1", &prefix), 0);
	assert_int_equal(wg_peer_allow(pair.sides[1].dev, peer, &prefix), 0);
	pair_run(&pair, 6);
	assert_true(crosses());
	wg_device_set_private_key(dev, &own);
	assert_true(info_of(0, 0).session);
}

/* N19: a key that makes us our own peer removes that peer. */
static void test_own_peer(void **state)
{
	struct wg_device *dev = pair.sides[0].dev;
	struct key own = {.bytes = {5}}, public_key;
	struct wg_peer_config config;
	uint16_t peer;

	(void)state;
	wg_device_set_private_key(pair.sides[1].dev, &own);
	wg_device_public_key(pair.sides[1].dev, &public_key);
	config = (struct wg_peer_config){.public_key = public_key};
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), 0);
	assert_int_equal(peer, 1);
	wg_device_set_private_key(dev, &own);
	assert_false(info_of(0, 1).used);
	assert_true(info_of(0, 0).used);
}

#define WITH(test) \
	cmocka_unit_test_setup_teardown(test, open_connected, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_remove),        WITH(test_add_again),
		WITH(test_preshared_key), WITH(test_keepalive),
		WITH(test_private_key),   WITH(test_own_peer),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
