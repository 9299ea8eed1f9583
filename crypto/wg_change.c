/* SPDX-License-Identifier: ISC */
/* A device that is configured anew while it runs. */
#include <string.h>

#include "base/check.h"
#include "crypto/dh.h"
#include "crypto/secret.h"
#include "crypto/wg_peer.h"

static void stop_timers(struct wg_device *dev, struct wg_peer *peer)
{
	for (unsigned i = 0; i < WG_TIMERS; i++)
		peer->deadlines[i] = NEVER;
	timer_set(&dev->timers, peer->index, NEVER);
}

/* The peer may still stand in the queues: its links stay, it is passed over
 * when its turn comes. */
void wg_peer_remove(struct wg_device *dev, uint16_t index)
{
	struct wg_peer *peer = &dev->peers[index];
	struct wg_peer rest = {
		.index = index,
		.in_output = peer->in_output,
		.in_events = peer->in_events,
		.output_next = peer->output_next,
		.event_next = peer->event_next,
	};

	CHECK(index < dev->peer_count && peer->used);
	stop_timers(dev, peer);
	wg_session_zero(dev, peer);
	route_remove_value(&dev->routes, index);
	secret_wipe(&dev->secrets[index], sizeof(dev->secrets[index]));
	*peer = rest;
}

bool wg_peer_find(const struct wg_device *dev, const struct key *public_key,
		  uint16_t *ret_peer)
{
	const struct wg_peer *peer = wg_peer_by_key(dev, public_key->bytes);

	if (peer != NULL)
		*ret_peer = peer->index;
	return peer != NULL;
}

void wg_peer_change(struct wg_device *dev, uint64_t now, uint16_t index,
		    const struct wg_peer_config *config)
{
	struct wg_peer *peer = &dev->peers[index];
	struct wg_peer_secret *secret = &dev->secrets[index];
	uint64_t persistent = config->persistent_keepalive_s * NS_PER_S;

	CHECK(index < dev->peer_count && peer->used);
	if (config->preshared_key != NULL)
		memcpy(secret->preshared_key, config->preshared_key->bytes,
		       KEY_LEN);
	else
		memset(secret->preshared_key, 0, KEY_LEN);
	if (persistent == peer->persistent_ns)
		return;
	peer->persistent_ns = persistent;
	peer->deadlines[WG_TIMER_PERSISTENT_KEEPALIVE] =
		persistent == 0 ? NEVER : now;
	wg_timers_arm(dev, peer);
}

void wg_peer_disallow_all(struct wg_device *dev, uint16_t peer)
{
	CHECK(peer < dev->peer_count);
	route_remove_value(&dev->routes, peer);
}

static void set_identity(struct wg_device *dev, const struct key *private_key)
{
	uint8_t *own = dev->private_key;

	memcpy(own, private_key->bytes, KEY_LEN);
	dh_clamp(own);
	dh_public(dev->identity.public_key, own);
	wg_cookie_checker_init(&dev->checker, dev->identity.public_key);
}

/* What was agreed as somebody else is not used for sending any more. */
static void expire_sessions(struct wg_device *dev, struct wg_peer *peer)
{
	if (peer->handshake.has_index)
		wg_index_drop(&dev->indices, peer->handshake.local_index);
	wg_noise_zero(&peer->handshake);
	for (unsigned i = 0; i < WG_KEYPAIRS; i++)
		peer->keypairs[i].receive_only = true;
	peer->send &= (uint8_t) ~(WG_SEND_RESPONSE | WG_SEND_INITIATION);
	peer->last_sent = 0;
	peer->attempts = 0;
}

void wg_device_set_private_key(struct wg_device *dev,
			       const struct key *private_key)
{
	uint8_t old[KEY_LEN];

	memcpy(old, dev->identity.public_key, KEY_LEN);
	set_identity(dev, private_key);
	if (memcmp(old, dev->identity.public_key, KEY_LEN) == 0)
		return;
	for (uint16_t i = 0; i < dev->peer_count; i++) {
		struct wg_peer *peer = &dev->peers[i];

		if (!peer->used)
			continue;
		if (memcmp(peer->noise.public_key, dev->identity.public_key,
			   KEY_LEN) == 0) {
			wg_peer_remove(dev, i);
			continue;
		}
		peer->noise.usable =
			dh(dev->secrets[i].static_static,
			   dev->identity.private_key, peer->noise.public_key);
		expire_sessions(dev, peer);
	}
}
