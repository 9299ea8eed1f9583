/* SPDX-License-Identifier: ISC */
/*
 * Every backend that runs here against libsodium. The input is a key, a
 * counter, then packets of one batch: a length and a byte that says what
 * happens to the sealed packet. All must seal alike, byte for byte and not one
 * further, and open exactly what was not changed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	JOBS_MAX = 64,       /* datagrams of one batch */
	BYTES_MAX = 1 << 18, /* of one batch */
	HEAD_LEN = AEAD_KEY_LEN + 8,
	JOB_LEN = 3, /* length, change */
	BACKENDS = 3,
};

struct batch {
	uint8_t bytes[BYTES_MAX];
	struct aead_job jobs[JOBS_MAX];
	size_t count;
	size_t used; /* of bytes */
};

static struct aead backends[BACKENDS];
static size_t backend_count;

static void unload_all(void)
{
	for (size_t i = 0; i < backend_count; i++)
		aead_unload(&backends[i]);
}

/* Before the first input, so that none of them seems to leak. */
__attribute__((constructor)) static void load_all(void)
{
	static const char *const names[BACKENDS] = {"libsodium", "libcrypto",
						    "ipsec-mb"};

	CHECK(crypto_init() == 0);
	for (size_t i = 0; i < BACKENDS; i++) {
		if (aead_load(names[i], &backends[backend_count]) == 0)
			backend_count++;
	}
	CHECK(atexit(unload_all) == 0);
}

/* The plaintext is a pattern; what matters is its length. */
static void take_batch(struct batch *batch, const uint8_t *data, size_t size)
{
	uint64_t counter = get_le64(data + AEAD_KEY_LEN);

	batch->count = batch->used = 0;
	for (size_t at = HEAD_LEN; at + JOB_LEN <= size; at += JOB_LEN) {
		uint32_t len = get_be16(data + at);

		if (batch->count == JOBS_MAX ||
		    batch->used + len + AEAD_TAG_LEN > BYTES_MAX)
			break;
		batch->jobs[batch->count] = (struct aead_job){
			.data = batch->bytes + batch->used,
			.len = len,
			.counter = counter + batch->count,
		};
		batch->count++;
		batch->used += len + AEAD_TAG_LEN;
	}
	for (size_t i = 0; i < batch->used; i += HEAD_LEN)
		memcpy(batch->bytes + i, data,
		       batch->used - i < HEAD_LEN ? batch->used - i : HEAD_LEN);
}

static void copy_batch(struct batch *to, const struct batch *from)
{
	memcpy(to->bytes, from->bytes, from->used);
	memcpy(to->jobs, from->jobs, sizeof(to->jobs));
	to->count = from->count;
	to->used = from->used;
	for (size_t i = 0; i < to->count; i++)
		to->jobs[i].data =
			to->bytes + (from->jobs[i].data - from->bytes);
}

static bool is_forged(uint8_t how)
{
	return how >= 0x80;
}

static void forge(const struct aead_job *job, uint8_t how)
{
	uint32_t at = how * 257U % (job->len + AEAD_TAG_LEN);

	job->data[at] ^= (uint8_t)(1U << (how & 7));
}

static void try_backend(const struct aead *aead, const uint8_t *data,
			const struct batch *plain, const struct batch *sealed)
{
	static struct batch ours;

	copy_batch(&ours, plain);
	aead_seal_batch(aead, data, ours.jobs, ours.count);
	CHECK(memcmp(ours.bytes, sealed->bytes, ours.used) == 0);
	for (size_t i = 0; i < ours.count; i++) {
		uint8_t how = data[HEAD_LEN + i * JOB_LEN + 2];

		if (is_forged(how))
			forge(&ours.jobs[i], how);
	}
	aead_open_batch(aead, data, ours.jobs, ours.count);
	for (size_t i = 0; i < ours.count; i++) {
		const struct aead_job *job = &ours.jobs[i];
		uint8_t how = data[HEAD_LEN + i * JOB_LEN + 2];

		CHECK(job->ok == !is_forged(how));
		CHECK(!job->ok ||
		      memcmp(job->data, plain->jobs[i].data, job->len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct batch plain, sealed;

	if (size < HEAD_LEN)
		return 0;
	take_batch(&plain, data, size);
	copy_batch(&sealed, &plain);
	aead_seal_batch(&aead_reference, data, sealed.jobs, sealed.count);
	for (size_t i = 0; i < backend_count; i++)
		try_backend(&backends[i], data, &plain, &sealed);
	return 0;
}
