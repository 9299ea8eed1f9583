/* SPDX-License-Identifier: ISC */
/*
 * Many clients of one gateway in one program, each a tunnel with a UDP socket
 * of its own: a load for tests, on networks that the test made itself.
 *
 *   swarm keys N       N lines "private public"
 *   swarm run KEY ADDRESS PORT FILE COUNT INNER_PORT SECONDS
 *
 * KEY is the gateway's public key; FILE has the clients' private keys, one a
 * line. Client n has fd77:1:2::(n + 2); it opens a connection to INNER_PORT of
 * fd77:1:2::1, an echo service, and sends a message every 100 ms. Prints one
 * line of JSON.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"
#include "daemon/tunnel.h"

enum { CLIENTS_MAX = 1024, MESSAGE = 1024, CHUNKS = 8192, LINE = 256 };

struct client {
	struct tunnel tunnel;
	int fd;
	struct ns_handle handle;
	uint64_t connected; /* awake time; 0: not yet */
	uint64_t next;      /* message */
	uint32_t owed;      /* bytes of the echo still to come */
	uint64_t echoes;
	bool failed;
};

static struct client clients[CLIENTS_MAX];
static struct pollfd polls[CLIENTS_MAX];
static struct clock now;
static uint8_t buffer[RUN_BYTES_MAX + 1024];

static void fill(void *ctx, void *data, size_t len)
{
	(void)ctx;
	secret_random(data, len);
}

static int print_keys(unsigned count)
{
	struct key private_key, public_key;
	char text[KEY_TEXT_CAP];

	for (unsigned i = 0; i < count; i++) {
		secret_random(private_key.bytes, sizeof(private_key.bytes));
		key_public(&private_key, &public_key);
		printf("%s ", key_format(&private_key, text));
		printf("%s\n", key_format(&public_key, text));
	}
	return 0;
}

static struct chunk_pool *make_chunks(void)
{
	static struct chunk_pool pool;
	void *memory = malloc((size_t)CHUNKS * CHUNK_BYTES);
	uint32_t *links = calloc(CHUNKS, sizeof(*links));

	CHECK(memory != NULL && links != NULL);
	chunk_pool_init(&pool, memory, links, CHUNKS);
	return &pool;
}

/* Where all of them go. */
struct aim {
	struct key key;
	struct endpoint gateway, service;
	struct chunk_pool *chunks;
};

static void open_client(struct client *client, unsigned number,
			const struct aim *target, const char *key)
{
	struct prefix allowed;
	struct config_peer peer = {.public_key = target->key,
				   .endpoint.port = target->gateway.port,
				   .allowed_ips = &allowed,
				   .allowed_count = 1};
	struct config_tunnel config = {.name = "swarm",
				       .address_count = 1,
				       .mtu = MTU_DEFAULT,
				       .peers = &peer,
				       .peer_count = 1};
	struct tunnel_config tunnel = {.config = &config,
				       .chunks = target->chunks,
				       .connections_max = 4,
				       .random = {.fill = fill}};
	struct sockaddr_storage to;
	char text[LINE];

	CHECK(key_parse(key, &config.private_key) == 0);
	CHECK(prefix_parse("fd77:1:2::/64", &allowed) == 0);
	ip_addr_format(&target->gateway.addr, peer.endpoint.host);
	snprintf(text, sizeof(text), "fd77:1:2::%x", number + 2);
	CHECK(ip_addr_parse(text, &config.addresses_host[0]) == 0);
	CHECK(tunnel_open(&client->tunnel, &now, &tunnel) == 0);
	client->fd = io_socket(target->gateway.addr.family == IP_V4 ? AF_INET
								    : AF_INET6,
			       SOCK_DGRAM);
	CHECK(client->fd >= 0);
	CHECK(connect(client->fd, (struct sockaddr *)&to,
		      io_sockaddr(&target->gateway, &to)) == 0);
	CHECK(tcp_connect(client->tunnel.ns, now.awake, &target->service, 0,
			  &client->handle) == 0);
}

static void receive(struct client *client, const struct aim *target)
{
	struct wg_datagram datagram = {.data = buffer, .from = target->gateway};
	ssize_t len;

	while ((len = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) >
	       0) {
		datagram.len = datagram.segment = (uint32_t)len;
		tunnel_input(&client->tunnel, &now, &datagram);
		tunnel_input_done(&client->tunnel, &now);
	}
}

static void flush(struct client *client)
{
	struct tunnel_output out = {.data = buffer, .cap = sizeof(buffer)};

	while (tunnel_output(&client->tunnel, &now, &out)) {
		for (uint32_t at = 0; at < out.len; at += out.segment) {
			uint32_t left = out.len - at;

			(void)send(client->fd, buffer + at,
				   left < out.segment ? left : out.segment, 0);
		}
	}
}

static void use(struct client *client)
{
	struct netstack *ns = client->tunnel.ns;
	static const uint8_t message[MESSAGE];
	static uint8_t answer[MESSAGE];
	struct ns_event event;
	int len;

	while (netstack_next_event(ns, &event)) {
		if (event.bits & NS_CONNECTED)
			client->connected = now.awake;
		if (event.bits & NS_FAILED)
			client->failed = true;
	}
	if (client->connected == 0 || client->failed)
		return;
	while ((len = tcp_recv(ns, now.awake, client->handle, answer,
			       sizeof(answer))) > 0) {
		CHECK((uint32_t)len <= client->owed);
		client->owed -= (uint32_t)len;
		client->echoes += client->owed == 0;
	}
	if (client->owed == 0 && now.awake >= client->next) {
		client->next = now.awake + 100 * NS_PER_MS;
		len = tcp_send(ns, now.awake, client->handle, message, MESSAGE);
		client->owed += len > 0 ? (uint32_t)len : 0;
	}
}

static void turn(struct client *client, const struct aim *target)
{
	tunnel_expire(&client->tunnel, &now);
	receive(client, target);
	(void)tunnel_wireguard_events(&client->tunnel, &now);
	use(client);
	flush(client);
}

static void report(unsigned count, uint64_t start)
{
	unsigned connected = 0, failed = 0;
	uint64_t echoes = 0, slowest = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct client *client = &clients[i];

		connected += client->connected != 0;
		failed += client->failed;
		echoes += client->echoes;
		if (client->connected > start + slowest)
			slowest = client->connected - start;
	}
	printf("{\"clients\": %u, \"connected\": %u, \"failed\": %u, "
	       "\"echoes\": %llu, \"slowest_connect_ms\": %llu}\n",
	       count, connected, failed, (unsigned long long)echoes,
	       (unsigned long long)(slowest / NS_PER_MS));
}

static void read_clients(const char *path, unsigned count,
			 const struct aim *target)
{
	FILE *file = fopen(path, "r");
	char line[LINE];

	CHECK(file != NULL);
	for (unsigned i = 0; i < count; i++) {
		CHECK(fgets(line, sizeof(line), file) != NULL);
		line[strcspn(line, " \n")] = '\0';
		open_client(&clients[i], i, target, line);
		polls[i] =
			(struct pollfd){.fd = clients[i].fd, .events = POLLIN};
	}
	fclose(file);
}

static int run(char **argv)
{
	struct aim target = {.chunks = make_chunks()};
	unsigned count = (unsigned)atoi(argv[4]);
	uint64_t start, seconds = (uint64_t)atoi(argv[6]);

	CHECK(count <= CLIENTS_MAX);
	CHECK(key_parse(argv[0], &target.key) == 0);
	CHECK(ip_addr_parse(argv[1], &target.gateway.addr) == 0);
	target.gateway.port = (uint16_t)atoi(argv[2]);
	CHECK(ip_addr_parse("fd77:1:2::1", &target.service.addr) == 0);
	target.service.port = (uint16_t)atoi(argv[5]);
	io_clock_read(&now);
	start = now.awake;
	read_clients(argv[3], count, &target);
	while (now.awake < start + seconds * NS_PER_S) {
		io_clock_read(&now);
		for (unsigned i = 0; i < count; i++)
			turn(&clients[i], &target);
		(void)poll(polls, count, 10);
	}
	report(count, start);
	return 0;
}

int main(int argc, char **argv)
{
	log_init(LOG_LEVEL_ERROR);
	CHECK(crypto_init() == 0);
	if (argc == 3 && strcmp(argv[1], "keys") == 0)
		return print_keys((unsigned)atoi(argv[2]));
	if (argc == 9 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	fputs("see the comment at the top of swarm.c\n", stderr);
	return 64;
}
