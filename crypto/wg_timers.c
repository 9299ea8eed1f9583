/* SPDX-License-Identifier: ISC */
/* The timers of checklist 1.6 as events, each called where its comment says. */
#include "crypto/wg_peer.h"

#include "base/check.h"

/* A third of a second at most, so that two sides that collide part (N12). Drawn
 * for each handshake; whoever sends data takes the last one, because drawing
 * may be a system call. */
static uint32_t draw_jitter(struct wg_device *dev)
{
	dev->jitter =
		random_below(&dev->config.random, (uint32_t)(NS_PER_S / 3));
	return dev->jitter;
}

void wg_timers_arm(struct wg_device *dev, struct wg_peer *peer)
{
	uint64_t earliest = NEVER;

	for (unsigned i = 0; i < WG_TIMERS; i++)
		earliest = time_min(earliest, peer->deadlines[i]);
	timer_set(&dev->timers, peer->index, earliest);
}

static void set(struct wg_device *dev, struct wg_peer *peer,
		enum wg_timer timer, uint64_t deadline)
{
	peer->deadlines[timer] = deadline;
	wg_timers_arm(dev, peer);
}

static void stop(struct wg_device *dev, struct wg_peer *peer,
		 enum wg_timer timer)
{
	if (peer->deadlines[timer] != NEVER)
		set(dev, peer, timer, NEVER);
}

static bool armed(const struct wg_peer *peer, enum wg_timer timer)
{
	return peer->deadlines[timer] != NEVER;
}

/* T6: whatever the cause, and after a response too. */
static bool may_initiate(const struct wg_peer *peer, uint64_t now)
{
	return peer->last_sent == 0 ||
	       now >= peer->last_sent + WG_REKEY_TIMEOUT_NS;
}

/* Jitter here as well: two sides that answered each other at once would
 * otherwise collide again and again (N12). */
static void retry_later(struct wg_device *dev, struct wg_peer *peer)
{
	set(dev, peer, WG_TIMER_RETRANSMIT_HANDSHAKE,
	    peer->last_sent + WG_REKEY_TIMEOUT_NS + draw_jitter(dev));
}

void wg_timers_initiate(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now, bool retry)
{
	if (!retry)
		peer->attempts = 0;
	if (may_initiate(peer, now))
		wg_peer_send(dev, peer, WG_SEND_INITIATION);
	else if (!armed(peer, WG_TIMER_RETRANSMIT_HANDSHAKE))
		retry_later(dev, peer);
}

void wg_timers_initiated(struct wg_device *dev, struct wg_peer *peer,
			 uint64_t now)
{
	peer->last_sent = now;
	peer->unanswered++;
	if (peer->unanswered > 1)
		wg_peer_post(dev, peer, WG_EVENT_HANDSHAKE_RETRY);
	retry_later(dev, peer);
}

void wg_timers_data_sent(struct wg_device *dev, struct wg_peer *peer,
			 uint64_t now)
{
	if (!armed(peer, WG_TIMER_NEW_HANDSHAKE))
		set(dev, peer, WG_TIMER_NEW_HANDSHAKE,
		    now + WG_KEEPALIVE_TIMEOUT_NS + WG_REKEY_TIMEOUT_NS +
			    dev->jitter);
}

void wg_timers_data_received(struct wg_device *dev, struct wg_peer *peer,
			     uint64_t now)
{
	if (armed(peer, WG_TIMER_SEND_KEEPALIVE))
		peer->another_keepalive = true;
	else
		set(dev, peer, WG_TIMER_SEND_KEEPALIVE,
		    now + WG_KEEPALIVE_TIMEOUT_NS);
}

/* T5: any authenticated packet, in either direction. */
static void traversal(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	if (peer->persistent_ns != 0)
		set(dev, peer, WG_TIMER_PERSISTENT_KEEPALIVE,
		    now + peer->persistent_ns);
}

void wg_timers_sent(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	stop(dev, peer, WG_TIMER_SEND_KEEPALIVE);
	traversal(dev, peer, now);
}

void wg_timers_received(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now)
{
	peer->last_received = now;
	stop(dev, peer, WG_TIMER_NEW_HANDSHAKE);
	traversal(dev, peer, now);
}

void wg_timers_derived(struct wg_device *dev, struct wg_peer *peer,
		       uint64_t now)
{
	set(dev, peer, WG_TIMER_ZERO_KEYS, now + 3 * WG_REJECT_AFTER_TIME_NS);
}

void wg_timers_complete(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now)
{
	stop(dev, peer, WG_TIMER_RETRANSMIT_HANDSHAKE);
	peer->send &= (uint8_t)~WG_SEND_INITIATION;
	peer->attempts = 0;
	peer->unanswered = 0;
	peer->last_handshake = now;
	peer->handshakes++;
	wg_count(dev, WG_HANDSHAKES);
	/* What was not asked for yet is no longer true. */
	peer->events &= (uint8_t) ~(1U << WG_EVENT_HANDSHAKE_RETRY |
				    1U << WG_EVENT_HANDSHAKE_FAILED);
	wg_peer_post(dev, peer, WG_EVENT_SESSION_UP);
}

/* ------------------------------------------------------------- expiry */

static void retransmit_handshake(struct wg_device *dev, struct wg_peer *peer,
				 uint64_t now)
{
	if (!may_initiate(peer, now)) { /* a response has left since */
		retry_later(dev, peer);
		return;
	}
	if (peer->attempts > WG_HANDSHAKE_ATTEMPTS) {
		stop(dev, peer, WG_TIMER_SEND_KEEPALIVE);
		if (!armed(peer, WG_TIMER_ZERO_KEYS))
			set(dev, peer, WG_TIMER_ZERO_KEYS,
			    now + 3 * WG_REJECT_AFTER_TIME_NS);
		wg_peer_post(dev, peer, WG_EVENT_HANDSHAKE_FAILED);
		return;
	}
	peer->attempts++;
	wg_peer_clear_source(peer);
	wg_timers_initiate(dev, peer, now, true);
}

static void send_keepalive(struct wg_device *dev, struct wg_peer *peer,
			   uint64_t now)
{
	wg_peer_send(dev, peer, WG_SEND_KEEPALIVE);
	if (peer->another_keepalive) {
		peer->another_keepalive = false;
		set(dev, peer, WG_TIMER_SEND_KEEPALIVE,
		    now + WG_KEEPALIVE_TIMEOUT_NS);
	}
}

static void new_handshake(struct wg_device *dev, struct wg_peer *peer,
			  uint64_t now)
{
	wg_peer_clear_source(peer);
	wg_timers_initiate(dev, peer, now, false);
}

void wg_peer_suspect(struct wg_device *dev, uint64_t now, uint16_t index)
{
	struct wg_peer *peer = &dev->peers[index];

	CHECK(index < dev->peer_count);
	if (!armed(peer, WG_TIMER_NEW_HANDSHAKE))
		return;
	stop(dev, peer, WG_TIMER_NEW_HANDSHAKE);
	new_handshake(dev, peer, now);
}

static void fire(struct wg_device *dev, struct wg_peer *peer,
		 enum wg_timer timer, uint64_t now)
{
	switch (timer) {
	case WG_TIMER_RETRANSMIT_HANDSHAKE:
		retransmit_handshake(dev, peer, now);
		break;
	case WG_TIMER_SEND_KEEPALIVE:
		send_keepalive(dev, peer, now);
		break;
	case WG_TIMER_NEW_HANDSHAKE:
		new_handshake(dev, peer, now);
		break;
	case WG_TIMER_ZERO_KEYS:
		wg_session_zero(dev, peer);
		break;
	case WG_TIMER_PERSISTENT_KEEPALIVE:
		wg_peer_send(dev, peer, WG_SEND_KEEPALIVE);
		break;
	case WG_TIMERS:
		UNREACHABLE();
	}
}

void wg_timers_expire(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	for (unsigned i = 0; i < WG_TIMERS; i++) {
		if (peer->deadlines[i] > now)
			continue;
		peer->deadlines[i] = NEVER;
		fire(dev, peer, (enum wg_timer)i, now);
	}
	/* The heap has forgotten us: tell it what is left. */
	set(dev, peer, WG_TIMER_ZERO_KEYS, peer->deadlines[WG_TIMER_ZERO_KEYS]);
}
