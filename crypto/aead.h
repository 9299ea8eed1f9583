/* SPDX-License-Identifier: ISC */
/*
 * ChaCha20-Poly1305 (RFC 8439) with WireGuard's nonce: four zero bytes and a
 * little-endian counter. Data packets come and go in batches, through one of a
 * few backends; libsodium is the reference that the others must agree with, and
 * does all that is not data.
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

/* A backend. It keeps no key from one call to the next. Not for two threads. */
struct aead {
	const char *name; /* "libsodium", "libcrypto", "ipsec-mb" */
	void (*seal_jobs)(void *context, const uint8_t key[AEAD_KEY_LEN],
			  struct aead_job *jobs, size_t count);
	/* The data of a job that is not ok may have been overwritten. */
	void (*open_jobs)(void *context, const uint8_t key[AEAD_KEY_LEN],
			  struct aead_job *jobs, size_t count);
	void (*unload)(void *context);
	void *context;
};

extern const struct aead aead_reference;

static inline void aead_seal_batch(const struct aead *aead,
				   const uint8_t key[AEAD_KEY_LEN],
				   struct aead_job *jobs, size_t count)
{
	aead->seal_jobs(aead->context, key, jobs, count);
}

static inline void aead_open_batch(const struct aead *aead,
				   const uint8_t key[AEAD_KEY_LEN],
				   struct aead_job *jobs, size_t count)
{
	aead->open_jobs(aead->context, key, jobs, count);
}

/* Loads the backend of that name, or with "auto" the fastest that this CPU and
 * the libraries installed give; that is libsodium at least. It has passed
 * aead_self_test(). -ERR_INVALID: no backend has this name; -ERR_NOT_FOUND: it
 * is not built in, or its library is not installed, or not for this CPU;
 * -ERR_STATE: the self-test failed. */
int aead_load(const char *name, struct aead *ret_aead);
void aead_unload(struct aead *aead);

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

/* A fixed vector, then for many lengths that it seals as the reference does,
 * and opens what is right and nothing else. */
bool aead_self_test(const struct aead *aead);

#endif
