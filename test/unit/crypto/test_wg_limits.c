/* SPDX-License-Identifier: ISC */
/* The ends of things: counters, key slots, floods, inner headers, many peers.
 * Looks inside the device where no test can wait for 2^60 packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "crypto/wg_peer.h"
#include "pair.h"

#define WALL (UINT64_C(1700000000) * NS_PER_S)

static struct pair pair;
static const char near_end[] = "192.0.2.1:1000";

static int open_pair(void **state)
{
	(void)state;
	pair_open(&pair, &(struct pair_options){.mtu = 1420});
	return 0;
}

static int open_connected(void **state)
{
	open_pair(state);
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

static struct wg_peer *peer_of(unsigned side)
{
	return &pair.sides[side].dev->peers[0];
}

static struct wg_keypair *current_of(unsigned side)
{
	CHECK(peer_of(side)->current < WG_KEYPAIRS);
	return &peer_of(side)->keypairs[peer_of(side)->current];
}

static unsigned counter(unsigned side, enum wg_counter which)
{
	return (unsigned)wg_device_counter(pair.sides[side].dev, which);
}

/* ------------------------------------------------------------- counters */

/* K9, K7: whole runs up to the limit arrive, then the key is done for. */
static void test_reject_after_messages(void **state)
{
	const uint64_t limit = UINT64_MAX - (UINT64_C(1) << 13);
	struct wg_keypair *keypair = current_of(0);

	(void)state;
	assert_true(WG_REJECT_AFTER_MESSAGES >= limit);
	pair.now += 6 * NS_PER_S;
	keypair->tx_counter = WG_REJECT_AFTER_MESSAGES - RUN_PACKETS_MAX;
	assert_int_equal(pair_send(&pair, 0, 40, RUN_PACKETS_MAX), 0);
	assert_int_equal(pair.sides[1].packets, 1 + RUN_PACKETS_MAX);
	assert_true(keypair->tx_counter == WG_REJECT_AFTER_MESSAGES);
	assert_int_equal(pair_send(&pair, 0, 40, 1), -ERR_NO_SESSION);
	keypair->tx_counter = WG_REJECT_AFTER_MESSAGES - RUN_PACKETS_MAX + 1;
	assert_int_equal(pair_send(&pair, 0, 40, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair_send(&pair, 0, 40, 1), 0);
	assert_true(current_of(0)->tx_counter < 10);
}

/* K10: the message count alone asks for new keys, of the responder as well. */
static void test_rekey_after_messages(void **state)
{
	(void)state;
	pair.now += 6 * NS_PER_S;
	current_of(1)->tx_counter = WG_REKEY_AFTER_MESSAGES;
	assert_int_equal(pair_send(&pair, 1, 40, 1), 0);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[1].sent[1], 1);
	assert_int_equal(pair.sides[1].ups, 2);
}

/* R7, K8: nothing is taken from a key whose last number was seen. */
static void test_receive_limit(void **state)
{
	(void)state;
	current_of(1)->replay.next = WG_REJECT_AFTER_MESSAGES;
	assert_int_equal(pair_send(&pair, 0, 40, 1), 0);
	assert_int_equal(counter(1, WG_RX_EXPIRED), 1);
}

/* ------------------------------------------------------------- key slots */

/* K1, K2, K4: what the last key sealed still arrives, not what the one before
 * it did. */
static void test_previous_key(void **state)
{
	uint8_t old[2][256];
	uint32_t len = 0;

	(void)state;
	pair.cut = true;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
		len = pair.sides[0].wire_len;
		memcpy(old[i], pair.sides[0].wire, len);
	}
	pair.cut = false;
	for (unsigned i = 0; i < 2; i++) {
		pair.now += 6 * NS_PER_S;
		wg_timers_initiate(pair.sides[0].dev, peer_of(0), pair.now,
				   false);
		pair_step(&pair, NS_PER_MS);
		assert_int_equal(pair.sides[0].ups, 2 + i);
		assert_int_equal(
			pair_deliver(&pair, 1, old[i], len, 0, near_end),
			i == 0);
	}
	assert_int_equal(counter(1, WG_RX_INDEX), 1);
}

/* One super-datagram at the moment of rekeying: both keys in turn, a replay, a
 * forgery, an index that nobody has. Each is judged by itself, in order. */
static void test_mixed_keys(void **state)
{
	enum { LEN = 144, OLD = 3, NEW = 3, SEGMENTS = 8 };
	static const unsigned order[SEGMENTS] = {0, 3, 1, 1, 4, 2, 5, 5};
	uint8_t datagrams[OLD + NEW][LEN], mixed[SEGMENTS * LEN];

	(void)state;
	for (unsigned i = 0; i < OLD + NEW; i++) {
		if (i == OLD) {
			pair.cut = false;
			pair.now += 6 * NS_PER_S;
			wg_timers_initiate(pair.sides[0].dev, peer_of(0),
					   pair.now, false);
			pair_step(&pair, NS_PER_MS);
		}
		pair.cut = true;
		assert_int_equal(pair_send(&pair, 0, 97 + i, 1), 0);
		assert_int_equal(pair.sides[0].wire_len, LEN);
		memcpy(datagrams[i], pair.sides[0].wire, LEN);
	}
	for (unsigned i = 0; i < SEGMENTS; i++)
		memcpy(mixed + i * LEN, datagrams[order[i]], LEN);
	mixed[5 * LEN + 20] ^= 1; /* forged */
	mixed[7 * LEN + 4] ^= 1;  /* another index */
	assert_int_equal(
		pair_deliver(&pair, 1, mixed, sizeof(mixed), LEN, near_end), 5);
	assert_int_equal(pair.sides[1].last_len, 97 + 5);
	assert_int_equal(counter(1, WG_RX_REPLAY), 1);
	assert_int_equal(counter(1, WG_RX_AUTH), 1);
	assert_int_equal(counter(1, WG_RX_INDEX), 1);
}

/* K3: unconfirmed, the new key receives and the old one sends. */
static void test_unconfirmed_key(void **state)
{
	struct wg_keypair *old = current_of(1);
	uint8_t initiation[148];

	(void)state;
	pair.now += 6 * NS_PER_S;
	pair.cut = true;
	wg_timers_initiate(pair.sides[0].dev, peer_of(0), pair.now, false);
	pair_step(&pair, NS_PER_MS);
	memcpy(initiation, pair.sides[0].wire, 148);
	pair_deliver(&pair, 1, initiation, 148, 0, near_end);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[1].sent[2], 2);
	assert_ptr_equal(current_of(1), old);
	assert_int_not_equal(peer_of(1)->next, WG_SLOT_NONE);
	assert_int_equal(pair.sides[1].ups, 1);
	pair.cut = false;
	assert_int_equal(pair_send(&pair, 1, 100, 1), 0);
	assert_int_equal(pair.sides[0].packets, 1);
}

/* ------------------------------------------------------------- handshakes */

/* N17: a second initiation within 20 ms is not accepted, a later one is. */
static void test_flood(void **state)
{
	uint8_t initiations[3][148];

	(void)state;
	pair.cut = true;
	for (unsigned i = 0; i < 3; i++) {
		pair.now += 6 * NS_PER_S;
		wg_timers_initiate(pair.sides[0].dev, peer_of(0), pair.now,
				   false);
		pair_step(&pair, 0);
		memcpy(initiations[i], pair.sides[0].wire, 148);
	}
	pair_deliver(&pair, 1, initiations[0], 148, 0, near_end);
	pair.now += 19 * NS_PER_MS;
	pair_deliver(&pair, 1, initiations[1], 148, 0, near_end);
	assert_int_equal(counter(1, WG_RX_HANDSHAKE), 1);
	pair.now += NS_PER_MS;
	pair_deliver(&pair, 1, initiations[2], 148, 0, near_end);
	assert_int_equal(counter(1, WG_RX_HANDSHAKE), 1);
}

/* N12, T6: sides that answered each other do not retry at the same moment. */
static void test_crossing_retries_part(void **state)
{
	uint8_t first[148], second[148];
	struct wg_device *a = pair.sides[0].dev, *b = pair.sides[1].dev;

	(void)state;
	wg_peer_set_endpoint(b, 0, &pair.sides[0].endpoint);
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	pair_send(&pair, 1, 100, 1);
	pair_step(&pair, 400 * NS_PER_MS); /* more than any jitter */
	memcpy(first, pair.sides[0].wire, 148);
	memcpy(second, pair.sides[1].wire, 148);
	pair_deliver(&pair, 1, first, 148, 0, near_end);
	pair_deliver(&pair, 0, second, 148, 0, "192.0.2.2:2000");
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[0].sent[2] + pair.sides[1].sent[2], 2);
	pair.now += 4940 * NS_PER_MS;
	pair_step(&pair, 0); /* both first retries are too early */
	assert_int_equal(pair.sides[0].sent[1] + pair.sides[1].sent[1], 2);
	assert_int_equal(pair.sides[0].retries + pair.sides[1].retries, 0);
	assert_true(wg_device_deadline(a) != wg_device_deadline(b));
	pair_run(&pair, 1);
	assert_int_equal(pair.sides[0].sent[1], 2);
}

/* What had failed before the session came up is not told after it. */
static void test_stale_failure(void **state)
{
	struct wg_event event;
	unsigned ups = 0;

	(void)state;
	wg_peer_post(pair.sides[0].dev, peer_of(0), WG_EVENT_HANDSHAKE_FAILED);
	wg_peer_post(pair.sides[0].dev, peer_of(0), WG_EVENT_HANDSHAKE_RETRY);
	wg_timers_complete(pair.sides[0].dev, peer_of(0), pair.now);
	while (wg_device_next_event(pair.sides[0].dev, &event))
		ups += event.type == WG_EVENT_SESSION_UP ? 1 : 100;
	assert_int_equal(ups, 1);
}

/* N8: a public key of low order may be configured and never comes up. N19: our
 * own may not, nor one twice, nor more than there is room for. */
static void test_odd_peers(void **state)
{
	struct wg_device *dev = pair.sides[0].dev;
	struct wg_peer_config config = {.public_key = {{1}}};
	struct endpoint endpoint = pair.sides[1].endpoint;
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;
	uint16_t peer;

	(void)state;
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), 0);
	wg_peer_set_endpoint(dev, peer, &endpoint);
	assert_int_equal(wg_peer_want(dev, pair.now, peer), -ERR_NO_SESSION);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(wg_device_pull(dev, pair.now, WALL, buf, &to),
				 0);
		pair.now += 6 * NS_PER_S;
		wg_device_expire(dev, pair.now);
	}
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer),
			 -ERR_EXISTS);
	wg_device_public_key(dev, &config.public_key);
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer),
			 -ERR_INVALID);
	for (uint8_t i = 2; i < 4; i++) {
		config.public_key = (struct key){{0x77, i}};
		assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), 0);
	}
	config.public_key = (struct key){{0x77, 9}};
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &peer), -ERR_FULL);
}

/* N15, 4.1: the stamp goes on from the greatest ever sent, in steps, and rolls
 * over into the next second. */
static void test_greatest_stamp(void **state)
{
	struct wg_device *dev = pair.sides[0].dev;
	uint64_t start = WALL + 900 * 24 * 3600 * NS_PER_S + 999 * NS_PER_MS;
	uint64_t last = start;

	(void)state;
	pair.cut = true;
	dev->greatest_stamp = start;
	for (unsigned i = 0; i < 100; i++) {
		pair.now += 6 * NS_PER_S;
		pair_send(&pair, 0, 100, 1);
		pair_step(&pair, 0);
		assert_int_equal(pair.sides[0].sent[1], i + 1);
		assert_true(wg_device_greatest_stamp(dev) > last);
		last = wg_device_greatest_stamp(dev);
		assert_int_equal(last % NS_PER_S % (1 << 24), 0);
	}
	assert_true(last < start + 3 * NS_PER_S);
}

/* ----------------------------------------------------------- inner packets */

/* Seals any bytes on side 0 and gives them to side 1. */
static size_t deliver_inner(const void *plain, uint16_t len, uint8_t tos,
			    const char *from, struct packet *packet)
{
	static uint8_t buffer[2048];
	struct run run = {.base = buffer,
			  .cap = sizeof(buffer),
			  .mtu = len, /* no padding */
			  .count = 1,
			  .ip_len = len,
			  .last_len = len};
	struct wg_datagram in = {.data = buffer, .tos = tos};
	struct wg_destination to;

	assert_int_equal(wg_peer_want(pair.sides[0].dev, pair.now, 0), 0);
	memcpy(buffer + RUN_HEAD, plain, len);
	wg_device_seal(pair.sides[0].dev, pair.now, &run, &to);
	in.len = run_sealed_len(&run);
	assert_int_equal(endpoint_parse(from, &in.from), 0);
	return wg_device_input(pair.sides[1].dev, pair.now, &in, packet, 1);
}

/* An IPv4 or IPv6 header of side 0 that says total bytes. */
static void write_header(uint8_t *ip, unsigned version, unsigned total)
{
	static const uint8_t source_v4[4] = {10, 0, 0, 1};
	static const uint8_t source_v6[16] = {0xfd, [15] = 1};

	memset(ip, 0, 64);
	ip[0] = (uint8_t)(version << 4 | 5);
	if (version == 6) {
		put_be16(ip + 4, (uint16_t)(total - 40));
		memcpy(ip + 8, source_v6, 16);
	} else {
		put_be16(ip + 2, (uint16_t)total);
		memcpy(ip + 12, source_v4, 4);
	}
}

static void allow_v6(void)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse("fd00::1", &prefix), 0);
	assert_int_equal(wg_peer_allow(pair.sides[1].dev, 0, &prefix), 0);
}

/* D3, D4, D5. */
static void test_inner_headers(void **state)
{
	static const struct {
		unsigned version, total, sent;
		size_t len; /* delivered, 0 = dropped */
	} cases[] = {
		{4, 64, 64, 64},        {4, 20, 64, 20}, {4, 20, 20, 20},
		{4, 19, 64, 0},         {4, 0, 64, 0},   {4, 65, 64, 0},
		{4, 65535, 64, 0},      {4, 20, 19, 0},  {4, 20, 1, 0},
		{6, 64, 64, 64},        {6, 40, 64, 40}, {6, 40, 40, 40},
		{6, 65, 64, 0},         {6, 40, 39, 0},  {6, 40, 20, 0},
		{6, 65535 + 40, 64, 0}, /* more than 16 bits */
		{6, 65535, 64, 0},      {0, 64, 64, 0},  {5, 64, 64, 0},
		{15, 64, 64, 0},
	};
	unsigned dropped = 0;

	(void)state;
	allow_v6();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet packet = {.len = 0};
		uint8_t ip[64];
		size_t count;

		write_header(ip, cases[i].version, cases[i].total);
		count = deliver_inner(ip, (uint16_t)cases[i].sent, 0, near_end,
				      &packet);
		dropped += cases[i].len == 0;
		if (count != (cases[i].len > 0) || packet.len != cases[i].len)
			fail_msg("case %zu: version %u, total %u, sent %u: %u",
				 i, cases[i].version, cases[i].total,
				 cases[i].sent, packet.len);
		assert_int_equal(counter(1, WG_RX_INNER), dropped);
	}
}

/* D8, RFC 6040 section 4.2, but nothing is dropped. */
static void test_ecn(void **state)
{
	/* by outer, then inner: not-ECT, ECT(1), ECT(0), CE */
	static const uint8_t expected[4][4] = {
		{0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}, {0, 3, 3, 3}};
	struct packet packet;
	uint8_t ip[64];

	(void)state;
	allow_v6();
	for (uint8_t i = 0; i < 16; i++) {
		uint8_t outer = i / 4, inner = i % 4;

		write_header(ip, 4, 64);
		ip[1] = 0xa8 | inner;
		assert_int_equal(
			deliver_inner(ip, 64, 0x88 | outer, near_end, &packet),
			1);
		assert_int_equal(packet.ecn, expected[outer][inner]);
		write_header(ip, 6, 64);
		ip[0] = 0x6a;
		ip[1] = (uint8_t)(0x8f | inner << 4); /* DSCP on both sides */
		assert_int_equal(
			deliver_inner(ip, 64, outer, near_end, &packet), 1);
		assert_int_equal(packet.ecn, expected[outer][inner]);
	}
}

/* D6: the longest match of the device counts, not that of the peer. D2, T12:
 * the packet is dropped, and heard. */
static void test_other_peers_source(void **state)
{
	struct wg_device *dev = pair.sides[1].dev;
	struct wg_peer_config config = {.public_key = {{0x55, 1}}};
	struct packet packet;
	struct prefix prefix;
	uint8_t ip[64];
	uint16_t other;

	(void)state;
	assert_int_equal(prefix_parse("0.0.0.0/0", &prefix), 0);
	assert_int_equal(wg_peer_allow(dev, 0, &prefix), 0);
	assert_int_equal(wg_peer_add(dev, pair.now, &config, &other), 0);
	assert_int_equal(prefix_parse("10.9.0.0/16", &prefix), 0);
	assert_int_equal(wg_peer_allow(dev, other, &prefix), 0);
	write_header(ip, 4, 64);
	ip[13] = 8;
	assert_int_equal(deliver_inner(ip, 64, 0, near_end, &packet), 1);
	ip[13] = 9;
	assert_int_equal(deliver_inner(ip, 64, 0, "198.51.100.1:9", &packet),
			 0);
	assert_int_equal(counter(1, WG_RX_SOURCE), 1);
	assert_int_equal(pair_info(&pair, 1).endpoint.port, 9);
}

/* ------------------------------------------------------------- many peers */

/* N10, Z5: 1024 peers, each found by its key. Every keepalive is due at its own
 * time, one deadline tells. */
static void test_many_peers(void **state)
{
	enum { PEERS = 1024 };
	struct wg_config config = pair.sides[0].config;
	struct wg_device *dev;
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;
	uint64_t now = NS_PER_S;
	unsigned sent = 0;
	void *memory, *secret;
	bool locked;

	(void)state;
	config.peers_max = PEERS;
	memory = calloc(1, wg_device_size(&config));
	secret = secret_alloc(wg_device_secret_size(&config), &locked);
	assert_true(memory != NULL && secret != NULL);
	dev = wg_device_init(memory, secret, &config);
	for (uint16_t i = 0; i < PEERS; i++) {
		struct wg_peer_config one = {.persistent_keepalive_s = 25};
		uint16_t peer;

		put_le32(one.public_key.bytes, 0x1000U + i);
		assert_int_equal(wg_peer_add(dev, now, &one, &peer), 0);
		wg_peer_set_endpoint(dev, peer, &pair.sides[1].endpoint);
	}
	while (now < 4 * NS_PER_S) {
		wg_device_expire(dev, now);
		while (wg_device_pull(dev, now, WALL + now, buf, &to) == 148)
			sent++;
		assert_true(wg_device_deadline(dev) > now);
		now = wg_device_deadline(dev);
	}
	assert_int_equal(sent, PEERS);
	assert_in_range(now, 6 * NS_PER_S, 7 * NS_PER_S);
	wg_device_fini(dev);
	secret_free(secret);
	free(memory);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_reject_after_messages, open_connected),
		WITH(test_rekey_after_messages, open_connected),
		WITH(test_receive_limit, open_connected),
		WITH(test_previous_key, open_connected),
		WITH(test_mixed_keys, open_connected),
		WITH(test_unconfirmed_key, open_connected),
		WITH(test_flood, open_pair),
		WITH(test_crossing_retries_part, open_pair),
		WITH(test_stale_failure, open_connected),
		WITH(test_odd_peers, open_pair),
		WITH(test_greatest_stamp, open_pair),
		WITH(test_inner_headers, open_connected),
		WITH(test_ecn, open_connected),
		WITH(test_other_peers_source, open_connected),
		WITH(test_many_peers, open_pair),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
