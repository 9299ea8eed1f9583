/* SPDX-License-Identifier: ISC */
/* BLAKE2s (RFC 7693): unkeyed for transcripts, keyed for MACs. */
#ifndef CRYPTO_BLAKE2S_H
#define CRYPTO_BLAKE2S_H

#include <stddef.h>
#include <stdint.h>

enum {
	BLAKE2S_BLOCK_LEN = 64,
	BLAKE2S_HASH_LEN = 32,
	BLAKE2S_KEY_MAX = 32,
};

struct blake2s {
	uint32_t h[8];
	uint64_t count; /* bytes compressed, including the last full block */
	uint8_t buf[BLAKE2S_BLOCK_LEN];
	size_t buf_len;
	size_t hash_len;
};

/* hash_len 1..32, key_len 0..32. */
void blake2s_init(struct blake2s *state, size_t hash_len, const void *key,
		  size_t key_len);
void blake2s_update(struct blake2s *state, const void *data, size_t len);
/* Writes hash_len bytes and wipes the state. */
void blake2s_final(struct blake2s *state, uint8_t *hash);

/* HASH of the whitepaper over two parts; either may be empty. */
void blake2s_hash2(uint8_t hash[BLAKE2S_HASH_LEN], const void *a, size_t a_len,
		   const void *b, size_t b_len);
/* MAC of the whitepaper: keyed, 16 bytes. */
void blake2s_mac(uint8_t mac[16], const void *key, size_t key_len,
		 const void *data, size_t len);

#endif
