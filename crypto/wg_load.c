/* SPDX-License-Identifier: ISC */
#include "crypto/wg_load.h"

#include "base/time.h"

#define MESSAGE_NS (NS_PER_S / WG_LOAD_RATE)
#define BURST_NS   (WG_LOAD_BURST * MESSAGE_NS)
#define STICKY_NS  NS_PER_S

/* A bucket as the time up to which messages are paid for. */
static uint64_t refilled(uint64_t paid, uint64_t now)
{
	uint64_t earliest = now > BURST_NS ? now - BURST_NS : 0;

	return paid < earliest ? earliest : paid;
}

bool wg_load_at_ease(struct wg_load *load, uint64_t now)
{
	load->seen = refilled(load->seen, now) + MESSAGE_NS;
	if (load->seen > now) {
		load->seen = now; /* as full as it gets */
		load->until = now + STICKY_NS;
	}
	return now >= load->until;
}

bool wg_load_allows(struct wg_load *load, uint64_t now,
		    const struct random_source *random,
		    const struct ip_addr *source)
{
	uint64_t paid = refilled(load->paid, now) + MESSAGE_NS;
	struct siphash_key key;

	if (!load->keyed) {
		random_fill(random, &key, sizeof(key));
		wg_limiter_init(&load->limiter, &key);
		load->keyed = true;
	}
	if (!wg_limiter_allow(&load->limiter, now, source) || paid > now)
		return false;
	load->paid = paid;
	return true;
}

struct wg_pending_reply *wg_load_reply(struct wg_load *load)
{
	uint32_t index = load->reply_head + load->reply_count;

	if (load->reply_count == WG_REPLIES_MAX)
		return NULL;
	load->reply_count++;
	return &load->replies[index % WG_REPLIES_MAX];
}

bool wg_load_next_reply(struct wg_load *load, struct wg_pending_reply *ret)
{
	if (load->reply_count == 0)
		return false;
	*ret = load->replies[load->reply_head];
	load->reply_head = (load->reply_head + 1) % WG_REPLIES_MAX;
	load->reply_count--;
	return true;
}
