/* SPDX-License-Identifier: ISC */
/* One side of a handshake, with everything that is chance given. */
#include <string.h>

#include "base/bytes.h"
#include "crypto/dh.h"
#include "crypto/secret.h"
#include "crypto/wg_cookie.h"
#include "crypto/wg_noise.h"
#include "driver.h"

struct side {
	struct wg_identity identity;
	struct wg_noise_peer peer;
	struct wg_handshake handshake;
	struct wg_handshake_secret secret;
	struct wg_cookie_checker checker;
	struct wg_cookie_maker maker;
	struct wg_transport_keys keys;
	bool has_keys;
	uint8_t private_key[32], preshared_key[32], static_static[32];
};

static struct side *take_side(struct request *request)
{
	return name_find(request, "noise");
}

static void run_new(struct request *request)
{
	const char *name = request_word(request);
	const uint8_t *private_key = request_key(request, 32);
	const uint8_t *public_key = request_key(request, 32);
	const char *psk = request_option(request, "psk");
	const uint8_t *psk_bytes =
		psk != NULL ? parse_key(request, psk, 32) : NULL;
	struct side *side;

	if (!request_end(request))
		return;
	side = name_new(request, "noise", name, sizeof(*side), NULL);
	if (side == NULL)
		return;
	memcpy(side->private_key, private_key, 32);
	memcpy(side->peer.public_key, public_key, 32);
	if (psk_bytes != NULL)
		memcpy(side->preshared_key, psk_bytes, 32);
	side->identity.private_key = side->private_key;
	dh_public(side->identity.public_key, private_key);
	side->peer.usable = dh(side->static_static, private_key, public_key);
	side->peer.static_static = side->static_static;
	side->peer.preshared_key = side->preshared_key;
	side->handshake.secret = &side->secret;
	wg_cookie_checker_init(&side->checker, side->identity.public_key);
	wg_cookie_maker_init(&side->maker, public_key);
	answer_hex(request, side->identity.public_key, 32);
}

/* now=T, for the life of a cookie; 0 when it is left out. */
static uint64_t take_now(struct request *request)
{
	const char *now = request_option(request, "now");

	return now != NULL ? parse_number(request, now, INT64_MAX) : 0;
}

static void run_initiate(struct request *request)
{
	struct side *side = take_side(request);
	uint32_t index = (uint32_t)request_number(request, UINT32_MAX);
	const uint8_t *ephemeral = request_key(request, 32);
	const uint8_t *timestamp = request_key(request, WG_TIMESTAMP_LEN);
	uint64_t now = take_now(request);
	struct wg_initiation message;

	if (!request_end(request))
		return;
	wg_noise_zero(&side->handshake);
	side->handshake.local_index = index;
	memcpy(side->secret.ephemeral, ephemeral, 32);
	if (!wg_noise_create_initiation(&side->identity, &side->peer,
					&side->handshake, timestamp,
					&message)) {
		request_fail(request, "LOW_ORDER");
		return;
	}
	wg_cookie_add_macs(&side->maker, now, &message, sizeof(message));
	answer_hex(request, &message, sizeof(message));
}

static const char *open_initiation(struct side *side,
				   const struct wg_initiation *message,
				   struct wg_opening *opening)
{
	if (!wg_noise_open_static(&side->identity, message, opening))
		return "STATIC";
	if (memcmp(opening->remote_static, side->peer.public_key, 32) != 0)
		return "PEER";
	if (!wg_noise_open_timestamp(&side->peer, message, opening))
		return "TIMESTAMP";
	return NULL;
}

static void check_type(struct request *request, const uint8_t *message,
		       size_t len, enum wg_message_type type)
{
	if (wg_message_classify(message, (uint32_t)len) != type)
		request_fail(request, "TYPE");
}

static void run_consume_initiation(struct request *request)
{
	struct side *side = take_side(request);
	struct wg_initiation *message =
		(struct wg_initiation *)request_key(request, sizeof(*message));
	struct wg_opening opening;
	const char *error;

	check_type(request, message->type, sizeof(*message),
		   WG_MESSAGE_INITIATION);
	if (!request_end(request))
		return;
	error = open_initiation(side, message, &opening);
	if (error != NULL) {
		request_fail(request, error);
		return;
	}
	wg_noise_accept_initiation(message, &opening, &side->handshake);
	answer_hex(request, opening.remote_static, 32);
	answer_hex(request, opening.timestamp, WG_TIMESTAMP_LEN);
	answer(request, "%u", side->handshake.remote_index);
}

static void run_respond(struct request *request)
{
	struct side *side = take_side(request);
	uint32_t index = (uint32_t)request_number(request, UINT32_MAX);
	const uint8_t *ephemeral = request_key(request, 32);
	uint64_t now = take_now(request);
	struct wg_response message;

	if (!request_end(request))
		return;
	if (side->handshake.state != WG_HANDSHAKE_CONSUMED_INITIATION) {
		request_fail(request, "STATE");
		return;
	}
	side->handshake.local_index = index;
	memcpy(side->secret.ephemeral, ephemeral, 32);
	if (!wg_noise_create_response(&side->peer, &side->handshake, &message,
				      &side->keys)) {
		request_fail(request, "LOW_ORDER");
		return;
	}
	side->has_keys = true;
	wg_cookie_add_macs(&side->maker, now, &message, sizeof(message));
	answer_hex(request, &message, sizeof(message));
}

static void run_consume_response(struct request *request)
{
	struct side *side = take_side(request);
	struct wg_response *message =
		(struct wg_response *)request_key(request, sizeof(*message));
	struct wg_transport_keys keys;

	check_type(request, message->type, sizeof(*message),
		   WG_MESSAGE_RESPONSE);
	if (!request_end(request))
		return;
	if (side->handshake.state != WG_HANDSHAKE_CREATED_INITIATION) {
		request_fail(request, "STATE");
		return;
	}
	if (get_le32(message->receiver) != side->handshake.local_index) {
		request_fail(request, "INDEX");
		return;
	}
	if (!wg_noise_consume_response(&side->identity, &side->peer,
				       &side->handshake, message, &keys)) {
		request_fail(request, "AUTH");
		return;
	}
	side->keys = keys;
	side->has_keys = true;
	answer(request, "%u", get_le32(message->sender));
}

static void run_keys(struct request *request)
{
	struct side *side = take_side(request);

	if (!request_end(request))
		return;
	if (!side->has_keys) {
		request_fail(request, "STATE");
		return;
	}
	answer_hex(request, side->keys.send, 32);
	answer_hex(request, side->keys.receive, 32);
}

/* The transcript so far, for vectors that tell it. */
static void run_transcript(struct request *request)
{
	struct side *side = take_side(request);

	if (!request_end(request))
		return;
	if (side->handshake.state == WG_HANDSHAKE_ZEROED) {
		request_fail(request, "STATE");
		return;
	}
	answer_hex(request, side->handshake.hash, 32);
	answer_hex(request, side->secret.chaining_key, 32);
}

/* ------------------------------------------------------------- MACs */

static uint8_t *take_message(struct request *request, size_t *ret_len)
{
	uint8_t *message = request_hex(request, ret_len);

	if (*ret_len < sizeof(struct wg_macs) || *ret_len > UINT16_MAX)
		request_fail(request, "LENGTH");
	return message;
}

static void run_check_mac1(struct request *request)
{
	struct side *side = take_side(request);
	size_t len;
	const uint8_t *message = take_message(request, &len);

	if (request_end(request))
		answer(request, "%d",
		       wg_cookie_check_mac1(&side->checker, message,
					    (uint32_t)len));
}

static void run_add_macs(struct request *request)
{
	struct side *side = take_side(request);
	size_t len;
	uint8_t *message = take_message(request, &len);
	uint64_t now = take_now(request);

	if (!request_end(request))
		return;
	wg_cookie_add_macs(&side->maker, now, message, (uint32_t)len);
	answer_hex(request, message, len);
}

static void run_cookie(struct request *request)
{
	struct side *side = take_side(request);
	const struct wg_cookie_reply *reply =
		(const struct wg_cookie_reply *)request_key(request,
							    sizeof(*reply));
	uint64_t now = take_now(request);

	check_type(request, reply->type, sizeof(*reply), WG_MESSAGE_COOKIE);
	if (request_end(request) &&
	    !wg_cookie_consume(&side->maker, now, reply))
		request_fail(request, "AUTH");
}

/* The chance of a reply: the secret of cookies, then the nonce. */
struct given {
	const uint8_t *next;
};

static void fill_given(void *ctx, void *buf, size_t len)
{
	struct given *given = ctx;

	memcpy(buf, given->next, len);
	given->next += len;
}

static void run_make_cookie(struct request *request)
{
	struct side *side = take_side(request);
	struct endpoint from = request_endpoint(request);
	const uint8_t *secret = request_key(request, 32);
	const uint8_t *nonce = request_key(request, 24);
	size_t len;
	const uint8_t *message = take_message(request, &len);
	uint64_t now = take_now(request);
	struct wg_cookie_reply reply;
	uint8_t chance[32 + 24];
	struct given given = {.next = chance};
	struct random_source random = {fill_given, &given};

	if (!request_end(request))
		return;
	memcpy(chance, secret, 32);
	memcpy(chance + 32, nonce, 24);
	side->checker.secret_until = 0;
	wg_cookie_make_reply(&side->checker, now, &random, &from, message,
			     (uint32_t)len, &reply);
	answer_hex(request, &reply, sizeof(reply));
}

static void run_check_mac2(struct request *request)
{
	struct side *side = take_side(request);
	struct endpoint from = request_endpoint(request);
	size_t len;
	const uint8_t *message = take_message(request, &len);
	uint64_t now = take_now(request);

	if (request_end(request))
		answer(request, "%d",
		       wg_cookie_check_mac2(&side->checker, now, &from, message,
					    (uint32_t)len));
}

static void run_noise(struct request *request)
{
	static const struct command commands[] = {
		{"new", run_new},
		{"initiate", run_initiate},
		{"consume-initiation", run_consume_initiation},
		{"respond", run_respond},
		{"consume-response", run_consume_response},
		{"keys", run_keys},
		{"transcript", run_transcript},
		{"check-mac1", run_check_mac1},
		{"add-macs", run_add_macs},
		{"consume-cookie", run_cookie},
		{"make-cookie", run_make_cookie},
		{"check-mac2", run_check_mac2},
		{NULL, NULL},
	};

	request_sub(request, commands);
}

const struct command noise_commands[] = {
	{"noise", run_noise},
	{NULL, NULL},
};
