/* SPDX-License-Identifier: ISC */
/*
 * The backends that need a library beside libsodium. Each is loaded with
 * dlopen() when it is chosen: the program runs without it, and does not pay for
 * the memory of one that it does not use. false: there is none, and nothing to
 * unload.
 */
#ifndef CRYPTO_AEAD_BACKEND_H
#define CRYPTO_AEAD_BACKEND_H

#include "crypto/aead.h"

enum { AEAD_NONCE_LEN = 12 };

#ifdef HAVE_LIBCRYPTO
bool aead_load_libcrypto(struct aead *ret_aead);
#endif

#ifdef HAVE_IPSEC_MB
bool aead_load_ipsec_mb(struct aead *ret_aead);
#endif

#endif
