/* SPDX-License-Identifier: ISC */
/*
 * SipHash-2-4 for tables whose keys a stranger chooses, and as the keyed
 * function of RFC 6528 and RFC 6056.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k[2];
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
