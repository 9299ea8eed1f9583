/* SPDX-License-Identifier: ISC */
/*
 * The handshake, byte for byte as test/vectors/golden.py computes it (N1-N7,
 * C1, W2, W3), and what must not pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/secret.h"
#include "crypto/wg_cookie.h"
#include "crypto/wg_noise.h"
#include "lines.h"

struct golden {
	uint8_t initiator[32], responder[32];
	uint8_t initiator_ephemeral[32], responder_ephemeral[32];
	uint8_t timestamp[12], psk[32];
	uint8_t initiation[148], response[92];
	uint8_t initiator_send[32], initiator_receive[32];
	uint8_t data[48];
};

static struct golden golden[2];

/* One side of the handshake. */
struct side {
	struct wg_identity identity;
	struct wg_noise_peer peer;
	struct wg_handshake handshake;
	struct wg_handshake_secret secret;
	struct wg_cookie_maker cookie;
	uint8_t static_static[32];
};

static int read_golden(void **state)
{
	static const size_t offsets[] = {
		offsetof(struct golden, initiator),
		offsetof(struct golden, responder),
		offsetof(struct golden, initiator_ephemeral),
		offsetof(struct golden, responder_ephemeral),
		offsetof(struct golden, timestamp),
		offsetof(struct golden, psk),
		offsetof(struct golden, initiation),
		offsetof(struct golden, response),
		offsetof(struct golden, initiator_send),
		offsetof(struct golden, initiator_receive),
		offsetof(struct golden, data),
	};
	struct lines lines;

	(void)state;
	lines_open(&lines, "golden.txt");
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(offsets); j++) {
			if (!lines_next(&lines))
				return -1;
			lines_hex(lines.words[1],
				  (uint8_t *)&golden[i] + offsets[j], 148);
		}
	}
	return lines_next(&lines) ? -1 : 0;
}

static void make_side(struct side *side, const uint8_t own[32],
		      const uint8_t other[32], const struct golden *g)
{
	memset(side, 0, sizeof(*side));
	side->identity.private_key = own;
	dh_public(side->identity.public_key, own);
	dh_public(side->peer.public_key, other);
	side->peer.usable = dh(side->static_static, own, side->peer.public_key);
	side->peer.static_static = side->static_static;
	side->peer.preshared_key = g->psk;
	side->handshake.secret = &side->secret;
	wg_cookie_maker_init(&side->cookie, side->peer.public_key);
}

static void initiate(struct side *side, const struct golden *g,
		     struct wg_initiation *message)
{
	side->handshake.local_index = 0x11223344;
	memcpy(side->secret.ephemeral, g->initiator_ephemeral, 32);
	assert_true(wg_noise_create_initiation(&side->identity, &side->peer,
					       &side->handshake, g->timestamp,
					       message));
	wg_cookie_add_macs(&side->cookie, 0, message, sizeof(*message));
}

static void respond(struct side *side, const struct golden *g,
		    const struct wg_initiation *in, struct wg_response *out,
		    struct wg_transport_keys *keys)
{
	struct wg_opening opening;

	assert_true(wg_noise_open_static(&side->identity, in, &opening));
	assert_memory_equal(opening.remote_static, side->peer.public_key, 32);
	assert_true(wg_noise_open_timestamp(&side->peer, in, &opening));
	assert_memory_equal(opening.timestamp, g->timestamp, 12);
	wg_noise_accept_initiation(in, &opening, &side->handshake);
	side->handshake.local_index = 0x55667788;
	memcpy(side->secret.ephemeral, g->responder_ephemeral, 32);
	assert_true(wg_noise_create_response(&side->peer, &side->handshake, out,
					     keys));
	wg_cookie_add_macs(&side->cookie, 0, out, sizeof(*out));
}

/* N1, N2, N3, N4, N5, N6: byte for byte what golden.py computes by itself, with
 * and without a preshared key. */
static void test_golden(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct golden *g = &golden[i];
		struct wg_transport_keys a_keys, b_keys;
		struct wg_initiation initiation;
		struct wg_response response;
		struct side a, b;
		uint8_t data[32] = "sixteen bytes ..";
		struct aead_job job = {.data = data, .len = 16, .counter = 5};

		make_side(&a, g->initiator, g->responder, g);
		make_side(&b, g->responder, g->initiator, g);
		initiate(&a, g, &initiation);
		assert_memory_equal(&initiation, g->initiation, 148);
		respond(&b, g, &initiation, &response, &b_keys);
		assert_memory_equal(&response, g->response, 92);
		assert_true(wg_noise_consume_response(&a.identity, &a.peer,
						      &a.handshake, &response,
						      &a_keys));
		assert_memory_equal(a_keys.send, g->initiator_send, 32);
		assert_memory_equal(a_keys.receive, g->initiator_receive, 32);
		assert_memory_equal(b_keys.receive, g->initiator_send, 32);
		assert_memory_equal(b_keys.send, g->initiator_receive, 32);
		aead_seal_batch(&aead_reference, a_keys.send, &job, 1);
		assert_memory_equal(data, g->data + 16, 32);
	}
}

/* Every byte of an initiation but mac2 and the sender index is authenticated;
 * what is refused changes nothing (N11). */
static void test_mutated_initiation(void **state)
{
	const struct golden *g = &golden[0];
	struct side b;

	(void)state;
	make_side(&b, g->responder, g->initiator, g);
	for (unsigned i = 8; i < 116; i++) {
		struct wg_initiation message;
		struct wg_opening opening;

		memcpy(&message, g->initiation, sizeof(message));
		((uint8_t *)&message)[i] ^= 0x40;
		if (wg_noise_open_static(&b.identity, &message, &opening) &&
		    wg_noise_open_timestamp(&b.peer, &message, &opening))
			fail_msg("byte %u is not checked", i);
		assert_int_equal(b.handshake.state, WG_HANDSHAKE_ZEROED);
	}
}

static void test_mutated_response(void **state)
{
	const struct golden *g = &golden[1];
	struct wg_initiation initiation;
	struct wg_handshake before;
	struct side a;

	(void)state;
	make_side(&a, g->initiator, g->responder, g);
	initiate(&a, g, &initiation);
	before = a.handshake;
	for (unsigned i = 12; i < 60; i++) {
		struct wg_transport_keys keys;
		struct wg_response message;

		memcpy(&message, g->response, sizeof(message));
		((uint8_t *)&message)[i] ^= 0x01;
		assert_false(wg_noise_consume_response(
			&a.identity, &a.peer, &a.handshake, &message, &keys));
		assert_memory_equal(&a.handshake, &before, sizeof(before));
	}
}

/* The responder has another preshared key. */
static void test_psk_mismatch(void **state)
{
	struct wg_initiation initiation;
	struct wg_transport_keys keys;
	struct wg_response response;
	struct side a, b;

	(void)state;
	make_side(&a, golden[0].initiator, golden[0].responder, &golden[0]);
	make_side(&b, golden[1].responder, golden[1].initiator, &golden[1]);
	initiate(&a, &golden[0], &initiation);
	respond(&b, &golden[1], &initiation, &response, &keys);
	assert_false(wg_noise_consume_response(&a.identity, &a.peer,
					       &a.handshake, &response, &keys));
}

/* N8: a peer with a key of low order is never talked to. */
static void test_low_order(void **state)
{
	const struct golden *g = &golden[0];
	struct wg_initiation message;
	struct side a;

	(void)state;
	make_side(&a, g->initiator, g->responder, g);
	memset(a.peer.public_key, 0, 32);
	a.peer.public_key[0] = 1;
	a.peer.usable = dh(a.static_static, g->initiator, a.peer.public_key);
	assert_false(a.peer.usable);
	assert_false(wg_noise_create_initiation(
		&a.identity, &a.peer, &a.handshake, g->timestamp, &message));
}

static void test_mac1(void **state)
{
	struct wg_cookie_checker checker;
	uint8_t public_key[32], message[148];

	(void)state;
	dh_public(public_key, golden[0].responder);
	wg_cookie_checker_init(&checker, public_key);
	for (unsigned i = 0; i < 132; i++) {
		memcpy(message, golden[0].initiation, 148);
		assert_true(wg_cookie_check_mac1(&checker, message, 148));
		message[i] ^= 0x80;
		assert_false(wg_cookie_check_mac1(&checker, message, 148));
	}
}

/* C6-C8: a cookie is taken once, and used for 115 s. */
static void test_cookie(void **state)
{
	struct wg_cookie_reply reply = {.type = {3}};
	struct wg_cookie_maker maker;
	struct wg_initiation message;
	static const uint8_t zero[16];
	uint8_t public_key[32], cookie[16] = "cookie of 16 by";

	(void)state;
	dh_public(public_key, golden[0].responder);
	wg_cookie_maker_init(&maker, public_key);
	memcpy(&message, golden[0].initiation, sizeof(message));
	wg_cookie_add_macs(&maker, 1000, &message, sizeof(message));
	assert_memory_equal(message.macs.mac2, zero, 16);
	xaead_seal(reply.sealed_cookie, cookie, 16, message.macs.mac1,
		   reply.nonce, maker.cookie_key);
	reply.sealed_cookie[5] ^= 1;
	assert_false(wg_cookie_consume(&maker, 2000, &reply));
	reply.sealed_cookie[5] ^= 1;
	assert_true(wg_cookie_consume(&maker, 2000, &reply));
	assert_false(wg_cookie_consume(&maker, 2000, &reply));
	wg_cookie_add_macs(&maker, 3000, &message, sizeof(message));
	assert_memory_not_equal(message.macs.mac2, zero, 16);
	wg_cookie_add_macs(&maker, 2000 + UINT64_C(115000000000), &message,
			   sizeof(message));
	assert_memory_equal(message.macs.mac2, zero, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_mutated_initiation),
		cmocka_unit_test(test_mutated_response),
		cmocka_unit_test(test_psk_mismatch),
		cmocka_unit_test(test_low_order),
		cmocka_unit_test(test_mac1),
		cmocka_unit_test(test_cookie),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, read_golden, NULL);
}
