/* SPDX-License-Identifier: ISC */
/* Two devices in virtual time: sessions, timers, what must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "pair.h"

static struct pair pair;
enum { INITIATION = 1, RESPONSE = 2, DATA = 4 };

static unsigned counter(unsigned side, enum wg_counter which)
{
	return (unsigned)wg_device_counter(pair.sides[side].dev, which);
}

static void open_with(struct pair_options options)
{
	pair_open(&pair, &options);
}

/* Asks for a session as an upper layer does and lets it come up. */
static void connect_pair(void)
{
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[0].ups, 1);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_int_equal(pair.sides[1].packets, 1);
	assert_int_equal(pair.sides[1].ups, 1);
}

static int open_plain(void **state)
{
	(void)state;
	open_with((struct pair_options){.mtu = 1420});
	return 0;
}

static int open_connected(void **state)
{
	open_plain(state);
	connect_pair();
	return 0;
}

static int close_pair(void **state)
{
	(void)state;
	pair_close(&pair);
	return 0;
}

/* ------------------------------------------------------------- sessions */

static void test_session(void **state)
{
	(void)state;
	connect_pair();
	assert_int_equal(pair_send(&pair, 1, 1420, 30), 0);
	assert_int_equal(pair.sides[0].packets, 30);
	assert_int_equal(pair.sides[0].last_len, 1420);
	assert_int_equal(pair.sides[0].sent[INITIATION], 1);
	assert_int_equal(pair.sides[1].sent[RESPONSE], 1);
}

/* K5: without data the session is confirmed by a keepalive. */
static void test_confirmation(void **state)
{
	(void)state;
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[0].sent[DATA], 1);
	assert_int_equal(pair.sides[0].wire_len, 32);
	assert_int_equal(pair.sides[1].ups, 1);
	assert_int_equal(pair.sides[1].packets, 0);
}

/* K3: the responder must not send before it is confirmed. */
static void test_responder_waits(void **state)
{
	uint8_t initiation[PACKET_CAP];

	(void)state;
	pair.cut = true;
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	memcpy(initiation, pair.sides[0].wire, 148);
	pair_deliver(&pair, 1, initiation, 148, 0, "192.0.2.1:1000");
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[1].sent[RESPONSE], 1);
	assert_int_equal(pair_send(&pair, 1, 100, 1), -ERR_NO_SESSION);
}

static void test_psk(void **state)
{
	(void)state;
	open_with((struct pair_options){.psk = true});
	connect_pair();
	pair_close(&pair);
	open_with((struct pair_options){.psk = true, .other_psk = true});
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_run(&pair, 20);
	assert_int_equal(pair.sides[0].ups, 0);
	assert_true(counter(0, WG_RX_HANDSHAKE) > 0);
	pair_close(&pair);
}

/* N12: initiations that cross; one retry settles it. */
static void test_crossing(void **state)
{
	uint8_t first[148], second[148];

	(void)state;
	wg_peer_set_endpoint(pair.sides[1].dev, 0, &pair.sides[0].endpoint);
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	pair_send(&pair, 1, 100, 1);
	pair_step(&pair, NS_PER_MS);
	memcpy(first, pair.sides[0].wire, 148);
	memcpy(second, pair.sides[1].wire, 148);
	pair.cut = false;
	pair_deliver(&pair, 1, first, 148, 0, "192.0.2.1:1000");
	pair_deliver(&pair, 0, second, 148, 0, "192.0.2.2:2000");
	pair_run(&pair, 7);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_int_equal(pair_send(&pair, 1, 100, 1), 0);
}

/* S3: padded to 16, never beyond the MTU; the receiver trims. */
static void test_padding(void **state)
{
	(void)state;
	open_with((struct pair_options){.mtu = 1415});
	connect_pair();
	pair_send(&pair, 0, 33, 1);
	assert_int_equal(pair.sides[0].wire_len, 16 + 48 + 16);
	assert_int_equal(pair.sides[1].last_len, 33);
	pair_send(&pair, 0, 1410, 1);
	assert_int_equal(pair.sides[0].wire_len, 16 + 1415 + 16);
	pair_send(&pair, 0, 1415, 1);
	assert_int_equal(pair.sides[0].wire_len, 16 + 1415 + 16);
	assert_int_equal(pair.sides[1].last_len, 1415);
	pair_close(&pair);
}

/* ------------------------------------------------------------- timers */

/* T1: every 5 s and a bit, 20 in all, then silence until asked again. */
static void test_retries(void **state)
{
	(void)state;
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	pair_run(&pair, 4);
	assert_int_equal(pair.sides[0].sent[INITIATION], 1);
	pair_run(&pair, 2);
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
	assert_int_equal(pair.sides[0].retries, 1);
	pair_run(&pair, 120);
	assert_int_equal(pair.sides[0].sent[INITIATION], 20);
	assert_int_equal(pair.sides[0].failures, 1);
	pair_send(&pair, 0, 100, 1); /* T13 */
	pair_run(&pair, 1);
	assert_int_equal(pair.sides[0].sent[INITIATION], 21);
}

/* T6: asking again within 5 s sends nothing. */
static void test_limiter(void **state)
{
	(void)state;
	pair.cut = true;
	for (unsigned i = 0; i < 40; i++) {
		pair_send(&pair, 0, 100, 1);
		pair_step(&pair, 100 * NS_PER_MS);
	}
	assert_int_equal(pair.sides[0].sent[INITIATION], 1);
}

/* T7: who keeps asking is served for ever, and does not hide that nobody
 * answers. */
static void test_asking_on(void **state)
{
	struct wg_peer_info info;

	(void)state;
	pair.cut = true;
	for (unsigned i = 0; i < 130; i++) {
		pair_send(&pair, 0, 100, 1);
		pair_run(&pair, 1);
	}
	assert_true(pair.sides[0].sent[INITIATION] > 22);
	assert_int_equal(pair.sides[0].failures, 0);
	wg_peer_info(pair.sides[0].dev, pair.now, 0, &info);
	assert_true(info.handshake_attempts > 20);
	pair.cut = false;
	pair_run(&pair, 6);
	wg_peer_info(pair.sides[0].dev, pair.now, 0, &info);
	assert_int_equal(info.handshake_attempts, 0);
	assert_true(info.session);
}

/* T2, T8, S8: data is answered by one keepalive after 10 s, that by nothing. */
static void test_passive_keepalive(void **state)
{
	unsigned before_0, before_1;

	(void)state;
	pair_run(&pair, 11);
	before_0 = pair.sides[0].sent[DATA];
	before_1 = pair.sides[1].sent[DATA];
	pair_send(&pair, 0, 100, 1);
	pair_run(&pair, 9);
	assert_int_equal(pair.sides[1].sent[DATA], before_1);
	pair_run(&pair, 2);
	assert_int_equal(pair.sides[1].sent[DATA], before_1 + 1);
	pair_run(&pair, 60);
	assert_int_equal(pair.sides[1].sent[DATA], before_1 + 1);
	assert_int_equal(pair.sides[0].sent[DATA], before_0 + 1);
}

/* T3: data without any answer for 15 s starts a handshake. */
static void test_silent_peer(void **state)
{
	(void)state;
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	pair_run(&pair, 14);
	assert_int_equal(pair.sides[0].sent[INITIATION], 1);
	pair_run(&pair, 2);
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
}

/* T3 comes sooner when the upper layer knows better, but not when something
 * was received since, and not more often than T6 lets it. */
static void test_suspected_peer(void **state)
{
	(void)state;
	pair_send(&pair, 0, 100, 1);
	pair_send(&pair, 1, 100, 1);
	pair_run(&pair, 6);
	wg_peer_suspect(pair.sides[0].dev, pair.now, 0);
	pair_run(&pair, 1);
	assert_int_equal(pair.sides[0].sent[INITIATION], 1);
	pair_send(&pair, 0, 100, 1);
	pair_run(&pair, 1);
	wg_peer_suspect(pair.sides[0].dev, pair.now, 0);
	wg_peer_suspect(pair.sides[0].dev, pair.now, 0);
	pair_run(&pair, 2);
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
	assert_int_equal(pair.sides[0].ups, 2);
	pair_send(&pair, 0, 100, 1);
	wg_peer_suspect(pair.sides[0].dev, pair.now, 0);
	pair_run(&pair, 1);
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
}

/* T5, T10: at once, then every n seconds. */
static void test_persistent_keepalive(void **state)
{
	unsigned before;

	(void)state;
	open_with((struct pair_options){.keepalive_s = 25});
	pair_run(&pair, 1);
	assert_int_equal(pair.sides[0].ups, 1);
	before = pair.sides[0].sent[DATA];
	pair_run(&pair, 100);
	assert_int_equal(pair.sides[0].sent[DATA], before + 4);
	pair_close(&pair);
}

/* K10, K12: the initiator renews after 120 s of use, the responder never. */
static void test_rekey(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 125; i++) {
		assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
		assert_int_equal(pair_send(&pair, 1, 100, 1), 0);
		pair_run(&pair, 1);
	}
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
	assert_int_equal(pair.sides[1].sent[INITIATION], 0);
	assert_int_equal(pair.sides[0].ups, 2);
	assert_int_equal(counter(0, WG_RX_AUTH), 0);
	assert_int_equal(counter(1, WG_RX_AUTH), 0);
}

/* K11: who only receives renews shortly before the key dies. */
static void test_last_minute(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 170; i++) {
		pair_send(&pair, 1, 100, 1);
		pair_run(&pair, 1);
	}
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
}

/* K7, K8: not a packet with a key of 180 s. */
static void test_reject(void **state)
{
	unsigned before = pair.sides[1].packets;
	uint8_t old[PACKET_CAP];
	uint32_t len;

	(void)state;
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	len = pair.sides[0].wire_len;
	memcpy(old, pair.sides[0].wire, len);
	pair.now += 181 * NS_PER_S;
	assert_int_equal(pair_deliver(&pair, 1, old, len, 0, "192.0.2.1:1000"),
			 0);
	assert_int_equal(pair.sides[1].packets, before);
	assert_int_equal(counter(1, WG_RX_EXPIRED), 1);
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
}

/* T4, Z1: after 540 s nothing of the session is left in secret memory. */
static void test_zero(void **state)
{
	static const uint8_t zero[64];
	const uint8_t *secret = pair.sides[1].secret;
	/* of the one peer there is */
	size_t len = 64 + 64 + 64 + 3 * 64;
	/* before the session keys: our private key; the peer's preshared key
	 * and static-static; a handshake that the timers may begin anew */
	size_t kept = 64 + 64 + 64;

	(void)state;
	assert_memory_not_equal(secret + kept, zero, 64);
	pair.cut = true;
	pair.now += 541 * NS_PER_S;
	pair_step(&pair, NS_PER_MS);
	for (size_t i = kept; i + 64 <= len; i += 64)
		assert_memory_equal(secret + i, zero, 64);
}

/* Z2: a jump of the clock, as after sleep: one handshake and all is well. */
static void test_sleep(void **state)
{
	(void)state;
	pair.now += 10 * 3600 * NS_PER_S;
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
}

/* N15: a wall clock that was set back does not lock us out. */
static void test_clock_set_back(void **state)
{
	(void)state;
	pair.sides[0].clock_behind = 365 * 24 * 3600 * NS_PER_S;
	pair.now += 200 * NS_PER_S;
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
}

/* ------------------------------------------------------------- hostile */

/* N14, N16: the same initiation twice, the same response twice. */
static void test_replayed_handshake(void **state)
{
	uint8_t initiation[148];

	(void)state;
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	pair_step(&pair, NS_PER_MS);
	memcpy(initiation, pair.sides[0].wire, 148);
	pair_deliver(&pair, 1, initiation, 148, 0, "192.0.2.1:1000");
	pair_step(&pair, NS_PER_S);
	assert_int_equal(pair.sides[1].sent[RESPONSE], 1);
	pair_deliver(&pair, 1, initiation, 148, 0, "198.51.100.1:9");
	pair_step(&pair, NS_PER_S);
	assert_int_equal(pair.sides[1].sent[RESPONSE], 1);
	assert_int_equal(pair_info(&pair, 1).endpoint.port, 1000);
	pair_deliver(&pair, 0, pair.sides[1].wire, 92, 0, "192.0.2.2:2000");
	assert_int_equal(pair.sides[0].ups, 1);
	pair_deliver(&pair, 0, pair.sides[1].wire, 92, 0, "192.0.2.2:2000");
	assert_int_equal(pair.sides[0].ups, 1);
}

/* E1, R3: a new address counts, unless the packet is forged or replayed. */
static void test_roaming(void **state)
{
	uint8_t data[PACKET_CAP];
	uint32_t len;

	(void)state;
	pair.cut = true;
	pair_send(&pair, 0, 100, 1);
	len = pair.sides[0].wire_len;
	memcpy(data, pair.sides[0].wire, len);
	data[40] ^= 1;
	pair_deliver(&pair, 1, data, len, 0, "198.51.100.1:9");
	assert_int_equal(pair_info(&pair, 1).endpoint.port, 1000);
	assert_int_equal(counter(1, WG_RX_AUTH), 1);
	data[40] ^= 1;
	pair_deliver(&pair, 1, data, len, 0, "198.51.100.1:9");
	assert_int_equal(pair_info(&pair, 1).endpoint.port, 9);
	pair_deliver(&pair, 1, data, len, 0, "198.51.100.1:10");
	assert_int_equal(pair_info(&pair, 1).endpoint.port, 9);
	assert_int_equal(counter(1, WG_RX_REPLAY), 1);
}

/* D6: only what the peer is allowed to say; D2: it was heard all the same. */
static void test_source(void **state)
{
	unsigned before = pair.sides[1].packets;

	(void)state;
	assert_int_equal(pair_send_from(&pair, 0, "10.0.0.9", 100), 0);
	assert_int_equal(pair.sides[1].packets, before);
	assert_int_equal(counter(1, WG_RX_SOURCE), 1);
}

/* W1, W6: junk of every size changes nothing and is never answered. */
static void test_junk(void **state)
{
	static uint8_t junk[65507];
	unsigned sent = pair.sides[1].sent[RESPONSE] + pair.sides[1].sent[DATA];

	(void)state;
	for (uint32_t len = 0; len <= sizeof(junk);
	     len += len < 300 ? 1 : 997) {
		for (uint8_t type = 0; type < 6; type++) {
			memset(junk, 0x5a, sizeof(junk));
			put_le32(junk, type);
			assert_int_equal(pair_deliver(&pair, 1, junk, len, 0,
						      "198.51.100.1:9"),
					 0);
			assert_int_equal(pair_deliver(&pair, 1, junk, len, 148,
						      "198.51.100.1:9"),
					 0);
		}
	}
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(
		pair.sides[1].sent[RESPONSE] + pair.sides[1].sent[DATA], sent);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
}

/* One super-datagram with data of a session, junk and a handshake in it. */
static void test_mixed_segments(void **state)
{
	uint8_t mixed[3 * 144];
	unsigned before = pair.sides[1].packets;

	(void)state;
	pair.cut = true;
	pair_send(&pair, 0, 112, 1);
	assert_int_equal(pair.sides[0].wire_len, 144);
	memcpy(mixed, pair.sides[0].wire, 144);
	memset(mixed + 144, 0xee, 144);
	pair_send(&pair, 0, 112, 1);
	memcpy(mixed + 288, pair.sides[0].wire, 144);
	assert_int_equal(pair_deliver(&pair, 1, mixed, sizeof(mixed), 144,
				      "192.0.2.1:1000"),
			 2);
	assert_int_equal(pair.sides[1].packets, before + 2);
	assert_int_equal(counter(1, WG_RX_MALFORMED), 1);
}

/* Z1: nothing is left when a device ends. */
static void test_fini_wipes(void **state)
{
	struct wg_config config;
	struct wg_device *dev;
	struct key key = {{0x42, 0x42, 0x42, 0x42}};
	uint8_t *memory, *secret;
	bool locked;

	(void)state;
	config = (struct wg_config){
		.private_key = &key, .peers_max = 2, .allowed_ips_max = 2};
	memory = secret_alloc(wg_device_size(&config), &locked);
	secret = secret_alloc(wg_device_secret_size(&config), &locked);
	assert_non_null(memory);
	assert_non_null(secret);
	dev = wg_device_init(memory, secret, &config);
	wg_device_fini(dev);
	for (size_t i = 0; i < wg_device_secret_size(&config); i++)
		assert_int_equal(secret[i], 0);
	secret_free(secret);
	secret_free(memory);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_session, open_plain),
		WITH(test_confirmation, open_plain),
		WITH(test_responder_waits, open_plain),
		cmocka_unit_test(test_psk),
		WITH(test_crossing, open_plain),
		cmocka_unit_test(test_padding),
		WITH(test_retries, open_plain),
		WITH(test_limiter, open_plain),
		WITH(test_asking_on, open_plain),
		WITH(test_passive_keepalive, open_connected),
		WITH(test_silent_peer, open_connected),
		WITH(test_suspected_peer, open_connected),
		cmocka_unit_test(test_persistent_keepalive),
		WITH(test_rekey, open_connected),
		WITH(test_last_minute, open_connected),
		WITH(test_reject, open_connected),
		WITH(test_zero, open_connected),
		WITH(test_sleep, open_connected),
		WITH(test_clock_set_back, open_connected),
		WITH(test_replayed_handshake, open_plain),
		WITH(test_roaming, open_connected),
		WITH(test_source, open_connected),
		WITH(test_junk, open_connected),
		WITH(test_mixed_segments, open_connected),
		cmocka_unit_test(test_fini_wipes),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
