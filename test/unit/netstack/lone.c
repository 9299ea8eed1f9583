/* SPDX-License-Identifier: ISC */
#include "lone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "netstack/check.h"
#include "netstack/checksum.h"

static void fill(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 1442695041;
		out[i] = (uint8_t)(*state >> 56);
	}
}

struct ip_addr lone_address(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(text, &addr), 0);
	return addr;
}

static void open_routes(struct lone *lone)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	struct prefix prefix;

	route_init(&lone->routes, lone->nodes, ARRAY_SIZE(lone->nodes));
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		CHECK(prefix_parse(all[i], &prefix) == 0);
		CHECK(route_insert(&lone->routes, &prefix, LONE_PATH) == 0);
	}
}

void lone_open(struct lone *lone, bool v4, bool v6)
{
	struct ip_addr addresses[2];
	struct ns_config config = {
		.connections_max = LONE_CONNS,
		.udp_max = 8,
		.mtu = LONE_MTU,
		.addresses = addresses,
		.routes = &lone->routes,
		.chunks = &lone->pool,
		.random = {.fill = fill, .ctx = &lone->random},
	};

	memset(lone, 0, sizeof(*lone));
	lone->random = 1;
	lone->now = 1000 * NS_PER_S;
	if (v4)
		addresses[config.address_count++] = lone_address("10.9.0.1");
	if (v6)
		addresses[config.address_count++] = lone_address("fd09::1");
	netstack_tcp_defaults(&config.tcp);
	open_routes(lone);
	lone->chunk_memory = malloc((size_t)LONE_CHUNKS * CHUNK_BYTES);
	lone->memory = calloc(1, netstack_size(&config));
	CHECK(lone->chunk_memory != NULL && lone->memory != NULL);
	chunk_pool_init(&lone->pool, lone->chunk_memory, lone->links,
			LONE_CHUNKS);
	lone->ns = netstack_init(lone->memory, &config);
}

void lone_close(struct lone *lone)
{
	netstack_fini(lone->ns);
	assert_int_equal(lone->pool.used, 0);
	free(lone->memory);
	free(lone->chunk_memory);
}

void lone_batch(struct lone *lone)
{
	lone->batching = true;
}

void lone_input(struct lone *lone)
{
	netstack_input(lone->ns, lone->now, lone->batch, lone->batch_count);
	netstack_check(lone->ns);
}

void lone_input_done(struct lone *lone)
{
	netstack_input_done(lone->ns, lone->now);
	for (uint32_t i = 0; i < lone->batch_count; i++) {
		memset(lone->batch[i].data, 0xee, lone->batch[i].len);
		free(lone->batch[i].data);
	}
	lone->batch_count = 0;
	lone->batching = false;
	netstack_check(lone->ns);
}

void lone_give(struct lone *lone, const uint8_t *data, uint32_t len)
{
	struct packet *packet = &lone->batch[lone->batch_count++];

	CHECK(lone->batch_count <= LONE_BATCH_MAX);
	*packet = (struct packet){.data = malloc(len > 0 ? len : 1),
				  .len = len,
				  .path = LONE_PATH};
	CHECK(packet->data != NULL);
	memcpy(packet->data, data, len);
	if (lone->batching)
		return;
	lone_input(lone);
	lone_input_done(lone);
}

bool lone_take(struct lone *lone, struct lone_packet *ret_packet)
{
	static uint8_t buffer[LONE_MTU + RUN_HEAD + RUN_TAIL];
	uint16_t path;

	while (netstack_next_path(lone->ns, &path)) {
		struct run run = {.base = buffer,
				  .cap = sizeof(buffer),
				  .mtu = LONE_MTU,
				  .path = path};

		assert_int_equal(path, LONE_PATH);
		if (netstack_pull(lone->ns, lone->now, &run) == 0)
			continue;
		netstack_check(lone->ns);
		ret_packet->len = run.last_len;
		memcpy(ret_packet->data, run_ip(&run, run.ip_len, 0),
		       run.last_len);
		assert_int_equal(ip_parse(ret_packet->data, ret_packet->len,
					  &ret_packet->ip),
				 0);
		return true;
	}
	return false;
}

void lone_advance(struct lone *lone, uint64_t duration)
{
	uint64_t end = lone->now + duration;

	while (lone->now < end) {
		uint64_t at = netstack_deadline(lone->ns);

		if (at <= lone->now) /* a lazy deadline */
			at = lone->now + NS_PER_US;
		lone->now = time_min(at, end);
		netstack_expire(lone->ns, lone->now);
		netstack_check(lone->ns);
	}
}

void lone_seal(uint8_t *packet, uint32_t len, uint32_t at)
{
	struct ip_packet ip;
	uint32_t sum = 0;
	uint8_t *payload;

	assert_int_equal(ip_parse(packet, len, &ip), 0);
	payload = packet + (ip.payload - packet);
	if (ip.protocol != IP_PROTO_ICMP)
		sum = checksum_pseudo(&ip.src, &ip.dst, ip.protocol,
				      ip.payload_len);
	put_be16(payload + at, 0);
	sum = checksum_add(sum, payload, ip.payload_len);
	put_be16(payload + at, checksum_finish(sum));
}

void lone_give_udp(struct lone *lone, const struct lone_udp *udp)
{
	static uint8_t packet[LONE_PACKET_CAP];
	struct ip_build build = {.src = udp->src,
				 .dst = udp->dst,
				 .payload_len = 8 + udp->len,
				 .protocol = IP_PROTO_UDP};
	uint32_t header = ip_build(packet, &build);
	uint8_t *data = packet + header;

	put_be16(data, udp->src_port);
	put_be16(data + 2, udp->dst_port);
	put_be16(data + 4, (uint16_t)(8 + udp->len));
	memcpy(data + 8, udp->data, udp->len);
	lone_seal(packet, header + 8 + udp->len, 6);
	lone_give(lone, packet, header + 8 + udp->len);
}
