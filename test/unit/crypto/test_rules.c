/* SPDX-License-Identifier: ISC */
/* Rules of the checklist that no larger story tells. */
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
static const char far_end[] = "192.0.2.1:1000";
enum { INITIATION = 1, RESPONSE = 2, DATA = 4 };

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
	assert_int_equal(pair.sides[1].packets, 1);
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

/* W2, W3, D9: what is on the wire counts, handshakes and keepalives too. */
static void test_bytes(void **state)
{
	enum { DATA_OF_100 = 16 + 112 + 16 };
	struct wg_peer_info near = pair_info(&pair, 0);
	struct wg_peer_info far = pair_info(&pair, 1);

	(void)state;
	assert_int_equal(near.tx_bytes, 148 + 32 + DATA_OF_100);
	assert_int_equal(far.rx_bytes, near.tx_bytes);
	assert_int_equal(far.tx_bytes, 92);
	assert_int_equal(near.rx_bytes, far.tx_bytes);
}

/* S4, W5: a keepalive is an empty packet without padding; R4: it has its place
 * in the replay window like any other. */
static void test_keepalive(void **state)
{
	uint8_t keepalive[32];

	(void)state;
	pair_run(&pair, 11);
	assert_int_equal(pair.sides[1].sent[DATA], 1);
	assert_int_equal(pair.sides[1].wire_len, 32);
	memcpy(keepalive, pair.sides[1].wire, sizeof(keepalive));
	assert_int_equal(keepalive[0], DATA);
	assert_int_equal(counter(0, WG_RX_REPLAY), 0);
	pair_deliver(&pair, 0, keepalive, sizeof(keepalive), 0, far_end);
	assert_int_equal(counter(0, WG_RX_REPLAY), 1);
	assert_int_equal(pair.sides[0].packets, 0);
}

/* K13, R5: numbers go up by one and begin anew, as does the window, with each
 * key; runs take theirs as one range. */
static void test_numbers(void **state)
{
	uint64_t last = get_le64(pair.sides[0].wire + 8);
	unsigned before;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
		assert_int_equal(get_le64(pair.sides[0].wire + 8), ++last);
	}
	assert_int_equal(pair_send(&pair, 0, 100, 5), 0);
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_int_equal(get_le64(pair.sides[0].wire + 8), last + 6);
	pair_run(&pair, 121);
	(void)pair_send(&pair, 0, 100, 1); /* asks for a new key */
	pair_run(&pair, 1);
	before = pair.sides[1].packets;
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	assert_true(get_le64(pair.sides[0].wire + 8) < last);
	assert_int_equal(pair.sides[1].packets, before + 1);
	assert_int_equal(counter(1, WG_RX_REPLAY), 0);
}

/* An initiation that side 1 got, and whose answer was lost. */
static void half_handshake(uint8_t response[92])
{
	uint8_t initiation[148];

	pair.cut = true;
	assert_int_equal(pair_send(&pair, 0, 100, 1), -ERR_NO_SESSION);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[0].wire_len, sizeof(initiation));
	memcpy(initiation, pair.sides[0].wire, sizeof(initiation));
	pair_deliver(&pair, 1, initiation, sizeof(initiation), 0, far_end);
	pair_step(&pair, NS_PER_MS);
	assert_int_equal(pair.sides[1].wire_len, 92);
	memcpy(response, pair.sides[1].wire, 92);
}

/* T11: for the responder the handshake is done when the first packet confirms
 * it, not when its response leaves. */
static void test_when_done(void **state)
{
	uint8_t response[92];

	(void)state;
	half_handshake(response);
	assert_int_equal(pair_info(&pair, 1).last_handshake, 0);
	assert_int_equal(pair.sides[1].ups, 0);
	pair.cut = false;
	pair_deliver(&pair, 0, response, sizeof(response), 0, "192.0.2.2:1000");
	assert_int_not_equal(pair_info(&pair, 0).last_handshake, 0);
	pair_step(&pair, NS_PER_MS); /* K5: the confirmation */
	assert_int_not_equal(pair_info(&pair, 1).last_handshake, 0);
	assert_int_equal(pair.sides[1].ups, 1);
}

/* N13: an answer to an initiation that a newer one has replaced is none. */
static void test_old_response(void **state)
{
	uint8_t response[92];

	(void)state;
	half_handshake(response);
	pair_run(&pair, 6);
	assert_int_equal(pair.sides[0].sent[INITIATION], 2);
	pair_deliver(&pair, 0, response, sizeof(response), 0, "192.0.2.2:1000");
	assert_int_equal(counter(0, WG_RX_HANDSHAKE), 1);
	assert_int_equal(pair.sides[0].ups, 0);
	pair.cut = false;
	pair_run(&pair, 6);
	assert_int_equal(pair.sides[0].ups, 1);
}

/* D1: what is not authentic changes nothing: no address, no key, no timer. */
static void test_forged(void **state)
{
	struct wg_peer_info before, after;
	uint64_t deadline;

	(void)state;
	pair.cut = true;
	assert_int_equal(pair_send(&pair, 0, 100, 1), 0);
	pair.sides[0].wire[40] ^= 1;
	deadline = wg_device_deadline(pair.sides[1].dev);
	before = pair_info(&pair, 1);
	pair_deliver(&pair, 1, pair.sides[0].wire, pair.sides[0].wire_len, 0,
		     "203.0.113.9:9");
	after = pair_info(&pair, 1);
	assert_int_equal(counter(1, WG_RX_AUTH), 1);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(wg_device_deadline(pair.sides[1].dev), deadline);
	/* The same number is still free for the true packet (R1, R3). */
	pair.sides[0].wire[40] ^= 1;
	pair_deliver(&pair, 1, pair.sides[0].wire, pair.sides[0].wire_len, 0,
		     far_end);
	assert_int_equal(pair.sides[1].packets, 2);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_bytes, open_connected),
		WITH(test_keepalive, open_connected),
		WITH(test_numbers, open_connected),
		WITH(test_when_done, open_pair),
		WITH(test_old_response, open_pair),
		WITH(test_forged, open_connected),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
