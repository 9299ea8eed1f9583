/* SPDX-License-Identifier: ISC */
/*
 * OpenSSL 3. Its ciphers are fast and its interface is slow: about 250 ns for a
 * packet, more than libsodium takes for a short one. So short packets are left
 * to libsodium. Two contexts, made once and given a key for each batch.
 */
#ifdef HAVE_LIBCRYPTO

#include "crypto/aead_backend.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/library.h"
#include "crypto/secret.h"

/* Below this libsodium is the faster one. */
enum { LEN_MIN = 512 };

struct evp {
	void *library;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *sealer, *opener;

	__typeof__(OPENSSL_init_crypto) *init_library;
	__typeof__(EVP_CIPHER_fetch) *fetch;
	__typeof__(EVP_CIPHER_free) *free_cipher;
	__typeof__(EVP_CIPHER_CTX_new) *new_context;
	__typeof__(EVP_CIPHER_CTX_free) *free_context;
	__typeof__(EVP_CipherInit_ex2) *init;
	__typeof__(EVP_CIPHER_CTX_ctrl) *control;
	__typeof__(EVP_CipherUpdate) *update;
	__typeof__(EVP_CipherFinal_ex) *final;
};

static const struct library_symbol symbols[] = {
	{"OPENSSL_init_crypto", offsetof(struct evp, init_library)},
	{"EVP_CIPHER_fetch", offsetof(struct evp, fetch)},
	{"EVP_CIPHER_free", offsetof(struct evp, free_cipher)},
	{"EVP_CIPHER_CTX_new", offsetof(struct evp, new_context)},
	{"EVP_CIPHER_CTX_free", offsetof(struct evp, free_context)},
	{"EVP_CipherInit_ex2", offsetof(struct evp, init)},
	{"EVP_CIPHER_CTX_ctrl", offsetof(struct evp, control)},
	{"EVP_CipherUpdate", offsetof(struct evp, update)},
	{"EVP_CipherFinal_ex", offsetof(struct evp, final)},
};

static const uint8_t no_key[AEAD_KEY_LEN];

/* ------------------------------------------------------------- packets */

/* key is NULL for packets of the batch after the first. */
static void begin(const struct evp *evp, EVP_CIPHER_CTX *context,
		  const uint8_t *key, const struct aead_job *job)
{
	uint8_t nonce[AEAD_NONCE_LEN] = {0};

	put_le64(nonce + 4, job->counter);
	CHECK(evp->init(context, NULL, key, nonce, -1, NULL) == 1);
}

static void forget_key(const struct evp *evp, EVP_CIPHER_CTX *context)
{
	CHECK(evp->init(context, NULL, no_key, NULL, -1, NULL) == 1);
}

static void seal_one(const struct evp *evp, const uint8_t *key,
		     const struct aead_job *job)
{
	uint8_t *tag = job->data + job->len;
	int len;

	begin(evp, evp->sealer, key, job);
	CHECK(evp->update(evp->sealer, job->data, &len, job->data,
			  (int)job->len) == 1);
	CHECK(evp->final(evp->sealer, tag, &len) == 1);
	CHECK(evp->control(evp->sealer, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN,
			   tag) == 1);
}

static bool open_one(const struct evp *evp, const uint8_t *key,
		     const struct aead_job *job)
{
	uint8_t *tag = job->data + job->len;
	int len;

	begin(evp, evp->opener, key, job);
	CHECK(evp->control(evp->opener, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN,
			   tag) == 1);
	CHECK(evp->update(evp->opener, job->data, &len, job->data,
			  (int)job->len) == 1);
	return evp->final(evp->opener, tag, &len) == 1;
}

static void seal_jobs(void *context, const uint8_t key[AEAD_KEY_LEN],
		      struct aead_job *jobs, size_t count)
{
	struct evp *evp = context;
	bool keyed = false;

	for (size_t i = 0; i < count; i++) {
		if (jobs[i].len < LEN_MIN) {
			aead_seal_batch(&aead_reference, key, &jobs[i], 1);
			continue;
		}
		seal_one(evp, keyed ? NULL : key, &jobs[i]);
		keyed = true;
	}
	if (keyed)
		forget_key(evp, evp->sealer);
}

static void open_jobs(void *context, const uint8_t key[AEAD_KEY_LEN],
		      struct aead_job *jobs, size_t count)
{
	struct evp *evp = context;
	bool keyed = false;

	for (size_t i = 0; i < count; i++) {
		if (jobs[i].len < LEN_MIN) {
			aead_open_batch(&aead_reference, key, &jobs[i], 1);
			continue;
		}
		jobs[i].ok = open_one(evp, keyed ? NULL : key, &jobs[i]);
		keyed = true;
	}
	if (keyed)
		forget_key(evp, evp->opener);
}

/* ------------------------------------------------------------- loading */

static void unload(void *context)
{
	struct evp *evp = context;

	if (evp->library != NULL) {
		evp->free_context(evp->sealer);
		evp->free_context(evp->opener);
		evp->free_cipher(evp->cipher);
		library_close(evp->library);
	}
	secret_free(evp);
}

static bool prepare(struct evp *evp)
{
	uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG |
			   OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;

	if (evp->init_library(options, NULL) != 1)
		return false;
	evp->cipher = evp->fetch(NULL, "ChaCha20-Poly1305", NULL);
	evp->sealer = evp->new_context();
	evp->opener = evp->new_context();
	return evp->cipher != NULL && evp->sealer != NULL &&
	       evp->opener != NULL &&
	       evp->init(evp->sealer, evp->cipher, no_key, NULL, 1, NULL) ==
		       1 &&
	       evp->init(evp->opener, evp->cipher, no_key, NULL, 0, NULL) == 1;
}

#define TEXT_OF(number) #number
#define FILE_OF(number) "libcrypto.so." TEXT_OF(number)

bool aead_load_libcrypto(struct aead *ret_aead)
{
	bool locked;
	struct evp *evp = secret_alloc(sizeof(*evp), &locked);

	if (evp == NULL)
		return false;
	evp->library = library_open(FILE_OF(OPENSSL_SHLIB_VERSION), symbols,
				    ARRAY_SIZE(symbols), evp);
	if (evp->library == NULL || !prepare(evp)) {
		unload(evp);
		return false;
	}
	*ret_aead = (struct aead){
		.name = "libcrypto",
		.seal_jobs = seal_jobs,
		.open_jobs = open_jobs,
		.unload = unload,
		.context = evp,
	};
	return true;
}

#endif
