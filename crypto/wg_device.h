/* SPDX-License-Identifier: ISC */
/*
 * One WireGuard interface with its peers, without I/O: datagrams in, datagrams
 * and IP packets out, time as an argument (checklist: doc/wireguard.md).
 *
 * The contract of a core:
 *
 *   wg_device_input()      take what arrived, opened in place
 *   wg_device_seal()       encrypt a run of packets in place
 *   wg_device_pull()       handshakes, cookie replies, keepalives, until 0
 *   wg_device_next_event() what happened since
 *   wg_device_deadline(), wg_device_expire()
 *
 * now is CLOCK_BOOTTIME in nanoseconds and never decreases. Wall time enters
 * only at wg_device_pull(), where TAI64N stamps are made. Input sets flags,
 * pull makes messages: nothing is sent from inside another call.
 *
 * Errors of hostile or broken input are counters, never return values, and
 * never a log line.
 */
#ifndef CRYPTO_WG_DEVICE_H
#define CRYPTO_WG_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/key.h"
#include "base/random.h"
#include "base/route.h"
#include "base/run.h"

struct wg_device;
struct aead;

struct wg_config {
	const struct key *private_key; /* copied into the secret memory */
	uint16_t peers_max;
	uint32_t allowed_ips_max;
	uint16_t mtu;
	struct random_source random;
	/* Greatest TAI64N stamp ever sent, as Unix nanoseconds; 0 = none. */
	uint64_t greatest_stamp;
	const struct aead *aead; /* for data; NULL: libsodium */
};

/* Two regions are the caller's to give and to take back after fini: plain
 * memory, and secret memory (crypto/secret.h) that holds every key and nothing
 * else. Both are zeroed on entry by the caller. */
size_t wg_device_size(const struct wg_config *config);
size_t wg_device_secret_size(const struct wg_config *config);
struct wg_device *wg_device_init(void *memory, void *secret_memory,
				 const struct wg_config *config);
void wg_device_fini(struct wg_device *dev); /* wipes both regions */

void wg_device_public_key(const struct wg_device *dev, struct key *ret_key);
/* The allowed IPs, value = peer. The netstack routes with the same table. */
const struct route_table *wg_device_routes(const struct wg_device *dev);

/* ------------------------------------------------------------- peers */

struct wg_peer_config {
	struct key public_key;
	const struct key *preshared_key; /* NULL = none */
	uint16_t persistent_keepalive_s; /* 0 = off */
};

/* Peers are numbered from 0; the lowest free number is given. -ERR_FULL;
 * -ERR_EXISTS for a public key that is there already; -ERR_INVALID for our own
 * (N19). */
int wg_peer_add(struct wg_device *dev, uint64_t now,
		const struct wg_peer_config *config, uint16_t *ret_peer);
int wg_peer_allow(struct wg_device *dev, uint16_t peer,
		  const struct prefix *prefix);

/* ---- while it runs */

/* The number of the peer with that key; false: there is none. */
bool wg_peer_find(const struct wg_device *dev, const struct key *public_key,
		  uint16_t *ret_peer);
/* With its sessions, routes and secrets (A4); its number is given again. */
void wg_peer_remove(struct wg_device *dev, uint16_t peer);
/* The preshared key counts from the next handshake on (N20). A keepalive that
 * is turned on leaves at once (T10). config->public_key is not looked at. */
void wg_peer_change(struct wg_device *dev, uint64_t now, uint16_t peer,
		    const struct wg_peer_config *config);
void wg_peer_disallow_all(struct wg_device *dev, uint16_t peer);
/* The same key changes nothing. Another ends all sending until new handshakes,
 * which may begin at once; a peer that has it is removed (N19, N21). */
void wg_device_set_private_key(struct wg_device *dev,
			       const struct key *private_key);

/* From configuration or name resolution; clears the cached source (E7). A
 * keepalive that waited for an endpoint leaves with the next pull. */
void wg_peer_set_endpoint(struct wg_device *dev, uint16_t peer,
			  const struct endpoint *endpoint);

struct wg_peer_info {
	bool used; /* false: removed, all else is zero */
	struct key public_key;
	struct endpoint endpoint; /* family IP_NONE: not known */
	uint64_t last_handshake;  /* of the clock of now; 0 = never */
	uint64_t last_received;   /* anything authenticated; 0 = never */
	uint64_t rx_bytes, tx_bytes;
	uint64_t handshakes;         /* completed */
	uint32_t handshake_attempts; /* retries since the last handshake */
	bool session;                /* could send now */
};
void wg_peer_info(const struct wg_device *dev, uint64_t now, uint16_t peer,
		  struct wg_peer_info *ret_info);

/* ------------------------------------------------------------- receive */

/* What one recvmmsg()/recvmsg() gave: one datagram, or with segment != 0 a GRO
 * super-datagram of equal segments whose last may be shorter. It is opened in
 * place. */
struct wg_datagram {
	uint8_t *data;
	uint32_t len;
	uint32_t segment;
	struct endpoint from;
	struct ip_addr local; /* destination it came to; IP_NONE = unknown */
	uint32_t ifindex;     /* interface it came in on; 0 = unknown */
	uint8_t tos;          /* outer TOS or traffic class */
};

/* Gives the inner packets, in order, trimmed to their IP length. cap must be
 * at least the number of segments of the datagram. Returns the count. */
size_t wg_device_input(struct wg_device *dev, uint64_t now,
		       const struct wg_datagram *in, struct packet *out,
		       size_t cap);

/* ------------------------------------------------------------- send */

/* Where a datagram goes and from where; source IP_NONE: the kernel chooses. */
struct wg_destination {
	struct endpoint to;
	struct ip_addr source;
	uint32_t ifindex;
	uint8_t tos;
};

/* Whether a run for the peer can be sealed now. A 'no' asks for a handshake,
 * as an upper-layer packet would (K7, T7). 0, -ERR_NO_SESSION or
 * -ERR_NO_ENDPOINT; WG_EVENT_SESSION_UP tells when to try again. */
int wg_peer_want(struct wg_device *dev, uint64_t now, uint16_t peer);

/* The upper layer is sure that what it sent was not answered. When nothing at
 * all came since data was sent, the handshake that would begin after 15 s of
 * this (T3) begins now: a peer that was restarted has forgotten the session. */
void wg_peer_suspect(struct wg_device *dev, uint64_t now, uint16_t peer);

/* Seals the run in place for run->path; wg_peer_want() must have returned 0 in
 * this turn. Nonces are one contiguous range, never given back (K13). */
void wg_device_seal(struct wg_device *dev, uint64_t now, struct run *run,
		    struct wg_destination *ret_to);

/* The next message that is not data. buf has at least WG_MESSAGE_MAX bytes.
 * Returns its length, 0 = nothing. wall is Unix time in nanoseconds. */
enum { WG_MESSAGE_MAX = 148 };
size_t wg_device_pull(struct wg_device *dev, uint64_t now, uint64_t wall,
		      uint8_t *buf, struct wg_destination *ret_to);

/* The source address of the last datagram is gone (EADDRNOTAVAIL, EINVAL):
 * let the kernel choose from now on (E2). */
void wg_device_source_gone(struct wg_device *dev, const struct ip_addr *source);

/* ------------------------------------------------------------- events */

enum wg_event_type {
	WG_EVENT_SESSION_UP,       /* runs can be sealed (again) */
	WG_EVENT_HANDSHAKE_RETRY,  /* an initiation was not answered in 5 s */
	WG_EVENT_HANDSHAKE_FAILED, /* gave up until the next wg_peer_want() */
	WG_EVENT_ENDPOINT_CHANGED, /* the peer roamed */
	WG_EVENT_TYPES,
};

struct wg_event {
	enum wg_event_type type;
	uint16_t peer;
};

/* At most one pending event of a type per peer: the queue cannot overflow. */
bool wg_device_next_event(struct wg_device *dev, struct wg_event *ret_event);

/* ------------------------------------------------------------- time */

uint64_t wg_device_deadline(const struct wg_device *dev);
void wg_device_expire(struct wg_device *dev, uint64_t now);

/* Greatest stamp made so far, to be kept on disk (4.1 CVE-2021-46873). */
uint64_t wg_device_greatest_stamp(const struct wg_device *dev);

/* ------------------------------------------------------------- counters */

#define WG_COUNTER_LIST(X)                    \
	X(RX_MALFORMED, "malformed")          \
	X(RX_MAC1, "mac1")                    \
	X(RX_HANDSHAKE, "handshake_rejected") \
	X(RX_COOKIE, "cookie_rejected")       \
	X(RX_INDEX, "unknown_index")          \
	X(RX_AUTH, "authentication")          \
	X(RX_REPLAY, "replay")                \
	X(RX_EXPIRED, "key_expired")          \
	X(RX_INNER, "inner_header")           \
	X(RX_SOURCE, "inner_source")          \
	X(RX_RATE, "rate_limited")            \
	X(RX_LOAD, "under_load")              \
	X(TX_COOKIES, "cookies_sent")         \
	X(RX_PACKETS, "rx_packets")           \
	X(TX_PACKETS, "tx_packets")           \
	X(HANDSHAKES, "handshakes")

enum wg_counter {
#define X(name, text) WG_##name,
	WG_COUNTER_LIST(X)
#undef X
		WG_COUNTERS
};

uint64_t wg_device_counter(const struct wg_device *dev, enum wg_counter which);

#endif
