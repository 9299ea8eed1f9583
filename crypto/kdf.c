/* SPDX-License-Identifier: ISC */
#include "crypto/kdf.h"

#include <string.h>

#include "crypto/blake2s.h"
#include "crypto/secret.h"

static void start(struct blake2s *state, const uint8_t key[KDF_LEN],
		  uint8_t pad)
{
	uint8_t block[BLAKE2S_BLOCK_LEN];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < KDF_LEN; i++)
		block[i] ^= key[i];
	blake2s_init(state, BLAKE2S_HASH_LEN, NULL, 0);
	blake2s_update(state, block, sizeof(block));
	secret_wipe(block, sizeof(block));
}

void hmac_blake2s(uint8_t mac[KDF_LEN], const uint8_t key[KDF_LEN],
		  const void *data, size_t len)
{
	struct blake2s state;
	uint8_t inner[KDF_LEN];

	start(&state, key, 0x36);
	blake2s_update(&state, data, len);
	blake2s_final(&state, inner);
	start(&state, key, 0x5c);
	blake2s_update(&state, inner, sizeof(inner));
	blake2s_final(&state, mac);
	secret_wipe(inner, sizeof(inner));
}

void kdf(uint8_t *first, uint8_t *second, uint8_t *third,
	 const uint8_t chaining_key[KDF_LEN], const void *data, size_t len)
{
	uint8_t *outputs[3] = {first, second, third};
	uint8_t secret[KDF_LEN], block[KDF_LEN + 1];
	size_t block_len = 0;

	hmac_blake2s(secret, chaining_key, data, len);
	for (unsigned i = 0; i < 3 && outputs[i] != NULL; i++) {
		block[block_len] = (uint8_t)(i + 1);
		hmac_blake2s(block, secret, block, block_len + 1);
		block_len = KDF_LEN;
		memcpy(outputs[i], block, KDF_LEN);
	}
	secret_wipe(secret, sizeof(secret));
	secret_wipe(block, sizeof(block));
}
