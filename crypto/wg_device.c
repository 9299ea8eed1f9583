/* SPDX-License-Identifier: ISC */
/* Memory, peers, events and time of a device. */
#include "crypto/wg_device.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/secret.h"
#include "crypto/wg_peer.h"

#define PEER_NONE ROUTE_NONE

/* ------------------------------------------------------------- memory */

static size_t aligned(size_t len)
{
	return (len + 63) & ~(size_t)63;
}

size_t wg_device_size(const struct wg_config *config)
{
	return aligned(sizeof(struct wg_device)) +
	       aligned(sizeof(struct wg_load)) +
	       aligned(config->peers_max * sizeof(struct wg_peer)) +
	       aligned(wg_index_size(config->peers_max)) +
	       aligned(2 * (size_t)config->allowed_ips_max *
		       sizeof(struct route_node)) +
	       aligned(timer_size(config->peers_max));
}

/* The private key, then one block for each peer. */
size_t wg_device_secret_size(const struct wg_config *config)
{
	return aligned(KEY_LEN) +
	       config->peers_max * sizeof(struct wg_peer_secret);
}

static void *carve(uint8_t **memory, size_t len)
{
	void *part = *memory;

	*memory += aligned(len);
	return part;
}

struct wg_device *wg_device_init(void *memory, void *secret_memory,
				 const struct wg_config *config)
{
	uint8_t *rest = memory, *secret = secret_memory;
	struct wg_device *dev = carve(&rest, sizeof(*dev));
	uint8_t *private_key = carve(&secret, KEY_LEN);
	uint32_t nodes = 2 * config->allowed_ips_max;

	dev->config = *config;
	dev->config.private_key = NULL; /* the caller's copy may go */
	if (config->aead == NULL)
		dev->config.aead = &aead_reference;
	dev->private_key = private_key;
	memcpy(private_key, config->private_key->bytes, KEY_LEN);
	dh_clamp(private_key);
	dev->identity.private_key = private_key;
	dh_public(dev->identity.public_key, private_key);
	wg_cookie_checker_init(&dev->checker, dev->identity.public_key);
	dev->secrets = (struct wg_peer_secret *)(void *)secret;
	dev->load = carve(&rest, sizeof(*dev->load));
	dev->peers = carve(&rest, config->peers_max * sizeof(*dev->peers));
	wg_index_init(&dev->indices,
		      carve(&rest, wg_index_size(config->peers_max)),
		      config->peers_max);
	route_init(&dev->routes,
		   carve(&rest, nodes * sizeof(struct route_node)), nodes);
	timer_init(&dev->timers, carve(&rest, timer_size(config->peers_max)),
		   config->peers_max);
	dev->output.head = dev->output.tail = PEER_NONE;
	dev->events.head = dev->events.tail = PEER_NONE;
	dev->greatest_stamp = config->greatest_stamp;
	return dev;
}

void wg_device_fini(struct wg_device *dev)
{
	struct wg_config config = dev->config;
	const uint8_t *secret = dev->identity.private_key;

	/* The region was given to us to write in. */
	secret_wipe((void *)(uintptr_t)secret, wg_device_secret_size(&config));
	secret_wipe(dev, wg_device_size(&config));
}

void wg_device_public_key(const struct wg_device *dev, struct key *ret_key)
{
	memcpy(ret_key->bytes, dev->identity.public_key, KEY_LEN);
}

const struct route_table *wg_device_routes(const struct wg_device *dev)
{
	return &dev->routes;
}

uint64_t wg_device_counter(const struct wg_device *dev, enum wg_counter which)
{
	CHECK(which < WG_COUNTERS);
	return dev->counters[which];
}

uint64_t wg_device_greatest_stamp(const struct wg_device *dev)
{
	return dev->greatest_stamp;
}

/* ------------------------------------------------------------- peers */

struct wg_peer *wg_peer_by_key(const struct wg_device *dev,
			       const uint8_t key[32])
{
	for (uint16_t i = 0; i < dev->peer_count; i++) {
		struct wg_peer *peer = &dev->peers[i];

		if (peer->used &&
		    secret_equal(peer->noise.public_key, key, KEY_LEN))
			return peer;
	}
	return NULL;
}

static void init_keys(struct wg_device *dev, struct wg_peer *peer,
		      const struct wg_peer_config *config)
{
	struct wg_peer_secret *secret = &dev->secrets[peer->index];

	memcpy(peer->noise.public_key, config->public_key.bytes, KEY_LEN);
	if (config->preshared_key != NULL)
		memcpy(secret->preshared_key, config->preshared_key->bytes,
		       KEY_LEN);
	peer->noise.preshared_key = secret->preshared_key;
	peer->noise.static_static = secret->static_static;
	peer->noise.usable =
		dh(secret->static_static, dev->identity.private_key,
		   peer->noise.public_key);
	peer->handshake.secret = &secret->handshake;
	for (unsigned i = 0; i < WG_KEYPAIRS; i++)
		peer->keypairs[i].keys = &secret->keys[i];
	wg_cookie_maker_init(&peer->cookie, peer->noise.public_key);
}

/* Peers are numbered from 0; a removed one's number is given again. */
static struct wg_peer *free_place(struct wg_device *dev)
{
	struct wg_peer *peer = dev->peers;

	while (peer < dev->peers + dev->peer_count && peer->used)
		peer++;
	if (peer == dev->peers + dev->config.peers_max)
		return NULL;
	if (peer == dev->peers + dev->peer_count)
		peer->index = dev->peer_count++;
	return peer;
}

int wg_peer_add(struct wg_device *dev, uint64_t now,
		const struct wg_peer_config *config, uint16_t *ret_peer)
{
	struct wg_peer *peer = free_place(dev);

	if (peer == NULL)
		return -ERR_FULL;
	if (memcmp(config->public_key.bytes, dev->identity.public_key,
		   KEY_LEN) == 0)
		return -ERR_INVALID;
	if (wg_peer_by_key(dev, config->public_key.bytes) != NULL)
		return -ERR_EXISTS;
	peer->used = true;
	init_keys(dev, peer, config);
	peer->previous = peer->current = peer->next = WG_SLOT_NONE;
	peer->persistent_ns = config->persistent_keepalive_s * NS_PER_S;
	for (unsigned i = 0; i < WG_TIMERS; i++)
		peer->deadlines[i] = NEVER;
	if (peer->persistent_ns != 0) { /* T10: one at once */
		peer->deadlines[WG_TIMER_PERSISTENT_KEEPALIVE] = now;
		timer_set(&dev->timers, peer->index, now);
	}
	*ret_peer = peer->index;
	return 0;
}

int wg_peer_allow(struct wg_device *dev, uint16_t peer,
		  const struct prefix *prefix)
{
	CHECK(peer < dev->peer_count);
	return route_insert(&dev->routes, prefix, peer);
}

void wg_peer_set_endpoint(struct wg_device *dev, uint16_t index,
			  const struct endpoint *endpoint)
{
	struct wg_peer *peer = &dev->peers[index];

	CHECK(index < dev->peer_count);
	peer->endpoint = *endpoint;
	wg_peer_clear_source(peer);
	if (peer->send != 0) /* what waited for an endpoint */
		wg_peer_send(dev, peer, 0);
}

void wg_device_source_gone(struct wg_device *dev, const struct ip_addr *source)
{
	for (uint16_t i = 0; i < dev->peer_count; i++) {
		struct wg_peer *peer = &dev->peers[i];

		if (ip_addr_equal(&peer->source, source))
			wg_peer_clear_source(peer);
	}
}

void wg_peer_info(const struct wg_device *dev, uint64_t now, uint16_t index,
		  struct wg_peer_info *ret_info)
{
	const struct wg_peer *peer = &dev->peers[index];
	const struct wg_keypair *keypair = NULL;

	CHECK(index < dev->peer_count);
	if (peer->current != WG_SLOT_NONE)
		keypair = &peer->keypairs[peer->current];
	*ret_info = (struct wg_peer_info){
		.used = peer->used,
		.endpoint = peer->endpoint,
		.last_handshake = peer->last_handshake,
		.last_received = peer->last_received,
		.handshakes = peer->handshakes,
		.rx_bytes = peer->rx_bytes,
		.tx_bytes = peer->tx_bytes,
		.handshake_attempts =
			peer->unanswered > 1 ? peer->unanswered - 1 : 0,
		.session = keypair != NULL && !keypair->receive_only &&
			   now - keypair->birth < WG_REJECT_AFTER_TIME_NS,
	};
	memcpy(ret_info->public_key.bytes, peer->noise.public_key, KEY_LEN);
}

/* ------------------------------------------------------------- queues */

void wg_peer_send(struct wg_device *dev, struct wg_peer *peer, unsigned what)
{
	peer->send |= (uint8_t)what;
	if (peer->in_output)
		return;
	peer->in_output = true;
	peer->output_next = PEER_NONE;
	if (dev->output.tail == PEER_NONE)
		dev->output.head = peer->index;
	else
		dev->peers[dev->output.tail].output_next = peer->index;
	dev->output.tail = peer->index;
}

void wg_peer_post(struct wg_device *dev, struct wg_peer *peer,
		  enum wg_event_type type)
{
	peer->events |= (uint8_t)(1U << type);
	if (peer->in_events)
		return;
	peer->in_events = true;
	peer->event_next = PEER_NONE;
	if (dev->events.tail == PEER_NONE)
		dev->events.head = peer->index;
	else
		dev->peers[dev->events.tail].event_next = peer->index;
	dev->events.tail = peer->index;
}

static void leave_events(struct wg_device *dev)
{
	struct wg_peer *peer = &dev->peers[dev->events.head];

	peer->in_events = false;
	dev->events.head = peer->event_next;
	if (dev->events.head == PEER_NONE)
		dev->events.tail = PEER_NONE;
}

bool wg_device_next_event(struct wg_device *dev, struct wg_event *ret_event)
{
	struct wg_peer *peer;
	unsigned type = 0;

	while (dev->events.head != PEER_NONE &&
	       dev->peers[dev->events.head].events == 0)
		leave_events(dev); /* removed since */
	if (dev->events.head == PEER_NONE)
		return false;
	peer = &dev->peers[dev->events.head];
	while ((peer->events & 1U << type) == 0)
		type++;
	CHECK(type < WG_EVENT_TYPES);
	*ret_event = (struct wg_event){.type = (enum wg_event_type)type,
				       .peer = peer->index};
	peer->events &= (uint8_t) ~(1U << type);
	if (peer->events == 0)
		leave_events(dev);
	return true;
}

/* ------------------------------------------------------------- time */

uint64_t wg_device_deadline(const struct wg_device *dev)
{
	return timer_next(&dev->timers);
}

void wg_device_expire(struct wg_device *dev, uint64_t now)
{
	uint32_t index;

	while (timer_pop(&dev->timers, now, &index))
		wg_timers_expire(dev, &dev->peers[index], now);
}
