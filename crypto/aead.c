/* SPDX-License-Identifier: ISC */
#include "crypto/aead.h"

#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/secret.h"

static_assert(crypto_aead_chacha20poly1305_IETF_ABYTES == AEAD_TAG_LEN, "tag");
static_assert(crypto_aead_chacha20poly1305_IETF_KEYBYTES == AEAD_KEY_LEN, "");

enum { NONCE_LEN = 12 };

const char *crypto_aead_name(void)
{
	return "libsodium";
}

void aead_seal_batch(const uint8_t key[AEAD_KEY_LEN], struct aead_job *jobs,
		     size_t count)
{
	uint8_t nonce[NONCE_LEN] = {0};

	for (size_t i = 0; i < count; i++) {
		struct aead_job *job = &jobs[i];

		put_le64(nonce + 4, job->counter);
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(
			job->data, job->data + job->len, NULL, job->data,
			job->len, NULL, 0, NULL, nonce, key);
	}
}

void aead_open_batch(const uint8_t key[AEAD_KEY_LEN], struct aead_job *jobs,
		     size_t count)
{
	uint8_t nonce[NONCE_LEN] = {0};

	for (size_t i = 0; i < count; i++) {
		struct aead_job *job = &jobs[i];

		put_le64(nonce + 4, job->counter);
		job->ok =
			crypto_aead_chacha20poly1305_ietf_decrypt_detached(
				job->data, NULL, job->data, job->len,
				job->data + job->len, NULL, 0, nonce, key) == 0;
	}
}

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

/* Sixteen zero bytes under the key 80 81 .. 9f with counter 1. */
bool aead_self_test(void)
{
	static const uint8_t expected[16 + AEAD_TAG_LEN] = {
		0xe3, 0x11, 0x74, 0x0d, 0x7e, 0x7f, 0x27, 0xe6,
		0x62, 0x05, 0xda, 0x16, 0x8a, 0x74, 0x86, 0xea,
		0x84, 0xee, 0xf3, 0x80, 0x86, 0x00, 0xcd, 0xc4,
		0x9e, 0xb3, 0x7b, 0x73, 0x4c, 0x76, 0xae, 0x3c,
	};
	uint8_t key[AEAD_KEY_LEN], data[16 + AEAD_TAG_LEN] = {0};
	struct aead_job job = {.data = data, .len = 16, .counter = 1};

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	aead_seal_batch(key, &job, 1);
	if (memcmp(data, expected, sizeof(data)) != 0)
		return false;
	aead_open_batch(key, &job, 1);
	if (!job.ok || !sodium_is_zero(data, 16))
		return false;
	data[3] ^= 1; /* the tag does not fit any more */
	aead_open_batch(key, &job, 1);
	return !job.ok;
}
