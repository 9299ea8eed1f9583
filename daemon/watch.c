/* SPDX-License-Identifier: ISC */
#include "daemon/watch.h"

#include "base/log.h"

#define PROBE_DELAY_MIN_NS (1 * NS_PER_S)
#define PROBE_DELAY_MAX_NS (10 * NS_PER_S)
#define PROBE_TIMEOUT_NS   (5 * NS_PER_S)

/* Reasons that are certain to meet the next client, too. */
static bool is_certain(enum reason reason)
{
	return reason == REASON_TUNNEL_DOWN ||
	       reason == REASON_ENDPOINT_UNKNOWN ||
	       reason == REASON_DNS_NXDOMAIN || reason == REASON_DNS_NODATA ||
	       reason == REASON_NO_ROUTE || reason == REASON_CONNECT_REFUSED;
}

static bool is_tunnels(enum reason reason)
{
	return reason == REASON_TUNNEL_DOWN ||
	       reason == REASON_ENDPOINT_UNKNOWN;
}

static void go_down(struct proxy *proxy, const struct clock *now,
		    struct forward *forward, enum reason reason)
{
	if (forward->down == reason)
		return;
	if (forward->down == REASON_NONE) {
		proxy->down_count++;
		forward->probe_delay = PROBE_DELAY_MIN_NS;
		forward->probe_at = now->awake + forward->probe_delay;
	}
	forward->down = reason;
	proxy->forwards_changed = true;
	log_warning("event=forward_down forward=%s reason=%s text=\"%s; "
		    "clients are refused until it is back\"",
		    forward->mapping.name, reason_word(reason),
		    reason_text(reason));
}

static void go_up(struct proxy *proxy, struct forward *forward)
{
	if (forward->down == REASON_NONE)
		return;
	proxy->down_count--;
	forward->down = REASON_NONE;
	proxy->forwards_changed = true;
	log_notice("event=forward_up forward=%s", forward->mapping.name);
}

void watch_connect(struct proxy *proxy, const struct clock *now, uint32_t slot,
		   enum reason reason)
{
	struct forward *forward = &proxy->forwards[slot];

	if (forward->slot != FORWARD_ACTIVE)
		return;
	if (is_certain(reason))
		go_down(proxy, now, forward, reason);
	else if (reason == REASON_NONE)
		go_up(proxy, forward);
}

void watch_forget(struct proxy *proxy, const struct clock *now, uint32_t slot)
{
	struct forward *forward = &proxy->forwards[slot];

	if (forward->probe != PROBE_NONE)
		probe_free(&proxy->probes, now, forward->probe);
	forward->probe = PROBE_NONE;
	if (forward->down != REASON_NONE)
		proxy->down_count--;
	forward->down = REASON_NONE;
}

/* The tunnel is asked for a handshake even though nobody has data for it. */
static void ask_tunnel(const struct clock *now, const struct tunnel *tunnel)
{
	for (uint16_t i = 0; i < tunnel->peer_count; i++)
		(void)wg_peer_want(tunnel->wg, now->boot, i);
}

static void start_probe(struct proxy *proxy, const struct clock *now,
			struct forward *forward)
{
	struct dial_request target = {
		.host = forward->mapping.target.host,
		.port = forward->mapping.target.port,
		.timeout = PROBE_TIMEOUT_NS,
	};

	forward->probe_delay =
		time_min(2 * forward->probe_delay, PROBE_DELAY_MAX_NS);
	forward->probe_at = now->awake + forward->probe_delay;
	if (is_tunnels(forward->down)) {
		ask_tunnel(now, forward->tunnel);
		return;
	}
	forward->probe =
		probe_start(&proxy->probes, now, forward->tunnel, &target);
}

static void end_probe(struct proxy *proxy, const struct clock *now,
		      struct forward *forward)
{
	const struct probe *probe = &proxy->probes.probes[forward->probe];
	enum reason reason = probe->reason;

	probe_free(&proxy->probes, now, forward->probe);
	forward->probe = PROBE_NONE;
	forward->probe_at = now->awake + forward->probe_delay;
	if (is_certain(reason))
		go_down(proxy, now, forward, reason);
	else
		go_up(proxy, forward);
}

static void watch_forward(struct proxy *proxy, const struct clock *now,
			  struct forward *forward)
{
	enum tunnel_state tunnel = tunnel_state(forward->tunnel, now);

	if (tunnel == TUNNEL_DOWN && !is_tunnels(forward->down))
		go_down(proxy, now, forward, REASON_TUNNEL_DOWN);
	else if (tunnel == TUNNEL_UP && is_tunnels(forward->down))
		go_up(proxy, forward);
	if (forward->probe != PROBE_NONE &&
	    proxy->probes.probes[forward->probe].done)
		end_probe(proxy, now, forward);
	if (forward->down != REASON_NONE && forward->probe == PROBE_NONE &&
	    now->awake >= forward->probe_at)
		start_probe(proxy, now, forward);
}

void watch_turn(struct proxy *proxy, const struct clock *now)
{
	/* Without a change in a tunnel and without anything down there is
	 * nothing to find: this is the usual turn. */
	if (!proxy->tunnels_changed && proxy->down_count == 0)
		return;
	proxy->tunnels_changed = false;
	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		if (proxy->forwards[i].slot == FORWARD_ACTIVE &&
		    proxy->forwards[i].mapping.kind == MAPPING_FORWARD)
			watch_forward(proxy, now, &proxy->forwards[i]);
	}
}

uint64_t watch_deadline(const struct proxy *proxy)
{
	uint64_t deadline = NEVER;

	for (uint32_t i = 0; proxy->down_count > 0 && i < proxy->forward_count;
	     i++) {
		const struct forward *forward = &proxy->forwards[i];

		if (forward->slot == FORWARD_ACTIVE &&
		    forward->down != REASON_NONE &&
		    forward->probe == PROBE_NONE)
			deadline = time_min(deadline, forward->probe_at);
	}
	return deadline;
}
