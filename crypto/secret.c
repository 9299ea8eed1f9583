/* SPDX-License-Identifier: ISC */
#include "crypto/secret.h"

#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "base/key.h"
#include "crypto/aead.h"

int crypto_init(void)
{
	if (sodium_init() < 0 || !aead_self_test(&aead_reference))
		return -ERR_STATE;
	return 0;
}

/* sodium_malloc() locks what it can and does not tell; a second lock of the
 * same pages does. */
void *secret_alloc(size_t len, bool *ret_locked)
{
	void *memory = sodium_malloc(len);

	if (memory == NULL)
		return NULL;
	*ret_locked = sodium_mlock(memory, len) == 0;
	memset(memory, 0, len);
	return memory;
}

void secret_free(void *memory)
{
	sodium_free(memory);
}

void secret_wipe(void *memory, size_t len)
{
	sodium_memzero(memory, len);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void secret_random(void *buf, size_t len)
{
	randombytes_buf(buf, len);
}

void key_public(const struct key *private_key, struct key *ret_public)
{
	crypto_scalarmult_base(ret_public->bytes, private_key->bytes);
}
