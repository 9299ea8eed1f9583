/* SPDX-License-Identifier: ISC */
#include "daemon/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"

enum { V4_TTL = 8, V4_CHECKSUM = 10, V4_DST = 16, V6_HOPS = 7, V6_DST = 24 };

int router_set(struct router *router, bool on)
{
	if (on == (router->data != NULL))
		return 0;
	free(router->data);
	router->data = NULL;
	router->head = router->count = 0;
	if (on)
		router->data =
			malloc((size_t)ROUTER_PACKETS * ROUTER_PACKET_MAX);
	return on && router->data == NULL ? -ERR_NO_MEMORY : 0;
}

/* ------------------------------------------------------------- in */

/* What WireGuard let in has a whole header. */
static struct ip_addr destination(const uint8_t *data)
{
	return data[0] >> 4 == 4 ? ip_addr_v4(data + V4_DST)
				 : ip_addr_v6(data + V6_DST);
}

/* False: it has come too far. RFC 1624 for the checksum of IPv4. */
static bool count_hop(uint8_t *data)
{
	uint8_t *hops = data + (data[0] >> 4 == 4 ? V4_TTL : V6_HOPS);
	uint32_t sum;

	if (*hops <= 1)
		return false;
	(*hops)--;
	if (data[0] >> 4 == 4) {
		sum = (uint32_t)get_be16(data + V4_CHECKSUM) + 0x100;
		put_be16(data + V4_CHECKSUM, (uint16_t)(sum + (sum >> 16)));
	}
	return true;
}

static void take(struct router *router, uint64_t now,
		 const struct packet *packet, uint16_t path)
{
	uint32_t slot = (router->head + router->count) % ROUTER_PACKETS;

	if (router->count == ROUTER_PACKETS ||
	    packet->len > ROUTER_PACKET_MAX || !count_hop(packet->data)) {
		router->dropped++;
		return;
	}
	router->entries[slot] = (struct router_entry){
		.at = now, .len = (uint16_t)packet->len, .path = path};
	memcpy(router->data + (size_t)slot * ROUTER_PACKET_MAX, packet->data,
	       packet->len);
	router->count++;
}

static bool is_own(const struct ip_addr *own, uint32_t count,
		   const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < count; i++) {
		if (ip_addr_equal(&own[i], addr))
			return true;
	}
	return false;
}

size_t router_take(struct router *router, uint64_t now,
		   const struct route_table *routes, const struct ip_addr *own,
		   uint32_t own_count, struct packet *packets, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; router->data != NULL && i < count; i++) {
		struct ip_addr to = destination(packets[i].data);
		uint16_t path = ROUTE_NONE;

		if (!is_own(own, own_count, &to))
			path = route_lookup(routes, &to);
		if (path != ROUTE_NONE && path != packets[i].path)
			take(router, now, &packets[i], path);
		else
			packets[left++] = packets[i];
	}
	return router->data != NULL ? left : count;
}

/* ------------------------------------------------------------- out */

static struct router_entry *entry_at(struct router *router, uint32_t i)
{
	return &router->entries[(router->head + i) % ROUTER_PACKETS];
}

static void forget_gone(struct router *router)
{
	while (router->count > 0 && entry_at(router, 0)->len == 0) {
		router->head = (router->head + 1) % ROUTER_PACKETS;
		router->count--;
	}
}

/* Position of the first whose path is ready, or count. Those that wait for too
 * long, or are too many, go. */
static uint32_t find_ready(struct router *router, uint64_t now,
			   router_ready ready, void *ctx)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < router->count; i++) {
		struct router_entry *entry = entry_at(router, i);

		if (entry->len == 0)
			continue;
		if (ready(ctx, entry->path))
			return i;
		if (++waiting > ROUTER_WAITING_MAX ||
		    now >= entry->at + ROUTER_PATIENCE_NS) {
			entry->len = 0;
			router->dropped++;
		}
	}
	return router->count;
}

static bool joins(const struct run *run, const struct router_entry *entry)
{
	return entry->len != 0 && entry->path == run->path &&
	       entry->len <= run->ip_len && run->last_len == run->ip_len &&
	       run->count < run_room(run, run->ip_len);
}

bool router_pull(struct router *router, uint64_t now, router_ready ready,
		 void *ctx, struct run *run)
{
	uint32_t i = find_ready(router, now, ready, ctx);

	if (i < router->count) {
		struct router_entry *first = entry_at(router, i);

		if (run->mtu < first->len)
			run->mtu = first->len;
		run->path = first->path;
		run->ip_len = run->last_len = first->len;
		run->count = 0;
		run->ecn = 0;
	}
	for (; i < router->count && joins(run, entry_at(router, i)); i++) {
		struct router_entry *entry = entry_at(router, i);
		size_t slot = (size_t)(entry - router->entries);

		memcpy(run_ip(run, run->ip_len, run->count),
		       router->data + slot * ROUTER_PACKET_MAX, entry->len);
		run->last_len = entry->len;
		run->count++;
		router->routed++;
		entry->len = 0;
	}
	forget_gone(router);
	return run->count > 0;
}
