/* SPDX-License-Identifier: ISC */
/*
 * Datagrams for a WireGuard device that has a session with a peer. Each step of
 * the input takes a real datagram of the peer or makes one, changes bytes of
 * it, and delivers it. Nothing hostile may bring the device out of order: at
 * the end the untouched next packet of the peer still comes through.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "crypto/wg_device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MTU = 1420, DATAGRAM_CAP = 2048, SEGMENTS_MAX = 64 };

#define WALL (UINT64_C(1800000000) * NS_PER_S)

struct side {
	struct wg_device *dev;
	void *memory, *secret;
	struct key key;
	uint64_t random;
};

struct fuzz {
	struct side side[2]; /* 0: under test, 1: its peer */
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

static struct endpoint outer(unsigned side)
{
	const uint8_t bytes[4] = {192, 0, 2, (uint8_t)(side + 1)};

	return (struct endpoint){.addr = ip_addr_v4(bytes), .port = 51820};
}

/* ------------------------------------------------------------- devices */

static void open_side(struct side *side, unsigned index)
{
	struct wg_config config = {
		.private_key = &side->key,
		.peers_max = 2,
		.allowed_ips_max = 2,
		.mtu = MTU,
		.random = {.fill = fill, .ctx = &side->random},
	};
	size_t len = wg_device_size(&config);
	size_t secret_len = wg_device_secret_size(&config);
	bool locked;

	memset(&side->key, 0x40 + (int)index, sizeof(side->key));
	side->random = index + 1;
	if (side->memory == NULL) {
		side->memory = malloc(len);
		side->secret = secret_alloc(secret_len, &locked);
		CHECK(side->memory != NULL && side->secret != NULL);
	}
	memset(side->memory, 0, len);
	memset(side->secret, 0, secret_len);
	side->dev = wg_device_init(side->memory, side->secret, &config);
}

static void add_peer(struct fuzz *fuzz, unsigned side)
{
	struct wg_peer_config config = {.persistent_keepalive_s = 0};
	struct endpoint endpoint = outer(!side);
	struct prefix prefix;
	uint16_t peer;

	key_public(&fuzz->side[!side].key, &config.public_key);
	CHECK(prefix_parse("0.0.0.0/0", &prefix) == 0);
	CHECK(wg_peer_add(fuzz->side[side].dev, fuzz->now, &config, &peer) ==
	      0);
	CHECK(wg_peer_allow(fuzz->side[side].dev, peer, &prefix) == 0);
	wg_peer_set_endpoint(fuzz->side[side].dev, peer, &endpoint);
}

static size_t deliver(struct fuzz *fuzz, unsigned to, uint8_t *data, size_t len,
		      uint32_t segment)
{
	struct packet packets[SEGMENTS_MAX];
	struct wg_datagram datagram = {.data = data,
				       .len = (uint32_t)len,
				       .segment = segment,
				       .from = outer(!to)};

	return wg_device_input(fuzz->side[to].dev, fuzz->now, &datagram,
			       packets, SEGMENTS_MAX);
}

/* Carries messages to and fro until both are silent. */
static void converse(struct fuzz *fuzz)
{
	uint8_t message[WG_MESSAGE_MAX];
	struct wg_destination to;
	bool more = true;

	while (more) {
		more = false;
		for (unsigned side = 0; side < 2; side++) {
			size_t len =
				wg_device_pull(fuzz->side[side].dev, fuzz->now,
					       WALL + fuzz->now, message, &to);

			if (len == 0)
				continue;
			(void)deliver(fuzz, !side, message, len, 0);
			more = true;
		}
	}
}

/* The peer's next data datagram; 0 when it has no session. */
static size_t real_datagram(struct fuzz *fuzz, uint8_t *datagram)
{
	struct run run = {.base = datagram,
			  .cap = DATAGRAM_CAP,
			  .mtu = MTU,
			  .count = 1,
			  .ip_len = 40,
			  .last_len = 40};
	uint8_t *ip = datagram + RUN_HEAD;
	struct wg_destination to;

	if (wg_peer_want(fuzz->side[1].dev, fuzz->now, 0) != 0)
		return 0;
	memset(ip, 0, 40);
	ip[0] = 0x45;
	put_be16(ip + 2, 40);
	ip[12] = ip[16] = 10;
	wg_device_seal(fuzz->side[1].dev, fuzz->now, &run, &to);
	return run_sealed_len(&run);
}

/* ------------------------------------------------------------- steps */

static void hostile(struct fuzz *fuzz)
{
	uint8_t *datagram = malloc(DATAGRAM_CAP);
	uint8_t choice = take(fuzz);
	size_t len;

	CHECK(datagram != NULL);
	memset(datagram, 0, DATAGRAM_CAP);
	if (choice & 1) {
		len = real_datagram(fuzz, datagram);
	} else {
		len = take(fuzz) * 2U;
		datagram[0] = (uint8_t)(choice >> 1 & 7);
	}
	for (unsigned i = choice >> 4; i > 0 && len > 0; i--)
		datagram[take(fuzz) % len] ^= take(fuzz);
	if (choice & 8 && len > 0)
		len -= take(fuzz) % len;
	datagram = realloc(datagram, len > 0 ? len : 1);
	CHECK(datagram != NULL);
	(void)deliver(fuzz, 0, datagram, len, choice & 2 ? take(fuzz) : 0);
	free(datagram);
}

static void pass_time(struct fuzz *fuzz)
{
	fuzz->now += NS_PER_MS << (take(fuzz) & 15);
	for (unsigned side = 0; side < 2; side++)
		wg_device_expire(fuzz->side[side].dev, fuzz->now);
	CHECK(wg_device_deadline(fuzz->side[0].dev) > fuzz->now);
}

static void still_works(struct fuzz *fuzz)
{
	uint8_t datagram[DATAGRAM_CAP];
	size_t len;

	fuzz->now += 10 * NS_PER_S;
	wg_device_expire(fuzz->side[0].dev, fuzz->now);
	wg_device_expire(fuzz->side[1].dev, fuzz->now);
	(void)wg_peer_want(fuzz->side[1].dev, fuzz->now, 0);
	converse(fuzz);
	len = real_datagram(fuzz, datagram);
	CHECK(len > 0);
	CHECK(deliver(fuzz, 0, datagram, len, 0) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;

	CHECK(crypto_init() == 0);
	fuzz.data = data;
	fuzz.size = size;
	fuzz.now = 1000 * NS_PER_S;
	open_side(&fuzz.side[0], 0);
	open_side(&fuzz.side[1], 1);
	add_peer(&fuzz, 0);
	add_peer(&fuzz, 1);
	(void)wg_peer_want(fuzz.side[1].dev, fuzz.now, 0);
	converse(&fuzz);
	while (fuzz.size > 0) {
		if (take(&fuzz) & 7)
			hostile(&fuzz);
		else
			pass_time(&fuzz);
	}
	still_works(&fuzz);
	wg_device_fini(fuzz.side[0].dev);
	wg_device_fini(fuzz.side[1].dev);
	return 0;
}
