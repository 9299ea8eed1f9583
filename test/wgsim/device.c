/* SPDX-License-Identifier: ISC */
/* A device and its traffic, with what must hold at its own edge. */
#include "test/wgsim/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "crypto/dh.h"
#include "crypto/secret.h"

enum { EXPIRIES_MAX = 20000, RUN_MAX = 4, IP_MIN = 32, IP_MAX = 200 };

#define WALL (UINT64_C(1800000000) * NS_PER_S)

static void fill(void *ctx, void *buf, size_t len)
{
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)rng_next(ctx);
}

void side_open(struct world *world, unsigned index, bool first)
{
	struct side *side = &world->side[index];
	struct wg_config config = {
		.private_key = &side->key,
		.peers_max = 1,
		.allowed_ips_max = 2,
		.mtu = MTU,
		.random = {.fill = fill, .ctx = &world->device_rng},
	};
	struct wg_peer_config peer = {
		.preshared_key = world->scenario.psk ? &world->psk : NULL,
		.persistent_keepalive_s = world->scenario.keepalive_s[index],
	};
	struct prefix prefix;
	bool locked;
	uint16_t number;

	side->memory = calloc(1, wg_device_size(&config));
	side->secret = secret_alloc(wg_device_secret_size(&config), &locked);
	CHECK(side->memory != NULL && side->secret != NULL);
	side->dev = wg_device_init(side->memory, side->secret, &config);
	side->life++;
	side->last_initiation = 0;
	side->expiries = 0;
	side->waiting = false;
	key_public(&world->side[!index].key, &peer.public_key);
	CHECK(wg_peer_add(side->dev, world->now, &peer, &number) == 0);
	CHECK(prefix_parse("0.0.0.0/0", &prefix) == 0);
	CHECK(wg_peer_allow(side->dev, number, &prefix) == 0);
	wg_peer_set_endpoint(side->dev, number, &world->side[!index].addr);
	world_note(world, first ? "starts" : "restarts", index, side->life);
}

void side_close(struct side *side)
{
	wg_device_fini(side->dev);
	secret_free(side->secret);
	free(side->memory);
}

/* ------------------------------------------------------------- packets */

static void make_packet(struct world *world, unsigned from, uint8_t *ip,
			uint32_t len)
{
	struct rng body = {.state = world->packet_count};

	if (world->packet_count == PACKETS_MAX)
		world_fail(world, "too many packets");
	world->packets[world->packet_count] =
		(struct sent){.from = from, .len = len};
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)len);
	ip[12] = ip[16] = 10;
	put_be32(ip + 20, world->packet_count++);
	for (uint32_t i = 24; i < len; i++)
		ip[i] = (uint8_t)rng_next(&body);
}

static void check_packet(struct world *world, unsigned to,
			 const struct packet *packet)
{
	struct rng body;
	struct sent *sent;
	uint32_t id;

	if (packet->len < IP_MIN || packet->path != 0)
		world_fail(world, "a packet from nowhere");
	id = get_be32(packet->data + 20);
	if (id >= world->packet_count)
		world_fail(world, "a packet that was never sent");
	sent = &world->packets[id];
	if (sent->from == to || sent->len != packet->len || sent->delivered)
		world_fail(world, "a packet twice, cut, or back to its sender");
	body.state = id;
	for (uint32_t i = 24; i < packet->len; i++)
		if (packet->data[i] != (uint8_t)rng_next(&body))
			world_fail(world, "a packet has changed");
	sent->delivered = true;
	world->delivered++;
}

static void seal(struct world *world, unsigned index)
{
	uint8_t buf[(RUN_MAX + 1) * DATAGRAM_CAP];
	struct rng *rng = &world->rng;
	uint32_t len = (uint32_t)rng_range(rng, IP_MIN, IP_MAX);
	struct run run = {
		.base = buf,
		.cap = sizeof(buf),
		.mtu = MTU,
		.count = (uint16_t)rng_range(rng, 1, RUN_MAX),
		.ip_len = (uint16_t)len,
		.last_len = (uint16_t)rng_range(rng, IP_MIN, len),
	};
	struct wg_destination to;
	uint32_t left, stride = run_stride(len, MTU);

	for (uint16_t i = 0; i < run.count; i++)
		make_packet(world, index, run_ip(&run, len, i),
			    i + 1 < run.count ? len : run.last_len);
	wg_device_seal(world->side[index].dev, world->now, &run, &to);
	left = run_sealed_len(&run);
	for (uint8_t *at = buf; left > 0; at += stride) {
		uint32_t part = left < stride ? left : stride;

		rules_leaving(world, index, at, part);
		network_send(world, index, at, part, &to.to);
		left -= part;
	}
}

void side_send(struct world *world, unsigned index)
{
	struct side *side = &world->side[index];
	int code = wg_peer_want(side->dev, world->now, 0);

	world_note(world, "wants", index, (uint64_t)-code);
	if (code == 0 && side->waiting)
		world_fail(world, "a session without its event");
	if (code == 0)
		seal(world, index);
	else if (code == -ERR_NO_SESSION)
		side->waiting = true;
	else
		world_fail(world, "an endpoint was lost");
}

/* ------------------------------------------------------------- input */

static uint64_t rejected(const struct wg_device *dev)
{
	uint64_t sum = 0;

	for (unsigned i = WG_RX_MALFORMED; i <= WG_RX_RATE; i++)
		sum += wg_device_counter(dev, (enum wg_counter)i);
	return sum;
}

static void check_endpoint(struct world *world, const struct datagram *copy,
			   const struct endpoint *before, bool taken)
{
	struct wg_peer_info info;

	wg_peer_info(world->side[copy->to].dev, world->now, 0, &info);
	if (!endpoint_equal(taken ? &copy->from : before, &info.endpoint))
		world_fail(world, "an endpoint is not the last one proved");
}

void side_take(struct world *world, const struct datagram *copy)
{
	struct wg_device *dev = world->side[copy->to].dev;
	struct datagram in = *copy;
	struct wg_datagram datagram = {
		.data = in.data, .len = in.len, .from = in.from};
	struct wg_peer_info info;
	struct packet packet;
	uint64_t before = rejected(dev), after, opened, got;

	wg_peer_info(dev, world->now, 0, &info);
	opened = wg_device_counter(dev, WG_RX_PACKETS);
	got = wg_device_input(dev, world->now, &datagram, &packet, 1);
	after = rejected(dev);
	world_note(world, after == before ? "takes" : "rejects", copy->to,
		   copy->number);
	if (after - before > 1 || (after != before && got != 0))
		world_fail(world, "counted twice, or rejected and delivered");
	if (wg_device_counter(dev, WG_RX_PACKETS) - opened != got)
		world_fail(world, "packets delivered and counted differ");
	if (after == before)
		rules_taken(world, copy);
	check_endpoint(world, copy, &info.endpoint, after == before);
	if (got != 0)
		check_packet(world, copy->to, &packet);
}

/* ------------------------------------------------------------- turns */

static void take_events(struct world *world, unsigned index)
{
	struct side *side = &world->side[index];
	struct wg_event event;
	unsigned count = 0;

	while (wg_device_next_event(side->dev, &event)) {
		world_note(world, "event", index, event.type);
		if (event.peer != 0 || ++count > WG_EVENT_TYPES)
			world_fail(world, "events without end");
		if (event.type == WG_EVENT_SESSION_UP ||
		    event.type == WG_EVENT_HANDSHAKE_FAILED)
			side->waiting = false;
	}
}

void side_turn(struct world *world, unsigned index)
{
	struct side *side = &world->side[index];
	uint64_t wall = WALL + world->now + (uint64_t)side->wall;
	uint8_t message[WG_MESSAGE_MAX];
	struct wg_destination to;
	uint64_t deadline;
	size_t len;

	if (wg_device_deadline(side->dev) <= world->now) {
		wg_device_expire(side->dev, world->now);
		if (++side->expiries > EXPIRIES_MAX)
			world_fail(world, "timers spin");
	}
	while ((len = wg_device_pull(side->dev, world->now, wall, message,
				     &to)) != 0) {
		rules_leaving(world, index, message, (uint32_t)len);
		network_send(world, index, message, (uint32_t)len, &to.to);
	}
	take_events(world, index);
	deadline = wg_device_deadline(side->dev);
	if (deadline <= world->now)
		world_fail(world, "a deadline has passed");
	if (side->waiting && deadline == NEVER)
		world_fail(world, "waits for nothing");
}
