/* SPDX-License-Identifier: ISC */
#include "far.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "crypto/secret.h"

/* A fixed sequence: a failing run is the same run again. */
static void fill(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) +
			 UINT64_C(1442695040888963407);
		p[i] = (uint8_t)(*state >> 56);
	}
}

static struct prefix prefix(const char *text)
{
	struct prefix value;

	CHECK(prefix_parse(text, &value) == 0);
	return value;
}

static void set_addresses(struct config_tunnel *tunnel, const char *v4,
			  const char *v6)
{
	CHECK(ip_addr_parse(v4, &tunnel->addresses_host[0]) == 0);
	CHECK(ip_addr_parse(v6, &tunnel->addresses_host[1]) == 0);
	tunnel->address_count = 2;
	tunnel->mtu = MTU_DEFAULT;
}

static void open_far_end(struct far *far, const struct key *own,
			 const struct key *proxy_public,
			 const struct random_source *random)
{
	struct config_peer peer = {.public_key = *proxy_public};
	struct config_tunnel config = {.name = "far", .private_key = *own};
	struct prefix allowed[2] = {prefix("10.9.0.2"), prefix("fd09::2")};
	struct tunnel_config tunnel_config = {
		.config = &config,
		.chunks = &far->chunks,
		.connections_max = 64,
		.random = *random,
	};
	struct endpoint local = {.port = FAR_PORT};
	uint32_t count = 1024;
	uint32_t *links = calloc(count, sizeof(*links));

	far->chunk_memory = malloc((size_t)count * CHUNK_BYTES);
	CHECK(far->chunk_memory != NULL && links != NULL);
	chunk_pool_init(&far->chunks, far->chunk_memory, links, count);
	set_addresses(&config, "10.9.0.1", "fd09::1");
	peer.allowed_ips = allowed;
	peer.allowed_count = 2;
	config.peers = &peer;
	config.peer_count = 1;
	CHECK(tunnel_open(&far->tunnel, &far->now, &tunnel_config) == 0);
	CHECK(tcp_listen(far->tunnel.ns, &local, 16, 0, &far->listener) == 0);
}

static void open_proxy(struct far *far, const char *target,
		       const struct key *own, const struct key *far_public,
		       const struct random_source *random)
{
	char message[MAPPING_MESSAGE_CAP];
	uint32_t slot;

	far->allowed[0] = prefix("10.9.0.0/24");
	far->allowed[1] = prefix("fd09::/64");
	far->peer_config.public_key = *far_public;
	far->peer_config.allowed_ips = far->allowed;
	far->peer_config.allowed_count = 2;
	strcpy(far->peer_config.endpoint.host, "192.0.2.1");
	far->peer_config.endpoint.port = 51820;
	strcpy(far->tunnel_config.name, "fly");
	far->tunnel_config.private_key = *own;
	far->tunnel_config.peers = &far->peer_config;
	far->tunnel_config.peer_count = 1;
	set_addresses(&far->tunnel_config, "10.9.0.2", "fd09::2");
	CHECK(mapping_parse(target, &far->forward, message) == 0);
	strcpy(far->forward.tunnel, "fly");
	far->config.tunnels = &far->tunnel_config;
	far->config.tunnel_count = 1;
	far->config.forwards = &far->forward;
	far->config.forward_count = 1;
	far->config.limits.memory_bytes = 16 << 20;
	CHECK(proxy_open(&far->proxy, far->config.limits.memory_bytes, 16,
			 random) == 0);
	CHECK(proxy_add_tunnel(&far->proxy, &far->now, &far->tunnel_config, 0,
			       &slot) == 0);
	CHECK(proxy_add_forward(&far->proxy, &far->now, &far->forward, &slot) ==
	      0);
}

void far_open(struct far *far, const char *target, bool wrong_key)
{
	struct random_source random = {.fill = fill, .ctx = &far->random_state};
	struct key near_key, far_key, near_public, far_public;

	memset(far, 0, sizeof(*far));
	far->now = (struct clock){.boot = NS_PER_S,
				  .awake = NS_PER_S,
				  .wall = 1700000000 * NS_PER_S};
	CHECK(crypto_init() == 0);
	random_fill(&random, &near_key, sizeof(near_key));
	random_fill(&random, &far_key, sizeof(far_key));
	key_public(&near_key, &near_public);
	key_public(&far_key, &far_public);
	open_far_end(far, &far_key, &near_public, &random);
	if (wrong_key)
		far_public.bytes[3] ^= 1;
	open_proxy(far, target, &near_key, &far_public, &random);
}

void far_close(struct far *far)
{
	uint32_t *links = far->chunks.links;

	proxy_close(&far->proxy, &far->now);
	tunnel_close(&far->tunnel);
	free(links);
	free(far->chunk_memory);
}

static void carry(struct far *far, struct tunnel *from, struct tunnel *to,
		  const char *source)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	struct tunnel_output out = {.data = buffer, .cap = sizeof(buffer)};

	while (tunnel_output(from, &far->now, &out)) {
		struct wg_datagram datagram = {
			.data = buffer,
			.len = out.len,
			.segment = out.segment,
		};

		CHECK(endpoint_parse(source, &datagram.from) == 0);
		if (!far->cut)
			tunnel_input(to, &far->now, &datagram);
		tunnel_input_done(to, &far->now);
	}
}

void far_step(struct far *far, uint64_t step)
{
	struct tunnel *near = far->proxy.tunnels[0];

	proxy_expire(&far->proxy, &far->now);
	tunnel_expire(&far->tunnel, &far->now);
	for (int i = 0; i < 2; i++) {
		carry(far, near, &far->tunnel, "192.0.2.2:1000");
		tunnel_wireguard_events(&far->tunnel, &far->now);
		carry(far, &far->tunnel, near, "192.0.2.1:51820");
		proxy_events(&far->proxy, &far->now);
	}
	far->now.boot += step;
	far->now.awake += step;
	far->now.wall += step;
}

bool far_run_until(struct far *far, uint32_t relay, enum relay_state state,
		   unsigned limit_ms)
{
	for (unsigned i = 0; i < limit_ms; i++) {
		if (far->proxy.relays[relay].state == state)
			return true;
		far_step(far, NS_PER_MS);
	}
	return far->proxy.relays[relay].state == state;
}

bool far_accept(struct far *far)
{
	struct endpoint from;

	return tcp_accept(far->tunnel.ns, far->listener, 0, &far->conn,
			  &from) == 0;
}
