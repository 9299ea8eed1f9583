/* SPDX-License-Identifier: ISC */
/* The messages of WireGuard on the wire (checklist 1.1). */
#ifndef CRYPTO_WG_MESSAGE_H
#define CRYPTO_WG_MESSAGE_H

#include <stdint.h>

#include "base/check.h"

enum wg_message_type {
	WG_MESSAGE_INVALID = 0,
	WG_MESSAGE_INITIATION = 1,
	WG_MESSAGE_RESPONSE = 2,
	WG_MESSAGE_COOKIE = 3,
	WG_MESSAGE_DATA = 4,
};

enum {
	WG_TIMESTAMP_LEN = 12,
	WG_MAC_LEN = 16,
	WG_COOKIE_NONCE_LEN = 24,
	WG_TAG_LEN = 16,
	WG_DATA_HEADER_LEN = 16,
	WG_DATA_LEN_MIN = WG_DATA_HEADER_LEN + WG_TAG_LEN,
};

/* Bytes only: no padding, no alignment, no byte order of the machine. */
struct wg_macs {
	uint8_t mac1[WG_MAC_LEN];
	uint8_t mac2[WG_MAC_LEN];
};

struct wg_initiation {
	uint8_t type[4];
	uint8_t sender[4];
	uint8_t ephemeral[32];
	uint8_t sealed_static[32 + WG_TAG_LEN];
	uint8_t sealed_timestamp[WG_TIMESTAMP_LEN + WG_TAG_LEN];
	struct wg_macs macs;
};

struct wg_response {
	uint8_t type[4];
	uint8_t sender[4];
	uint8_t receiver[4];
	uint8_t ephemeral[32];
	uint8_t sealed_empty[WG_TAG_LEN];
	struct wg_macs macs;
};

struct wg_cookie_reply {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t nonce[WG_COOKIE_NONCE_LEN];
	uint8_t sealed_cookie[WG_MAC_LEN + WG_TAG_LEN];
};

struct wg_data_header {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t counter[8];
};

static_assert(sizeof(struct wg_initiation) == 148, "W2");
static_assert(sizeof(struct wg_response) == 92, "W3");
static_assert(sizeof(struct wg_cookie_reply) == 64, "W4");
static_assert(sizeof(struct wg_data_header) == WG_DATA_HEADER_LEN, "W5");

/* By the first four bytes and the exact length; everything else is invalid
 * (W1-W6). */
enum wg_message_type wg_message_classify(const uint8_t *data, uint32_t len);

#endif
