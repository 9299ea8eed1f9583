/* SPDX-License-Identifier: ISC */
/*
 * mac1, mac2 and cookies (checklist 1.3): the checker verifies both MACs of
 * what we receive and makes cookies when we are under load; the maker fills
 * both MACs of what we send and takes a cookie when the other side is.
 */
#ifndef CRYPTO_WG_COOKIE_H
#define CRYPTO_WG_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/random.h"
#include "crypto/wg_message.h"

/* Ours, one per device. */
struct wg_cookie_checker {
	uint8_t mac1_key[32];
	uint8_t cookie_key[32];
	uint8_t secret[32];    /* random; names the source of a message (C5) */
	uint64_t secret_until; /* 0: there is none yet */
};

/* One per peer. */
struct wg_cookie_maker {
	uint8_t mac1_key[32];
	uint8_t cookie_key[32];
	uint8_t cookie[WG_MAC_LEN];
	uint8_t last_mac1[WG_MAC_LEN];
	uint64_t cookie_until; /* 0: we have none */
	bool sent_mac1;        /* an answer may come, once (C7) */
};

void wg_cookie_checker_init(struct wg_cookie_checker *checker,
			    const uint8_t own_public[32]);
void wg_cookie_maker_init(struct wg_cookie_maker *maker,
			  const uint8_t peer_public[32]);

/* macs stand at the end of message; len is that of the whole message. */
bool wg_cookie_check_mac1(const struct wg_cookie_checker *checker,
			  const void *message, uint32_t len);
/* C2, C5: whether mac2 was made with the cookie that its source has from us. */
bool wg_cookie_check_mac2(const struct wg_cookie_checker *checker, uint64_t now,
			  const struct endpoint *from, const void *message,
			  uint32_t len);
/* C6: the reply that gives the source of the message its cookie. The secret is
 * renewed when it is due. */
void wg_cookie_make_reply(struct wg_cookie_checker *checker, uint64_t now,
			  const struct random_source *random,
			  const struct endpoint *from, const void *message,
			  uint32_t len, struct wg_cookie_reply *ret_reply);
void wg_cookie_add_macs(struct wg_cookie_maker *maker, uint64_t now,
			void *message, uint32_t len);

/* False: not for our last message, or not from its receiver. */
bool wg_cookie_consume(struct wg_cookie_maker *maker, uint64_t now,
		       const struct wg_cookie_reply *reply);

#endif
