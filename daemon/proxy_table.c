/* SPDX-License-Identifier: ISC */
/* Tunnels and forwards that come and go while the proxy runs. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "daemon/expose.h"
#include "daemon/watch.h"

/* The last segments of connections that have ended have this long to leave. */
#define TUNNEL_LINGER_NS (5 * NS_PER_S)

/* ------------------------------------------------------------- tunnels */

int proxy_add_tunnel(struct proxy *proxy, const struct clock *now,
		     const struct config_tunnel *config,
		     uint64_t greatest_stamp, uint32_t *ret_slot)
{
	struct tunnel_config tunnel_config = {
		.config = config,
		.chunks = &proxy->chunks,
		.connections_max = proxy->relay_cap,
		.greatest_stamp = greatest_stamp,
		.aead = proxy->aead,
		.random = proxy->random,
	};
	struct tunnel *tunnel;
	uint32_t slot = 0;
	int err;

	while (slot < TUNNEL_SLOTS && proxy->tunnels[slot] != NULL)
		slot++;
	if (slot == TUNNEL_SLOTS)
		return -ERR_FULL;
	tunnel = calloc(1, sizeof(*tunnel));
	if (tunnel == NULL)
		return -ERR_NO_MEMORY;
	err = tunnel_open(tunnel, now, &tunnel_config);
	if (err != 0) {
		free(tunnel);
		return err;
	}
	proxy->tunnels[slot] = tunnel;
	if (slot >= proxy->tunnel_count)
		proxy->tunnel_count = slot + 1;
	*ret_slot = slot;
	return 0;
}

void proxy_retire_tunnel(struct proxy *proxy, const struct clock *now,
			 uint32_t slot)
{
	CHECK(!proxy->tunnels[slot]->retired);
	proxy->tunnels[slot]->retired = true;
	proxy->tunnels[slot]->last_used = now->awake;
	tunnel_zone_stop(&proxy->tunnels[slot]->zone, now);
}

bool proxy_tunnel_is_over(const struct proxy *proxy, const struct clock *now,
			  uint32_t slot)
{
	struct tunnel *tunnel = proxy->tunnels[slot];

	if (!tunnel->retired)
		return false;
	if (tunnel->relays > 0)
		tunnel->last_used = now->awake;
	return tunnel->relays == 0 &&
	       (netstack_connection_count(tunnel->ns) == 0 ||
		now->awake >= tunnel->last_used + TUNNEL_LINGER_NS);
}

void proxy_close_tunnel(struct proxy *proxy, const struct clock *now,
			uint32_t slot)
{
	probe_forget_tunnel(&proxy->probes, now, proxy->tunnels[slot]);
	tunnel_close(proxy->tunnels[slot]);
	free(proxy->tunnels[slot]);
	proxy->tunnels[slot] = NULL;
}

uint32_t proxy_tunnel_slot(const struct proxy *proxy, const char *name)
{
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);

		if (tunnel != NULL &&
		    (name[0] == '\0' || strcmp(tunnel->name, name) == 0))
			return i;
	}
	return TUNNEL_SLOTS;
}

struct tunnel *proxy_find_tunnel(const struct proxy *proxy, const char *name)
{
	uint32_t slot = proxy_tunnel_slot(proxy, name);

	return slot == TUNNEL_SLOTS ? NULL : proxy->tunnels[slot];
}

/* ------------------------------------------------------------- forwards */

int proxy_add_forward(struct proxy *proxy, const struct clock *now,
		      const struct mapping *mapping, uint32_t *ret_slot)
{
	uint32_t slot = 0;

	while (slot < proxy->forward_count &&
	       proxy->forwards[slot].slot != FORWARD_FREE)
		slot++;
	if (slot == FORWARD_SLOTS)
		return -ERR_FULL;
	if (slot == proxy->forward_count)
		proxy->forward_count++;
	proxy->forwards[slot] =
		(struct forward){.slot = FORWARD_ACTIVE, .probe = PROBE_NONE};
	proxy_change_forward(proxy, now, slot, mapping);
	*ret_slot = slot;
	return 0;
}

void proxy_change_forward(struct proxy *proxy, const struct clock *now,
			  uint32_t slot, const struct mapping *mapping)
{
	struct forward *forward = &proxy->forwards[slot];

	CHECK(forward->slot == FORWARD_ACTIVE);
	forward->mapping = *mapping;
	forward->tunnel = proxy_find_tunnel(proxy, mapping->tunnel);
	CHECK(forward->tunnel != NULL);
	tunnel_zones_changed(proxy);
	forward->sticky.family = IP_NONE;
	watch_forget(proxy, now, slot);
	if (mapping->kind == MAPPING_EXPOSE)
		(void)expose_open(proxy, slot);
}

void proxy_retire_forward(struct proxy *proxy, const struct clock *now,
			  uint32_t slot)
{
	struct forward *forward = &proxy->forwards[slot];

	expose_close(proxy, now, slot);
	CHECK(forward->slot == FORWARD_ACTIVE && !forward->listening);
	tunnel_zones_changed(proxy);
	watch_forget(proxy, now, slot);
	if (forward->connections > 0)
		forward->slot = FORWARD_RETIRED;
	else
		*forward = (struct forward){.slot = FORWARD_FREE};
}

uint32_t proxy_find_forward(const struct proxy *proxy, const char *name)
{
	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		const struct forward *forward = &proxy->forwards[i];

		if (forward->slot == FORWARD_ACTIVE &&
		    strcmp(forward->mapping.name, name) == 0)
			return i;
	}
	return FORWARD_SLOTS;
}

void proxy_add_live_bytes(const struct proxy *proxy, uint64_t (*bytes)[2])
{
	for (uint32_t i = 0; i < proxy->relay_fresh; i++) {
		const struct relay *relay = &proxy->relays[i];

		if (relay->state == RELAY_FREE)
			continue;
		bytes[relay->forward][0] += relay->bytes_up;
		bytes[relay->forward][1] += relay->bytes_down;
	}
}
