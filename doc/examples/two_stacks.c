/* SPDX-License-Identifier: ISC */
/*
 * Two stacks joined by two byte queues, in one program and without a network:
 * one listens, the other connects and sends a line. Everything that a program
 * does for the library is here: memory, time, random bytes, and packets from
 * one place to the other.
 *
 *   cc -I. doc/examples/two_stacks.c build/libwgnetstack.a -lcares
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "netstack/netstack.h"

enum { MTU = 1420, CHUNKS = 256, QUEUE = 64, PATH = 0 };

/* A packet behind a length, at a fixed distance: the simplest of queues. */
struct queue {
	uint8_t data[QUEUE][MTU];
	uint32_t len[QUEUE];
	unsigned count;
};

struct side {
	const char *name;
	struct netstack *ns;
	struct chunk_pool chunks;
	struct route_table routes;
	struct route_node nodes[4];
	struct queue out;
};

/* A real program asks the system. Here every run is the same. */
static void fill(void *ctx, void *data, size_t len)
{
	uint8_t *p = data;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 73 + 11);
}

static void open_side(struct side *side, const char *address)
{
	struct ip_addr own;
	struct prefix everything;
	struct ns_config config = {
		.connections_max = 16,
		.udp_max = 1,
		.mtu = MTU,
		.address_count = 1,
		.addresses = &own,
		.routes = &side->routes,
		.chunks = &side->chunks,
		.random = {.fill = fill},
	};

	if (ip_addr_parse(address, &own) != 0 ||
	    prefix_parse("::/0", &everything) != 0)
		exit(1);
	route_init(&side->routes, side->nodes, 4);
	route_insert(&side->routes, &everything, PATH);
	chunk_pool_init(&side->chunks, malloc((size_t)CHUNKS * CHUNK_BYTES),
			calloc(CHUNKS, sizeof(uint32_t)), CHUNKS);
	netstack_tcp_defaults(&config.tcp);
	side->ns = netstack_init(calloc(1, netstack_size(&config)), &config);
}

/* Takes what the stack wants to send, as plain packets. */
static void pull(struct side *side, uint64_t now)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	struct run run = {.base = buffer, .cap = sizeof(buffer), .mtu = MTU};

	while (side->out.count < QUEUE / 2 &&
	       netstack_next_path(side->ns, &run.path)) {
		size_t count = netstack_pull(side->ns, now, &run);

		for (uint32_t i = 0; i < count; i++) {
			uint32_t len =
				i + 1 < count ? run.ip_len : run.last_len;

			memcpy(side->out.data[side->out.count],
			       run_ip(&run, run.ip_len, i), len);
			side->out.len[side->out.count++] = len;
		}
	}
}

/* What one side sent arrives at the other. */
static void carry(struct side *from, struct side *to, uint64_t now)
{
	for (unsigned i = 0; i < from->out.count; i++) {
		struct packet packet = {.data = from->out.data[i],
					.len = from->out.len[i],
					.path = PATH};

		netstack_input(to->ns, now, &packet, 1);
		netstack_input_done(to->ns, now);
	}
	from->out.count = 0;
}

static void turn(struct side *a, struct side *b, uint64_t now)
{
	netstack_expire(a->ns, now);
	netstack_expire(b->ns, now);
	pull(a, now);
	pull(b, now);
	carry(a, b, now);
	carry(b, a, now);
}

static unsigned events(struct side *side)
{
	struct ns_event event;
	unsigned bits = 0;

	while (netstack_next_event(side->ns, &event))
		bits |= event.bits;
	return bits;
}

static void show(const struct side *side, struct ns_handle handle)
{
	struct ns_tcp_info info;

	if (tcp_info(side->ns, handle, &info) == 0)
		printf("%s: %s, cwnd %u segments of %u, srtt %" PRIu64 " ms\n",
		       side->name, tcp_state_name[info.state],
		       info.cwnd_segments, info.mss, info.srtt_ns / NS_PER_MS);
}

int main(void)
{
	static struct side client = {.name = "client"};
	static struct side server = {.name = "server"};
	struct endpoint local = {.port = 5432}, to = {.port = 5432}, from;
	struct ns_handle listener, outgoing, incoming = {0, 0};
	uint64_t now = NS_PER_S;
	char line[64];
	int len = 0;

	open_side(&client, "fd00::1");
	open_side(&server, "fd00::2");
	ip_addr_parse("fd00::2", &to.addr);
	if (tcp_listen(server.ns, &local, 8, 0, &listener) != 0 ||
	    tcp_connect(client.ns, now, &to, 0, &outgoing) != 0)
		return 1;
	while (len <= 0) {
		unsigned at_client, at_server;

		turn(&client, &server, now);
		at_client = events(&client);
		at_server = events(&server);
		if (at_client & NS_CONNECTED)
			tcp_send(client.ns, now, outgoing, "hello\n", 6);
		if (at_server & NS_ACCEPTABLE)
			tcp_accept(server.ns, listener, 0, &incoming, &from);
		if (incoming.generation != 0)
			len = tcp_recv(server.ns, now, incoming, line,
				       sizeof(line));
		now += 10 * NS_PER_MS; /* by hand: the clock is ours */
	}
	printf("server: read %.*s", len, line);
	turn(&client, &server, now);
	show(&client, outgoing);
	show(&server, incoming);
	return 0;
}
