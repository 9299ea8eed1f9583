/* SPDX-License-Identifier: ISC */
/*
 * Memory for keys: locked, between guard pages, left out of core dumps, wiped
 * when given back. Allocated once at start, one region for each tunnel.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Initialises libsodium and checks its AEAD. Call once, first. 0 or
 * -ERR_STATE. */
int crypto_init(void);

/* Zeroed. NULL when there is no memory. *ret_locked is false when the pages
 * could not be locked (RLIMIT_MEMLOCK): warn, go on. */
void *secret_alloc(size_t len, bool *ret_locked);
void secret_free(void *memory);
/* A wipe that the compiler keeps. */
void secret_wipe(void *memory, size_t len);
/* Constant time. */
bool secret_equal(const void *a, const void *b, size_t len);
/* From the system, for the edge's random_source. */
void secret_random(void *buf, size_t len);

struct key;
/* base64 text of a fresh or derived key: genkey, pubkey. */
void key_public(const struct key *private_key, struct key *ret_public);

#endif
