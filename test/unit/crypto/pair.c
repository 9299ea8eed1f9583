/* SPDX-License-Identifier: ISC */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/secret.h"

static const char *const addresses[SIDES] = {"10.0.0.1", "10.0.0.2"};
static const char *const endpoints[SIDES] = {"192.0.2.1:1000",
					     "192.0.2.2:2000"};

static void fill(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 1;
		p[i] = (uint8_t)(*state >> 56);
	}
}

static void open_side(struct pair *pair, unsigned index, uint16_t mtu)
{
	struct pair_side *side = &pair->sides[index];
	bool locked;

	random_fill(&side->config.random, &side->private_key,
		    sizeof(side->private_key));
	side->config.private_key = &side->private_key;
	side->config.peers_max = 4;
	side->config.allowed_ips_max = 16;
	side->config.mtu = mtu;
	side->memory = calloc(1, wg_device_size(&side->config));
	side->secret =
		secret_alloc(wg_device_secret_size(&side->config), &locked);
	CHECK(side->memory != NULL && side->secret != NULL);
	side->dev = wg_device_init(side->memory, side->secret, &side->config);
	CHECK(endpoint_parse(endpoints[index], &side->endpoint) == 0);
}

static void join(struct pair *pair, unsigned index,
		 const struct pair_options *options)
{
	struct pair_side *side = &pair->sides[index];
	struct key psk = {{7}};
	struct wg_peer_config config = {
		.preshared_key = options->psk ? &psk : NULL,
		.persistent_keepalive_s = index == 0 ? options->keepalive_s : 0,
	};
	struct prefix prefix;
	uint16_t peer;

	psk.bytes[1] = options->other_psk ? (uint8_t)index : 0;
	wg_device_public_key(pair->sides[1 - index].dev, &config.public_key);
	CHECK(wg_peer_add(side->dev, pair->now, &config, &peer) == 0);
	CHECK(prefix_parse(addresses[1 - index], &prefix) == 0);
	CHECK(wg_peer_allow(side->dev, peer, &prefix) == 0);
}

void pair_open(struct pair *pair, const struct pair_options *options)
{
	memset(pair, 0, sizeof(*pair));
	pair->now = 1000 * NS_PER_S;
	for (unsigned i = 0; i < SIDES; i++) {
		pair->sides[i].config.random.fill = fill;
		pair->sides[i].config.random.ctx = &pair->random_state;
		open_side(pair, i, options->mtu != 0 ? options->mtu : 1420);
	}
	join(pair, 0, options);
	join(pair, 1, options);
	wg_peer_set_endpoint(pair->sides[0].dev, 0, &pair->sides[1].endpoint);
}

void pair_close(struct pair *pair)
{
	for (unsigned i = 0; i < SIDES; i++) {
		struct pair_side *side = &pair->sides[i];

		wg_device_fini(side->dev);
		secret_free(side->secret);
		free(side->memory);
	}
}

static void note_events(struct pair_side *side)
{
	struct wg_event event;

	while (wg_device_next_event(side->dev, &event)) {
		side->ups += event.type == WG_EVENT_SESSION_UP;
		side->retries += event.type == WG_EVENT_HANDSHAKE_RETRY;
		side->failures += event.type == WG_EVENT_HANDSHAKE_FAILED;
		side->roams += event.type == WG_EVENT_ENDPOINT_CHANGED;
	}
}

static size_t give(struct pair *pair, unsigned index, uint8_t *data,
		   uint32_t len, uint32_t segment, const struct endpoint *from)
{
	struct pair_side *side = &pair->sides[index];
	struct wg_datagram in = {
		.data = data, .len = len, .segment = segment, .from = *from};
	static struct packet packets[2049];
	size_t count = wg_device_input(side->dev, pair->now, &in, packets,
				       ARRAY_SIZE(packets));

	for (size_t i = 0; i < count; i++) {
		side->packets++;
		side->last_len = packets[i].len;
		memcpy(side->last, packets[i].data, packets[i].len);
	}
	note_events(side);
	return count;
}

size_t pair_deliver(struct pair *pair, unsigned side, const uint8_t *data,
		    uint32_t len, uint32_t segment, const char *from)
{
	static uint8_t copy[65536];
	struct endpoint endpoint;

	CHECK(len <= sizeof(copy) && endpoint_parse(from, &endpoint) == 0);
	memcpy(copy, data, len);
	return give(pair, side, copy, len, segment, &endpoint);
}

static void leave(struct pair *pair, unsigned index, uint8_t *data,
		  uint32_t len, uint32_t segment)
{
	struct pair_side *side = &pair->sides[index];

	for (uint32_t at = 0; at < len; at += segment)
		side->sent[data[at]]++;
	if (len <= sizeof(side->wire)) {
		memcpy(side->wire, data, len);
		side->wire_len = len;
	}
	if (!pair->cut)
		give(pair, 1 - index, data, len, segment, &side->endpoint);
}

static bool pull(struct pair *pair, unsigned index)
{
	struct pair_side *side = &pair->sides[index];
	uint8_t buf[WG_MESSAGE_MAX];
	struct wg_destination to;
	uint64_t wall = UINT64_C(1700000000) * NS_PER_S + pair->now -
			side->clock_behind;
	size_t len = wg_device_pull(side->dev, pair->now, wall, buf, &to);

	if (len > 0)
		leave(pair, index, buf, (uint32_t)len, (uint32_t)len);
	return len > 0;
}

void pair_step(struct pair *pair, uint64_t step)
{
	bool busy = true;

	for (unsigned i = 0; i < SIDES; i++) {
		wg_device_expire(pair->sides[i].dev, pair->now);
		note_events(&pair->sides[i]);
		CHECK(wg_device_deadline(pair->sides[i].dev) > pair->now);
	}
	while (busy) {
		busy = pull(pair, 0);
		busy |= pull(pair, 1);
	}
	pair->now += step;
}

void pair_run(struct pair *pair, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 10; i++)
		pair_step(pair, 100 * NS_PER_MS);
}

static void write_ip(uint8_t *ip, uint32_t len, const char *source,
		     const char *destination)
{
	struct ip_addr addr;

	memset(ip, 0xab, len);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)len);
	CHECK(ip_addr_parse(source, &addr) == 0);
	memcpy(ip + 12, addr.bytes, 4);
	CHECK(ip_addr_parse(destination, &addr) == 0);
	memcpy(ip + 16, addr.bytes, 4);
}

static int send_run(struct pair *pair, unsigned index, const char *source,
		    uint32_t len, uint16_t count)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	struct pair_side *side = &pair->sides[index];
	struct run run = {
		.base = buffer,
		.cap = sizeof(buffer),
		.mtu = side->config.mtu,
		.count = count,
		.ip_len = (uint16_t)len,
		.last_len = (uint16_t)len,
	};
	struct wg_destination to;
	int err = wg_peer_want(side->dev, pair->now, 0);

	if (err != 0)
		return err;
	for (uint16_t i = 0; i < count; i++)
		write_ip(run_ip(&run, len, i), len, source,
			 addresses[1 - index]);
	wg_device_seal(side->dev, pair->now, &run, &to);
	leave(pair, index, buffer, run_sealed_len(&run),
	      run_stride(len, run.mtu));
	return 0;
}

int pair_send(struct pair *pair, unsigned side, uint32_t len, uint16_t count)
{
	return send_run(pair, side, addresses[side], len, count);
}

int pair_send_from(struct pair *pair, unsigned side, const char *source,
		   uint32_t len)
{
	return send_run(pair, side, source, len, 1);
}

struct wg_peer_info pair_info(const struct pair *pair, unsigned side)
{
	struct wg_peer_info info;

	wg_peer_info(pair->sides[side].dev, pair->now, 0, &info);
	return info;
}
