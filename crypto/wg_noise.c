/* SPDX-License-Identifier: ISC */
#include "crypto/wg_noise.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/dh.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";

/* The symmetric state of Noise, on the stack. */
struct symmetric {
	uint8_t ck[32], h[32], key[32];
};

static void mix_hash(uint8_t h[32], const void *data, size_t len)
{
	blake2s_hash2(h, h, 32, data, len);
}

/* N1, N2: both sides know the responder's static key. */
static void start(struct symmetric *s, const uint8_t responder_static[32])
{
	blake2s_hash2(s->ck, construction, sizeof(construction) - 1, NULL, 0);
	blake2s_hash2(s->h, s->ck, 32, identifier, sizeof(identifier) - 1);
	mix_hash(s->h, responder_static, 32);
}

/* e: also mixed into the chaining key, as psk modifiers ask (N3) */
static void mix_ephemeral(struct symmetric *s, const uint8_t ephemeral[32])
{
	mix_hash(s->h, ephemeral, 32);
	kdf(s->ck, NULL, NULL, s->ck, ephemeral, 32);
}

static bool mix_dh(struct symmetric *s, const uint8_t private_key[32],
		   const uint8_t public_key[32])
{
	uint8_t shared[DH_LEN];
	bool ok = dh(shared, private_key, public_key);

	if (ok)
		kdf(s->ck, s->key, NULL, s->ck, shared, sizeof(shared));
	secret_wipe(shared, sizeof(shared));
	return ok;
}

static void mix_psk(struct symmetric *s, const uint8_t psk[32])
{
	uint8_t tau[32];

	kdf(s->ck, tau, s->key, s->ck, psk, 32);
	mix_hash(s->h, tau, sizeof(tau));
	secret_wipe(tau, sizeof(tau));
}

static void seal_and_mix(struct symmetric *s, uint8_t *sealed,
			 const void *plain, size_t len)
{
	aead_seal(sealed, plain, len, s->h, s->key);
	mix_hash(s->h, sealed, len + AEAD_TAG_LEN);
}

static bool open_and_mix(struct symmetric *s, uint8_t *plain,
			 const uint8_t *sealed, size_t sealed_len)
{
	if (!aead_open(plain, sealed, sealed_len, s->h, s->key))
		return false;
	mix_hash(s->h, sealed, sealed_len);
	return true;
}

/* N7: the first key is the initiator's for sending. */
static void split(const struct symmetric *s, bool initiator,
		  struct wg_transport_keys *keys)
{
	if (initiator)
		kdf(keys->send, keys->receive, NULL, s->ck, NULL, 0);
	else
		kdf(keys->receive, keys->send, NULL, s->ck, NULL, 0);
}

void wg_noise_zero(struct wg_handshake *handshake)
{
	struct wg_handshake_secret *secret = handshake->secret;

	secret_wipe(secret, sizeof(*secret));
	secret_wipe(handshake, sizeof(*handshake));
	handshake->secret = secret;
}

static void store(struct wg_handshake *handshake, const struct symmetric *s,
		  enum wg_handshake_state state)
{
	memcpy(handshake->secret->chaining_key, s->ck, 32);
	memcpy(handshake->hash, s->h, 32);
	handshake->state = state;
}

static void load(const struct wg_handshake *handshake, struct symmetric *s)
{
	memcpy(s->ck, handshake->secret->chaining_key, 32);
	memcpy(s->h, handshake->hash, 32);
}

/* ------------------------------------------------------------- initiation */

bool wg_noise_create_initiation(const struct wg_identity *identity,
				const struct wg_noise_peer *peer,
				struct wg_handshake *handshake,
				const uint8_t timestamp[WG_TIMESTAMP_LEN],
				struct wg_initiation *message)
{
	const uint8_t *ephemeral = handshake->secret->ephemeral;
	struct symmetric s;
	bool ok = false;

	if (!peer->usable)
		return false;
	memset(message, 0, sizeof(*message));
	put_le32(message->type, WG_MESSAGE_INITIATION);
	put_le32(message->sender, handshake->local_index);
	start(&s, peer->public_key);

	/* e */
	dh_public(message->ephemeral, ephemeral);
	mix_ephemeral(&s, message->ephemeral);
	/* es */
	if (!mix_dh(&s, ephemeral, peer->public_key))
		goto out;
	/* s */
	seal_and_mix(&s, message->sealed_static, identity->public_key, 32);
	/* ss */
	kdf(s.ck, s.key, NULL, s.ck, peer->static_static, 32);
	/* {t} */
	seal_and_mix(&s, message->sealed_timestamp, timestamp,
		     WG_TIMESTAMP_LEN);

	store(handshake, &s, WG_HANDSHAKE_CREATED_INITIATION);
	ok = true;
out:
	secret_wipe(&s, sizeof(s));
	return ok;
}

bool wg_noise_open_static(const struct wg_identity *identity,
			  const struct wg_initiation *message,
			  struct wg_opening *opening)
{
	struct symmetric s;
	bool ok;

	start(&s, identity->public_key);
	/* e */
	mix_ephemeral(&s, message->ephemeral);
	/* es */
	ok = mix_dh(&s, identity->private_key, message->ephemeral);
	/* s */
	ok = ok &&
	     open_and_mix(&s, opening->remote_static, message->sealed_static,
			  sizeof(message->sealed_static));
	memcpy(opening->chaining_key, s.ck, 32);
	memcpy(opening->hash, s.h, 32);
	secret_wipe(&s, sizeof(s));
	return ok;
}

bool wg_noise_open_timestamp(const struct wg_noise_peer *peer,
			     const struct wg_initiation *message,
			     struct wg_opening *opening)
{
	struct symmetric s;
	bool ok;

	memcpy(s.ck, opening->chaining_key, 32);
	memcpy(s.h, opening->hash, 32);
	/* ss */
	kdf(s.ck, s.key, NULL, s.ck, peer->static_static, 32);
	/* {t} */
	ok = peer->usable &&
	     open_and_mix(&s, opening->timestamp, message->sealed_timestamp,
			  sizeof(message->sealed_timestamp));
	memcpy(opening->chaining_key, s.ck, 32);
	memcpy(opening->hash, s.h, 32);
	secret_wipe(&s, sizeof(s));
	return ok;
}

void wg_noise_accept_initiation(const struct wg_initiation *message,
				const struct wg_opening *opening,
				struct wg_handshake *handshake)
{
	memcpy(handshake->secret->chaining_key, opening->chaining_key, 32);
	memcpy(handshake->hash, opening->hash, 32);
	memcpy(handshake->remote_ephemeral, message->ephemeral, 32);
	handshake->remote_index = get_le32(message->sender);
	handshake->state = WG_HANDSHAKE_CONSUMED_INITIATION;
}

void wg_noise_opening_wipe(struct wg_opening *opening)
{
	secret_wipe(opening, sizeof(*opening));
}

/* ------------------------------------------------------------- response */

bool wg_noise_create_response(const struct wg_noise_peer *peer,
			      const struct wg_handshake *handshake,
			      struct wg_response *message,
			      struct wg_transport_keys *keys)
{
	const uint8_t *ephemeral = handshake->secret->ephemeral;
	struct symmetric s;
	bool ok = false;

	memset(message, 0, sizeof(*message));
	put_le32(message->type, WG_MESSAGE_RESPONSE);
	put_le32(message->sender, handshake->local_index);
	put_le32(message->receiver, handshake->remote_index);
	load(handshake, &s);

	/* e */
	dh_public(message->ephemeral, ephemeral);
	mix_ephemeral(&s, message->ephemeral);
	/* ee, se */
	if (!mix_dh(&s, ephemeral, handshake->remote_ephemeral) ||
	    !mix_dh(&s, ephemeral, peer->public_key))
		goto out;
	/* psk */
	mix_psk(&s, peer->preshared_key);
	/* {} */
	seal_and_mix(&s, message->sealed_empty, NULL, 0);

	split(&s, false, keys);
	ok = true;
out:
	secret_wipe(&s, sizeof(s));
	return ok;
}

bool wg_noise_consume_response(const struct wg_identity *identity,
			       const struct wg_noise_peer *peer,
			       const struct wg_handshake *handshake,
			       const struct wg_response *message,
			       struct wg_transport_keys *keys)
{
	const uint8_t *ephemeral = handshake->secret->ephemeral;
	struct symmetric s;
	uint8_t nothing[1];
	bool ok = false;

	if (handshake->state != WG_HANDSHAKE_CREATED_INITIATION)
		return false;
	load(handshake, &s);

	/* e */
	mix_ephemeral(&s, message->ephemeral);
	/* ee, se */
	if (!mix_dh(&s, ephemeral, message->ephemeral) ||
	    !mix_dh(&s, identity->private_key, message->ephemeral))
		goto out;
	/* psk */
	mix_psk(&s, peer->preshared_key);
	/* {} */
	if (!open_and_mix(&s, nothing, message->sealed_empty,
			  sizeof(message->sealed_empty)))
		goto out;

	split(&s, true, keys);
	ok = true;
out:
	secret_wipe(&s, sizeof(s));
	return ok;
}
