/* SPDX-License-Identifier: ISC */
/* Which backend, and whether it may be trusted. */
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "crypto/aead_backend.h"

/* ------------------------------------------------------------- choice */

static bool is_x86_with_ifma(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx512ifma") &&
	       __builtin_cpu_supports("avx512vl");
#else
	return false;
#endif
}

static bool always(void)
{
	return true;
}

static bool load_reference(struct aead *ret_aead)
{
	*ret_aead = aead_reference;
	return true;
}

/* The fastest first, as `make bench-micro` shows. */
static const struct choice {
	const char *name;
	bool (*is_automatic)(void);
	bool (*load)(struct aead *ret_aead); /* NULL: not built in */
} choices[] = {
	{"ipsec-mb", is_x86_with_ifma,
#ifdef HAVE_IPSEC_MB
	 aead_load_ipsec_mb
#endif
	},
	{"libcrypto", always,
#ifdef HAVE_LIBCRYPTO
	 aead_load_libcrypto
#endif
	},
	{"libsodium", always, load_reference},
};

static int load_choice(const struct choice *choice, struct aead *ret_aead)
{
	struct aead aead;

	if (choice->load == NULL || !choice->load(&aead))
		return -ERR_NOT_FOUND;
	if (!aead_self_test(&aead)) {
		aead_unload(&aead);
		return -ERR_STATE;
	}
	*ret_aead = aead;
	return 0;
}

int aead_load(const char *name, struct aead *ret_aead)
{
	bool automatic = strcmp(name, "auto") == 0;
	int err = -ERR_INVALID;

	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		const struct choice *choice = &choices[i];

		if (automatic ? !choice->is_automatic()
			      : strcmp(name, choice->name) != 0)
			continue;
		err = load_choice(choice, ret_aead);
		if (err == 0)
			break;
	}
	return err;
}

void aead_unload(struct aead *aead)
{
	aead->unload(aead->context);
	*aead = aead_reference;
}

/* ------------------------------------------------------------- self-test */

enum { TEST_JOBS = 3, TEST_LEN_MAX = 1500 };

/* What each backend does on its own. */
struct test {
	uint8_t key[AEAD_KEY_LEN];
	uint8_t data[TEST_JOBS][TEST_LEN_MAX + AEAD_TAG_LEN];
	struct aead_job jobs[TEST_JOBS];
};

static void fill_test(struct test *test, uint32_t len)
{
	for (unsigned i = 0; i < AEAD_KEY_LEN; i++)
		test->key[i] = (uint8_t)(0x80 + i);
	for (unsigned i = 0; i < TEST_JOBS; i++) {
		test->jobs[i] = (struct aead_job){
			.data = test->data[i],
			.len = len > i ? len - i : 0,
			.counter = UINT64_C(0xfffffffe) + i + len,
		};
		memset(test->data[i], (int)(len + i), TEST_LEN_MAX);
	}
}

/* Sixteen zero bytes under the key 80 81 .. 9f with counter 1. */
static bool seals_vector(const struct aead *aead)
{
	static const uint8_t expected[16 + AEAD_TAG_LEN] = {
		0xe3, 0x11, 0x74, 0x0d, 0x7e, 0x7f, 0x27, 0xe6,
		0x62, 0x05, 0xda, 0x16, 0x8a, 0x74, 0x86, 0xea,
		0x84, 0xee, 0xf3, 0x80, 0x86, 0x00, 0xcd, 0xc4,
		0x9e, 0xb3, 0x7b, 0x73, 0x4c, 0x76, 0xae, 0x3c,
	};
	uint8_t key[AEAD_KEY_LEN], data[16 + AEAD_TAG_LEN] = {0};
	struct aead_job job = {.data = data, .len = 16, .counter = 1};

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	aead_seal_batch(aead, key, &job, 1);
	if (memcmp(data, expected, sizeof(data)) != 0)
		return false;
	aead_open_batch(aead, key, &job, 1);
	return job.ok && sodium_is_zero(data, 16);
}

static bool jobs_ok(const struct test *test, bool first)
{
	for (unsigned i = 0; i < TEST_JOBS; i++) {
		if (test->jobs[i].ok != (i == 0 ? first : true))
			return false;
	}
	return true;
}

static bool agrees(const struct aead *aead, uint32_t len)
{
	struct test ours, theirs;
	uint8_t *byte = &ours.data[0][len * 7 % (len + AEAD_TAG_LEN)];

	fill_test(&ours, len);
	fill_test(&theirs, len);
	aead_seal_batch(aead, ours.key, ours.jobs, TEST_JOBS);
	aead_seal_batch(&aead_reference, theirs.key, theirs.jobs, TEST_JOBS);
	for (unsigned i = 0; i < TEST_JOBS; i++) {
		uint32_t sealed = ours.jobs[i].len + AEAD_TAG_LEN;

		if (memcmp(ours.data[i], theirs.data[i], sealed) != 0)
			return false;
	}
	aead_open_batch(aead, theirs.key, theirs.jobs, TEST_JOBS);
	*byte ^= 0x10;
	aead_open_batch(aead, ours.key, ours.jobs, TEST_JOBS);
	*byte ^= 0x10;
	if (!jobs_ok(&theirs, true) || !jobs_ok(&ours, false))
		return false;
	fill_test(&ours, len);
	for (unsigned i = 0; i < TEST_JOBS; i++) {
		if (memcmp(ours.data[i], theirs.data[i], ours.jobs[i].len) != 0)
			return false;
	}
	return true;
}

/* Around the sizes of blocks and of the vectors that hold several of them. */
bool aead_self_test(const struct aead *aead)
{
	static const uint16_t around[] = {0,   16,  64,  128,  192,  256,
					  320, 512, 576, 1024, 1424, 1440};

	if (!seals_vector(aead))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		if (!agrees(aead, around[i]) || !agrees(aead, around[i] + 1U))
			return false;
	}
	return true;
}
