/* SPDX-License-Identifier: ISC */
/*
 * One tunnel: the WireGuard device, the netstack behind it, its resolver and
 * its dialer, joined without I/O. Datagrams in, datagrams out.
 */
#ifndef DAEMON_TUNNEL_H
#define DAEMON_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/limits.h"
#include "base/random.h"
#include "config/config.h"
#include "crypto/wg_device.h"
#include "daemon/clock.h"
#include "daemon/reason.h"
#include "daemon/router.h"
#include "daemon/tunnel_zone.h"
#include "netstack/dial.h"
#include "netstack/dns.h"
#include "netstack/netstack.h"

/* No WireGuard datagram is shorter than 32 bytes, so a super-datagram of 64 KiB
 * cannot hold more. */
enum { DATAGRAM_MIN = 32, DATAGRAM_SEGMENTS_MAX = 65536 / DATAGRAM_MIN };

/* A peer's endpoint as configured, and what is known of it. */
struct tunnel_peer {
	bool used;   /* false: removed */
	bool silent; /* as last looked at */
	struct config_endpoint endpoint;
	bool named;   /* the host is a name, not an address */
	bool resolve; /* the edge should look the name up (again) */
	bool up;      /* as last logged */
	/* Its connections to exposes whose handshake is not complete. */
	uint32_t opening;
	uint64_t endpoint_changes; /* it roamed */
};

struct tunnel {
	char name[LABEL_CAP];
	uint8_t digest[CONFIG_DIGEST_LEN]; /* of its configuration */
	uint16_t mtu;
	uint16_t listen_port;
	uint16_t peer_count; /* places ever used, some of them removed since */
	uint16_t peers_max;
	uint32_t allowed_ips_max;
	struct ip_addr addresses[TUNNEL_ADDRESSES_MAX];
	uint32_t address_count;
	bool key_unlocked; /* the key's memory could not be locked */
	bool retired;      /* no longer configured: waits for its relays */
	uint32_t relays;
	uint64_t last_used;   /* awake time; of a retired tunnel */
	uint64_t timeouts;    /* of TCP, as last looked at */
	uint64_t nudge_at;    /* awake time; NEVER: no path is silent */
	struct histogram rtt; /* of handshakes with targets */
	struct router router;
	bool router_first; /* it and the netstack take turns */
	struct wg_device *wg;
	struct netstack *ns;
	struct resolver *resolver;
	struct dialer *dialer;
	struct tunnel_peer *peers;
	struct tunnel_zone zone;
	void *wg_memory, *wg_secret, *ns_memory, *dns_memory, *dial_memory;
};

struct tunnel_config {
	const struct config_tunnel *config;
	struct chunk_pool *chunks;
	uint32_t connections_max;
	uint64_t greatest_stamp; /* see struct wg_config */
	const struct aead *aead; /* see struct wg_config */
	struct random_source random;
};

/* 0 or -ERR_NO_MEMORY. On failure nothing is left to close. */
int tunnel_open(struct tunnel *tunnel, const struct clock *now,
		const struct tunnel_config *config);
void tunnel_close(struct tunnel *tunnel); /* wipes the keys */
/* Whether it was opened from an equal configuration, or one that differs only
 * in what can be changed while it runs: keys, peers, name servers. */
bool tunnel_is(const struct tunnel *tunnel, const struct config_tunnel *config);
bool tunnel_can_become(const struct tunnel *tunnel,
		       const struct config_tunnel *config);
/* Only after tunnel_can_become(). Connections stay. */
void tunnel_become(struct tunnel *tunnel, const struct clock *now,
		   const struct config_tunnel *config);

/* One received datagram, opened in place; its buffer is lent until
 * tunnel_input_done(). */
void tunnel_input(struct tunnel *tunnel, const struct clock *now,
		  const struct wg_datagram *datagram);
void tunnel_input_done(struct tunnel *tunnel, const struct clock *now);

/* What to send next: datagrams of `segment` bytes each, the last maybe shorter,
 * lying one behind the other in data. Returns false when there is nothing. */
struct tunnel_output {
	uint8_t *data; /* the caller's buffer */
	uint32_t cap;  /* at least RUN_BYTES_MAX */
	uint32_t len;
	uint32_t segment;
	uint16_t path;   /* of data */
	uint16_t ip_len; /* of the longest packet inside, 0 = not data */
	struct wg_destination to;
};
bool tunnel_output(struct tunnel *tunnel, const struct clock *now,
		   struct tunnel_output *out);

/* The system says that datagrams as long as these do not fit the way to their
 * destination: TCP sends shorter packets from now on. */
void tunnel_output_too_long(struct tunnel *tunnel, const struct clock *now,
			    const struct tunnel_output *out);

/* Sessions that came up or failed: logs them, releases what waited. Returns
 * whether tunnel_state() may have changed. */
bool tunnel_wireguard_events(struct tunnel *tunnel, const struct clock *now);

void tunnel_expire(struct tunnel *tunnel, const struct clock *now);
/* Nanoseconds until tunnel_expire() is due. */
uint64_t tunnel_wait(const struct tunnel *tunnel, const struct clock *now);

/* A lookup of the peer's endpoint name gave this address. */
void tunnel_peer_resolved(struct tunnel *tunnel, const struct clock *now,
			  uint16_t peer, const struct endpoint *endpoint);

enum tunnel_state {
	TUNNEL_IDLE,       /* nothing was tried yet, or not for long */
	TUNNEL_CONNECTING, /* a first handshake is under way */
	TUNNEL_UP,
	TUNNEL_DOWN, /* only what was tried in vain */
	TUNNEL_STATES,
};
enum tunnel_state tunnel_state(const struct tunnel *tunnel,
			       const struct clock *now);
const char *tunnel_state_word(enum tunnel_state state);

/* Whether no peer has a session, or none that answers handshakes: the likeliest
 * cause of any timeout.
 * *ret_unresolved: because no endpoint is known at all. */
bool tunnel_is_down(const struct tunnel *tunnel, const struct clock *now,
		    bool *ret_unresolved);

/* Why a dial through the tunnel failed with err: a tunnel without a session
 * explains a missing answer better than the missing answer does. */
enum reason tunnel_explain(const struct tunnel *tunnel, const struct clock *now,
			   int err);

#endif
