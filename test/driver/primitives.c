/* SPDX-License-Identifier: ISC */
/* Hashes, key derivation, X25519 and the AEADs. */
#include <string.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/dh.h"
#include "crypto/kdf.h"
#include "driver.h"

static void run_blake2s(struct request *request)
{
	uint64_t hash_len = request_number(request, BLAKE2S_HASH_LEN);
	size_t key_len, len;
	const uint8_t *key = request_hex(request, &key_len);
	const uint8_t *data = request_hex(request, &len);
	uint8_t hash[BLAKE2S_HASH_LEN];
	struct blake2s state;

	if (hash_len == 0 || key_len > BLAKE2S_KEY_MAX)
		request_fail(request, "LENGTH");
	if (!request_end(request))
		return;
	blake2s_init(&state, hash_len, key, key_len);
	blake2s_update(&state, data, len);
	blake2s_final(&state, hash);
	answer_hex(request, hash, hash_len);
}

static void run_mac(struct request *request)
{
	size_t key_len, len;
	const uint8_t *key = request_hex(request, &key_len);
	const uint8_t *data = request_hex(request, &len);
	uint8_t mac[16];

	if (key_len > BLAKE2S_KEY_MAX)
		request_fail(request, "LENGTH");
	if (!request_end(request))
		return;
	blake2s_mac(mac, key, key_len, data, len);
	answer_hex(request, mac, sizeof(mac));
}

static void run_hmac(struct request *request)
{
	const uint8_t *key = request_key(request, KDF_LEN);
	size_t len;
	const uint8_t *data = request_hex(request, &len);
	uint8_t mac[KDF_LEN];

	if (!request_end(request))
		return;
	hmac_blake2s(mac, key, data, len);
	answer_hex(request, mac, sizeof(mac));
}

static void run_kdf(struct request *request)
{
	uint64_t count = request_number(request, 3);
	const uint8_t *key = request_key(request, KDF_LEN);
	size_t len;
	const uint8_t *data = request_hex(request, &len);
	uint8_t out[3][KDF_LEN];

	if (count == 0)
		request_fail(request, "NUMBER");
	if (!request_end(request))
		return;
	kdf(out[0], count > 1 ? out[1] : NULL, count > 2 ? out[2] : NULL, key,
	    data, len);
	for (uint64_t i = 0; i < count; i++)
		answer_hex(request, out[i], KDF_LEN);
}

static void run_dh(struct request *request)
{
	const uint8_t *private_key = request_key(request, DH_LEN);
	const uint8_t *public_key = request_key(request, DH_LEN);
	uint8_t shared[DH_LEN];

	if (!request_end(request))
		return;
	if (dh(shared, private_key, public_key))
		answer_hex(request, shared, sizeof(shared));
	else
		request_fail(request, "LOW_ORDER");
}

static void run_public(struct request *request)
{
	const uint8_t *private_key = request_key(request, DH_LEN);
	uint8_t public_key[DH_LEN];

	if (!request_end(request))
		return;
	dh_public(public_key, private_key);
	answer_hex(request, public_key, sizeof(public_key));
}

static void run_clamp(struct request *request)
{
	uint8_t *private_key = request_key(request, DH_LEN);

	if (!request_end(request))
		return;
	dh_clamp(private_key);
	answer_hex(request, private_key, DH_LEN);
}

/* ------------------------------------------------------------- AEAD */

/* Each implementation of the batch calls. */
static const char *const backends[] = {"libsodium", "libcrypto", "ipsec-mb"};

static void run_backends(struct request *request)
{
	if (!request_end(request))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		struct aead aead;

		if (aead_load(backends[i], &aead) != 0)
			continue;
		answer(request, "%s", aead.name);
		aead_unload(&aead);
	}
}

/* To be unloaded. */
static struct aead take_backend(struct request *request)
{
	const char *name = request_word(request);
	struct aead aead = aead_reference;

	if (strcmp(name, "auto") == 0 || aead_load(name, &aead) != 0)
		request_fail(request, "BACKEND");
	return aead;
}

/* COUNTER:HEX words; the buffers are as long as what is sealed. */
static struct aead_job *take_jobs(struct request *request, bool sealed,
				  size_t *ret_count)
{
	size_t count = request->count - request->at;
	struct aead_job *jobs = request_alloc(request, count * sizeof(*jobs));

	*ret_count = count;
	for (size_t i = 0; i < count && request->error == NULL; i++) {
		char *word = request->words[request->at++];
		char *colon = strchr(word, ':');
		size_t len;
		uint8_t *data;

		if (colon == NULL) {
			request_fail(request, "SYNTAX");
			break;
		}
		*colon = '\0';
		jobs[i].counter = parse_number(request, word, UINT64_MAX);
		data = parse_hex(request, colon + 1, &len);
		if (len > UINT32_MAX / 2 || (sealed && len < AEAD_TAG_LEN)) {
			request_fail(request, "LENGTH");
			break;
		}
		jobs[i].len = (uint32_t)(sealed ? len - AEAD_TAG_LEN : len);
		jobs[i].data =
			request_alloc(request, jobs[i].len + AEAD_TAG_LEN);
		memcpy(jobs[i].data, data, len);
	}
	if (count == 0)
		request_fail(request, "MISSING");
	return jobs;
}

static void run_seal_batch(struct request *request)
{
	struct aead aead = take_backend(request);
	const uint8_t *key = request_key(request, AEAD_KEY_LEN);
	size_t count;
	struct aead_job *jobs = take_jobs(request, false, &count);

	if (request_end(request))
		aead_seal_batch(&aead, key, jobs, count);
	else
		count = 0;
	for (size_t i = 0; i < count; i++)
		answer_hex(request, jobs[i].data, jobs[i].len + AEAD_TAG_LEN);
	aead_unload(&aead);
}

static void run_open_batch(struct request *request)
{
	struct aead aead = take_backend(request);
	const uint8_t *key = request_key(request, AEAD_KEY_LEN);
	size_t count;
	struct aead_job *jobs = take_jobs(request, true, &count);

	if (request_end(request))
		aead_open_batch(&aead, key, jobs, count);
	else
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].ok)
			answer_hex(request, jobs[i].data, jobs[i].len);
		else
			answer(request, "forged");
	}
	aead_unload(&aead);
}

static void run_seal(struct request *request)
{
	const uint8_t *key = request_key(request, AEAD_KEY_LEN);
	const uint8_t *ad = request_key(request, 32);
	size_t len;
	const uint8_t *plain = request_hex(request, &len);
	uint8_t *sealed = request_alloc(request, len + AEAD_TAG_LEN);

	if (!request_end(request))
		return;
	aead_seal(sealed, plain, len, ad, key);
	answer_hex(request, sealed, len + AEAD_TAG_LEN);
}

static void run_open(struct request *request)
{
	const uint8_t *key = request_key(request, AEAD_KEY_LEN);
	const uint8_t *ad = request_key(request, 32);
	size_t len;
	const uint8_t *sealed = request_hex(request, &len);
	uint8_t *plain = request_alloc(request, len);

	if (len < AEAD_TAG_LEN)
		request_fail(request, "LENGTH");
	if (!request_end(request))
		return;
	if (aead_open(plain, sealed, len, ad, key))
		answer_hex(request, plain, len - AEAD_TAG_LEN);
	else
		request_fail(request, "AUTH");
}

static void run_xseal(struct request *request)
{
	const uint8_t *key = request_key(request, AEAD_KEY_LEN);
	const uint8_t *nonce = request_key(request, 24);
	const uint8_t *ad = request_key(request, 16);
	size_t len;
	const uint8_t *plain = request_hex(request, &len);
	uint8_t *sealed = request_alloc(request, len + AEAD_TAG_LEN);

	if (!request_end(request))
		return;
	xaead_seal(sealed, plain, len, ad, nonce, key);
	answer_hex(request, sealed, len + AEAD_TAG_LEN);
}

static void run_xopen(struct request *request)
{
	const uint8_t *key = request_key(request, AEAD_KEY_LEN);
	const uint8_t *nonce = request_key(request, 24);
	const uint8_t *ad = request_key(request, 16);
	size_t len;
	const uint8_t *sealed = request_hex(request, &len);
	uint8_t *plain = request_alloc(request, len);

	if (len < AEAD_TAG_LEN)
		request_fail(request, "LENGTH");
	if (!request_end(request))
		return;
	if (xaead_open(plain, sealed, len, ad, nonce, key))
		answer_hex(request, plain, len - AEAD_TAG_LEN);
	else
		request_fail(request, "AUTH");
}

const struct command primitive_commands[] = {
	{"blake2s", run_blake2s},
	{"mac", run_mac},
	{"hmac", run_hmac},
	{"kdf", run_kdf},
	{"dh", run_dh},
	{"public", run_public},
	{"clamp", run_clamp},
	{"backends", run_backends},
	{"seal-batch", run_seal_batch},
	{"open-batch", run_open_batch},
	{"seal", run_seal},
	{"open", run_open},
	{"xseal", run_xseal},
	{"xopen", run_xopen},
	{NULL, NULL},
};
