/* SPDX-License-Identifier: ISC */
#include "base/key.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"

static_assert(KEY_TEXT_CAP == (KEY_LEN + 2) / 3 * 4 + 1, "base64 length");

/* All ones when low <= c <= high, else 0. Arguments are below 256. */
static uint32_t range_mask(uint32_t c, uint32_t low, uint32_t high)
{
	uint32_t below = (c - low) >> 31;
	uint32_t above = (high - c) >> 31;

	return (below | above) - 1;
}

/* 0-63, or all ones for a character outside the alphabet. */
static uint32_t decode_char(char character)
{
	uint32_t c = (unsigned char)character;
	uint32_t plus_one = 0;

	plus_one |= range_mask(c, 'A', 'Z') & (c - 'A' + 1);
	plus_one |= range_mask(c, 'a', 'z') & (c - 'a' + 27);
	plus_one |= range_mask(c, '0', '9') & (c - '0' + 53);
	plus_one |= range_mask(c, '+', '+') & 63;
	plus_one |= range_mask(c, '/', '/') & 64;
	return plus_one - 1;
}

static char encode_char(uint32_t value)
{
	uint32_t c = value + 'A';

	c += range_mask(value, 26, 63) & ('a' - 'Z' - 1);
	c -= range_mask(value, 52, 63) & ('z' + 1 - '0');
	c -= range_mask(value, 62, 63) & ('9' + 1 - '+');
	c += range_mask(value, 63, 63) & ('/' - '+' - 1);
	return (char)c;
}

int key_parse(const char *text, struct key *ret_key)
{
	struct key key;
	uint32_t bits = 0, bad;
	size_t used = 0;

	if (strlen(text) != KEY_TEXT_CAP - 1 || text[KEY_TEXT_CAP - 2] != '=')
		return -ERR_SYNTAX;
	bad = 0;
	for (size_t i = 0; i < KEY_TEXT_CAP - 2; i++) {
		uint32_t value = decode_char(text[i]);

		bad |= value & ~UINT32_C(63);
		bits = bits << 6 | (value & 63);
		if (i % 4 == 0)
			continue;
		key.bytes[used++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	/* The last character has two bits that belong to no byte. */
	bad |= bits & 3;
	if (bad != 0)
		return -ERR_SYNTAX;
	CHECK(used == KEY_LEN);
	*ret_key = key;
	return 0;
}

char *key_format(const struct key *key, char text[KEY_TEXT_CAP])
{
	char *out = text;

	for (size_t i = 0; i < KEY_LEN; i += 3) {
		uint32_t b = i + 1 < KEY_LEN ? key->bytes[i + 1] : 0;
		uint32_t c = i + 2 < KEY_LEN ? key->bytes[i + 2] : 0;
		uint32_t group = (uint32_t)key->bytes[i] << 16 | b << 8 | c;

		for (unsigned shift = 24; shift > 0; shift -= 6)
			*out++ = encode_char(group >> (shift - 6) & 63);
	}
	out[-1] = '=';
	*out = '\0';
	return text;
}
