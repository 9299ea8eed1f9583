/* SPDX-License-Identifier: ISC */
/* The three keypairs of a peer (checklist 1.5). */
#include "crypto/wg_peer.h"

#include <string.h>

#include "base/check.h"
#include "crypto/secret.h"

static void drop(struct wg_device *dev, struct wg_peer *peer, uint8_t *slot)
{
	struct wg_keypair *keypair = wg_keypair_at(peer, *slot);
	struct wg_transport_keys *keys;

	if (keypair == NULL)
		return;
	keys = keypair->keys;
	wg_index_drop(&dev->indices, keypair->local_index);
	secret_wipe(keys, sizeof(*keys));
	memset(keypair, 0, sizeof(*keypair));
	keypair->keys = keys;
	*slot = WG_SLOT_NONE;
}

static uint8_t free_slot(const struct wg_peer *peer)
{
	uint8_t slot = 0;

	while (slot == peer->previous || slot == peer->current ||
	       slot == peer->next)
		slot++;
	CHECK(slot < WG_KEYPAIRS);
	return slot;
}

void wg_session_begin(struct wg_device *dev, struct wg_peer *peer, uint64_t now,
		      uint32_t remote_index, bool initiator,
		      const struct wg_transport_keys *keys)
{
	uint32_t local_index = peer->handshake.local_index;
	struct wg_keypair *keypair;
	uint8_t slot;

	drop(dev, peer, &peer->previous);
	if (!initiator) {
		drop(dev, peer, &peer->next);
	} else if (peer->next != WG_SLOT_NONE) {
		peer->previous = peer->next;
		peer->next = WG_SLOT_NONE;
		drop(dev, peer, &peer->current);
	} else {
		peer->previous = peer->current;
		peer->current = WG_SLOT_NONE;
	}
	slot = free_slot(peer);
	keypair = &peer->keypairs[slot];
	*keypair->keys = *keys;
	keypair->local_index = local_index;
	keypair->remote_index = remote_index;
	keypair->birth = now;
	keypair->initiator = initiator;
	keypair->receive_only = false;
	wg_index_move(&dev->indices, local_index, slot);
	if (initiator)
		peer->current = slot;
	else
		peer->next = slot;
	wg_noise_zero(&peer->handshake);
	wg_timers_derived(dev, peer, now);
}

void wg_session_confirm(struct wg_device *dev, struct wg_peer *peer,
			uint64_t now, uint8_t slot)
{
	if (slot != peer->next)
		return;
	drop(dev, peer, &peer->previous);
	peer->previous = peer->current;
	peer->current = peer->next;
	peer->next = WG_SLOT_NONE;
	wg_timers_complete(dev, peer, now);
}

void wg_session_zero(struct wg_device *dev, struct wg_peer *peer)
{
	if (peer->handshake.has_index)
		wg_index_drop(&dev->indices, peer->handshake.local_index);
	wg_noise_zero(&peer->handshake);
	drop(dev, peer, &peer->previous);
	drop(dev, peer, &peer->current);
	drop(dev, peer, &peer->next);
}

struct wg_keypair *wg_session_current(struct wg_peer *peer, uint64_t now)
{
	struct wg_keypair *keypair = wg_keypair_at(peer, peer->current);

	if (keypair == NULL || keypair->receive_only ||
	    now - keypair->birth >= WG_REJECT_AFTER_TIME_NS ||
	    keypair->tx_counter > WG_REJECT_AFTER_MESSAGES - RUN_PACKETS_MAX)
		return NULL;
	return keypair;
}

void wg_session_new_index(struct wg_device *dev, struct wg_peer *peer)
{
	if (peer->handshake.has_index)
		wg_index_drop(&dev->indices, peer->handshake.local_index);
	peer->handshake.local_index =
		wg_index_take(&dev->indices, &dev->config.random, peer->index,
			      WG_SLOT_HANDSHAKE);
	peer->handshake.has_index = true;
}
