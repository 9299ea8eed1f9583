/* SPDX-License-Identifier: ISC */
/*
 * Key files: one base64 key on a line, nothing else. The layer's only user of
 * libsodium.
 */
#ifndef CONFIG_KEYFILE_H
#define CONFIG_KEYFILE_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"

/* Reads a private or preshared key. 0, or with a reason in words:
 * -ERR_PERMISSION when others may read the file, -ERR_IO, -ERR_SYNTAX. No
 * copy of the key is left behind. */
int keyfile_read(const char *path, struct key *ret_key,
		 const char **ret_reason);

/* A wipe that the compiler keeps. */
void key_memory_wipe(void *memory, size_t len);

/* Tells two memories apart without keeping what they hold. Parts are taken in
 * with their lengths, so that no two sequences look alike. */
struct digest {
	alignas(64) uint8_t state[384];
};
void digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t len);
void digest_end(struct digest *digest, uint8_t out[32]);

/* The X25519 public key. 0, or -ERR_INVALID. */
int key_derive_public(const struct key *private_key, struct key *ret_public);

#endif
