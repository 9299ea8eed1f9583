/* SPDX-License-Identifier: ISC */
/* Every backend that is built in and runs here, against libsodium. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

enum { LEN_MAX = 9000, JOBS = 5 };

static const uint8_t key[AEAD_KEY_LEN] = {1, 2, 3, 0xff};

/* ------------------------------------------------------------- fixture */

struct fixture {
	struct aead aead;
	uint8_t data[JOBS][LEN_MAX + AEAD_TAG_LEN];
	uint8_t expected[JOBS][LEN_MAX + AEAD_TAG_LEN];
	struct aead_job jobs[JOBS];
};

static struct fixture fixture;

static int load(void **state)
{
	const char *name = *state;
	int err = aead_load(name, &fixture.aead);

	if (err == -ERR_NOT_FOUND) {
		print_message("no %s here\n", name);
		fixture.aead = (struct aead){.name = NULL};
		err = 0;
	}
	return err;
}

static int unload(void **state)
{
	(void)state;
	if (fixture.aead.name != NULL)
		aead_unload(&fixture.aead);
	return 0;
}

static const struct aead *loaded(void)
{
	if (fixture.aead.name == NULL)
		skip();
	return &fixture.aead;
}

static void fill(size_t count, uint32_t len, uint64_t counter)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < LEN_MAX; k++)
			fixture.data[i][k] = (uint8_t)(k * 7 + i + counter);
		fixture.jobs[i] = (struct aead_job){
			.data = fixture.data[i],
			.len = len > i ? len - (uint32_t)i : 0,
			.counter = counter + i,
		};
	}
}

/* What libsodium makes of it. */
static void expect_sealed(size_t count)
{
	struct aead_job jobs[JOBS];

	memcpy(fixture.expected, fixture.data, sizeof(fixture.data));
	memcpy(jobs, fixture.jobs, sizeof(jobs));
	for (size_t i = 0; i < count; i++)
		jobs[i].data = fixture.expected[i];
	aead_seal_batch(&aead_reference, key, jobs, count);
}

/* ------------------------------------------------------------- tests */

static void test_name(void **state)
{
	const struct aead *aead = loaded();

	assert_string_equal(aead->name, *state);
	assert_true(aead_self_test(aead));
}

/* All lengths to 600, then some to 9000: each sealed as libsodium does, with no
 * byte written behind it, and opened again. */
static void test_lengths(void **state)
{
	const struct aead *aead = loaded();

	(void)state;
	for (uint32_t len = 0; len <= LEN_MAX; len += len < 600 ? 1 : 389) {
		struct aead_job *job = &fixture.jobs[0];

		fill(1, len, len * UINT64_C(0x100000001));
		expect_sealed(1);
		aead_seal_batch(aead, key, job, 1);
		if (memcmp(fixture.data[0], fixture.expected[0], LEN_MAX) != 0)
			fail_msg("%u bytes are sealed otherwise", len);
		aead_open_batch(aead, key, job, 1);
		assert_true(job->ok);
		fill(1, len, job->counter);
		expect_sealed(1);
		memcpy(fixture.expected[0], fixture.data[0], len);
		memcpy(fixture.data[0] + len, fixture.expected[0] + len,
		       AEAD_TAG_LEN);
		if (memcmp(fixture.data[0], fixture.expected[0], LEN_MAX) != 0)
			fail_msg("%u bytes are opened otherwise", len);
	}
}

/* Lengths on both sides of what a backend may leave to another, in one batch;
 * one packet of it is forged. */
static void test_batches(void **state)
{
	static const uint32_t lengths[] = {4, 66, 514, 1440};
	const struct aead *aead = loaded();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t forged = i % JOBS;

		fill(JOBS, lengths[i], UINT64_MAX - 8);
		expect_sealed(JOBS);
		aead_seal_batch(aead, key, fixture.jobs, JOBS);
		assert_memory_equal(fixture.data, fixture.expected,
				    sizeof(fixture.data));
		fixture.data[forged][0] ^= 1;
		aead_open_batch(aead, key, fixture.jobs, JOBS);
		for (size_t k = 0; k < JOBS; k++)
			assert_int_equal(fixture.jobs[k].ok, k != forged);
	}
}

static void assert_every_bit_counts(const struct aead *aead, uint32_t len)
{
	struct aead_job *job = &fixture.jobs[0];

	fill(1, len, 7);
	expect_sealed(1);
	for (size_t bit = 0; bit < 8 * (size_t)(len + AEAD_TAG_LEN); bit++) {
		memcpy(fixture.data[0], fixture.expected[0],
		       len + AEAD_TAG_LEN);
		fixture.data[0][bit / 8] ^= (uint8_t)(1U << (bit % 8));
		aead_open_batch(aead, key, job, 1);
		assert_false(job->ok);
	}
	memcpy(fixture.data[0], fixture.expected[0], len + AEAD_TAG_LEN);
	job->counter++;
	aead_open_batch(aead, key, job, 1);
	assert_false(job->ok);
}

static void test_every_bit(void **state)
{
	const struct aead *aead = loaded();

	(void)state;
	assert_every_bit_counts(aead, 0);
	assert_every_bit_counts(aead, 48);
	assert_every_bit_counts(aead, 600);
}

/* A batch does not feel the key of the one before. */
static void test_keys(void **state)
{
	static const uint8_t other[AEAD_KEY_LEN] = {9};
	const struct aead *aead = loaded();
	struct aead_job *job = &fixture.jobs[0];

	(void)state;
	fill(1, 1200, 3);
	expect_sealed(1);
	aead_seal_batch(aead, key, job, 1);
	aead_open_batch(aead, other, job, 1);
	assert_false(job->ok);
	memcpy(fixture.data[0], fixture.expected[0], sizeof(fixture.data[0]));
	aead_open_batch(aead, key, job, 1);
	assert_true(job->ok);
	aead_seal_batch(aead, other, job, 1);
	aead_open_batch(aead, other, job, 1);
	assert_true(job->ok);
}

static void test_choice(void **state)
{
	struct aead aead = {.name = NULL};

	(void)state;
	assert_int_equal(aead_load("rot13", &aead), -ERR_INVALID);
	assert_null(aead.name);
	assert_int_equal(aead_load("auto", &aead), 0);
	assert_non_null(aead.name);
	aead_unload(&aead);
	assert_string_equal(aead.name, "libsodium");
}

/* Backends that give the wrong bytes, the wrong tag, or open too much. */
static void wrong_seal(void *context, const uint8_t *with,
		       struct aead_job *jobs, size_t count)
{
	aead_seal_batch(&aead_reference, with, jobs, count);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].len == *(const uint32_t *)context)
			jobs[i].data[jobs[i].len]++;
	}
}

static void wrong_open(void *context, const uint8_t *with,
		       struct aead_job *jobs, size_t count)
{
	aead_open_batch(&aead_reference, with, jobs, count);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i].len == *(const uint32_t *)context)
			jobs[i].ok = true;
	}
}

static void test_self_test_sees(void **state)
{
	uint32_t len = 1424;
	struct aead seals = aead_reference, opens = aead_reference;

	(void)state;
	seals.context = opens.context = &len;
	assert_true(aead_self_test(&seals));
	seals.seal_jobs = wrong_seal;
	opens.open_jobs = wrong_open;
	assert_false(aead_self_test(&seals));
	assert_false(aead_self_test(&opens));
}

#define EACH(test, name)                                  \
	{                                                 \
#test " " #name, test, load, unload, name \
	}
#define ALL(name)                                                     \
	EACH(test_name, name), EACH(test_lengths, name),              \
		EACH(test_batches, name), EACH(test_every_bit, name), \
		EACH(test_keys, name)

int main(void)
{
	static char libsodium[] = "libsodium", libcrypto[] = "libcrypto",
		    ipsec_mb[] = "ipsec-mb";
	const struct CMUnitTest tests[] = {
		ALL(libsodium),
		ALL(libcrypto),
		ALL(ipsec_mb),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_self_test_sees),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
