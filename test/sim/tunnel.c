/* SPDX-License-Identifier: ISC */
#include "tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "crypto/wg_device.h"

/* Unix time of the clock's zero. */
#define WALL_START (UINT64_C(1800000000) * NS_PER_S)

struct tunnel {
	struct wg_device *dev;
	void *memory;
	void *secret;
};

/* The private key of a host. */
static struct key private_key(uint64_t seed, unsigned index)
{
	struct key key;

	for (unsigned i = 0; i < KEY_LEN; i++)
		key.bytes[i] = (uint8_t)(seed >> i % 8 * 8 ^ (i * 37 + index));
	return key;
}

static struct endpoint outer_endpoint(unsigned index)
{
	const uint8_t bytes[4] = {198, 51, 100, (uint8_t)(index + 1)};

	return (struct endpoint){.addr = ip_addr_v4(bytes), .port = 51820};
}

static void add_peer(struct tunnel *tunnel, uint64_t seed, unsigned other)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	struct key key = private_key(seed, other);
	struct endpoint endpoint = outer_endpoint(other);
	struct wg_peer_config config = {.persistent_keepalive_s = 0};
	struct prefix prefix;
	uint16_t peer;

	key_public(&key, &config.public_key);
	CHECK(wg_peer_add(tunnel->dev, 0, &config, &peer) == 0 && peer == 0);
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		CHECK(prefix_parse(all[i], &prefix) == 0);
		CHECK(wg_peer_allow(tunnel->dev, peer, &prefix) == 0);
	}
	wg_peer_set_endpoint(tunnel->dev, peer, &endpoint);
}

struct tunnel *tunnel_open(uint64_t seed, unsigned index, uint16_t mtu,
			   const struct random_source *random)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
	struct key key = private_key(seed, index);
	struct wg_config config = {
		.private_key = &key,
		.peers_max = 1,
		.allowed_ips_max = 2,
		.mtu = mtu,
		.random = *random,
	};
	bool locked;

	CHECK(tunnel != NULL && crypto_init() == 0);
	tunnel->memory = calloc(1, wg_device_size(&config));
	tunnel->secret = secret_alloc(wg_device_secret_size(&config), &locked);
	CHECK(tunnel->memory != NULL && tunnel->secret != NULL);
	tunnel->dev = wg_device_init(tunnel->memory, tunnel->secret, &config);
	add_peer(tunnel, seed, !index);
	return tunnel;
}

void tunnel_close(struct tunnel *tunnel)
{
	wg_device_fini(tunnel->dev);
	secret_free(tunnel->secret);
	free(tunnel->memory);
	free(tunnel);
}

bool tunnel_ready(struct tunnel *tunnel, uint64_t now)
{
	return wg_peer_want(tunnel->dev, now, 0) == 0;
}

void tunnel_seal(struct tunnel *tunnel, uint64_t now, struct run *run)
{
	struct wg_destination to;

	wg_device_seal(tunnel->dev, now, run, &to);
}

bool tunnel_input(struct tunnel *tunnel, uint64_t now, uint8_t *data,
		  uint32_t len, unsigned from, struct packet *ret_packet)
{
	struct wg_datagram datagram = {
		.data = data, .len = len, .from = outer_endpoint(from)};
	size_t count =
		wg_device_input(tunnel->dev, now, &datagram, ret_packet, 1);

	CHECK(count <= 1);
	return count == 1;
}

size_t tunnel_pull(struct tunnel *tunnel, uint64_t now,
		   uint8_t message[TUNNEL_MESSAGE_CAP])
{
	struct wg_destination to;

	static_assert((int)TUNNEL_MESSAGE_CAP >= WG_MESSAGE_MAX, "it fits");
	return wg_device_pull(tunnel->dev, now, WALL_START + now, message, &to);
}

bool tunnel_came_up(struct tunnel *tunnel)
{
	struct wg_event event;
	bool up = false;

	while (wg_device_next_event(tunnel->dev, &event))
		up = up || event.type == WG_EVENT_SESSION_UP;
	return up;
}

uint64_t tunnel_deadline(const struct tunnel *tunnel)
{
	return wg_device_deadline(tunnel->dev);
}

void tunnel_expire(struct tunnel *tunnel, uint64_t now)
{
	wg_device_expire(tunnel->dev, now);
}
