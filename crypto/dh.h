/* SPDX-License-Identifier: ISC */
/* X25519 (RFC 7748). */
#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include <stdbool.h>
#include <stdint.h>

enum { DH_LEN = 32 };

/* False when the result is all zero: the public key has low order, and the
 * handshake must fail (checklist N8). */
__attribute__((warn_unused_result)) bool dh(uint8_t shared[DH_LEN],
					    const uint8_t private_key[DH_LEN],
					    const uint8_t public_key[DH_LEN]);

/* As curve25519 keys are: clamped. */
void dh_clamp(uint8_t private_key[DH_LEN]);
void dh_public(uint8_t public_key[DH_LEN], const uint8_t private_key[DH_LEN]);

#endif
