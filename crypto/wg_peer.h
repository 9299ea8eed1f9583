/* SPDX-License-Identifier: ISC */
/*
 * The inside of a device: what wg_device.c, wg_input.c, wg_output.c,
 * wg_session.c and wg_timers.c share. Nobody else includes it.
 *
 * Plain memory holds structs, secret memory holds keys; a struct points to its
 * keys. Slots of keypairs do not move: previous, current and next are numbers
 * of slots (checklist K1).
 */
#ifndef CRYPTO_WG_PEER_H
#define CRYPTO_WG_PEER_H

#include "base/time.h"
#include "base/timer.h"
#include "crypto/wg_cookie.h"
#include "crypto/wg_device.h"
#include "crypto/wg_index.h"
#include "crypto/wg_load.h"
#include "crypto/wg_noise.h"
#include "crypto/wg_replay.h"

#define WG_REKEY_TIMEOUT_NS     (5 * NS_PER_S)
#define WG_REKEY_AFTER_TIME_NS  (120 * NS_PER_S)
#define WG_REJECT_AFTER_TIME_NS (180 * NS_PER_S)
#define WG_KEEPALIVE_TIMEOUT_NS (10 * NS_PER_S)
#define WG_INITIATION_GAP_NS    (NS_PER_S / 50)
#define WG_REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)

enum {
	WG_KEYPAIRS = 3,
	WG_SLOT_NONE = 0xff,
	WG_HANDSHAKE_ATTEMPTS = 18, /* 90 s / 5 s */
};

/* One session: two keys and what was done with them. */
struct wg_keypair {
	struct wg_transport_keys *keys; /* secret memory */
	uint32_t local_index, remote_index;
	uint64_t birth;
	uint64_t tx_counter;
	bool initiator;
	bool last_minute;  /* a handshake was asked for near the end (K11) */
	bool receive_only; /* agreed under a private key of before (N21) */
	struct wg_replay replay;
};

/* The timers of checklist 1.6. */
enum wg_timer {
	WG_TIMER_RETRANSMIT_HANDSHAKE, /* T1 */
	WG_TIMER_SEND_KEEPALIVE,       /* T2 */
	WG_TIMER_NEW_HANDSHAKE,        /* T3 */
	WG_TIMER_ZERO_KEYS,            /* T4 */
	WG_TIMER_PERSISTENT_KEEPALIVE, /* T5 */
	WG_TIMERS,
};

/* Messages that the next pull shall make. */
enum {
	WG_SEND_INITIATION = 1 << 0,
	WG_SEND_RESPONSE = 1 << 1,
	WG_SEND_KEEPALIVE = 1 << 2,
	WG_SEND_CONFIRMATION = 1 << 3, /* a keepalive unless data goes first */
};

/* All secrets of a peer. Owner: the secret memory. */
struct wg_peer_secret {
	uint8_t preshared_key[32];
	uint8_t static_static[32];
	struct wg_handshake_secret handshake;
	struct wg_transport_keys keys[WG_KEYPAIRS];
};

struct wg_peer {
	uint16_t index;
	bool used; /* false: removed, the place is free */
	struct wg_noise_peer noise;
	struct wg_handshake handshake;
	struct wg_cookie_maker cookie;
	struct wg_keypair keypairs[WG_KEYPAIRS];
	uint8_t previous, current, next; /* slots, WG_SLOT_NONE */
	uint8_t latest_timestamp[WG_TIMESTAMP_LEN];
	uint64_t last_initiation; /* consumed */
	uint64_t last_sent;       /* initiation or response (T6), 0 = never */
	uint64_t last_handshake;  /* complete */
	uint64_t last_received;   /* anything authenticated */
	uint64_t handshakes;
	uint64_t persistent_ns;
	struct endpoint endpoint;
	struct ip_addr source; /* to send from, IP_NONE = any (E2) */
	uint32_t ifindex;
	uint64_t deadlines[WG_TIMERS];
	uint32_t attempts;      /* of T1: whoever asks again begins anew (T7) */
	uint32_t unanswered;    /* initiations since the last handshake */
	bool another_keepalive; /* T2: more data came while it was armed */
	uint8_t send;           /* WG_SEND_* */
	uint8_t events;         /* bits of enum wg_event_type */
	bool in_output, in_events;
	uint16_t output_next, event_next;
	uint64_t rx_bytes, tx_bytes;
};

/* A list of peers through one of their links; ROUTE_NONE ends it. */
struct wg_peer_queue {
	uint16_t head, tail;
};

struct wg_device {
	struct wg_config config;
	struct wg_identity identity;
	uint8_t *private_key; /* the identity's, to be written */
	struct wg_cookie_checker checker;
	struct wg_load *load;
	struct wg_peer *peers;
	uint16_t peer_count; /* places ever used */
	struct wg_peer_secret *secrets;
	struct wg_index_table indices;
	struct route_table routes;
	struct timer_heap timers; /* by peer */
	struct wg_peer_queue output, events;
	uint64_t greatest_stamp;
	uint32_t jitter; /* ns, of the last handshake */
	uint64_t counters[WG_COUNTERS];
};

static inline void wg_count(struct wg_device *dev, enum wg_counter which)
{
	dev->counters[which]++;
}

/* ------------------------------------------------------------- wg_device.c */

void wg_peer_post(struct wg_device *dev, struct wg_peer *peer,
		  enum wg_event_type type);
void wg_peer_send(struct wg_device *dev, struct wg_peer *peer, unsigned what);
/* The kernel chooses the source address from now on (E2, E3, E7). */
static inline void wg_peer_clear_source(struct wg_peer *peer)
{
	peer->source = (struct ip_addr){.family = IP_NONE};
	peer->ifindex = 0;
}

struct wg_peer *wg_peer_by_key(const struct wg_device *dev,
			       const uint8_t key[32]);

/* ------------------------------------------------------------- wg_session.c */

static inline struct wg_keypair *wg_keypair_at(struct wg_peer *peer,
					       uint8_t slot)
{
	return slot == WG_SLOT_NONE ? NULL : &peer->keypairs[slot];
}

/* The handshake is done: its index now names the new keypair (K2, K3, K6). */
void wg_session_begin(struct wg_device *dev, struct wg_peer *peer, uint64_t now,
		      uint32_t remote_index, bool initiator,
		      const struct wg_transport_keys *keys);
/* The first packet on the next keypair confirms it (K4). */
void wg_session_confirm(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now, uint8_t slot);
/* Wipes everything that was agreed (T4). */
void wg_session_zero(struct wg_device *dev, struct wg_peer *peer);
/* The keypair to send with, or NULL (K7); it has nonces for a whole run. */
struct wg_keypair *wg_session_current(struct wg_peer *peer, uint64_t now);
/* A new index for the outstanding handshake; the old one goes. */
void wg_session_new_index(struct wg_device *dev, struct wg_peer *peer);

/* ------------------------------------------------------------- wg_timers.c */

/* Asks for an initiation unless one left less than 5 s ago (T6). */
void wg_timers_initiate(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now, bool retry);
/* After an initiation has been made. */
void wg_timers_initiated(struct wg_device *dev, struct wg_peer *peer,
			 uint64_t now);
/* After an authenticated data packet, not a keepalive, was sent. */
void wg_timers_data_sent(struct wg_device *dev, struct wg_peer *peer,
			 uint64_t now);
/* After authenticated data with content was received. */
void wg_timers_data_received(struct wg_device *dev, struct wg_peer *peer,
			     uint64_t now);
/* After any authenticated packet was sent, or received. */
void wg_timers_sent(struct wg_device *dev, struct wg_peer *peer, uint64_t now);
void wg_timers_received(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now);
/* After a session was derived, in both roles. */
void wg_timers_derived(struct wg_device *dev, struct wg_peer *peer,
		       uint64_t now);
/* After a response was consumed, or the next key was confirmed. */
void wg_timers_complete(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now);
/* After the peer's deadlines were written. */
void wg_timers_arm(struct wg_device *dev, struct wg_peer *peer);
void wg_timers_expire(struct wg_device *dev, struct wg_peer *peer,
		      uint64_t now);

#endif
