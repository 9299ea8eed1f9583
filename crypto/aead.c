/* SPDX-License-Identifier: ISC */
#include "crypto/aead.h"

#include <sodium.h>

#include "base/bytes.h"
#include "base/check.h"

static_assert(crypto_aead_chacha20poly1305_IETF_ABYTES == AEAD_TAG_LEN, "tag");
static_assert(crypto_aead_chacha20poly1305_IETF_KEYBYTES == AEAD_KEY_LEN, "");

enum { NONCE_LEN = 12 };

/* ------------------------------------------------------------- reference */

static void seal_jobs(void *context, const uint8_t key[AEAD_KEY_LEN],
		      struct aead_job *jobs, size_t count)
{
	uint8_t nonce[NONCE_LEN] = {0};

	(void)context;
	for (size_t i = 0; i < count; i++) {
		struct aead_job *job = &jobs[i];

		put_le64(nonce + 4, job->counter);
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(
			job->data, job->data + job->len, NULL, job->data,
			job->len, NULL, 0, NULL, nonce, key);
	}
}

static void open_jobs(void *context, const uint8_t key[AEAD_KEY_LEN],
		      struct aead_job *jobs, size_t count)
{
	uint8_t nonce[NONCE_LEN] = {0};

	(void)context;
	for (size_t i = 0; i < count; i++) {
		struct aead_job *job = &jobs[i];

		put_le64(nonce + 4, job->counter);
		job->ok =
			crypto_aead_chacha20poly1305_ietf_decrypt_detached(
				job->data, NULL, job->data, job->len,
				job->data + job->len, NULL, 0, nonce, key) == 0;
	}
}

static void unload(void *context)
{
	(void)context;
}

const struct aead aead_reference = {
	.name = "libsodium",
	.seal_jobs = seal_jobs,
	.open_jobs = open_jobs,
	.unload = unload,
};

/* ------------------------------------------------------------- messages */

void aead_seal(uint8_t *sealed, const void *plain, size_t len,
	       const uint8_t ad[32], const uint8_t key[AEAD_KEY_LEN])
{
	static const uint8_t nonce[NONCE_LEN];

	crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plain, len, ad,
						  32, NULL, nonce, key);
}

bool aead_open(uint8_t *plain, const uint8_t *sealed, size_t sealed_len,
	       const uint8_t ad[32], const uint8_t key[AEAD_KEY_LEN])
{
	static const uint8_t nonce[NONCE_LEN];

	return crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL,
							 sealed, sealed_len, ad,
							 32, nonce, key) == 0;
}

bool xaead_open(uint8_t *plain, const uint8_t *sealed, size_t sealed_len,
		const uint8_t ad[16], const uint8_t nonce[24],
		const uint8_t key[AEAD_KEY_LEN])
{
	return crypto_aead_xchacha20poly1305_ietf_decrypt(
		       plain, NULL, NULL, sealed, sealed_len, ad, 16, nonce,
		       key) == 0;
}

void xaead_seal(uint8_t *sealed, const uint8_t *plain, size_t len,
		const uint8_t ad[16], const uint8_t nonce[24],
		const uint8_t key[AEAD_KEY_LEN])
{
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, len, ad,
						   16, NULL, nonce, key);
}
