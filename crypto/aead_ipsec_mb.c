/* SPDX-License-Identifier: ISC */
/*
 * Intel's multi-buffer library. Its ChaCha20-Poly1305 works on one packet at a
 * time, encrypts and authenticates it in one pass, and is the fastest at every
 * length where the CPU multiplies 52-bit integers in vectors. A job is done
 * when it is submitted.
 */
#ifdef HAVE_IPSEC_MB

#include "crypto/aead_backend.h"

#include <intel-ipsec-mb.h>
#include <sodium.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/library.h"
#include "crypto/secret.h"

static_assert(AEAD_TAG_LEN == crypto_verify_16_BYTES, "tag");

struct mb {
	void *library;
	IMB_MGR *manager;

	__typeof__(alloc_mb_mgr) *new_manager;
	__typeof__(free_mb_mgr) *free_manager;
	__typeof__(init_mb_mgr_auto) *init;
};

static const struct library_symbol symbols[] = {
	{"alloc_mb_mgr", offsetof(struct mb, new_manager)},
	{"free_mb_mgr", offsetof(struct mb, free_manager)},
	{"init_mb_mgr_auto", offsetof(struct mb, init)},
};

/* ------------------------------------------------------------- packets */

static void run(IMB_MGR *manager, IMB_CIPHER_DIRECTION direction,
		const uint8_t key[AEAD_KEY_LEN], const struct aead_job *packet,
		uint8_t tag[AEAD_TAG_LEN])
{
	uint8_t nonce[AEAD_NONCE_LEN] = {0};
	IMB_JOB *job = IMB_GET_NEXT_JOB(manager);

	put_le64(nonce + 4, packet->counter);
	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	job->cipher_direction = direction;
	job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH
							: IMB_ORDER_HASH_CIPHER;
	job->enc_keys = job->dec_keys = key;
	job->key_len_in_bytes = AEAD_KEY_LEN;
	job->src = job->dst = packet->data;
	job->cipher_start_src_offset_in_bytes = 0;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = packet->len;
	job->msg_len_to_hash_in_bytes = packet->len;
	job->iv = nonce;
	job->iv_len_in_bytes = sizeof(nonce);
	job->u.CHACHA20_POLY1305.aad = NULL;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = 0;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = AEAD_TAG_LEN;
	CHECK(IMB_SUBMIT_JOB_NOCHECK(manager) == job &&
	      job->status == IMB_STATUS_COMPLETED);
}

static void seal_jobs(void *context, const uint8_t key[AEAD_KEY_LEN],
		      struct aead_job *jobs, size_t count)
{
	struct mb *mb = context;

	for (size_t i = 0; i < count; i++)
		run(mb->manager, IMB_DIR_ENCRYPT, key, &jobs[i],
		    jobs[i].data + jobs[i].len);
}

static void open_jobs(void *context, const uint8_t key[AEAD_KEY_LEN],
		      struct aead_job *jobs, size_t count)
{
	struct mb *mb = context;
	uint8_t tag[AEAD_TAG_LEN];

	for (size_t i = 0; i < count; i++) {
		run(mb->manager, IMB_DIR_DECRYPT, key, &jobs[i], tag);
		jobs[i].ok =
			crypto_verify_16(tag, jobs[i].data + jobs[i].len) == 0;
	}
}

/* ------------------------------------------------------------- loading */

static void unload(void *context)
{
	struct mb *mb = context;

	if (mb->manager != NULL)
		mb->free_manager(mb->manager);
	if (mb->library != NULL)
		library_close(mb->library);
	secret_free(mb);
}

static bool prepare(struct mb *mb)
{
	IMB_ARCH arch = IMB_ARCH_NONE;

	mb->manager = mb->new_manager(0);
	if (mb->manager == NULL)
		return false;
	mb->init(mb->manager, &arch);
	return arch != IMB_ARCH_NONE;
}

/* The struct of the manager is the library's of the same major version. */
static_assert(IMB_VERSION_NUM >> 16 == 1, "libIPSec_MB.so.1");

bool aead_load_ipsec_mb(struct aead *ret_aead)
{
	bool locked;
	struct mb *mb = secret_alloc(sizeof(*mb), &locked);

	if (mb == NULL)
		return false;
	mb->library = library_open("libIPSec_MB.so.1", symbols,
				   ARRAY_SIZE(symbols), mb);
	if (mb->library == NULL || !prepare(mb)) {
		unload(mb);
		return false;
	}
	*ret_aead = (struct aead){
		.name = "ipsec-mb",
		.seal_jobs = seal_jobs,
		.open_jobs = open_jobs,
		.unload = unload,
		.context = mb,
	};
	return true;
}

#endif
