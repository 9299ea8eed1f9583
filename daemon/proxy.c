/* SPDX-License-Identifier: ISC */
#include "daemon/proxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/expose.h"
#include "daemon/watch.h"
#include "netstack/tag.h"

/* Connections of one peer to exposes whose handshake is not complete: it must
 * not take all relays with SYNs alone. */
enum { OPENING_MAX = 512 };

/* The arena is taken whole but stays untouched until chunks are used: the
 * system gives pages on first touch. */
static int open_memory(struct proxy *proxy, uint64_t memory_bytes)
{
	uint32_t count = (uint32_t)(memory_bytes / CHUNK_BYTES);
	size_t links_len = count * sizeof(uint32_t);
	size_t len = (size_t)count * CHUNK_BYTES + links_len;

	/* Chunks are whole pages. */
	if (posix_memalign(&proxy->chunk_memory, CHUNK_BYTES, len) != 0)
		return -ERR_NO_MEMORY;
	proxy->relays = calloc(proxy->relay_cap, sizeof(*proxy->relays));
	proxy->links = calloc(proxy->relay_cap, sizeof(*proxy->links));
	proxy->forwards = calloc(FORWARD_SLOTS, sizeof(*proxy->forwards));
	if (proxy->chunk_memory == NULL || proxy->relays == NULL ||
	    proxy->links == NULL || proxy->forwards == NULL)
		return -ERR_NO_MEMORY;
	chunk_pool_init(&proxy->chunks, proxy->chunk_memory,
			(uint32_t *)(void *)((uint8_t *)proxy->chunk_memory +
					     (size_t)count * CHUNK_BYTES),
			count);
	return 0;
}

int proxy_open(struct proxy *proxy, uint64_t memory_bytes, uint32_t relay_cap,
	       const struct random_source *random)
{
	int err;

	memset(proxy, 0, sizeof(*proxy));
	proxy->relay_cap = relay_cap;
	proxy->relay_free = RELAY_NONE;
	proxy->work_head = RELAY_NONE;
	proxy->work_tail = RELAY_NONE;
	proxy->random = *random;
	err = open_memory(proxy, memory_bytes);
	if (err != 0)
		proxy_close(proxy, NULL);
	return err;
}

void proxy_close(struct proxy *proxy, const struct clock *now)
{
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		if (proxy->tunnels[i] != NULL)
			proxy_close_tunnel(proxy, now, i);
	}
	free(proxy->forwards);
	free(proxy->relays);
	free(proxy->links);
	free(proxy->chunk_memory);
	memset(proxy, 0, sizeof(*proxy));
}

/* ------------------------------------------------------------- relays */

static uint32_t take_relay(struct proxy *proxy)
{
	uint32_t index = proxy->relay_free;

	CHECK(!proxy_is_full(proxy));
	if (index != RELAY_NONE)
		proxy->relay_free = proxy->links[index].next;
	else
		index = proxy->relay_fresh++;
	CHECK(index < proxy->relay_cap);
	proxy->relay_count++;
	return index;
}

static struct forward *relay_forward(struct proxy *proxy, uint32_t index)
{
	return &proxy->forwards[proxy->relays[index].forward];
}

/* REASON_NONE: the client may come in. */
static enum reason admit(const struct proxy *proxy,
			 const struct forward *forward,
			 const struct endpoint *from)
{
	uint32_t max = forward->mapping.connections_max;

	if (!forward_allows(forward, &from->addr))
		return REASON_NOT_ALLOWED;
	if (forward->draining)
		return REASON_DRAINING;
	if (forward->down != REASON_NONE)
		return forward->down;
	if (proxy_is_full(proxy) || (max != 0 && forward->connections >= max))
		return REASON_LIMIT;
	return REASON_NONE;
}

/* A relay for a client that was let in, not begun yet; RELAY_NONE: it was
 * not. */
static uint32_t let_in(struct proxy *proxy, uint32_t forward_index,
		       const struct endpoint *from, enum reason *ret_refused)
{
	struct forward *forward = &proxy->forwards[forward_index];
	uint32_t index;

	*ret_refused = admit(proxy, forward, from);
	if (*ret_refused != REASON_NONE)
		return RELAY_NONE;
	index = take_relay(proxy);
	forward->connections++;
	forward->accepted++;
	forward->tunnel->relays++;
	proxy->relays[index].id = ++proxy->relay_serial;
	proxy->relays[index].forward = forward_index;
	proxy->relays[index].client = *from;
	proxy_mark(proxy, index);
	return index;
}

uint32_t proxy_accept(struct proxy *proxy, const struct clock *now,
		      uint32_t forward_index, const struct endpoint *from,
		      enum reason *ret_refused)
{
	struct forward *forward = &proxy->forwards[forward_index];
	const struct mapping *mapping = &forward->mapping;
	struct dial_request request = {
		.host = mapping->target.host,
		.port = mapping->target.port,
		.shuffle = mapping->policy == POLICY_RANDOM,
	};
	uint32_t index = let_in(proxy, forward_index, from, ret_refused);

	if (index == RELAY_NONE)
		return RELAY_NONE;
	if (mapping->policy == POLICY_STICKY)
		request.preferred = forward->sticky;
	request.user = tag_make(TAG_RELAY, index);
	relay_init(&proxy->relays[index], now, forward->tunnel, &request);
	return index;
}

uint32_t proxy_accept_held(struct proxy *proxy, const struct clock *now,
			   uint32_t expose, const struct endpoint *from,
			   struct ns_handle handle, enum reason *ret_refused)
{
	struct tunnel *tunnel = proxy->forwards[expose].tunnel;
	struct ns_tcp_info info;
	uint32_t index;

	CHECK(tcp_info(tunnel->ns, handle, &info) == 0);
	if (tunnel->peers[info.path].opening >= OPENING_MAX) {
		*ret_refused = REASON_LIMIT;
		return RELAY_NONE;
	}
	index = let_in(proxy, expose, from, ret_refused);
	if (index == RELAY_NONE)
		return RELAY_NONE;
	netstack_set_user(tunnel->ns, handle, tag_make(TAG_RELAY, index));
	relay_init_held(&proxy->relays[index], now, tunnel, handle, info.path);
	return index;
}

void proxy_refuse(struct proxy *proxy, uint32_t forward_index,
		  const struct endpoint *from, enum reason reason)
{
	struct forward *forward = &proxy->forwards[forward_index];
	char text[ENDPOINT_TEXT_CAP];

	forward_count_refused(forward, reason);
	log_info("event=conn_refused forward=%s client=%s reason=%s "
		 "text=\"%s\"",
		 forward->mapping.name, endpoint_format(from, text),
		 reason_word(reason), reason_text(reason));
}

void proxy_mark(struct proxy *proxy, uint32_t index)
{
	struct relay_link *link = &proxy->links[index];

	if (link->queued)
		return;
	link->queued = true;
	link->next = RELAY_NONE;
	if (proxy->work_tail == RELAY_NONE)
		proxy->work_head = index;
	else
		proxy->links[proxy->work_tail].next = index;
	proxy->work_tail = index;
}

uint32_t proxy_next_work(struct proxy *proxy)
{
	uint32_t index = proxy->work_head;

	if (index == RELAY_NONE)
		return RELAY_NONE;
	proxy->work_head = proxy->links[index].next;
	if (proxy->work_head == RELAY_NONE)
		proxy->work_tail = RELAY_NONE;
	proxy->links[index].queued = false;
	return index;
}

/* "client [fdaa::3]:5432 tx rx ..." is what a person greps for first. */
static void log_end(const struct proxy *proxy, const struct clock *now,
		    const struct relay *relay)
{
	const struct forward *forward = &proxy->forwards[relay->forward];
	char client[ENDPOINT_TEXT_CAP], target[ENDPOINT_TEXT_CAP];
	char to[TARGET_TEXT_CAP];
	bool opened = relay->connected != 0;

	log_info(
		"event=%s forward=%s client=%s to=%s target=%s dur_ms=%llu "
		"tx=%llu rx=%llu reason=%s text=\"%s\"",
		opened ? "conn_closed" : "conn_refused", forward->mapping.name,
		endpoint_format(&relay->client, client),
		target_format(&forward->mapping.target, to, sizeof(to)),
		opened ? endpoint_format(&relay->target, target) : "none",
		(unsigned long long)((now->awake - relay->started) / NS_PER_MS),
		(unsigned long long)relay->bytes_up,
		(unsigned long long)relay->bytes_down,
		reason_word(relay->reason), reason_text(relay->reason));
}

void proxy_release(struct proxy *proxy, const struct clock *now, uint32_t index)
{
	struct relay *relay = &proxy->relays[index];
	struct forward *forward = relay_forward(proxy, index);

	CHECK(relay->state == RELAY_DOOMED && !proxy->links[index].queued);
	log_end(proxy, now, relay);
	forward->connections--;
	forward->bytes_up += relay->bytes_up;
	forward->bytes_down += relay->bytes_down;
	if (relay->connected != 0)
		forward_count_end(forward, relay->reason);
	else
		forward_count_refused(forward, relay->reason);
	if (forward->slot == FORWARD_RETIRED && forward->connections == 0)
		*forward = (struct forward){.slot = FORWARD_FREE};
	relay->tunnel->relays--;
	memset(relay, 0, sizeof(*relay));
	proxy->links[index].next = proxy->relay_free;
	proxy->relay_free = index;
	proxy->relay_count--;
}

static void doom(struct proxy *proxy, const struct clock *now, uint32_t index,
		 enum reason reason)
{
	relay_doom(&proxy->relays[index], now, reason);
	proxy_mark(proxy, index);
}

void proxy_doom_all(struct proxy *proxy, const struct clock *now,
		    enum reason reason)
{
	for (uint32_t i = 0; i < proxy->relay_fresh; i++) {
		if (proxy->relays[i].state != RELAY_FREE)
			doom(proxy, now, i, reason);
	}
}

void proxy_doom_forward(struct proxy *proxy, const struct clock *now,
			uint32_t slot, enum reason reason)
{
	for (uint32_t i = 0; i < proxy->relay_fresh; i++) {
		if (proxy->relays[i].state != RELAY_FREE &&
		    proxy->relays[i].forward == slot)
			doom(proxy, now, i, reason);
	}
}

void proxy_doom_tunnel(struct proxy *proxy, const struct clock *now,
		       const struct tunnel *tunnel, enum reason reason)
{
	for (uint32_t i = 0; i < proxy->relay_fresh; i++) {
		if (proxy->relays[i].state != RELAY_FREE &&
		    proxy->relays[i].tunnel == tunnel)
			doom(proxy, now, i, reason);
	}
}

bool proxy_doom_relay(struct proxy *proxy, const struct clock *now, uint64_t id,
		      enum reason reason)
{
	for (uint32_t i = 0; i < proxy->relay_fresh; i++) {
		if (proxy->relays[i].state == RELAY_FREE ||
		    proxy->relays[i].id != id)
			continue;
		doom(proxy, now, i, reason);
		return true;
	}
	return false;
}

/* ------------------------------------------------------------- events */

/* The handshake was the first to measure the way to the target. */
static void count_connected(struct forward *forward, struct relay *relay)
{
	struct ns_tcp_info info;

	forward->connected++;
	histogram_add(&forward->connect, relay->connected - relay->started);
	if (tcp_info(relay->tunnel->ns, relay->upstream, &info) == 0)
		histogram_add(&relay->tunnel->rtt, info.srtt_ns);
}

static void dial_ended(struct proxy *proxy, const struct clock *now,
		       struct tunnel *tunnel, const struct dial_result *result)
{
	uint32_t index = tag_index(result->user);
	struct relay *relay = &proxy->relays[index];
	struct forward *forward = relay_forward(proxy, index);

	CHECK(relay->tunnel == tunnel);
	if (result->error == 0) {
		forward->sticky = result->to.addr;
		relay_connected(relay, now, result->handle, &result->to,
				result->user);
		count_connected(forward, relay);
	} else {
		forward->sticky.family = IP_NONE;
		relay_dial_failed(relay,
				  tunnel_explain(tunnel, now, result->error));
	}
	watch_connect(proxy, now, relay->forward, relay->reason);
	proxy_mark(proxy, index);
}

void proxy_local_connected(struct proxy *proxy, const struct clock *now,
			   uint32_t index)
{
	struct relay *relay = &proxy->relays[index];
	struct forward *forward = relay_forward(proxy, index);

	relay_local_connected(relay, now);
	forward->connected++;
	histogram_add(&forward->connect, relay->connected - relay->started);
}

static void netstack_event(struct proxy *proxy, const struct clock *now,
			   struct tunnel *tunnel, const struct ns_event *event)
{
	uint32_t index = tag_index(event->user);

	switch (tag_kind(event->user)) {
	case TAG_RESOLVER:
		resolver_event(tunnel->resolver, now->awake, event);
		break;
	case TAG_DIAL:
		dial_event(tunnel->dialer, now->awake, event);
		break;
	case TAG_RELAY:
		relay_upstream_event(&proxy->relays[index], now, event->bits,
				     event->error);
		proxy_mark(proxy, index);
		break;
	case TAG_EXPOSE:
		expose_accept(proxy, now, index);
		break;
	case TAG_ZONE:
		zone_server_event(&tunnel->zone.server, now->awake, event);
		break;
	case TAG_PROBE:
		break; /* closed since */
	}
}

static void tunnel_events(struct proxy *proxy, const struct clock *now,
			  struct tunnel *tunnel)
{
	struct dial_result result;
	struct ns_event event;

	while (netstack_next_event(tunnel->ns, &event))
		netstack_event(proxy, now, tunnel, &event);
	dial_advance(tunnel->dialer, now->awake);
	while (dial_next_result(tunnel->dialer, &result)) {
		if (tag_kind(result.user) == TAG_PROBE)
			probe_dialed(&proxy->probes, now,
				     tag_index(result.user), &result);
		else
			dial_ended(proxy, now, tunnel, &result);
	}
}

void proxy_events(struct proxy *proxy, const struct clock *now)
{
	tunnel_zones_update(proxy);
	for (uint32_t i = 0; i < proxy->tunnel_count; i++) {
		if (proxy->tunnels[i] == NULL)
			continue;
		proxy->tunnels_changed |=
			tunnel_wireguard_events(proxy->tunnels[i], now);
		tunnel_events(proxy, now, proxy->tunnels[i]);
	}
	expose_accept_waiting(proxy, now);
	watch_turn(proxy, now);
}

void proxy_expire(struct proxy *proxy, const struct clock *now)
{
	for (uint32_t i = 0; i < proxy->tunnel_count; i++) {
		if (proxy->tunnels[i] != NULL)
			tunnel_expire(proxy->tunnels[i], now);
	}
}

uint64_t proxy_wait(const struct proxy *proxy, const struct clock *now)
{
	uint64_t wait = clock_until(watch_deadline(proxy), now->awake);

	for (uint32_t i = 0; i < proxy->tunnel_count; i++) {
		if (proxy->tunnels[i] != NULL)
			wait = time_min(wait,
					tunnel_wait(proxy->tunnels[i], now));
	}
	return wait;
}
