/* SPDX-License-Identifier: ISC */
#include "config/keyfile.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/file.h"

enum { KEY_FILE_MAX = 256 }; /* bytes; a key and a line end are 46 */

static_assert(KEY_LEN == crypto_scalarmult_BYTES, "X25519");

static const char blanks[] = " \t\r\n";

/* Cuts the blanks around the key in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, blanks);
	len = strlen(text);
	while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
		len--;
	text[len] = '\0';
	return text;
}

int keyfile_read(const char *path, struct key *ret_key, const char **ret_reason)
{
	struct file file;
	int err = file_read(path, KEY_FILE_MAX, &file, ret_reason);

	if (err == -ERR_TOO_LONG || err == -ERR_INVALID)
		err = -ERR_SYNTAX;
	if (err != 0)
		return err;
	if (file_is_exposed(&file, path)) {
		*ret_reason = "other users may read this key; chmod 600 it, "
			      "and let this user own it";
		err = -ERR_PERMISSION;
	} else if (key_parse(trim(file.text), ret_key) != 0) {
		*ret_reason = "expected one key: 44 characters of base64, as "
			      "wg genkey prints it";
		err = -ERR_SYNTAX;
	}
	file_free(&file);
	return err;
}

void key_memory_wipe(void *memory, size_t len)
{
	sodium_memzero(memory, len);
}

static_assert(sizeof(struct digest) >= sizeof(crypto_generichash_state) &&
		      alignof(struct digest) >=
			      alignof(crypto_generichash_state),
	      "digest state");

static crypto_generichash_state *digest_state(struct digest *digest)
{
	return (crypto_generichash_state *)(void *)digest->state;
}

void digest_init(struct digest *digest)
{
	CHECK(crypto_generichash_init(digest_state(digest), NULL, 0, 32) == 0);
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
	uint64_t prefix = len;

	crypto_generichash_update(digest_state(digest),
				  (const uint8_t *)&prefix, sizeof(prefix));
	crypto_generichash_update(digest_state(digest), data, len);
}

void digest_end(struct digest *digest, uint8_t out[32])
{
	crypto_generichash_final(digest_state(digest), out, 32);
	sodium_memzero(digest, sizeof(*digest));
}

int key_derive_public(const struct key *private_key, struct key *ret_public)
{
	if (crypto_scalarmult_base(ret_public->bytes, private_key->bytes) != 0)
		return -ERR_INVALID;
	return 0;
}
