/* SPDX-License-Identifier: ISC */
/*
 * Handshakes cost two or three multiplications on the curve each, so whoever
 * sends many could keep a core busy. What bounds them (checklist C4, C10-C13):
 *
 *   at ease      each message with a good mac1 is taken, as long as they come
 *                slower than WG_LOAD_RATE after a burst of WG_LOAD_BURST
 *   under load   from the first one too many until a second after the last:
 *                a message without a cookie gets a cookie reply and no more;
 *                one with a cookie is taken within its source's rate and the
 *                rate above
 *
 * The kernel counts a queue of 4096 instead; here a message is handled when it
 * comes, so time takes the queue's place. Cookie replies wait in a small ring
 * for the next pull; when it is full they are not made.
 */
#ifndef CRYPTO_WG_LOAD_H
#define CRYPTO_WG_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/wg_device.h"
#include "crypto/wg_limiter.h"
#include "crypto/wg_message.h"

enum {
	WG_LOAD_RATE = 1000, /* handshake messages per second */
	WG_LOAD_BURST = 512,
	WG_REPLIES_MAX = 32,
};

struct wg_pending_reply {
	struct wg_cookie_reply message;
	struct wg_destination to;
};

struct wg_load {
	struct wg_limiter limiter;
	bool keyed; /* the limiter has its key: from the first load on */
	/* Buckets: the time up to which messages are paid for. */
	uint64_t seen;  /* all that came */
	uint64_t paid;  /* those that were taken under load */
	uint64_t until; /* under load until then, 0 = at ease */
	struct wg_pending_reply replies[WG_REPLIES_MAX];
	uint32_t reply_head, reply_count;
};

/* Notes a message with a good mac1. Whether it may be taken as it is. */
bool wg_load_at_ease(struct wg_load *load, uint64_t now);
/* Whether one with a good cookie may be taken. */
bool wg_load_allows(struct wg_load *load, uint64_t now,
		    const struct random_source *random,
		    const struct ip_addr *source);

/* A place for a reply, NULL when all are taken; and the oldest one. */
struct wg_pending_reply *wg_load_reply(struct wg_load *load);
bool wg_load_next_reply(struct wg_load *load, struct wg_pending_reply *ret);

#endif
