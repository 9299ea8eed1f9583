/* SPDX-License-Identifier: ISC */
#include "crypto/blake2s.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/secret.h"

static const uint32_t iv[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint8_t sigma[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint32_t rotr(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

static inline void mix(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d,
		       const uint32_t m[16], const uint8_t pair[2])
{
	*a += *b + m[pair[0]];
	*d = rotr(*d ^ *a, 16);
	*c += *d;
	*b = rotr(*b ^ *c, 12);
	*a += *b + m[pair[1]];
	*d = rotr(*d ^ *a, 8);
	*c += *d;
	*b = rotr(*b ^ *c, 7);
}

/* Columns, then diagonals. Written out, so that v can stay in registers. */
static inline void mix_round(uint32_t v[16], const uint32_t m[16],
			     const uint8_t order[16])
{
	mix(&v[0], &v[4], &v[8], &v[12], m, order);
	mix(&v[1], &v[5], &v[9], &v[13], m, order + 2);
	mix(&v[2], &v[6], &v[10], &v[14], m, order + 4);
	mix(&v[3], &v[7], &v[11], &v[15], m, order + 6);
	mix(&v[0], &v[5], &v[10], &v[15], m, order + 8);
	mix(&v[1], &v[6], &v[11], &v[12], m, order + 10);
	mix(&v[2], &v[7], &v[8], &v[13], m, order + 12);
	mix(&v[3], &v[4], &v[9], &v[14], m, order + 14);
}

static void compress(struct blake2s *state, const uint8_t *block,
		     uint32_t final)
{
	uint32_t m[16], v[16];

	for (size_t i = 0; i < 16; i++)
		m[i] = get_le32(block + 4 * i);
	memcpy(v, state->h, sizeof(state->h));
	memcpy(v + 8, iv, sizeof(iv));
	v[12] ^= (uint32_t)state->count;
	v[13] ^= (uint32_t)(state->count >> 32);
	v[14] ^= final;
	for (unsigned round = 0; round < 10; round++)
		mix_round(v, m, sigma[round]);
	for (size_t i = 0; i < 8; i++)
		state->h[i] ^= v[i] ^ v[i + 8];
	secret_wipe(m, sizeof(m));
	secret_wipe(v, sizeof(v));
}

void blake2s_init(struct blake2s *state, size_t hash_len, const void *key,
		  size_t key_len)
{
	CHECK(hash_len >= 1 && hash_len <= BLAKE2S_HASH_LEN);
	CHECK(key_len <= BLAKE2S_KEY_MAX);
	memset(state, 0, sizeof(*state));
	memcpy(state->h, iv, sizeof(iv));
	state->h[0] ^=
		0x01010000 ^ (uint32_t)(key_len << 8) ^ (uint32_t)hash_len;
	state->hash_len = hash_len;
	if (key_len > 0) {
		memcpy(state->buf, key, key_len);
		state->buf_len = BLAKE2S_BLOCK_LEN;
	}
}

/* The last block must be compressed as such, so a full buffer waits until more
 * comes or the hash ends. */
void blake2s_update(struct blake2s *state, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		size_t part = BLAKE2S_BLOCK_LEN - state->buf_len;

		if (part == 0) {
			state->count += BLAKE2S_BLOCK_LEN;
			compress(state, state->buf, 0);
			state->buf_len = 0;
			continue;
		}
		if (part > len)
			part = len;
		memcpy(state->buf + state->buf_len, p, part);
		state->buf_len += part;
		p += part;
		len -= part;
	}
}

void blake2s_final(struct blake2s *state, uint8_t *hash)
{
	uint8_t full[BLAKE2S_HASH_LEN];

	state->count += state->buf_len;
	memset(state->buf + state->buf_len, 0,
	       BLAKE2S_BLOCK_LEN - state->buf_len);
	compress(state, state->buf, UINT32_MAX);
	for (size_t i = 0; i < 8; i++)
		put_le32(full + 4 * i, state->h[i]);
	memcpy(hash, full, state->hash_len);
	secret_wipe(full, sizeof(full));
	secret_wipe(state, sizeof(*state));
}

void blake2s_hash2(uint8_t hash[BLAKE2S_HASH_LEN], const void *a, size_t a_len,
		   const void *b, size_t b_len)
{
	struct blake2s state;

	blake2s_init(&state, BLAKE2S_HASH_LEN, NULL, 0);
	blake2s_update(&state, a, a_len);
	blake2s_update(&state, b, b_len);
	blake2s_final(&state, hash);
}

void blake2s_mac(uint8_t mac[16], const void *key, size_t key_len,
		 const void *data, size_t len)
{
	struct blake2s state;

	blake2s_init(&state, 16, key, key_len);
	blake2s_update(&state, data, len);
	blake2s_final(&state, mac);
}
