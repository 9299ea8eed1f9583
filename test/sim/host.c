/* SPDX-License-Identifier: ISC */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/time.h"
#include "netstack/check.h"
#include "router.h"

enum { PATH = 0, PULLS_MAX = 20000, LISTENER_TAG = 1000, BATCH_MAX = 64 };

/* ------------------------------------------------------------- open, close */

struct ip_addr host_address(unsigned index, uint8_t family)
{
	static const char *const text[2][2] = {{"10.1.0.1", "fd01::1"},
					       {"10.1.0.2", "fd01::2"}};
	struct ip_addr addr;

	CHECK(ip_addr_parse(text[index][family == IP_V6], &addr) == 0);
	return addr;
}

static void fill_random(void *ctx, void *buf, size_t len)
{
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(rng_next(ctx) >> 56);
}

static void open_memory(struct host *host)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	uint32_t chunks = host->plan->chunks;

	host->chunk_memory = malloc((size_t)chunks * CHUNK_BYTES);
	host->chunk_links = calloc(chunks, sizeof(*host->chunk_links));
	CHECK(host->chunk_memory != NULL && host->chunk_links != NULL);
	chunk_pool_init(&host->pool, host->chunk_memory, host->chunk_links,
			chunks);
	route_init(&host->routes, host->nodes, ARRAY_SIZE(host->nodes));
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct prefix prefix;

		CHECK(prefix_parse(all[i], &prefix) == 0);
		CHECK(route_insert(&host->routes, &prefix, PATH) == 0);
	}
}

void host_open(struct host *host, const struct scenario *scenario,
	       struct rng *rng)
{
	struct ip_addr addresses[2] = {host_address(host->index, IP_V4),
				       host_address(host->index, IP_V6)};
	struct random_source random = {.fill = fill_random,
				       .ctx = &host->stack_rng};
	struct endpoint local = {.port = HOST_PORT};
	struct ns_config config = {
		.connections_max = SCENARIO_PAIRS_MAX + 8,
		.udp_max = 2,
		.mtu = scenario->mtu,
		.address_count = 2,
		.addresses = addresses,
		.routes = &host->routes,
		.chunks = &host->pool,
		.random = random,
		.tcp = scenario->host[host->index].tcp,
	};

	host->scenario = scenario;
	host->plan = &scenario->host[host->index];
	host->rng = rng_fork(rng);
	host->stack_rng = rng_fork(rng);
	open_memory(host);
	quirk_init(&host->quirk, host->plan->quirk, &host->stack_rng);
	host->memory = calloc(1, netstack_size(&config));
	CHECK(host->memory != NULL);
	host->ns = netstack_init(host->memory, &config);
	CHECK(tcp_listen(host->ns, &local, SCENARIO_PAIRS_MAX, LISTENER_TAG,
			 &host->listener) == 0);
	if (scenario->tunnel)
		host->tunnel = tunnel_open(scenario->seed, host->index,
					   scenario->mtu, &random);
}

void host_stop(struct host *host, uint64_t now)
{
	CHECK(tcp_close(host->ns, now, host->listener) == 0);
}

void host_close(struct host *host)
{
	netstack_fini(host->ns);
	if (host->tunnel != NULL)
		tunnel_close(host->tunnel);
	free(host->memory);
	free(host->chunk_memory);
	free(host->chunk_links);
}

static void check(const struct host *host)
{
	if (!host->scenario->unchecked)
		netstack_check(host->ns);
}

/* ------------------------------------------------------------- events */

/* Whose connection it is, by the address it comes from. */
static struct app *find_acceptor(const struct host *host,
				 const struct endpoint *from)
{
	for (unsigned i = 0; i < host->app_count; i += 2) {
		struct app *connector = &host->apps[i];

		if (connector->ns != host->ns &&
		    connector->state != APP_WAITING &&
		    connector->peer->state == APP_WAITING &&
		    endpoint_equal(&connector->local, from))
			return connector->peer;
	}
	return NULL;
}

static void accept_all(struct host *host, uint64_t now)
{
	for (;;) {
		struct ns_handle handle;
		struct endpoint from;
		struct app *app;
		int err = tcp_accept(host->ns, host->listener, LISTENER_TAG,
				     &handle, &from);

		if (err == -ERR_AGAIN)
			return;
		CHECK(err == 0);
		app = find_acceptor(host, &from);
		if (app == NULL)
			sim_fail("host %u: accepted a stranger", host->index);
		CHECK(netstack_set_user(host->ns, handle, app->number) == 0);
		app_accepted(app, now, handle);
	}
}

static void take_events(struct host *host, uint64_t now)
{
	struct ns_event event;

	while (netstack_next_event(host->ns, &event)) {
		if (event.user == LISTENER_TAG) {
			accept_all(host, now);
		} else {
			CHECK(event.user < host->app_count);
			app_event(&host->apps[event.user], now, &event);
		}
	}
}

static void run_apps(struct host *host, uint64_t now)
{
	take_events(host, now);
	for (unsigned i = 0; i < host->app_count; i++) {
		struct app *app = &host->apps[i];
		struct endpoint to = {.port = HOST_PORT};

		if (app->ns != host->ns)
			continue;
		if (i % 2 == 0 && app->state == APP_WAITING &&
		    now >= app->plan->start_at) {
			to.addr = host_address(
				!host->index,
				host->scenario->pairs[i / 2].family);
			app_connect(app, now, &to);
		}
		app_run(app, now);
	}
	take_events(host, now);
}

/* ------------------------------------------------------------- input */

static size_t collect(struct host *host, uint64_t now,
		      struct packet packets[BATCH_MAX],
		      uint8_t *buffers[BATCH_MAX], size_t *ret_buffers)
{
	size_t count = 0;
	size_t buffer_count = 0;
	struct link_packet arrived;

	while (buffer_count < host->plan->batch_max &&
	       link_receive(host->in, host->world_now, &arrived)) {
		buffers[buffer_count++] = arrived.data;
		if (rival_arrive(host->rival, host->world_now, &arrived))
			continue;
		packets[count] = (struct packet){
			.data = arrived.data, .len = arrived.len, .path = PATH};
		if (host->tunnel == NULL ||
		    tunnel_input(host->tunnel, now, arrived.data, arrived.len,
				 !host->index, &packets[count])) {
			trace_packet(host->trace, now,
				     host->index == 0 ? "0 <-" : "1 <-",
				     packets[count].data, packets[count].len);
			if (!host->scenario->unchecked)
				wire_received(&host->wire, packets[count].data,
					      packets[count].len);
			count++;
		}
	}
	*ret_buffers = buffer_count;
	return count;
}

static bool input_batch(struct host *host, uint64_t now)
{
	struct packet packets[BATCH_MAX] = {{.data = NULL}};
	uint8_t *buffers[BATCH_MAX];
	size_t buffer_count;
	size_t count = collect(host, now, packets, buffers, &buffer_count);

	netstack_input(host->ns, now, packets, count);
	check(host);
	if (host->plan->read_lent)
		run_apps(host, now);
	netstack_input_done(host->ns, now);
	check(host);
	for (size_t i = 0; i < buffer_count; i++)
		free(buffers[i]);
	return buffer_count > 0;
}

/* ------------------------------------------------------------- output */

/* A router on the way reports a packet that does not fit, as a plain packet on
 * the other link. */
static void tell_too_big(struct host *host, uint64_t now, const uint8_t *packet)
{
	uint8_t message[ROUTER_MESSAGE_CAP];
	uint32_t len =
		router_too_big(packet, host->out->config.narrow, message);

	(void)link_send(host->in, host->world_now, message, len);
	trace_packet(host->trace, now, "too big:", message, len);
}

static void put_out(struct host *host, uint64_t now, const uint8_t *data,
		    uint32_t len)
{
	enum link_fate fate = link_send(host->out, host->world_now, data, len);
	char what[24];

	snprintf(what, sizeof(what), "%u ->%s", host->index,
		 link_fate_name[fate]);
	trace_packet(host->trace, now, what, data, len);
	if (fate == LINK_TOO_BIG && !host->out->config.narrow_silent)
		tell_too_big(host, now, data);
}

static void put_on_link(struct host *host, uint64_t now, uint8_t *data,
			uint32_t len)
{
	struct quirk_out out[QUIRK_COPIES_MAX];
	unsigned count = quirk_send(&host->quirk, now, data, len, out);

	for (unsigned i = 0; i < count; i++)
		put_out(host, now, out[i].data, out[i].len);
}

static void put_late(struct host *host, uint64_t now)
{
	struct quirk_out out[QUIRK_COPIES_MAX];

	while (quirk_expire(&host->quirk, now, out) > 0)
		put_out(host, now, out[0].data, out[0].len);
}

static void check_inner(struct host *host, const struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		wire_sent(&host->wire, run_ip(run, run->ip_len, i),
			  i + 1U < run->count ? run->ip_len : run->last_len);
}

static void trace_inner(struct host *host, uint64_t now, const struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		trace_packet(host->trace, now,
			     host->index == 0 ? "0 seals" : "1 seals",
			     run_ip(run, run->ip_len, i),
			     i + 1U < run->count ? run->ip_len : run->last_len);
}

static void send_run(struct host *host, uint64_t now, struct run *run)
{
	uint32_t stride = run_stride(run->ip_len, run->mtu);

	if (!host->scenario->unchecked)
		check_inner(host, run);
	if (host->tunnel != NULL) {
		trace_inner(host, now, run);
		tunnel_seal(host->tunnel, now, run);
	}
	for (uint32_t i = 0; i < run->count; i++) {
		uint32_t len =
			i + 1U < run->count ? run->ip_len : run->last_len;

		if (host->tunnel == NULL)
			put_on_link(host, now, run_ip(run, run->ip_len, i),
				    len);
		else
			put_on_link(host, now, run->base + (size_t)i * stride,
				    run_stride(len, run->mtu));
	}
	host->pulled += run->count;
}

/* A run of a size that changes, with a guard behind it. */
static size_t pull_run(struct host *host, uint64_t now, struct run *run)
{
	static uint8_t buffer[RUN_BYTES_MAX + 16];
	uint32_t least = run_stride(host->scenario->mtu, host->scenario->mtu);
	size_t count;

	*run = (struct run){.base = buffer, .mtu = host->scenario->mtu};
	run->cap = (uint32_t)rng_range(&host->rng, least, RUN_BYTES_MAX);
	memset(buffer + run->cap, 0xa5, 16);
	run->path = PATH;
	count = netstack_pull(host->ns, now, run);
	for (unsigned i = 0; i < 16; i++)
		CHECK(buffer[run->cap + i] == 0xa5);
	if (count == 0)
		return 0;
	CHECK(count == run->count && count <= RUN_PACKETS_MAX);
	CHECK(run->ip_len <= run->mtu && run->last_len <= run->ip_len);
	return count;
}

static uint64_t window_end(const struct span *spans, uint64_t now)
{
	for (unsigned i = 0; i < SCENARIO_WINDOWS; i++)
		if (now >= spans[i].from && now < spans[i].to)
			return spans[i].to;
	return 0;
}

static bool output(struct host *host, uint64_t now)
{
	uint64_t hold = window_end(host->plan->hold, host->world_now);
	unsigned pulls = 0;
	uint16_t path;

	while (netstack_next_path(host->ns, &path)) {
		struct run run;

		CHECK(path == PATH);
		if (hold != 0 || (host->tunnel != NULL &&
				  !tunnel_ready(host->tunnel, now))) {
			trace_add(host->trace, now, "%u holds", host->index);
			netstack_path_hold(host->ns, PATH);
			host->held_until = hold != 0 ? hold : NEVER;
			break;
		}
		if (pull_run(host, now, &run) > 0)
			send_run(host, now, &run);
		if (++pulls > PULLS_MAX)
			sim_fail("host %u: output without end", host->index);
	}
	check(host);
	return pulls > 0;
}

static void output_messages(struct host *host, uint64_t now)
{
	uint8_t message[TUNNEL_MESSAGE_CAP];
	size_t len;

	if (host->tunnel == NULL)
		return;
	while ((len = tunnel_pull(host->tunnel, now, message)) > 0)
		put_on_link(host, now, message, (uint32_t)len);
}

static void release(struct host *host, uint64_t now)
{
	bool up = host->tunnel != NULL && tunnel_came_up(host->tunnel);

	if (host->held_until == 0)
		return;
	if (up || (host->held_until != NEVER &&
		   host->world_now >= host->held_until)) {
		trace_add(host->trace, now, "%u releases", host->index);
		netstack_path_release(host->ns, now, PATH);
		host->held_until = 0;
	}
}

/* ------------------------------------------------------------- turns */

static void expire(struct host *host, uint64_t now)
{
	netstack_expire(host->ns, now);
	if (netstack_deadline(host->ns) <= now)
		sim_fail("host %u: a deadline of the past after expire",
			 host->index);
	check(host);
	if (host->tunnel != NULL)
		tunnel_expire(host->tunnel, now);
}

/* ------------------------------------------------------------- clocks */

static uint64_t own_clock(const struct host *host, uint64_t world)
{
	return world >= host->plan->jump_at ? world + host->plan->jump_ns
					    : world;
}

/* When its own clock will show a time, or a later one for the first time. */
static uint64_t world_clock(const struct host *host, uint64_t own)
{
	uint64_t at = host->plan->jump_at;

	if (own <= at || own == NEVER)
		return own;
	return own - at < host->plan->jump_ns ? at : own - host->plan->jump_ns;
}

void host_turn(struct host *host, uint64_t world_now)
{
	uint64_t now = own_clock(host, world_now);
	bool more = true;

	host->last_turn = host->world_now = world_now;
	expire(host, now);
	while (more) {
		more = input_batch(host, now);
		release(host, now);
		run_apps(host, now);
		more = output(host, now) || more;
		output_messages(host, now);
	}
	put_late(host, now);
}

static uint64_t apps_deadline(const struct host *host)
{
	uint64_t at = NEVER;

	for (unsigned i = 0; i < host->app_count; i++) {
		const struct app *app = &host->apps[i];

		if (app->ns != host->ns)
			continue;
		at = time_min(at, app_deadline(app));
		if (i % 2 == 0 && app->state == APP_WAITING)
			at = time_min(at, app->plan->start_at);
	}
	return at;
}

/* A loop sleeps for whole ticks. */
static uint64_t stack_deadline(const struct host *host)
{
	uint64_t at = netstack_deadline(host->ns);
	uint64_t tick = host->plan->tick_ns;

	if (tick == 0 || at == NEVER || at <= host->last_turn)
		return at;
	return host->last_turn +
	       (at - host->last_turn + tick - 1) / tick * tick;
}

uint64_t host_wake(const struct host *host)
{
	uint64_t at = time_min(stack_deadline(host), apps_deadline(host));
	uint64_t stalled;

	at = time_min(at, quirk_deadline(&host->quirk));
	if (host->tunnel != NULL)
		at = time_min(at, tunnel_deadline(host->tunnel));
	at = world_clock(host, at);
	at = time_min(at, link_next_arrival(host->in));
	if (host->held_until != 0)
		at = time_min(at, host->held_until);
	if (at == NEVER)
		return NEVER;
	if (at < host->last_turn + host->plan->turn_ns)
		at = host->last_turn + host->plan->turn_ns;
	stalled = window_end(host->plan->stall, at);
	return stalled != 0 ? stalled : at;
}
