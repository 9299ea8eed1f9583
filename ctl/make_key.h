/* SPDX-License-Identifier: ISC */
/* Fresh keys from the system's random numbers. */
#ifndef CTL_MAKE_KEY_H
#define CTL_MAKE_KEY_H

#include <stddef.h>

#include "base/key.h"

/* Each returns an exit code and says what went wrong. */

/* len is at most 256. */
int make_random(void *bytes, size_t len);

/* An X25519 private key. The caller wipes it. */
int make_private_key(struct key *key);

#endif
