/* SPDX-License-Identifier: ISC */
#include "daemon/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "daemon/probe.h"
#include "daemon/reason.h"
#include "daemon/tunnel_peers.h"

/* Beside the relays' own: connections that race for one relay, and those that
 * only wait for their last segments or in TIME-WAIT. */
enum { CONNECTIONS_EXTRA = 8192, UDP_SOCKETS_MAX = 256 };

/* A peer that says nothing for so long is asked every so often, by so many
 * connections that wait for it. */
#define SILENCE_NS (2 * NS_PER_S)
#define NUDGE_NS   (1 * NS_PER_S)
enum { NUDGE_CONNECTIONS = 8 };

/* Room for what a reload adds, before the tunnel has to be replaced. */
enum { PEERS_SPARE = 64, ALLOWED_IPS_SPARE = 256 };

static int open_wireguard(struct tunnel *tunnel, const struct clock *now,
			  const struct tunnel_config *config)
{
	const struct config_tunnel *from = config->config;
	struct wg_config wg = {
		.private_key = &from->private_key,
		.peers_max = tunnel->peers_max,
		.allowed_ips_max = tunnel->allowed_ips_max,
		.mtu = from->mtu,
		.random = config->random,
		.greatest_stamp = config->greatest_stamp,
		.aead = config->aead,
	};
	bool locked;

	tunnel->peers = calloc(tunnel->peers_max, sizeof(*tunnel->peers));
	tunnel->wg_memory = calloc(1, wg_device_size(&wg));
	tunnel->wg_secret = secret_alloc(wg_device_secret_size(&wg), &locked);
	if (tunnel->peers == NULL || tunnel->wg_memory == NULL ||
	    tunnel->wg_secret == NULL)
		return -ERR_NO_MEMORY;
	tunnel->key_unlocked = !locked;
	tunnel->wg = wg_device_init(tunnel->wg_memory, tunnel->wg_secret, &wg);
	for (uint32_t i = 0; i < from->peer_count; i++) {
		int err = tunnel_add_peer(tunnel, now, &from->peers[i]);

		if (err != 0)
			return err;
	}
	return 0;
}

static int open_netstack(struct tunnel *tunnel,
			 const struct tunnel_config *config)
{
	const struct config_tunnel *from = config->config;
	struct ns_config ns = {
		.connections_max = config->connections_max + CONNECTIONS_EXTRA,
		.udp_max = UDP_SOCKETS_MAX,
		.mtu = from->mtu,
		.address_count = from->address_count,
		.addresses = from->addresses_host,
		.routes = wg_device_routes(tunnel->wg),
		.chunks = config->chunks,
		.random = config->random,
	};

	netstack_tcp_defaults(&ns.tcp);
	tunnel->ns_memory = calloc(1, netstack_size(&ns));
	if (tunnel->ns_memory == NULL)
		return -ERR_NO_MEMORY;
	tunnel->ns = netstack_init(tunnel->ns_memory, &ns);
	return 0;
}

static bool has_family(const struct config_tunnel *config, uint8_t family)
{
	for (uint32_t i = 0; i < config->address_count; i++) {
		if (config->addresses_host[i].family == family)
			return true;
	}
	return false;
}

static int open_names(struct tunnel *tunnel, const struct tunnel_config *config)
{
	const struct config_tunnel *from = config->config;
	struct resolver_config dns = {
		.ns = tunnel->ns,
		.servers = from->dns,
		.server_count = from->dns_count,
		.search = from->search,
		.search_count = from->search_count,
		.want_v4 = has_family(from, IP_V4),
		.want_v6 = has_family(from, IP_V6),
		.random = config->random,
	};
	struct dialer_config dial = {
		.ns = tunnel->ns,
		.dials_max = config->connections_max + PROBES_MAX,
		.random = config->random,
	};

	tunnel->dns_memory = calloc(1, resolver_size());
	tunnel->dial_memory = calloc(1, dialer_size(&dial));
	if (tunnel->dns_memory == NULL || tunnel->dial_memory == NULL)
		return -ERR_NO_MEMORY;
	tunnel->resolver = resolver_init(tunnel->dns_memory, &dns);
	dial.resolver = tunnel->resolver;
	tunnel->dialer = dialer_init(tunnel->dial_memory, &dial);
	return 0;
}

int tunnel_open(struct tunnel *tunnel, const struct clock *now,
		const struct tunnel_config *config)
{
	int err;

	memset(tunnel, 0, sizeof(*tunnel));
	memcpy(tunnel->name, config->config->name, sizeof(tunnel->name));
	memcpy(tunnel->digest, config->config->digest, sizeof(tunnel->digest));
	tunnel->nudge_at = NEVER;
	tunnel->mtu = config->config->mtu;
	tunnel->listen_port = config->config->listen_port;
	tunnel->peers_max =
		(uint16_t)(config->config->peer_count + PEERS_SPARE);
	tunnel->allowed_ips_max =
		tunnel_allowed_count(config->config) + ALLOWED_IPS_SPARE;
	tunnel->address_count = config->config->address_count;
	memcpy(tunnel->addresses, config->config->addresses_host,
	       sizeof(tunnel->addresses));
	err = open_wireguard(tunnel, now, config);
	if (err == 0)
		err = open_netstack(tunnel, config);
	if (err == 0)
		err = open_names(tunnel, config);
	if (err == 0)
		err = tunnel_zone_set(&tunnel->zone, now, config->config);
	if (err == 0)
		err = router_set(&tunnel->router,
				 config->config->route_between_peers);
	if (err != 0)
		tunnel_close(tunnel);
	return err;
}

void tunnel_close(struct tunnel *tunnel)
{
	(void)router_set(&tunnel->router, false);
	if (tunnel->ns != NULL)
		netstack_fini(tunnel->ns);
	tunnel_zone_free(&tunnel->zone);
	if (tunnel->wg != NULL)
		wg_device_fini(tunnel->wg);
	free(tunnel->dial_memory);
	free(tunnel->dns_memory);
	free(tunnel->ns_memory);
	free(tunnel->wg_memory);
	secret_free(tunnel->wg_secret);
	free(tunnel->peers);
	memset(tunnel, 0, sizeof(*tunnel));
}

void tunnel_input(struct tunnel *tunnel, const struct clock *now,
		  const struct wg_datagram *datagram)
{
	struct packet packets[DATAGRAM_SEGMENTS_MAX];
	size_t count;

	if (datagram->segment != 0 && datagram->segment < DATAGRAM_MIN)
		return;
	count = wg_device_input(tunnel->wg, now->boot, datagram, packets,
				ARRAY_SIZE(packets));

	count = router_take(&tunnel->router, now->awake,
			    wg_device_routes(tunnel->wg), tunnel->addresses,
			    tunnel->address_count, packets, count);
	if (count > 0)
		netstack_input(tunnel->ns, now->awake, packets, count);
}

void tunnel_input_done(struct tunnel *tunnel, const struct clock *now)
{
	netstack_input_done(tunnel->ns, now->awake);
}

/* Asks path after path until one can send: held paths are not asked again
 * before their session is up. */
static bool pull_own(struct tunnel *tunnel, const struct clock *now,
		     struct run *run)
{
	uint16_t path;

	while (netstack_next_path(tunnel->ns, &path)) {
		if (wg_peer_want(tunnel->wg, now->boot, path) != 0) {
			netstack_path_hold(tunnel->ns, path);
			continue;
		}
		run->path = path;
		if (netstack_pull(tunnel->ns, now->awake, run) > 0)
			return true;
	}
	return false;
}

/* Who asks for the peers' sessions, and when. */
struct asker {
	struct tunnel *tunnel;
	uint64_t now;
};

static bool has_session(void *ctx, uint16_t path)
{
	struct asker *asker = ctx;

	return wg_peer_want(asker->tunnel->wg, asker->now, path) == 0;
}

static bool pull_routed(struct tunnel *tunnel, const struct clock *now,
			struct run *run)
{
	struct asker asker = {.tunnel = tunnel, .now = now->boot};

	return tunnel->router.count > 0 &&
	       router_pull(&tunnel->router, now->awake, has_session, &asker,
			   run);
}

static bool output_data(struct tunnel *tunnel, const struct clock *now,
			struct tunnel_output *out)
{
	struct run run = {
		.base = out->data, .cap = RUN_BYTES_MAX, .mtu = tunnel->mtu};
	bool routed = tunnel->router_first && pull_routed(tunnel, now, &run);

	if (!routed && !pull_own(tunnel, now, &run)) {
		run.mtu = tunnel->mtu;
		if (tunnel->router_first || !pull_routed(tunnel, now, &run))
			return false;
		routed = true;
	}
	tunnel->router_first = !routed;
	wg_device_seal(tunnel->wg, now->boot, &run, &out->to);
	out->segment = run_stride(run.ip_len, run.mtu);
	out->len = run_sealed_len(&run);
	out->path = run.path;
	out->ip_len = run.ip_len;
	return true;
}

bool tunnel_output(struct tunnel *tunnel, const struct clock *now,
		   struct tunnel_output *out)
{
	CHECK(out->cap >= RUN_BYTES_MAX);
	if (output_data(tunnel, now, out))
		return true;
	out->len = (uint32_t)wg_device_pull(tunnel->wg, now->boot, now->wall,
					    out->data, &out->to);
	out->segment = out->len;
	out->ip_len = 0;
	return out->len > 0;
}

/* What fits is not known; it is found in small steps of what padding makes of
 * lengths (S3), from far above in larger ones. */
void tunnel_output_too_long(struct tunnel *tunnel, const struct clock *now,
			    const struct tunnel_output *out)
{
	uint32_t step;

	if (out->ip_len <= MTU_MIN)
		return;
	step = (out->ip_len - (uint32_t)MTU_MIN) / 16 + 1;
	netstack_path_mtu(tunnel->ns, now->awake, out->path,
			  (uint16_t)((out->ip_len - step) & ~15U));
}

/* One line for each peer that comes up or goes, not one for each rekey. */
static void log_session(struct tunnel *tunnel, const struct clock *now,
			uint16_t index)
{
	struct tunnel_peer *peer = &tunnel->peers[index];
	char text[ENDPOINT_TEXT_CAP];
	struct wg_peer_info info;

	wg_peer_info(tunnel->wg, now->boot, index, &info);
	if (!peer->up)
		log_notice("event=peer_up tunnel=%s peer=%u endpoint=%s",
			   tunnel->name, (unsigned)index,
			   endpoint_format(&info.endpoint, text));
	peer->up = true;
}

static void log_no_answer(struct tunnel *tunnel, const struct clock *now,
			  uint16_t index)
{
	struct tunnel_peer *peer = &tunnel->peers[index];
	char text[ENDPOINT_TEXT_CAP];
	struct wg_peer_info info;

	wg_peer_info(tunnel->wg, now->boot, index, &info);
	if (peer->up || info.handshake_attempts == 1)
		log_warning("event=peer_down tunnel=%s peer=%u endpoint=%s "
			    "reason=%s text=\"%s\"",
			    tunnel->name, (unsigned)index,
			    endpoint_format(&info.endpoint, text),
			    reason_word(REASON_TUNNEL_DOWN),
			    reason_text(REASON_TUNNEL_DOWN));
	peer->up = false;
}

bool tunnel_wireguard_events(struct tunnel *tunnel, const struct clock *now)
{
	bool changed = false;
	struct wg_event event;

	while (wg_device_next_event(tunnel->wg, &event)) {
		struct tunnel_peer *peer = &tunnel->peers[event.peer];

		switch (event.type) {
		case WG_EVENT_SESSION_UP:
			log_session(tunnel, now, event.peer);
			netstack_path_release(tunnel->ns, now->awake,
					      event.peer);
			break;
		case WG_EVENT_HANDSHAKE_RETRY:
			log_no_answer(tunnel, now, event.peer);
			peer->resolve = peer->named;
			break;
		case WG_EVENT_HANDSHAKE_FAILED:
			/* Whoever still waits asks again (T7, T13). */
			netstack_path_release(tunnel->ns, now->awake,
					      event.peer);
			break;
		case WG_EVENT_ENDPOINT_CHANGED:
			peer->endpoint_changes++;
			break;
		case WG_EVENT_TYPES:
			break;
		}
		changed = true;
	}
	return changed;
}

/* Asks a silent path whether it is back, and lets everything go at once when it
 * is: a connection alone would wait for a timer that has doubled many times.
 * The peer may also have been restarted, and know nothing of our session. */
static void nudge(struct tunnel *tunnel, const struct clock *now)
{
	uint32_t waiting = 0;

	for (uint16_t i = 0; i < tunnel->peer_count; i++) {
		struct tunnel_peer *peer = &tunnel->peers[i];
		struct wg_peer_info info;

		wg_peer_info(tunnel->wg, now->boot, i, &info);
		if (info.last_received + SILENCE_NS > now->boot) {
			if (peer->silent)
				netstack_path_release(tunnel->ns, now->awake,
						      i);
			peer->silent = false;
		} else if (info.session) {
			peer->silent = true;
			wg_peer_suspect(tunnel->wg, now->boot, i);
			waiting += netstack_path_probe(tunnel->ns, now->awake,
						       i, NUDGE_CONNECTIONS);
		}
	}
	tunnel->nudge_at = waiting > 0 ? now->awake + NUDGE_NS : NEVER;
}

/* A timeout, of TCP or a name server, is the first to show that a path may be
 * silent. */
static void watch_silence(struct tunnel *tunnel, const struct clock *now)
{
	uint64_t timeouts = netstack_counter(tunnel->ns, NS_TCP_TIMEOUTS) +
			    resolver_stats(tunnel->resolver)->retries;

	if (timeouts != tunnel->timeouts && tunnel->nudge_at == NEVER)
		tunnel->nudge_at = now->awake + NUDGE_NS;
	tunnel->timeouts = timeouts;
	if (now->awake >= tunnel->nudge_at)
		nudge(tunnel, now);
}

void tunnel_expire(struct tunnel *tunnel, const struct clock *now)
{
	wg_device_expire(tunnel->wg, now->boot);
	netstack_expire(tunnel->ns, now->awake);
	resolver_expire(tunnel->resolver, now->awake);
	dial_expire(tunnel->dialer, now->awake);
	zone_server_expire(&tunnel->zone.server, now->awake);
	watch_silence(tunnel, now);
}

uint64_t tunnel_wait(const struct tunnel *tunnel, const struct clock *now)
{
	uint64_t awake = netstack_deadline(tunnel->ns);

	awake = time_min(awake, resolver_deadline(tunnel->resolver));
	awake = time_min(awake, dial_deadline(tunnel->dialer));
	awake = time_min(awake, tunnel->nudge_at);
	awake = time_min(awake, zone_server_deadline(&tunnel->zone.server));
	return time_min(clock_until(awake, now->awake),
			clock_until(wg_device_deadline(tunnel->wg), now->boot));
}

void tunnel_peer_resolved(struct tunnel *tunnel, const struct clock *now,
			  uint16_t peer, const struct endpoint *endpoint)
{
	CHECK(peer < tunnel->peer_count);
	wg_peer_set_endpoint(tunnel->wg, peer, endpoint);
	netstack_path_release(tunnel->ns, now->awake, peer);
}

bool tunnel_is_down(const struct tunnel *tunnel, const struct clock *now,
		    bool *ret_unresolved)
{
	bool unresolved = true;

	for (uint16_t i = 0; i < tunnel->peer_count; i++) {
		struct wg_peer_info info;

		wg_peer_info(tunnel->wg, now->boot, i, &info);
		if (!info.used)
			continue;
		if (info.session && info.handshake_attempts == 0)
			return false;
		if (info.endpoint.addr.family != IP_NONE)
			unresolved = false;
	}
	*ret_unresolved = unresolved;
	return true;
}

enum tunnel_state tunnel_state(const struct tunnel *tunnel,
			       const struct clock *now)
{
	enum tunnel_state state = TUNNEL_IDLE;

	for (uint16_t i = 0; i < tunnel->peer_count; i++) {
		struct wg_peer_info info;

		wg_peer_info(tunnel->wg, now->boot, i, &info);
		if (info.session && info.handshake_attempts == 0)
			return TUNNEL_UP;
		if (info.handshake_attempts > 1)
			state = TUNNEL_DOWN;
		else if (info.handshake_attempts == 1 && state == TUNNEL_IDLE)
			state = TUNNEL_CONNECTING;
	}
	return state;
}

const char *tunnel_state_word(enum tunnel_state state)
{
	static const char *const words[TUNNEL_STATES] = {
		[TUNNEL_IDLE] = "idle",
		[TUNNEL_CONNECTING] = "connecting",
		[TUNNEL_UP] = "up",
		[TUNNEL_DOWN] = "down",
	};

	return words[state];
}

enum reason tunnel_explain(const struct tunnel *tunnel, const struct clock *now,
			   int err)
{
	bool unresolved;

	if ((err == -ERR_TIMEOUT || err == -ERR_NAME_TIMEOUT) &&
	    tunnel_is_down(tunnel, now, &unresolved))
		return unresolved ? REASON_ENDPOINT_UNKNOWN
				  : REASON_TUNNEL_DOWN;
	return reason_of_dial(err);
}
