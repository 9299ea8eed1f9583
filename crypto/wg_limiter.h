/* SPDX-License-Identifier: ISC */
/*
 * A token bucket for each source of handshakes: 20 per second, 5 in advance, an
 * IPv4 address or an IPv6 /64 being one source (checklist C12).
 *
 * Bounded memory and constant time: a keyed hash names a set of eight places; a
 * source takes the place that is free or has been idle for a second, and is
 * refused when there is none.
 */
#ifndef CRYPTO_WG_LIMITER_H
#define CRYPTO_WG_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/siphash.h"

enum { WG_LIMITER_SETS = 256, WG_LIMITER_WAYS = 8 };

struct wg_limiter_entry {
	uint64_t prefix; /* of the address; together with the family its name */
	uint64_t paid;   /* time up to which messages are paid for */
	uint8_t family;  /* IP_NONE: free */
};

struct wg_limiter {
	struct siphash_key key;
	struct wg_limiter_entry entries[WG_LIMITER_SETS][WG_LIMITER_WAYS];
};

/* The memory is zeroed. */
void wg_limiter_init(struct wg_limiter *limiter, const struct siphash_key *key);

/* Whether one more message of the source is allowed at now; then it is paid
 * for. */
bool wg_limiter_allow(struct wg_limiter *limiter, uint64_t now,
		      const struct ip_addr *source);

#endif
