/* SPDX-License-Identifier: ISC */
/* 32 secret or public bytes. Only crypto/ compares or wipes secret ones. */
#ifndef BASE_KEY_H
#define BASE_KEY_H

#include <stdint.h>

enum { KEY_LEN = 32, KEY_TEXT_CAP = 45 };

struct key {
	uint8_t bytes[KEY_LEN];
};

/* Base64 without secret-dependent branches or table look-ups: exactly 44
 * characters with one '='. 0 or -ERR_SYNTAX. */
int key_parse(const char *text, struct key *ret_key);
char *key_format(const struct key *key, char text[KEY_TEXT_CAP]);

#endif
