/* SPDX-License-Identifier: ISC */
#include "crypto/dh.h"

#include <sodium.h>

bool dh(uint8_t shared[DH_LEN], const uint8_t private_key[DH_LEN],
	const uint8_t public_key[DH_LEN])
{
	return crypto_scalarmult(shared, private_key, public_key) == 0;
}

void dh_clamp(uint8_t private_key[DH_LEN])
{
	private_key[0] &= 248;
	private_key[31] &= 127;
	private_key[31] |= 64;
}

void dh_public(uint8_t public_key[DH_LEN], const uint8_t private_key[DH_LEN])
{
	crypto_scalarmult_base(public_key, private_key);
}
