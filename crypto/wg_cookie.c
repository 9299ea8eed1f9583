/* SPDX-License-Identifier: ISC */
#include "crypto/wg_cookie.h"

#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/aead.h"
#include "crypto/blake2s.h"
#include "crypto/secret.h"

/* C8: the maker's life of 120 s less 5 s for the way. */
#define COOKIE_USE_NS (115 * NS_PER_S)
/* C5 */
#define SECRET_NS (120 * NS_PER_S)

static const char label_mac1[] = "mac1----";
static const char label_cookie[] = "cookie--";

void wg_cookie_checker_init(struct wg_cookie_checker *checker,
			    const uint8_t own_public[32])
{
	blake2s_hash2(checker->mac1_key, label_mac1, sizeof(label_mac1) - 1,
		      own_public, 32);
	blake2s_hash2(checker->cookie_key, label_cookie,
		      sizeof(label_cookie) - 1, own_public, 32);
}

void wg_cookie_maker_init(struct wg_cookie_maker *maker,
			  const uint8_t peer_public[32])
{
	memset(maker, 0, sizeof(*maker));
	blake2s_hash2(maker->mac1_key, label_mac1, sizeof(label_mac1) - 1,
		      peer_public, 32);
	blake2s_hash2(maker->cookie_key, label_cookie, sizeof(label_cookie) - 1,
		      peer_public, 32);
}

bool wg_cookie_check_mac1(const struct wg_cookie_checker *checker,
			  const void *message, uint32_t len)
{
	uint32_t signed_len = len - (uint32_t)sizeof(struct wg_macs);
	const uint8_t *mac1 = (const uint8_t *)message + signed_len;
	uint8_t expected[WG_MAC_LEN];

	blake2s_mac(expected, checker->mac1_key, 32, message, signed_len);
	return secret_equal(expected, mac1, sizeof(expected));
}

/* C5: a name for the source, by address and port, that only we can make. */
static void make_cookie(const struct wg_cookie_checker *checker,
			const struct endpoint *from, uint8_t cookie[WG_MAC_LEN])
{
	uint8_t source[18];
	uint32_t len = ip_addr_len(&from->addr);

	memcpy(source, from->addr.bytes, len);
	put_be16(source + len, from->port);
	blake2s_mac(cookie, checker->secret, sizeof(checker->secret), source,
		    len + 2);
}

bool wg_cookie_check_mac2(const struct wg_cookie_checker *checker, uint64_t now,
			  const struct endpoint *from, const void *message,
			  uint32_t len)
{
	uint32_t signed_len = len - WG_MAC_LEN;
	const uint8_t *mac2 = (const uint8_t *)message + signed_len;
	uint8_t cookie[WG_MAC_LEN], expected[WG_MAC_LEN] = {0};

	/* Zero is "I have no cookie" (C2): the usual case in a flood. */
	if (now >= checker->secret_until ||
	    memcmp(mac2, expected, sizeof(expected)) == 0)
		return false;
	make_cookie(checker, from, cookie);
	blake2s_mac(expected, cookie, sizeof(cookie), message, signed_len);
	return secret_equal(expected, mac2, sizeof(expected));
}

void wg_cookie_make_reply(struct wg_cookie_checker *checker, uint64_t now,
			  const struct random_source *random,
			  const struct endpoint *from, const void *message,
			  uint32_t len, struct wg_cookie_reply *ret_reply)
{
	const uint8_t *bytes = message;
	const uint8_t *mac1 = bytes + len - sizeof(struct wg_macs);
	uint8_t cookie[WG_MAC_LEN];

	if (now >= checker->secret_until) {
		random_fill(random, checker->secret, sizeof(checker->secret));
		checker->secret_until = now + SECRET_NS;
	}
	make_cookie(checker, from, cookie);
	put_le32(ret_reply->type, WG_MESSAGE_COOKIE);
	/* The sender index stands right behind the type in both messages. */
	memcpy(ret_reply->receiver, bytes + sizeof(ret_reply->type),
	       sizeof(ret_reply->receiver));
	random_fill(random, ret_reply->nonce, sizeof(ret_reply->nonce));
	xaead_seal(ret_reply->sealed_cookie, cookie, sizeof(cookie), mac1,
		   ret_reply->nonce, checker->cookie_key);
}

void wg_cookie_add_macs(struct wg_cookie_maker *maker, uint64_t now,
			void *message, uint32_t len)
{
	uint8_t *mac1 = (uint8_t *)message + len - sizeof(struct wg_macs);
	uint8_t *mac2 = mac1 + WG_MAC_LEN;

	blake2s_mac(mac1, maker->mac1_key, 32, message,
		    len - sizeof(struct wg_macs));
	memcpy(maker->last_mac1, mac1, WG_MAC_LEN);
	maker->sent_mac1 = true;
	if (now < maker->cookie_until)
		blake2s_mac(mac2, maker->cookie, WG_MAC_LEN, message,
			    len - WG_MAC_LEN);
	else
		memset(mac2, 0, WG_MAC_LEN);
}

bool wg_cookie_consume(struct wg_cookie_maker *maker, uint64_t now,
		       const struct wg_cookie_reply *reply)
{
	uint8_t cookie[WG_MAC_LEN];

	if (!maker->sent_mac1 ||
	    !xaead_open(cookie, reply->sealed_cookie,
			sizeof(reply->sealed_cookie), maker->last_mac1,
			reply->nonce, maker->cookie_key))
		return false;
	memcpy(maker->cookie, cookie, sizeof(cookie));
	maker->cookie_until = now + COOKIE_USE_NS;
	maker->sent_mac1 = false;
	return true;
}
