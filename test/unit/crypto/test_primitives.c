/* SPDX-License-Identifier: ISC */
/* BLAKE2s, X25519 and the AEADs against other projects' vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/dh.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "lines.h"

enum { DATA_CAP = 4096 };

static void test_blake2s_vectors(void **state)
{
	uint8_t key[64], input[DATA_CAP], expected[64], hash[32];
	struct lines lines;
	unsigned cases = 0;

	(void)state;
	lines_open(&lines, "blake2s.txt");
	while (lines_next(&lines)) {
		size_t key_len = lines_hex(lines.words[0], key, sizeof(key));
		size_t len = lines_hex(lines.words[1], input, sizeof(input));
		struct blake2s state_now;

		lines_hex(lines.words[2], expected, sizeof(expected));
		/* in two parts, at every place in turn */
		blake2s_init(&state_now, 32, key, key_len);
		blake2s_update(&state_now, input, cases % (len + 1));
		blake2s_update(&state_now, input + cases % (len + 1),
			       len - cases % (len + 1));
		blake2s_final(&state_now, hash);
		if (memcmp(hash, expected, 32) != 0)
			fail_msg("blake2s.txt:%u", lines.number);
		cases++;
	}
	assert_int_equal(cases, 256);
}

/* RFC 7693 appendix B */
static void test_blake2s_rfc7693(void **state)
{
	static const uint8_t expected[32] = {
		0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2,
		0xe1, 0xa7, 0x2b, 0xa3, 0x4e, 0xeb, 0x45, 0x2f,
		0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6, 0x3a, 0x29,
		0x4d, 0x99, 0x9b, 0x4c, 0x86, 0x67, 0x59, 0x82,
	};
	uint8_t hash[32];

	(void)state;
	blake2s_hash2(hash, "a", 1, "bc", 2);
	assert_memory_equal(hash, expected, 32);
}

/* N9 */
static void test_x25519_vectors(void **state)
{
	uint8_t private_key[32], public_key[32], expected[32], shared[32];
	struct lines lines;
	unsigned zeros = 0, cases = 0;

	(void)state;
	lines_open(&lines, "x25519.txt");
	while (lines_next(&lines)) {
		bool zero = strcmp(lines.words[0], "zero") == 0;

		lines_hex(lines.words[1], private_key, 32);
		lines_hex(lines.words[2], public_key, 32);
		lines_hex(lines.words[3], expected, 32);
		if (dh(shared, private_key, public_key) == zero)
			fail_msg("x25519.txt:%u: N8", lines.number);
		if (!zero && memcmp(shared, expected, 32) != 0)
			fail_msg("x25519.txt:%u", lines.number);
		zeros += zero;
		cases++;
	}
	assert_int_equal(cases, 518);
	assert_true(zeros > 20);
}

static void test_xaead_vectors(void **state)
{
	uint8_t key[32], nonce[24], ad[16], plain[DATA_CAP], sealed[DATA_CAP],
		data[DATA_CAP];
	struct lines lines;
	unsigned cases = 0;

	(void)state;
	lines_open(&lines, "xaead.txt");
	while (lines_next(&lines)) {
		bool valid = strcmp(lines.words[0], "valid") == 0;
		size_t len, sealed_len;

		lines_hex(lines.words[1], key, 32);
		lines_hex(lines.words[2], nonce, 24);
		lines_hex(lines.words[3], ad, 16);
		len = lines_hex(lines.words[4], plain, DATA_CAP);
		sealed_len = lines_hex(lines.words[5], sealed, DATA_CAP);
		if (xaead_open(data, sealed, sealed_len, ad, nonce, key) !=
		    valid)
			fail_msg("xaead.txt:%u", lines.number);
		if (!valid)
			continue;
		assert_memory_equal(data, plain, len);
		xaead_seal(data, plain, len, ad, nonce, key);
		assert_memory_equal(data, sealed, sealed_len);
		cases++;
	}
	assert_true(cases > 0);
}

/* T(1) does not depend on how many outputs are asked for, and the chaining key
 * may be replaced in place. */
static void test_kdf(void **state)
{
	uint8_t ck[32] = {3}, one[32], two[32], three[32], a[32], b[32];

	(void)state;
	kdf(one, two, three, ck, "input", 5);
	kdf(a, b, NULL, ck, "input", 5);
	assert_memory_equal(one, a, 32);
	assert_memory_equal(two, b, 32);
	assert_memory_not_equal(two, three, 32);
	kdf(ck, NULL, NULL, ck, "input", 5);
	assert_memory_equal(ck, one, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blake2s_vectors),
		cmocka_unit_test(test_blake2s_rfc7693),
		cmocka_unit_test(test_x25519_vectors),
		cmocka_unit_test(test_xaead_vectors),
		cmocka_unit_test(test_kdf),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
