/* SPDX-License-Identifier: ISC */
/* A hundred thousand connections: what they cost, and that they are in nobody's
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/time.h"
#include "netstack/check.h"
#include "netstack/netstack.h"

enum {
	CONNECTIONS = 100000,
	MTU = 1420,
	CHUNKS = 512,
	WIRE = 64,
	MIB = 1 << 20,
	TRANSFER = 32 * MIB,
};

struct side {
	struct netstack *ns;
	void *memory, *chunk_memory;
	uint32_t *links;
	size_t size;
	struct chunk_pool chunks;
	struct route_table routes;
	struct route_node nodes[2];
	uint64_t random;
};

static struct side sides[2];
static struct ns_handle handles[2][CONNECTIONS];
static uint64_t now;

static void fill(void *ctx, void *data, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 1;
		p[i] = (uint8_t)(*state >> 56);
	}
}

static struct endpoint endpoint(unsigned side, uint16_t port)
{
	const uint8_t bytes[16] = {0xfd, [15] = (uint8_t)(side + 1)};

	return (struct endpoint){.addr = ip_addr_v6(bytes), .port = port};
}

static void open_side(unsigned number)
{
	struct side *side = &sides[number];
	struct endpoint own = endpoint(number, 0);
	struct prefix all = {.addr = {.family = IP_V6}};
	struct ns_config config = {
		.connections_max = CONNECTIONS + 16,
		.udp_max = 1,
		.mtu = MTU,
		.address_count = 1,
		.addresses = &own.addr,
		.routes = &side->routes,
		.chunks = &side->chunks,
		.random = {.fill = fill, .ctx = &side->random},
	};

	side->random = number + 1;
	route_init(&side->routes, side->nodes, 2);
	route_insert(&side->routes, &all, 0);
	side->chunk_memory = malloc((size_t)CHUNKS * CHUNK_BYTES);
	side->links = calloc(CHUNKS, sizeof(*side->links));
	chunk_pool_init(&side->chunks, side->chunk_memory, side->links, CHUNKS);
	netstack_tcp_defaults(&config.tcp);
	config.tcp.keepalive_idle_ns = 0;
	side->size = netstack_size(&config);
	side->memory = calloc(1, side->size);
	side->ns = netstack_init(side->memory, &config);
}

static void close_side(struct side *side)
{
	netstack_fini(side->ns);
	assert_int_equal(side->chunks.used, 0);
	free(side->memory);
	free(side->chunk_memory);
	free(side->links);
}

/* Everything that one side has to say arrives at the other. */
static bool carry(unsigned from)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	struct run run = {.base = buffer, .cap = sizeof(buffer), .mtu = MTU};
	struct netstack *to = sides[!from].ns;
	struct packet packets[RUN_PACKETS_MAX];
	bool any = false;

	while (netstack_next_path(sides[from].ns, &run.path)) {
		size_t count = netstack_pull(sides[from].ns, now, &run);

		for (uint32_t i = 0; i < count; i++)
			packets[i] = (struct packet){
				.data = run_ip(&run, run.ip_len, i),
				.len = i + 1 < count ? run.ip_len
						     : run.last_len};
		netstack_input(to, now, packets, count);
		netstack_input_done(to, now);
		any |= count > 0;
	}
	return any;
}

static void settle(void)
{
	struct ns_event event;

	for (unsigned i = 0; i < 2; i++)
		netstack_expire(sides[i].ns, now);
	while (carry(0) || carry(1))
		;
	for (unsigned i = 0; i < 2; i++) {
		while (netstack_next_event(sides[i].ns, &event))
			CHECK(!(event.bits & NS_FAILED));
	}
	now += NS_PER_MS;
}

/* From that many ports: one address has no more than 49,152. */
static void connect_all(void)
{
	struct ns_handle listeners[4];
	struct endpoint from;

	for (uint16_t i = 0; i < 4; i++) {
		struct endpoint local = {.port = (uint16_t)(1000 + i)};

		assert_int_equal(
			tcp_listen(sides[1].ns, &local, 64, 0, &listeners[i]),
			0);
	}
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct endpoint to = endpoint(1, (uint16_t)(1000 + i % 4));

		assert_int_equal(
			tcp_connect(sides[0].ns, now, &to, 0, &handles[0][i]),
			0);
		settle();
		assert_int_equal(tcp_accept(sides[1].ns, listeners[i % 4], 0,
					    &handles[1][i], &from),
				 0);
	}
	for (unsigned i = 0; i < 4; i++)
		tcp_close(sides[1].ns, now, listeners[i]);
}

static void say_a_byte(unsigned i)
{
	char byte = 'x';

	for (unsigned side = 0; side < 2; side++) {
		assert_int_equal(tcp_send(sides[side].ns, now, handles[side][i],
					  &byte, 1),
				 1);
		settle();
		assert_int_equal(tcp_recv(sides[!side].ns, now,
					  handles[!side][i], &byte, 1),
				 1);
	}
}

/* Turns it takes, and CPU time. */
static unsigned transfer(unsigned i, double *ret_seconds)
{
	static char data[MIB];
	clock_t start = clock();
	unsigned turns = 0;
	size_t sent = 0, got = 0;

	while (got < TRANSFER) {
		int len = 0;

		if (sent < TRANSFER)
			len = tcp_send(sides[0].ns, now, handles[0][i], data,
				       sizeof(data));
		sent += (size_t)len;
		settle();
		while ((len = tcp_recv(sides[1].ns, now, handles[1][i], data,
				       sizeof(data))) > 0)
			got += (size_t)len;
		turns++;
	}
	*ret_seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	return turns;
}

static void connect_one(void)
{
	struct endpoint local = {.port = 99}, to = endpoint(1, 99), from;
	struct ns_handle listener;

	tcp_listen(sides[1].ns, &local, 1, 0, &listener);
	tcp_connect(sides[0].ns, now, &to, 0, &handles[0][0]);
	settle();
	assert_int_equal(
		tcp_accept(sides[1].ns, listener, 0, &handles[1][0], &from), 0);
	tcp_close(sides[1].ns, now, listener);
}

static void open_both(void)
{
	now = NS_PER_S;
	open_side(0);
	open_side(1);
}

static void close_both(void)
{
	close_side(&sides[0]);
	close_side(&sides[1]);
}

static void test_idle_connections(void **state)
{
	double alone, among;
	unsigned turns;

	(void)state;
	open_both();
	connect_one();
	turns = transfer(0, &alone);
	close_both();
	open_both();
	connect_all();
	for (unsigned i = 0; i < CONNECTIONS; i += 10)
		say_a_byte(i);
	now += 60 * NS_PER_S;
	settle();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(netstack_connection_count(sides[i].ns),
				 CONNECTIONS);
		assert_int_equal(sides[i].chunks.used, 0);
		assert_true(sides[i].size <= 100 * (size_t)MIB);
	}
	/* Nothing is due: they wake nobody. */
	assert_true(netstack_deadline(sides[0].ns) == NEVER);
	assert_int_equal(transfer(CONNECTIONS / 2, &among), turns);
	print_message("%zu bytes for %d connections; %d MiB in %.3f s alone, "
		      "%.3f s among them\n",
		      sides[0].size, CONNECTIONS, TRANSFER / MIB, alone, among);
	netstack_check(sides[1].ns);
	close_both();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
