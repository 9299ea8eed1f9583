/* SPDX-License-Identifier: ISC */
#include "base/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648 the plain way, to compare with. */
static void format_plainly(const uint8_t *bytes, char text[KEY_TEXT_CAP])
{
	for (unsigned i = 0; i < KEY_TEXT_CAP - 2; i++) {
		unsigned value = 0;

		for (unsigned bit = i * 6; bit < i * 6 + 6; bit++) {
			unsigned set = bit < KEY_LEN * 8 &&
				       (bytes[bit / 8] >> (7 - bit % 8) & 1);

			value = value << 1 | set;
		}
		text[i] = alphabet[value];
	}
	strcpy(text + KEY_TEXT_CAP - 2, "=");
}

static void test_known(void **state)
{
	static const struct {
		uint8_t first, rest;
		const char *text;
	} cases[] = {
		{0x00, 0x00, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{0xff, 0xff, "//////////////////////////////////////////8="},
		{0xfb, 0xef, "++/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+8="},
		{0x09, 0x00, "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[KEY_TEXT_CAP];
		struct key key, parsed;

		memset(key.bytes, cases[i].rest, KEY_LEN);
		key.bytes[0] = cases[i].first;
		assert_string_equal(key_format(&key, text), cases[i].text);
		assert_int_equal(key_parse(cases[i].text, &parsed), 0);
		assert_memory_equal(&parsed, &key, sizeof(key));
	}
}

static void test_round_trip(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		char text[KEY_TEXT_CAP], plain[KEY_TEXT_CAP];
		struct key key, parsed;

		for (unsigned i = 0; i < KEY_LEN; i++) {
			seed = seed * 1664525 + 1013904223;
			key.bytes[i] = (uint8_t)(seed >> 24);
		}
		format_plainly(key.bytes, plain);
		assert_string_equal(key_format(&key, text), plain);
		assert_int_equal(key_parse(text, &parsed), 0);
		assert_memory_equal(&parsed, &key, sizeof(key));
	}
}

/* Each of the 256 bytes in each of the 44 places. */
static void test_every_character(void **state)
{
	char text[KEY_TEXT_CAP] =
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct key key;

	(void)state;
	for (size_t at = 0; at < KEY_TEXT_CAP - 1; at++) {
		char before = text[at];

		for (unsigned c = 1; c < 256; c++) {
			const char *found = strchr(alphabet, (int)c);
			bool good = found != NULL;

			if (at == 42) /* two of its bits must be zero */
				good = good && (found - alphabet) % 4 == 0;
			if (at == 43)
				good = c == '=';
			text[at] = (char)c;
			if ((key_parse(text, &key) == 0) != good)
				fail_msg("character %u at %zu", c, at);
		}
		text[at] = before;
	}
}

static void test_lengths(void **state)
{
	char text[KEY_TEXT_CAP + 2];
	struct key key, before;

	(void)state;
	memset(&key, 0x5a, sizeof(key));
	before = key;
	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, 'A', sizeof(text));
		text[len] = '\0';
		if (len > 0)
			text[len - 1] = '=';
		if (len != KEY_TEXT_CAP - 1)
			assert_int_equal(key_parse(text, &key), -ERR_SYNTAX);
	}
	/* Nothing is written on failure. */
	assert_memory_equal(&key, &before, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
