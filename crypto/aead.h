/* SPDX-License-Identifier: ISC */
/*
 * ChaCha20-Poly1305 (RFC 8439) with WireGuard's nonce: four zero bytes and a
 * little-endian counter. Data packets come and go in batches, so that a backend
 * may work on several at once. libsodium is the reference.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AEAD_KEY_LEN = 32, AEAD_TAG_LEN = 16 };

/* One packet, sealed or opened where it lies. */
struct aead_job {
	uint8_t *data;
	uint32_t len; /* of the plaintext; the tag follows it */
	bool ok;      /* result of opening */
	uint64_t counter;
};

void aead_seal_batch(const uint8_t key[AEAD_KEY_LEN], struct aead_job *jobs,
		     size_t count);
void aead_open_batch(const uint8_t key[AEAD_KEY_LEN], struct aead_job *jobs,
		     size_t count);

/* Handshake messages: counter 0, with associated data. sealed has len + tag
 * bytes. */
void aead_seal(uint8_t *sealed, const void *plain, size_t len,
	       const uint8_t ad[32], const uint8_t key[AEAD_KEY_LEN]);
bool aead_open(uint8_t *plain, const uint8_t *sealed, size_t sealed_len,
	       const uint8_t ad[32], const uint8_t key[AEAD_KEY_LEN]);

/* Cookie replies: XChaCha20-Poly1305 with a random 24-byte nonce. */
bool xaead_open(uint8_t *plain, const uint8_t *sealed, size_t sealed_len,
		const uint8_t ad[16], const uint8_t nonce[24],
		const uint8_t key[AEAD_KEY_LEN]);
void xaead_seal(uint8_t *sealed, const uint8_t *plain, size_t len,
		const uint8_t ad[16], const uint8_t nonce[24],
		const uint8_t key[AEAD_KEY_LEN]);

/* RFC 8439 A.5, through the batch calls. */
bool aead_self_test(void);

#endif
