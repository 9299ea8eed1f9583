/* SPDX-License-Identifier: ISC */
#include "crypto/wg_limiter.h"

#include "base/bytes.h"
#include "base/time.h"

#define MESSAGE_NS (NS_PER_S / 20)
#define BURST_NS   (5 * MESSAGE_NS)
#define IDLE_NS    NS_PER_S

void wg_limiter_init(struct wg_limiter *limiter, const struct siphash_key *key)
{
	limiter->key = *key;
}

static uint64_t prefix_of(const struct ip_addr *source)
{
	return source->family == IP_V4 ? get_be32(source->bytes)
				       : get_be64(source->bytes);
}

/* The source's own place, or one that it may take; NULL: there is none. */
static struct wg_limiter_entry *find_place(struct wg_limiter *limiter,
					   uint64_t now,
					   const struct ip_addr *source)
{
	uint64_t name[2] = {prefix_of(source), source->family};
	uint64_t hash = siphash(&limiter->key, name, sizeof(name));
	struct wg_limiter_entry *set = limiter->entries[hash % WG_LIMITER_SETS];
	struct wg_limiter_entry *place = NULL;

	for (unsigned i = 0; i < WG_LIMITER_WAYS; i++) {
		if (set[i].family == source->family && set[i].prefix == name[0])
			return &set[i];
		if (set[i].family == IP_NONE || now >= set[i].paid + IDLE_NS)
			place = &set[i];
	}
	if (place != NULL)
		*place = (struct wg_limiter_entry){
			.prefix = name[0],
			.family = source->family,
		};
	return place;
}

bool wg_limiter_allow(struct wg_limiter *limiter, uint64_t now,
		      const struct ip_addr *source)
{
	struct wg_limiter_entry *entry = find_place(limiter, now, source);
	uint64_t earliest = now > BURST_NS ? now - BURST_NS : 0;

	if (entry == NULL)
		return false;
	if (entry->paid < earliest)
		entry->paid = earliest;
	if (entry->paid + MESSAGE_NS > now)
		return false;
	entry->paid += MESSAGE_NS;
	return true;
}
