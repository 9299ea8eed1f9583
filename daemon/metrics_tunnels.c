/* SPDX-License-Identifier: ISC */
/* The part of the metrics that tunnels, peers and the cores have. */
#include <stdio.h>

#include "base/check.h"
#include "base/time.h"
#include "daemon/metrics_text.h"

enum { PEER_TEXT_CAP = 8 };

/* ------------------------------------------------------------- counters */

/* Which family a core's counter belongs to. */
enum family {
	FAMILY_EVENTS,
	FAMILY_PACKETS,
	FAMILY_DROPPED,
	FAMILY_OWN, /* one of its own */
};

struct counter {
	enum family family;
	const char *layer;
	const char *word; /* direction, reason or event */
};

static const struct counter wg_counters[WG_COUNTERS] = {
	[WG_RX_MALFORMED] = {FAMILY_DROPPED, "wg", "malformed"},
	[WG_RX_MAC1] = {FAMILY_DROPPED, "wg", "mac1"},
	[WG_RX_HANDSHAKE] = {FAMILY_DROPPED, "wg", "handshake_rejected"},
	[WG_RX_COOKIE] = {FAMILY_DROPPED, "wg", "cookie_rejected"},
	[WG_RX_INDEX] = {FAMILY_DROPPED, "wg", "unknown_index"},
	[WG_RX_AUTH] = {FAMILY_DROPPED, "wg", "authentication"},
	[WG_RX_REPLAY] = {FAMILY_DROPPED, "wg", "replay"},
	[WG_RX_EXPIRED] = {FAMILY_DROPPED, "wg", "key_expired"},
	[WG_RX_INNER] = {FAMILY_DROPPED, "wg", "inner_header"},
	[WG_RX_SOURCE] = {FAMILY_DROPPED, "wg", "inner_source"},
	[WG_RX_RATE] = {FAMILY_DROPPED, "wg", "rate_limited"},
	[WG_RX_LOAD] = {FAMILY_EVENTS, "wg", "under_load"},
	[WG_TX_COOKIES] = {FAMILY_EVENTS, "wg", "cookies_sent"},
	[WG_RX_PACKETS] = {FAMILY_PACKETS, "wg", "rx"},
	[WG_TX_PACKETS] = {FAMILY_PACKETS, "wg", "tx"},
	[WG_HANDSHAKES] = {FAMILY_OWN, "wg", "handshakes"},
};

static const struct counter ns_counters[NS_COUNTERS] = {
	[NS_RX_PACKETS] = {FAMILY_PACKETS, "ip", "rx"},
	[NS_TX_PACKETS] = {FAMILY_PACKETS, "ip", "tx"},
	[NS_DROP_MALFORMED] = {FAMILY_DROPPED, "ip", "malformed"},
	[NS_DROP_FRAGMENT] = {FAMILY_DROPPED, "ip", "fragment"},
	[NS_DROP_NOT_OURS] = {FAMILY_DROPPED, "ip", "not_our_address"},
	[NS_DROP_PROTOCOL] = {FAMILY_DROPPED, "ip", "unknown_protocol"},
	[NS_DROP_CHECKSUM] = {FAMILY_DROPPED, "ip", "checksum"},
	[NS_DROP_NO_SOCKET] = {FAMILY_DROPPED, "ip", "no_socket"},
	[NS_DROP_QUEUE] = {FAMILY_DROPPED, "ip", "queue_full"},
	[NS_DROP_MEMORY] = {FAMILY_DROPPED, "ip", "no_memory"},
	[NS_TCP_RETRANSMITS] = {FAMILY_OWN, "tcp", "retransmits"},
	[NS_TCP_TIMEOUTS] = {FAMILY_EVENTS, "tcp", "timeouts"},
	[NS_TCP_OUT_OF_ORDER] = {FAMILY_EVENTS, "tcp", "out_of_order"},
	[NS_TCP_DUPLICATES] = {FAMILY_DROPPED, "tcp", "duplicate"},
	[NS_TCP_OUT_OF_WINDOW] = {FAMILY_DROPPED, "tcp", "out_of_window"},
	[NS_TCP_RESETS_SENT] = {FAMILY_EVENTS, "tcp", "resets_sent"},
	[NS_TCP_RESETS_RECEIVED] = {FAMILY_EVENTS, "tcp", "resets_received"},
	[NS_TCP_CHALLENGE_ACKS] = {FAMILY_EVENTS, "tcp", "challenge_acks"},
	[NS_TCP_ORPHANS_RESET] = {FAMILY_EVENTS, "tcp", "orphans_reset"},
	[NS_REASSEMBLED] = {FAMILY_EVENTS, "ip", "reassembled"},
	[NS_REASSEMBLY_TIMEOUTS] = {FAMILY_EVENTS, "ip", "reassembly_timeouts"},
	[NS_ICMP_RX] = {FAMILY_PACKETS, "icmp", "rx"},
	[NS_ICMP_TX] = {FAMILY_PACKETS, "icmp", "tx"},
};

/* ------------------------------------------------------------- peers */

/* What a function about one peer gets. */
struct peer_sample {
	struct metrics_text *text;
	const char *name;
	const struct tunnel *tunnel;
	const struct clock *now;
	uint16_t index;
	char number[PEER_TEXT_CAP];
	struct wg_peer_info info;
};

static void peer_count(const struct peer_sample *peer, uint64_t value)
{
	metrics_count(
		peer->text, peer->name,
		LABELS({"tunnel", peer->tunnel->name}, {"peer", peer->number}),
		value);
}

static void peer_up(const struct peer_sample *peer)
{
	peer_count(peer,
		   peer->info.session && peer->info.handshake_attempts == 0);
}

/* The handshake's moment is of the clock that counts suspend. */
static void peer_last_handshake(const struct peer_sample *peer)
{
	const struct clock *now = peer->now;
	uint64_t at = 0;

	if (peer->info.last_handshake != 0)
		at = now->wall - (now->boot - peer->info.last_handshake);
	metrics_time(
		peer->text, peer->name,
		LABELS({"tunnel", peer->tunnel->name}, {"peer", peer->number}),
		at);
}

static void peer_handshakes(const struct peer_sample *peer)
{
	peer_count(peer, peer->info.handshakes);
}

static void peer_bytes(const struct peer_sample *peer)
{
	metrics_count(peer->text, peer->name,
		      LABELS({"tunnel", peer->tunnel->name},
			     {"peer", peer->number}, {"direction", "tx"}),
		      peer->info.tx_bytes);
	metrics_count(peer->text, peer->name,
		      LABELS({"tunnel", peer->tunnel->name},
			     {"peer", peer->number}, {"direction", "rx"}),
		      peer->info.rx_bytes);
}

static void peer_endpoint_changes(const struct peer_sample *peer)
{
	peer_count(peer, peer->tunnel->peers[peer->index].endpoint_changes);
}

static const struct {
	const char *name, *type, *help;
	void (*write)(const struct peer_sample *peer);
} peer_families[] = {
	{"wgproxy_peer_up", "gauge",
	 "Whether the peer has a session and answers handshakes.", peer_up},
	{"wgproxy_peer_last_handshake_timestamp_seconds", "gauge",
	 "When the last handshake was completed, Unix time; 0: never.",
	 peer_last_handshake},
	{"wgproxy_peer_handshakes_total", "counter", "Completed handshakes.",
	 peer_handshakes},
	{"wgproxy_peer_bytes_total", "counter",
	 "Bytes of sealed datagrams with the peer.", peer_bytes},
	{"wgproxy_peer_endpoint_changes_total", "counter",
	 "Times the peer was heard from another address.",
	 peer_endpoint_changes},
};

static void tunnel_peers(struct peer_sample *sample,
			 void (*write)(const struct peer_sample *))
{
	for (uint16_t i = 0; i < sample->tunnel->peer_count; i++) {
		sample->index = i;
		wg_peer_info(sample->tunnel->wg, sample->now->boot, i,
			     &sample->info);
		if (!sample->info.used)
			continue;
		snprintf(sample->number, sizeof(sample->number), "%u",
			 (unsigned)i);
		write(sample);
	}
}

static void write_peers(struct metrics_text *text, const struct proxy *proxy,
			const struct clock *now)
{
	for (unsigned f = 0; f < ARRAY_SIZE(peer_families); f++) {
		struct peer_sample sample = {
			.text = text,
			.name = peer_families[f].name,
			.now = now,
		};

		metrics_family(text, sample.name, peer_families[f].type,
			       peer_families[f].help);
		for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
			sample.tunnel = proxy_tunnel_at(proxy, i);
			if (sample.tunnel != NULL)
				tunnel_peers(&sample, peer_families[f].write);
		}
	}
}

/* ------------------------------------------------------------- cores */

/* The label for a counter's word, by family. */
static const char *const word_label[] = {
	[FAMILY_EVENTS] = "event",
	[FAMILY_PACKETS] = "direction",
	[FAMILY_DROPPED] = "reason",
};

struct family_sample {
	struct metrics_text *text;
	const char *name;
	const char *tunnel;
	enum family family;
};

static void write_counter(const struct family_sample *sample,
			  const struct counter *counter, uint64_t value)
{
	CHECK(counter->word != NULL);
	if (counter->family == sample->family)
		metrics_count(
			sample->text, sample->name,
			LABELS({"tunnel", sample->tunnel},
			       {"layer", counter->layer},
			       {word_label[counter->family], counter->word}),
			value);
}

static void write_family(struct metrics_text *text, const struct proxy *proxy,
			 const char *name, enum family family)
{
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);
		struct family_sample sample = {
			.text = text, .name = name, .family = family};

		if (tunnel == NULL)
			continue;
		sample.tunnel = tunnel->name;
		for (unsigned c = 0; c < WG_COUNTERS; c++)
			write_counter(&sample, &wg_counters[c],
				      wg_device_counter(tunnel->wg,
							(enum wg_counter)c));
		for (unsigned c = 0; c < NS_COUNTERS; c++)
			write_counter(&sample, &ns_counters[c],
				      netstack_counter(tunnel->ns,
						       (enum ns_counter)c));
	}
}

static void write_cores(struct metrics_text *text, const struct proxy *proxy)
{
	metrics_family(text, "wgproxy_packets_total", "counter",
		       "Packets: data of WireGuard (wg), inside (ip), ICMP.");
	write_family(text, proxy, "wgproxy_packets_total", FAMILY_PACKETS);
	metrics_family(text, "wgproxy_packets_dropped_total", "counter",
		       "Received packets that were not taken.");
	write_family(text, proxy, "wgproxy_packets_dropped_total",
		     FAMILY_DROPPED);
	metrics_family(text, "wgproxy_netstack_events_total", "counter",
		       "What else happened in the TCP/IP stack.");
	write_family(text, proxy, "wgproxy_netstack_events_total",
		     FAMILY_EVENTS);
}

/* ------------------------------------------------------------- tcp, dns */

static void write_tcp(struct metrics_text *text, const struct proxy *proxy)
{
	const char *name = "wgproxy_tcp_retransmits_total";

	metrics_family(text, name, "counter", "Segments sent again.");
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);

		if (tunnel != NULL)
			metrics_count(text, name,
				      LABELS({"tunnel", tunnel->name}),
				      netstack_counter(tunnel->ns,
						       NS_TCP_RETRANSMITS));
	}
	name = "wgproxy_tcp_rtt_seconds";
	metrics_family(text, name, "histogram",
		       "Round trips to targets, one for each connection: its "
		       "handshake.");
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);

		if (tunnel != NULL)
			metrics_histogram(text, name,
					  LABELS({"tunnel", tunnel->name}),
					  &tunnel->rtt);
	}
}

static const char *const dns_words[DNS_RESULTS] = {
	[DNS_RESULT_OK] = "ok",
	[DNS_RESULT_NO_NAME] = "nxdomain",
	[DNS_RESULT_NO_ADDRESS] = "nodata",
	[DNS_RESULT_SERVER] = "server",
	[DNS_RESULT_TIMEOUT] = "timeout",
};

static void write_dns_lookups(struct metrics_text *text,
			      const struct tunnel *tunnel)
{
	const struct resolver_stats *stats = resolver_stats(tunnel->resolver);

	for (unsigned r = 0; r < DNS_RESULTS; r++)
		metrics_count(text, "wgproxy_dns_lookups_total",
			      LABELS({"tunnel", tunnel->name},
				     {"result", dns_words[r]}),
			      stats->lookups[r]);
}

static void write_dns(struct metrics_text *text, const struct proxy *proxy)
{
	const char *name = "wgproxy_dns_lookup_duration_seconds";

	metrics_family(text, "wgproxy_dns_lookups_total", "counter",
		       "Names asked of the tunnel's name servers; not what was "
		       "still known.");
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		if (proxy_tunnel_at(proxy, i) != NULL)
			write_dns_lookups(text, proxy_tunnel_at(proxy, i));
	}
	metrics_family(text, name, "histogram", "How long these lookups took.");
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);

		if (tunnel != NULL)
			metrics_histogram(
				text, name, LABELS({"tunnel", tunnel->name}),
				&resolver_stats(tunnel->resolver)->took);
	}
}

static const char *const zone_words[ZONE_COUNTERS] = {
#define X(name, text) text,
	ZONE_COUNTER_LIST(X)
#undef X
};

static void write_zones(struct metrics_text *text, const struct proxy *proxy)
{
	const char *name = "wgproxy_zone_messages_total";

	metrics_family(text, name, "counter",
		       "DNS messages for the tunnel's own zone, by what was "
		       "said; truncated ones are counted twice.");
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);
		const struct zone *zone =
			tunnel != NULL ? tunnel->zone.server.zone : NULL;

		for (unsigned c = 0; zone != NULL && c < ZONE_COUNTERS; c++)
			metrics_count(text, name,
				      LABELS({"tunnel", tunnel->name},
					     {"result", zone_words[c]}),
				      zone->counters[c]);
	}
}

void metrics_tunnels(struct metrics_text *text, const struct proxy *proxy,
		     const struct clock *now)
{
	write_peers(text, proxy, now);
	write_cores(text, proxy);
	write_tcp(text, proxy);
	write_dns(text, proxy);
	write_zones(text, proxy);
}
