/* SPDX-License-Identifier: ISC */
/*
 * Two devices whose messages the input delivers, changes, repeats or drops,
 * with false cookie replies to whoever waits for a response.
 * Whatever happens, a changed message proves nothing, and at the end an
 * undisturbed handshake brings a session.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "base/time.h"
#include "crypto/dh.h"
#include "crypto/secret.h"
#include "crypto/wg_device.h"
#include "crypto/wg_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MTU = 1420, SIDES = 2, KEPT = 8 };

#define WALL (UINT64_C(1800000000) * NS_PER_S)

struct message {
	unsigned to;
	uint32_t len;
	uint8_t data[WG_MESSAGE_MAX];
};

struct side {
	struct wg_device *dev;
	void *memory, *secret;
	struct key key;
	uint64_t random;
};

struct fuzz {
	struct side side[SIDES];
	struct message kept[KEPT]; /* of late, to be delivered again */
	unsigned kept_count;
	uint64_t now;
	const uint8_t *data;
	size_t size;
};

static uint8_t take(struct fuzz *fuzz)
{
	if (fuzz->size == 0)
		return 0;
	fuzz->size--;
	return *fuzz->data++;
}

static void fill(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 1442695040;
		out[i] = (uint8_t)(*state >> 56);
	}
}

static struct endpoint outer(unsigned last)
{
	const uint8_t bytes[4] = {192, 0, 2, (uint8_t)last};

	return (struct endpoint){.addr = ip_addr_v4(bytes), .port = 51820};
}

/* ------------------------------------------------------------- devices */

static void open_side(struct fuzz *fuzz, unsigned index)
{
	struct side *side = &fuzz->side[index];
	struct wg_config config = {
		.private_key = &side->key,
		.peers_max = 1,
		.allowed_ips_max = 1,
		.mtu = MTU,
		.random = {.fill = fill, .ctx = &side->random},
	};
	struct wg_peer_config peer = {.persistent_keepalive_s = 0};
	struct endpoint endpoint = outer(!index + 1U);
	size_t len = wg_device_size(&config);
	size_t secret_len = wg_device_secret_size(&config);
	uint16_t number;
	bool locked;

	side->random = index + 1;
	if (side->memory == NULL) {
		side->memory = malloc(len);
		side->secret = secret_alloc(secret_len, &locked);
		CHECK(side->memory != NULL && side->secret != NULL);
	}
	memset(side->memory, 0, len);
	memset(side->secret, 0, secret_len);
	side->dev = wg_device_init(side->memory, side->secret, &config);
	key_public(&fuzz->side[!index].key, &peer.public_key);
	CHECK(wg_peer_add(side->dev, fuzz->now, &peer, &number) == 0);
	wg_peer_set_endpoint(side->dev, number, &endpoint);
}

/* From an address that is the peer's own or not. */
static void deliver(struct fuzz *fuzz, const struct message *message,
		    unsigned from)
{
	struct message copy = *message;
	struct packet packet;
	struct wg_datagram datagram = {
		.data = copy.data, .len = copy.len, .from = outer(from)};

	CHECK(wg_device_input(fuzz->side[copy.to].dev, fuzz->now, &datagram,
			      &packet, 1) == 0);
}

/* ------------------------------------------------------------- steps */

/* A false cookie reply, to the index of the last initiation to that side's
 * peer; its nonce and the sealed cookie are the input's. */
static void deliver_cookie(struct fuzz *fuzz, const struct message *message)
{
	struct message reply = {.to = !message->to, .len = 64};
	struct wg_device *dev = fuzz->side[reply.to].dev;
	uint64_t before = wg_device_counter(dev, WG_RX_COOKIE);

	put_le32(reply.data, WG_MESSAGE_COOKIE);
	memcpy(reply.data + 4, message->data + 4, 4);
	for (unsigned i = 8; i < reply.len; i++)
		reply.data[i] = take(fuzz);
	deliver(fuzz, &reply, 9);
	CHECK(wg_device_counter(dev, WG_RX_COOKIE) +
		      wg_device_counter(dev, WG_RX_INDEX) >
	      before);
}

/* One bit, but not of mac2, which counts only under load. */
static void deliver_changed(struct fuzz *fuzz, const struct message *message)
{
	struct message changed = *message;
	uint32_t end = message->data[0] == WG_MESSAGE_DATA ? message->len
							   : message->len - 16;
	struct wg_device *dev = fuzz->side[message->to].dev;
	struct wg_peer_info before, after;

	changed.data[take(fuzz) % end] ^= (uint8_t)(1U << (take(fuzz) & 7));
	wg_peer_info(dev, fuzz->now, 0, &before);
	deliver(fuzz, &changed, 9);
	wg_peer_info(dev, fuzz->now, 0, &after);
	CHECK(endpoint_equal(&before.endpoint, &after.endpoint));
	CHECK(before.handshakes == after.handshakes);
	CHECK(before.session == after.session);
}

static void treat(struct fuzz *fuzz, const struct message *message)
{
	switch (take(fuzz) & 7) {
	case 0: /* lost */
		break;
	case 1:
		deliver_changed(fuzz, message);
		break;
	case 2:
		deliver(fuzz, message, !message->to + 1U);
		deliver(fuzz, message, 9);
		break;
	case 3:
		deliver_cookie(fuzz, message);
		break;
	case 4:
		deliver_changed(fuzz, message);
		deliver(fuzz, message, !message->to + 1U);
		break;
	default:
		deliver(fuzz, message, !message->to + 1U);
		break;
	}
}

static bool pull(struct fuzz *fuzz, unsigned from, struct message *message)
{
	struct wg_destination to;

	message->to = !from;
	message->len =
		(uint32_t)wg_device_pull(fuzz->side[from].dev, fuzz->now,
					 WALL + fuzz->now, message->data, &to);
	if (message->len == 0)
		return false;
	fuzz->kept[fuzz->kept_count++ % KEPT] = *message;
	return true;
}

static void step(struct fuzz *fuzz)
{
	uint8_t choice = take(fuzz);
	unsigned side = choice & 1;
	struct wg_device *dev = fuzz->side[side].dev;
	struct message message;

	switch (choice >> 1 & 3) {
	case 0:
		(void)wg_peer_want(dev, fuzz->now, 0);
		break;
	case 1:
		fuzz->now += NS_PER_MS << (choice >> 3 & 15);
		break;
	case 2:
		message = fuzz->kept[choice >> 3 & (KEPT - 1)];
		if (message.len != 0)
			treat(fuzz, &message);
		break;
	default:
		if (pull(fuzz, side, &message))
			treat(fuzz, &message);
		break;
	}
	for (unsigned i = 0; i < SIDES; i++) {
		wg_device_expire(fuzz->side[i].dev, fuzz->now);
		CHECK(wg_device_deadline(fuzz->side[i].dev) > fuzz->now);
	}
}

/* Old sessions and attempts are forgotten first. */
static void still_works(struct fuzz *fuzz)
{
	struct wg_peer_info info[SIDES];
	struct message message;
	struct endpoint endpoint;
	bool more = true;

	fuzz->now += 1000 * NS_PER_S;
	for (unsigned i = 0; i < SIDES; i++) {
		endpoint = outer(!i + 1U);
		wg_device_expire(fuzz->side[i].dev, fuzz->now);
		wg_peer_set_endpoint(fuzz->side[i].dev, 0, &endpoint);
		while (pull(fuzz, i, &message))
			;
	}
	fuzz->now += 10 * NS_PER_S;
	CHECK(wg_peer_want(fuzz->side[0].dev, fuzz->now, 0) == -ERR_NO_SESSION);
	while (more) {
		more = false;
		for (unsigned i = 0; i < SIDES; i++) {
			if (!pull(fuzz, i, &message))
				continue;
			deliver(fuzz, &message, i + 1);
			more = true;
		}
	}
	for (unsigned i = 0; i < SIDES; i++) {
		wg_peer_info(fuzz->side[i].dev, fuzz->now, 0, &info[i]);
		CHECK(info[i].session);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;

	CHECK(crypto_init() == 0);
	fuzz.data = data;
	fuzz.size = size;
	fuzz.now = 1000 * NS_PER_S;
	fuzz.kept_count = 0;
	memset(fuzz.kept, 0, sizeof(fuzz.kept));
	for (unsigned i = 0; i < SIDES; i++)
		memset(&fuzz.side[i].key, 0x40 + (int)i, KEY_LEN);
	for (unsigned i = 0; i < SIDES; i++)
		open_side(&fuzz, i);
	while (fuzz.size > 0)
		step(&fuzz);
	still_works(&fuzz);
	for (unsigned i = 0; i < SIDES; i++)
		wg_device_fini(fuzz.side[i].dev);
	return 0;
}
