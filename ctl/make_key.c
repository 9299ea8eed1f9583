/* SPDX-License-Identifier: ISC */
#include "ctl/make_key.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "ctl/ask.h"

int make_random(void *bytes, size_t len)
{
	if (getrandom(bytes, len, 0) == (ssize_t)len)
		return EXIT_DONE;
	say("no random bytes: %s", strerror(errno));
	return EXIT_NO;
}

/* RFC 7748 section 5: the bits that a private key must and must not have. */
static void clamp(struct key *key)
{
	key->bytes[0] &= 248;
	key->bytes[31] &= 127;
	key->bytes[31] |= 64;
}

int make_private_key(struct key *key)
{
	int code = make_random(key->bytes, KEY_LEN);

	if (code == EXIT_DONE)
		clamp(key);
	return code;
}
