/* SPDX-License-Identifier: ISC */
/*
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (checklist 1.2), token by token, as
 * functions of explicit ephemerals, timestamps and indices. Everything that
 * comes from the peer is worked out on the stack and committed only after the
 * last check (N11); working copies are wiped on every path.
 */
#ifndef CRYPTO_WG_NOISE_H
#define CRYPTO_WG_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/wg_message.h"

/* Ourselves. private_key points into secret memory. */
struct wg_identity {
	const uint8_t *private_key;
	uint8_t public_key[32];
};

/* What a handshake needs of a peer; the secrets point into secret memory. */
struct wg_noise_peer {
	uint8_t public_key[32];
	const uint8_t *preshared_key; /* zero when there is none (N6) */
	const uint8_t *static_static; /* DH of the two static keys */
	bool usable; /* false: the public key has low order (N8) */
};

enum wg_handshake_state {
	WG_HANDSHAKE_ZEROED,
	WG_HANDSHAKE_CREATED_INITIATION,
	WG_HANDSHAKE_CONSUMED_INITIATION,
};

/* Secrets of one handshake, in secret memory. */
struct wg_handshake_secret {
	uint8_t chaining_key[32];
	uint8_t ephemeral[32];
};

/* One outstanding handshake of a peer: a newer one overwrites it (N12). */
struct wg_handshake {
	enum wg_handshake_state state;
	bool has_index; /* local_index is in the device's table */
	uint32_t local_index, remote_index;
	uint8_t hash[32];
	uint8_t remote_ephemeral[32];
	struct wg_handshake_secret *secret;
};

/* Transport keys, in secret memory. */
struct wg_transport_keys {
	uint8_t send[32], receive[32];
};

void wg_noise_zero(struct wg_handshake *handshake);

/* Fills all but the MACs. The handshake becomes CREATED_INITIATION with
 * local_index; handshake->secret->ephemeral holds the fresh private key. False
 * when the peer's key is unusable. */
bool wg_noise_create_initiation(const struct wg_identity *identity,
				const struct wg_noise_peer *peer,
				struct wg_handshake *handshake,
				const uint8_t timestamp[WG_TIMESTAMP_LEN],
				struct wg_initiation *message);

/* An initiation half read: who it is from, before anything of that peer is
 * touched. Secrets: wipe with wg_noise_opening_wipe(). */
struct wg_opening {
	uint8_t chaining_key[32], hash[32];
	uint8_t remote_static[32];
	uint8_t timestamp[WG_TIMESTAMP_LEN];
};
bool wg_noise_open_static(const struct wg_identity *identity,
			  const struct wg_initiation *message,
			  struct wg_opening *opening);
bool wg_noise_open_timestamp(const struct wg_noise_peer *peer,
			     const struct wg_initiation *message,
			     struct wg_opening *opening);
/* Timestamp and rate were accepted: the handshake is CONSUMED_INITIATION. */
void wg_noise_accept_initiation(const struct wg_initiation *message,
				const struct wg_opening *opening,
				struct wg_handshake *handshake);
void wg_noise_opening_wipe(struct wg_opening *opening);

/* Answers CONSUMED_INITIATION and derives the keys. */
bool wg_noise_create_response(const struct wg_noise_peer *peer,
			      const struct wg_handshake *handshake,
			      struct wg_response *message,
			      struct wg_transport_keys *keys);

/* Consumes the answer to CREATED_INITIATION and derives the keys. The handshake
 * is unchanged by both: beginning the session zeroes it. */
bool wg_noise_consume_response(const struct wg_identity *identity,
			       const struct wg_noise_peer *peer,
			       const struct wg_handshake *handshake,
			       const struct wg_response *message,
			       struct wg_transport_keys *keys);

#endif
