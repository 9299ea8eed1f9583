/* SPDX-License-Identifier: ISC */
/* The life of a device: keys, peers, clocks, randomness, what it tells. */
#include "device.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/time.h"
#include "crypto/secret.h"

enum { PEERS_MAX = 4096, IPS_MAX = 65536, MTU_MIN = 576, MTU_MAX = 9000 };

/* Far from any overflow of a sum of times. */
#define TIME_MAX (UINT64_MAX / 4)

struct device *take_device(struct request *request)
{
	return name_find(request, "device");
}

uint16_t take_peer(struct request *request, const struct device *device)
{
	uint16_t peer = (uint16_t)request_number(request, UINT16_MAX);
	struct wg_peer_info info = {.used = false};

	if (device != NULL && peer < device->peers)
		wg_peer_info(device->dev, device->now, peer, &info);
	if (!info.used)
		request_fail(request, "PEER");
	return peer;
}

/* ------------------------------------------------------------- life */

static void forget_device(void *object)
{
	struct device *device = object;

	if (device->dev != NULL)
		wg_device_fini(device->dev);
	secret_free(device->secret);
	free(device->memory);
	free(device->chance.bytes);
}

static uint64_t option(struct request *request, const char *name, uint64_t min,
		       uint64_t max, uint64_t otherwise)
{
	const char *text = request_option(request, name);
	uint64_t value = otherwise;

	if (text != NULL)
		value = parse_number(request, text, max);
	if (value < min)
		request_fail(request, "NUMBER");
	return value;
}

static void open_device(struct device *device, const struct wg_config *config)
{
	bool locked;

	device->memory = calloc(1, wg_device_size(config));
	device->secret = secret_alloc(wg_device_secret_size(config), &locked);
	CHECK(device->memory != NULL && device->secret != NULL);
	device->dev = wg_device_init(device->memory, device->secret, config);
}

static void device_new(struct request *request)
{
	const char *name = request_word(request);
	struct key private_key, public_key;
	struct wg_config config = {.private_key = &private_key};
	struct device *device;

	memcpy(private_key.bytes, request_key(request, KEY_LEN), KEY_LEN);
	config.peers_max = (uint16_t)option(request, "peers", 1, PEERS_MAX, 8);
	config.allowed_ips_max =
		(uint32_t)option(request, "ips", 1, IPS_MAX, 32);
	config.mtu = (uint16_t)option(request, "mtu", MTU_MIN, MTU_MAX, 1420);
	config.greatest_stamp = option(request, "stamp", 0, TIME_MAX, 0);
	if (!request_end(request))
		return;
	device = name_new(request, "device", name, sizeof(*device),
			  forget_device);
	if (device == NULL)
		return;
	device->now = NS_PER_S; /* 0 means never to a device */
	device->mtu = config.mtu;
	config.random = (struct random_source){chance_draw, &device->chance};
	open_device(device, &config);
	wg_device_public_key(device->dev, &public_key);
	answer_hex(request, public_key.bytes, KEY_LEN);
}

/* The options of a peer; psk is where its key may lie. */
static void take_config(struct request *request, struct wg_peer_config *config,
			struct key *psk)
{
	const char *text = request_option(request, "psk");

	if (text != NULL) {
		memcpy(psk->bytes, parse_key(request, text, KEY_LEN), KEY_LEN);
		config->preshared_key = psk;
	}
	config->persistent_keepalive_s =
		(uint16_t)option(request, "keepalive", 0, UINT16_MAX, 0);
}

static void device_peer(struct request *request)
{
	struct device *device = take_device(request);
	struct wg_peer_config config = {.preshared_key = NULL};
	struct key psk;
	uint16_t peer;

	memcpy(config.public_key.bytes, request_key(request, KEY_LEN), KEY_LEN);
	take_config(request, &config, &psk);
	if (!request_end(request) ||
	    !request_check(request, wg_peer_add(device->dev, device->now,
						&config, &peer)))
		return;
	if (peer >= device->peers)
		device->peers = (uint16_t)(peer + 1);
	answer(request, "%u", peer);
}

static void device_change(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);
	struct wg_peer_config config = {.preshared_key = NULL};
	struct key psk;

	take_config(request, &config, &psk);
	if (request_end(request))
		wg_peer_change(device->dev, device->now, peer, &config);
}

static void device_remove(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);

	if (request_end(request))
		wg_peer_remove(device->dev, peer);
}

static void device_key(struct request *request)
{
	struct device *device = take_device(request);
	struct key key;

	memcpy(key.bytes, request_key(request, KEY_LEN), KEY_LEN);
	if (!request_end(request))
		return;
	wg_device_set_private_key(device->dev, &key);
	wg_device_public_key(device->dev, &key);
	answer_hex(request, key.bytes, KEY_LEN);
}

static void device_find(struct request *request)
{
	struct device *device = take_device(request);
	struct key key;
	uint16_t peer;

	memcpy(key.bytes, request_key(request, KEY_LEN), KEY_LEN);
	if (!request_end(request))
		return;
	if (wg_peer_find(device->dev, &key, &peer))
		answer(request, "%u", peer);
	else
		answer(request, "none");
}

static void device_disallow(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);

	if (request_end(request))
		wg_peer_disallow_all(device->dev, peer);
}

static void device_allow(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);
	struct prefix prefix = request_prefix(request);

	if (request_end(request))
		request_check(request,
			      wg_peer_allow(device->dev, peer, &prefix));
}

static void device_endpoint(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);
	struct endpoint endpoint = request_endpoint(request);

	if (request_end(request))
		wg_peer_set_endpoint(device->dev, peer, &endpoint);
}

static void device_lookup(struct request *request)
{
	struct device *device = take_device(request);
	struct ip_addr addr = request_addr(request);

	if (request_end(request))
		answer_route(request, wg_device_routes(device->dev), &addr);
}

static void device_gone(struct request *request)
{
	struct device *device = take_device(request);
	struct ip_addr addr = request_addr(request);

	if (request_end(request))
		wg_device_source_gone(device->dev, &addr);
}

/* ------------------------------------------------------------- clocks */

static void device_at(struct request *request)
{
	struct device *device = take_device(request);
	uint64_t now = request_number(request, TIME_MAX);
	uint64_t wall = option(request, "wall", 0, TIME_MAX, 0);

	if (device != NULL && now < device->now)
		request_fail(request, "BACKWARD");
	if (!request_end(request))
		return;
	device->now = now;
	if (wall != 0)
		device->wall_start = wall - now;
}

static void device_expire(struct request *request)
{
	struct device *device = take_device(request);

	if (request_end(request))
		wg_device_expire(device->dev, device->now);
}

static void answer_time(struct request *request, uint64_t time)
{
	if (time == NEVER)
		answer(request, "never");
	else
		answer(request, "%" PRIu64, time);
}

static void device_deadline(struct request *request)
{
	struct device *device = take_device(request);

	if (request_end(request))
		answer_time(request, wg_device_deadline(device->dev));
}

static void run_device(struct request *request)
{
	static const struct command commands[] = {
		{"new", device_new},
		{"random", device_random},
		{"peer", device_peer},
		{"change", device_change},
		{"remove", device_remove},
		{"key", device_key},
		{"find", device_find},
		{"disallow", device_disallow},
		{"allow", device_allow},
		{"endpoint", device_endpoint},
		{"lookup", device_lookup},
		{"source-gone", device_gone},
		{"at", device_at},
		{"expire", device_expire},
		{"deadline", device_deadline},
		{"input", device_input},
		{"want", device_want},
		{"seal", device_seal},
		{"pull", device_pull},
		{"events", device_events},
		{"counters", device_counters},
		{"info", device_info},
		{NULL, NULL},
	};

	request_sub(request, commands);
}

const struct command device_commands[] = {
	{"device", run_device},
	{NULL, NULL},
};
