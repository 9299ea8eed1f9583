/* SPDX-License-Identifier: ISC */
/* HMAC-BLAKE2s and the key derivation of Noise, KDF1 to KDF3. */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H

#include <stddef.h>
#include <stdint.h>

enum { KDF_LEN = 32 };

/* Outputs that are NULL are not wanted; they end the list. The chaining key
 * may be the same memory as the first output. */
void kdf(uint8_t *first, uint8_t *second, uint8_t *third,
	 const uint8_t chaining_key[KDF_LEN], const void *data, size_t len);

void hmac_blake2s(uint8_t mac[KDF_LEN], const uint8_t key[KDF_LEN],
		  const void *data, size_t len);

#endif
