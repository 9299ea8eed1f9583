/* SPDX-License-Identifier: ISC */
#include "pair.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "netstack/check.h"
#include "netstack/tcp_segment.h"

/* ------------------------------------------------------------- randomness */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void fill(void *ctx, void *buf, size_t len)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)next_random(ctx);
}

uint32_t pair_random(struct pair *pair, uint32_t below)
{
	return (uint32_t)((next_random(&pair->seed) >> 32) * below >> 32);
}

bool pair_chance(struct pair *pair, uint32_t per_million)
{
	return pair_random(pair, 1000000) < per_million;
}

uint8_t pair_pattern(uint8_t stream, uint64_t position)
{
	return (uint8_t)((position ^ position >> 8 ^ position >> 16) * 7 +
			 stream * 29u);
}

/* ------------------------------------------------------------- open, close */

struct endpoint pair_endpoint(int side, uint8_t family, uint16_t port)
{
	static const uint8_t v4[2][4] = {{10, 9, 0, 1}, {10, 9, 0, 2}};
	uint8_t v6[16] = {0xfd, 9};
	struct endpoint endpoint = {.port = port};

	v6[15] = (uint8_t)(side + 1);
	endpoint.addr = family == IP_V4 ? ip_addr_v4(v4[side]) : ip_addr_v6(v6);
	return endpoint;
}

static void open_side(struct pair *pair, int side, pair_tweak tweak)
{
	struct pair_side *s = &pair->side[side];
	struct ip_addr addresses[2] = {pair_endpoint(side, IP_V4, 0).addr,
				       pair_endpoint(side, IP_V6, 0).addr};
	static const char *const all[2] = {"0.0.0.0/0", "::/0"};
	struct ns_config config = {
		.connections_max = PAIR_CONNS,
		.udp_max = 4,
		.mtu = 1420,
		.address_count = 2,
		.addresses = addresses,
		.routes = &s->routes,
		.chunks = &s->pool,
		.random = {.fill = fill, .ctx = &s->random_state},
	};

	s->random_state = pair->seed + (uint64_t)side;
	s->chunk_memory = malloc((size_t)PAIR_CHUNKS * CHUNK_BYTES);
	s->chunk_links = calloc(PAIR_CHUNKS, sizeof(uint32_t));
	CHECK(s->chunk_memory != NULL && s->chunk_links != NULL);
	chunk_pool_init(&s->pool, s->chunk_memory, s->chunk_links, PAIR_CHUNKS);
	route_init(&s->routes, s->nodes, PAIR_ROUTES);
	for (int i = 0; i < 2; i++) {
		struct prefix prefix;

		CHECK(prefix_parse(all[i], &prefix) == 0);
		CHECK(route_insert(&s->routes, &prefix, PAIR_PATH) == 0);
	}
	netstack_tcp_defaults(&config.tcp);
	if (tweak != NULL)
		tweak(&config, side);
	s->memory = calloc(1, netstack_size(&config));
	CHECK(s->memory != NULL);
	s->ns = netstack_init(s->memory, &config);
}

void pair_open(struct pair *pair, pair_tweak tweak)
{
	uint64_t seed = pair->seed;

	memset(pair, 0, sizeof(*pair));
	pair->seed = seed != 0 ? seed : 1;
	pair->now = 1000 * NS_PER_S;
	pair->latency = 10 * NS_PER_MS;
	pair->wire = calloc(PAIR_IN_FLIGHT, sizeof(*pair->wire));
	CHECK(pair->wire != NULL);
	open_side(pair, 0, tweak);
	open_side(pair, 1, tweak);
}

void pair_close(struct pair *pair)
{
	for (uint32_t i = 0; i < pair->wire_count; i++)
		free(pair->wire[i].data);
	free(pair->wire);
	for (int i = 0; i < 2; i++) {
		struct pair_side *s = &pair->side[i];

		netstack_fini(s->ns);
		assert_int_equal(s->pool.used, 0);
		free(s->memory);
		free(s->chunk_memory);
		free(s->chunk_links);
	}
}

/* ------------------------------------------------------------- the wire */

static bool arrives_before(const struct pair_packet *a,
			   const struct pair_packet *b)
{
	return a->at < b->at || (a->at == b->at && a->number < b->number);
}

/* A binary heap by arrival. */
static void wire_push(struct pair *pair, struct pair_packet packet)
{
	uint32_t at = pair->wire_count++;

	CHECK(pair->wire_count <= PAIR_IN_FLIGHT);
	while (at > 0 && arrives_before(&packet, &pair->wire[(at - 1) / 2])) {
		pair->wire[at] = pair->wire[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	pair->wire[at] = packet;
}

static struct pair_packet wire_pop(struct pair *pair)
{
	struct pair_packet first = pair->wire[0];
	struct pair_packet last = pair->wire[--pair->wire_count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= pair->wire_count)
			break;
		if (child + 1 < pair->wire_count &&
		    arrives_before(&pair->wire[child + 1], &pair->wire[child]))
			child++;
		if (!arrives_before(&pair->wire[child], &last))
			break;
		pair->wire[at] = pair->wire[child];
		at = child;
	}
	pair->wire[at] = last;
	return first;
}

struct pair_segment pair_segment_of(const struct pair_packet *packet)
{
	const uint8_t *ip = packet->data;
	bool v4 = ip[0] >> 4 == 4;
	const uint8_t *tcp = ip + (v4 ? 20 : 40);
	uint32_t header = (tcp[12] >> 4) * 4u;

	return (struct pair_segment){
		.family = v4 ? IP_V4 : IP_V6,
		.flags = tcp[13],
		.src_port = get_be16(tcp),
		.dst_port = get_be16(tcp + 2),
		.seq = get_be32(tcp + 4),
		.ack = get_be32(tcp + 8),
		.wnd = get_be16(tcp + 14),
		.len = packet->len - (v4 ? 20 : 40) - header,
		/* NOP, NOP, timestamps */
		.ts_val = header >= 32 && get_be32(tcp + 20) == 0x0101080a
				  ? get_be32(tcp + 24)
				  : 0,
	};
}

/* When the last bit has left a link of limited speed; UINT64_MAX when its queue
 * is full. */
static uint64_t leaves_at(struct pair *pair, int from, uint32_t len)
{
	uint64_t rate = pair->bytes_per_s[from];
	uint64_t start = pair->now;

	if (rate == 0)
		return start;
	if (pair->link_free[from] > start)
		start = pair->link_free[from];
	if (pair->queue_max != 0 &&
	    (start - pair->now) / 1000 * rate / 1000000 > pair->queue_max)
		return UINT64_MAX;
	pair->link_free[from] = start + len * NS_PER_S / rate;
	return pair->link_free[from];
}

/* PAIR_TRACE=1: what was on the wire, for whoever looks for a failure. */
static void trace(const struct pair *pair, const struct pair_packet *packet,
		  struct pair_fate fate)
{
	static uint32_t first[2];
	struct pair_segment segment = pair_segment_of(packet);
	int from = packet->from;

	if (getenv("PAIR_TRACE") == NULL)
		return;
	if (segment.flags & TCP_SYN)
		first[from] = segment.seq;
	print_message("%12.6f %d %s%s%s%s%s %u+%u ack %u wnd %u%s\n",
		      (double)pair->now / 1e9 - 1000, from,
		      segment.flags & TCP_SYN ? "S" : "",
		      segment.flags & TCP_FIN ? "F" : "",
		      segment.flags & TCP_RST ? "R" : "",
		      segment.flags & TCP_PSH ? "P" : "",
		      segment.flags & TCP_ACK ? "." : "",
		      segment.seq - first[from], segment.len,
		      segment.flags & TCP_ACK ? segment.ack - first[!from] : 0,
		      segment.wnd,
		      fate.copies == 0  ? " lost"
		      : fate.copies > 1 ? " twice"
		      : fate.delay != 0 ? " late"
					: "");
}

static void send_packet(struct pair *pair, int from, const uint8_t *data,
			uint32_t len)
{
	struct pair_packet packet = {.len = len, .from = (uint8_t)from};
	struct pair_fate fate = {.copies = 1};
	uint64_t leaves;
	uint8_t copy[65536];

	memcpy(copy, data, len);
	packet.data = copy;
	packet.number = pair->numbers++;
	if (pair->fault != NULL)
		fate = pair->fault(pair, &packet);
	trace(pair, &packet, fate);
	leaves = leaves_at(pair, from, len);
	if (fate.copies == 0 || leaves == UINT64_MAX) {
		pair->lost++;
		return;
	}
	packet.at = leaves + pair->latency + fate.delay;
	for (unsigned i = 0; i < fate.copies; i++) {
		packet.data = malloc(len);
		CHECK(packet.data != NULL);
		memcpy(packet.data, copy, len);
		wire_push(pair, packet);
	}
}

void pair_inject(struct pair *pair, int to, const uint8_t *data, uint32_t len)
{
	struct pair_packet packet = {.at = pair->now,
				     .number = pair->numbers++,
				     .len = len,
				     .from = (uint8_t)!to};

	packet.data = malloc(len);
	CHECK(packet.data != NULL);
	memcpy(packet.data, data, len);
	wire_push(pair, packet);
}

/* ------------------------------------------------------------- pulling */

static void check_run(const struct run *run, size_t count)
{
	CHECK(count == run->count && count <= RUN_PACKETS_MAX);
	CHECK(run->path == PAIR_PATH);
	CHECK(run->last_len <= run->ip_len && run->ip_len <= run->mtu);
}

static uint64_t pull(struct pair *pair, int side, bool keep)
{
	static uint8_t buffer[RUN_BYTES_MAX];
	struct pair_side *s = &pair->side[side];
	struct run run = {.base = buffer, .cap = RUN_BYTES_MAX, .mtu = 1420};
	uint64_t total = 0;
	uint16_t path;

	while (netstack_next_path(s->ns, &path)) {
		size_t count;

		assert_int_equal(path, PAIR_PATH);
		if (pair->now < s->blocked_until) {
			netstack_path_hold(s->ns, path);
			continue;
		}
		run.path = path;
		count = netstack_pull(s->ns, pair->now, &run);
		if (count == 0)
			continue;
		check_run(&run, count);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t len =
				i + 1 == count ? run.last_len : run.ip_len;

			s->pulled_bytes += len;
			if (keep)
				send_packet(pair, side,
					    run_ip(&run, run.ip_len, i), len);
		}
		s->pulled += count;
		total += count;
		CHECK(total < 100000); /* an endless loop */
	}
	return total;
}

uint64_t pair_drain(struct pair *pair, int side)
{
	return pull(pair, side, false);
}

/* ------------------------------------------------------------- steps */

static void take_events(struct pair *pair, int side)
{
	struct pair_side *s = &pair->side[side];
	struct ns_event event;

	while (netstack_next_event(s->ns, &event)) {
		if (event.handle.index >= PAIR_CONNS)
			continue;
		s->bits[event.handle.index] |= event.bits;
		if (event.bits & NS_FAILED)
			s->error[event.handle.index] = event.error;
	}
}

static void check(struct pair *pair)
{
	if (pair->unchecked)
		return;
	for (int i = 0; i < 2; i++) { /* I9 as well */
		uint32_t chunks = netstack_check(pair->side[i].ns);

		CHECK(chunks + pair->side[i].chunks_taken ==
		      pair->side[i].pool.used);
	}
}

enum { BATCH = 64 };

/* All packets that arrive now at a side, in batches. */
static bool deliver(struct pair *pair)
{
	struct packet packets[BATCH];
	uint8_t *buffers[BATCH];
	size_t count = 0;
	int side;

	if (pair->wire_count == 0 || pair->wire[0].at > pair->now)
		return false;
	side = !pair->wire[0].from;
	while (count < BATCH && pair->wire_count > 0 &&
	       pair->wire[0].at <= pair->now && pair->wire[0].from != side) {
		struct pair_packet packet = wire_pop(pair);

		buffers[count] = packet.data;
		packets[count++] = (struct packet){.data = packet.data,
						   .len = packet.len,
						   .path = PAIR_PATH};
	}
	netstack_input(pair->side[side].ns, pair->now, packets, count);
	check(pair);
	if (pair->read_while_lent)
		pair_serve_apps(pair, side);
	netstack_input_done(pair->side[side].ns, pair->now);
	for (size_t i = 0; i < count; i++) {
		memset(buffers[i], 0xee, packets[i].len);
		free(buffers[i]);
	}
	check(pair);
	return true;
}

void pair_settle(struct pair *pair)
{
	bool again = true;

	for (unsigned rounds = 0; again; rounds++) {
		CHECK(rounds < 100000);
		again = false;
		for (int side = 0; side < 2; side++) {
			struct pair_side *s = &pair->side[side];

			if (s->blocked_until != 0 &&
			    pair->now >= s->blocked_until) {
				s->blocked_until = 0;
				netstack_path_release(s->ns, pair->now,
						      PAIR_PATH);
			}
			netstack_expire(s->ns, pair->now);
			take_events(pair, side);
			pair_serve_apps(pair, side);
			if (pull(pair, side, true) > 0)
				again = true;
			take_events(pair, side);
		}
		check(pair);
		if (deliver(pair))
			again = true;
	}
}

static uint64_t next_event_at(const struct pair *pair)
{
	uint64_t at = NEVER;

	if (pair->wire_count > 0)
		at = pair->wire[0].at;
	for (int side = 0; side < 2; side++) {
		const struct pair_side *s = &pair->side[side];

		at = time_min(at, netstack_deadline(s->ns));
		if (s->blocked_until != 0)
			at = time_min(at, s->blocked_until);
	}
	return at;
}

bool pair_step(struct pair *pair, uint64_t limit)
{
	uint64_t at;

	pair_settle(pair);
	at = next_event_at(pair);
	if (at <= pair->now) /* a lazy deadline: a little later */
		at = pair->now + NS_PER_US;
	pair->now = time_min(at, limit);
	pair_settle(pair);
	return at <= limit;
}

void pair_run(struct pair *pair, uint64_t duration)
{
	uint64_t limit = pair->now + duration;

	while (pair_step(pair, limit))
		;
}

struct ns_tcp_info pair_info(struct pair *pair, int side,
			     struct ns_handle handle)
{
	struct ns_tcp_info info;

	assert_int_equal(tcp_info(pair->side[side].ns, handle, &info), 0);
	return info;
}

enum tcp_state pair_state(struct pair *pair, int side, struct ns_handle handle)
{
	return pair_info(pair, side, handle).state;
}
