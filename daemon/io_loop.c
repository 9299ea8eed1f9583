/* SPDX-License-Identifier: ISC */
#include "daemon/io_loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "ctl/socket_path.h"
#include "daemon/expose.h"
#include "daemon/io_apply.h"
#include "daemon/io_client.h"
#include "daemon/io_connect.h"
#include "daemon/io_http.h"
#include "daemon/io_listener.h"
#include "daemon/io_reload.h"
#include "daemon/io_state.h"
#include "daemon/io_tunnel.h"
#include "daemon/io_udp.h"
#include "daemon/options.h"

enum {
	/* Descriptors for everything that is not a client. */
	DESCRIPTOR_RESERVE = 64,
	WORK_MAX = 4096, /* relays served per turn */
};

/* SIGTERM and SIGINT: clients have this long to end by themselves; then they
 * are cut, and their resets have a moment to leave. */
#define STOP_GRACE_NS (2 * NS_PER_S)
#define STOP_LIMIT_NS (4 * NS_PER_S)

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	CHECK(clock_gettime(id, &ts) == 0);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void io_clock_read(struct clock *ret_clock)
{
	ret_clock->boot = read_clock(CLOCK_BOOTTIME);
	ret_clock->awake = read_clock(CLOCK_MONOTONIC);
	ret_clock->wall = read_clock(CLOCK_REALTIME);
}

/* ------------------------------------------------------------- listeners */

static bool may_accept(const struct io_loop *io)
{
	return !io->stopping && !io->draining && !proxy_is_full(&io->proxy) &&
	       io->now.awake >= io->accept_pause;
}

/* Polls the listeners exactly while clients can be taken: otherwise they wait
 * in the kernel's backlog. */
static void update_listeners(struct io_loop *io)
{
	bool accepts = may_accept(io);

	if (accepts == io->accepts && !io->proxy.forwards_changed)
		return;
	io->accepts = accepts;
	io->proxy.forwards_changed = false;
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		if (io->listeners[i] != NULL)
			io_listener_update(io->listeners[i]);
	}
}

static void retry_listeners(struct io_loop *io)
{
	uint64_t next = NEVER;

	if (io->stopping || io->now.awake < io->listen_retry)
		return;
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		struct io_listener *listener = io->listeners[i];

		if (listener == NULL)
			continue;
		io_listener_retry(listener);
		if (!io_listener_is_open(listener))
			next = time_min(next, listener->retry_at);
	}
	io->listen_retry = next;
}

static void accept_clients(struct io_loop *io)
{
	while (io->accepting != NULL && may_accept(io)) {
		struct io_listener *listener = io->accepting;

		io->accepting = listener->next;
		io_listener_accept(listener);
	}
}

/* ------------------------------------------------------------- the turn */

/* The buffers are shared: another tunnel is the first to get some each turn. */
static void receive(struct io_loop *io)
{
	unsigned used = 0;

	io->receive_first++;
	for (uint32_t i = 0; i < io->proxy.tunnel_count; i++) {
		uint32_t slot =
			(io->receive_first + i) % io->proxy.tunnel_count;

		if (io->tunnels[slot].udp != NULL)
			used = io_udp_receive(io->tunnels[slot].udp, used);
	}
}

static void release_buffers(struct io_loop *io)
{
	for (uint32_t i = 0; i < io->proxy.tunnel_count; i++) {
		if (io->proxy.tunnels[i] != NULL)
			tunnel_input_done(io->proxy.tunnels[i], &io->now);
	}
}

static void serve_clients(struct io_loop *io)
{
	for (unsigned count = 0; count < WORK_MAX; count++) {
		uint32_t relay = proxy_next_work(&io->proxy);

		if (relay == RELAY_NONE)
			return;
		if (io->proxy.relays[relay].unopened)
			io_connect(&io->clients[relay], io, relay);
		else
			io_client_service(&io->clients[relay]);
	}
	io->again = true;
}

static void flush(struct io_loop *io)
{
	for (uint32_t i = 0; i < io->proxy.tunnel_count; i++) {
		if (io->tunnels[i].udp != NULL)
			io_udp_flush(io->tunnels[i].udp);
	}
}

static void tend_tunnels(struct io_loop *io)
{
	for (uint32_t i = 0; i < io->proxy.tunnel_count && !io->stopping; i++)
		io_tunnel_turn(io, i);
}

static uint64_t wait_ns(const struct io_loop *io)
{
	uint64_t wait = proxy_wait(&io->proxy, &io->now);
	uint64_t edge = time_min(io->listen_retry, io_service_deadline(io));

	if (io->again)
		return 0;
	for (uint32_t i = 0; i < io->proxy.tunnel_count; i++)
		edge = time_min(edge, io_tunnel_deadline(io, i));
	if (io->accept_pause > io->now.awake)
		edge = time_min(edge, io->accept_pause);
	edge = time_min(edge, io_control_deadline(io));
	edge = time_min(edge, io_http_deadline(io));
	edge = time_min(edge, io_state_deadline(io));
	edge = time_min(edge, io_memory_deadline(&io->memory));
	edge = time_min(edge, io->drain_next);
	if (io->draining)
		edge = time_min(edge, io->drain_until);
	if (io->stopping)
		edge = time_min(edge, io->stop_since + STOP_GRACE_NS);
	return time_min(wait, clock_until(edge, io->now.awake));
}

static void close_handles(struct io_loop *io)
{
	io->closed = true;
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++)
		io_tunnel_close(io, i);
	io_http_close(io);
	io_control_close(io);
	for (unsigned i = 0; i < IO_SIGNALS; i++)
		io_owner_close(&io->owner, (uv_handle_t *)&io->signals[i]);
	io_timer_close(&io->timer, &io->owner);
	io_owner_close(&io->owner, (uv_handle_t *)&io->prepare);
	io_owner_finish(&io->owner);
}

static void close_listeners(struct io_loop *io)
{
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		if (io->listeners[i] != NULL)
			io_listener_close(io->listeners[i]);
	}
	expose_close_all(&io->proxy, &io->now);
}

/* Listeners close at once; clients end, or are cut after the grace; the
 * tunnels close when the last client has gone. */
static void stop_step(struct io_loop *io)
{
	uint64_t since = io->now.awake - io->stop_since;

	close_listeners(io);
	if (since >= STOP_GRACE_NS || io->impatient)
		proxy_doom_all(&io->proxy, &io->now, REASON_SHUTDOWN);
}

static void begin_stop(struct io_loop *io)
{
	if (!io->stopping)
		io->stop_since = io->now.awake;
	io->stopping = true;
}

/* As asked for on the control socket: clients may take their time. */
static void drain_step(struct io_loop *io)
{
	bool late = io->now.awake >= io->drain_until;

	close_listeners(io);
	if (io->proxy.relay_count > 0 && !late)
		return;
	io->impatient |= late;
	begin_stop(io);
}

/* Forwards that drained long enough lose what connections they have. */
static void cut_drained(struct io_loop *io)
{
	io->drain_next = NEVER;
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		struct forward *forward = &io->proxy.forwards[i];

		if (forward->slot != FORWARD_ACTIVE || !forward->draining)
			continue;
		if (io->now.awake < forward->cut_at) {
			io->drain_next =
				time_min(io->drain_next, forward->cut_at);
			continue;
		}
		forward->cut_at = NEVER;
		proxy_doom_forward(&io->proxy, &io->now, i, REASON_DRAINING);
	}
}

static void reload(struct io_loop *io)
{
	struct config_report report = {.warning_count = 0};
	struct io_apply_result result;

	io->reload = false;
	(void)io_reload(io, &report, &result);
	config_report_free(&report);
}

static void turn(struct io_loop *io)
{
	io->again = false;
	io_clock_read(&io->now);
	io_metrics_turn_begins(&io->metrics, &io->now);
	proxy_expire(&io->proxy, &io->now);
	receive(io);
	retry_listeners(io);
	accept_clients(io);
	proxy_events(&io->proxy, &io->now);
	if (io->reload && !io->stopping)
		reload(io);
	io_control_turn(io);
	if (io->now.awake >= io->drain_next)
		cut_drained(io);
	if (io->draining)
		drain_step(io);
	if (io->stopping)
		stop_step(io);
	serve_clients(io);
	release_buffers(io);
	io_http_turn(io);
	tend_tunnels(io);
	flush(io);
	update_listeners(io);
	io_state_turn(io);
	io_memory_turn(&io->memory, &io->proxy.chunks, io->now.awake);
	io_service_turn(io);
	io_metrics_turn_ends(&io->metrics, read_clock(CLOCK_MONOTONIC));
	io_timer_set(&io->timer, io->now.awake, wait_ns(io));
	if (io->stopping && io->proxy.relay_count == 0)
		close_handles(io);
}

static void on_prepare(uv_prepare_t *handle)
{
	struct io_owner *owner = handle->data;

	if (!owner->closing)
		turn(container_of(owner, struct io_loop, owner));
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct io_owner *owner = handle->data;
	struct io_loop *io = container_of(owner, struct io_loop, owner);

	if (owner->closing)
		return;
	if (number == SIGHUP) {
		io->reload = true;
		return;
	}
	log_notice("event=stopping signal=%d", number);
	io->impatient = io->stopping;
	begin_stop(io);
}

/* ------------------------------------------------------------- open */

static void fill_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	secret_random(buf, len);
}

/* One descriptor for each client, and some for everything else. */
static uint32_t relay_cap(const struct config *config)
{
	uint32_t listeners = 2 * config->forward_count;
	uint32_t reserve = DESCRIPTOR_RESERVE + listeners +
			   (config->metrics.enabled ? IO_HTTP_DESCRIPTORS : 0);
	uint32_t cap = config->limits.connections;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return cap;
	if (limit.rlim_cur <= reserve)
		return 1;
	if (limit.rlim_cur - reserve < cap)
		cap = (uint32_t)limit.rlim_cur - reserve;
	return cap;
}

/* A name lookup that still runs must not keep the loop. */
static void on_gone(struct io_owner *owner)
{
	uv_stop(&container_of(owner, struct io_loop, owner)->uv);
}

static void open_handles(struct io_loop *io)
{
	static const int numbers[IO_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

	io_owner_init(&io->owner, on_gone);
	CHECK(uv_prepare_init(&io->uv, &io->prepare) == 0);
	io_owner_track(&io->owner, (uv_handle_t *)&io->prepare);
	io_timer_open(&io->timer, &io->uv, &io->owner);
	for (unsigned i = 0; i < IO_SIGNALS; i++) {
		CHECK(uv_signal_init(&io->uv, &io->signals[i]) == 0);
		io_owner_track(&io->owner, (uv_handle_t *)&io->signals[i]);
		uv_signal_start(&io->signals[i], on_signal, numbers[i]);
	}
	uv_prepare_start(&io->prepare, on_prepare);
}

static int open_memory(struct io_loop *io)
{
	io->clients = calloc(io->proxy.relay_cap, sizeof(*io->clients));
	io->receive_buffers = malloc(UDP_RECEIVE_BATCH * UDP_RECEIVE_BYTES);
	if (io->clients == NULL || io->receive_buffers == NULL)
		return -ERR_NO_MEMORY;
	return 0;
}

/* Closes whatever is open and runs the loop until the last handle is gone. A
 * name lookup cannot be interrupted: rather than wait for a dead name server
 * the process ends with it. */
static void close_loop(struct io_loop *io)
{
	bool busy = io->lookups > 0;

	while (!busy && uv_run(&io->uv, UV_RUN_DEFAULT) != 0)
		;
	if (busy)
		uv_run(&io->uv, UV_RUN_NOWAIT);
	else
		CHECK(uv_loop_close(&io->uv) == 0);
	io_service_close(io);
	io_metrics_close(&io->metrics);
	io_state_close(io);
	proxy_close(&io->proxy, &io->now);
	free(io->clients);
	free(io->receive_buffers);
}

static void open_control(struct io_loop *io, const struct config *config)
{
	struct ctl_socket_choice choice =
		ctl_socket_choice(io->options->socket, config->control_socket);
	char path[SOCKET_PATH_CAP];

	if (ctl_socket_daemon(&choice, path) == 0)
		io_control_open(io, path, config->control_group);
	else
		log_warning("event=control_failed text=\"the socket's path is "
			    "too long\"");
}

int io_loop_open(struct io_loop *io, struct config *config,
		 const struct options *options, const struct aead *aead)
{
	struct random_source random = {.fill = fill_random};
	int err;

	memset(io, 0, sizeof(*io));
	signal(SIGPIPE, SIG_IGN);
	io_clock_read(&io->now);
	err = proxy_open(&io->proxy, config->limits.memory_bytes,
			 relay_cap(config), &random);
	if (err != 0)
		return err;
	io->proxy.aead = aead;
	CHECK(uv_loop_init(&io->uv) == 0);
	io_memory_init(&io->memory);
	io_metrics_open(&io->metrics, &io->now);
	io_service_open(io);
	open_handles(io);
	io->options = options;
	io->started = io->now.awake;
	io->config_loaded = io->now.wall;
	io->accepts = true;
	io->listen_retry = NEVER;
	io->drain_next = NEVER;
	io->drain_until = NEVER;
	io_state_open(io, config);
	open_control(io, config);
	err = open_memory(io);
	if (err == 0)
		err = io_apply_start(io, config, options->strict);
	if (err == 0)
		return 0;
	close_listeners(io);
	close_handles(io);
	close_loop(io);
	return err;
}

void io_loop_run(struct io_loop *io)
{
	uv_run(&io->uv, UV_RUN_DEFAULT);
	close_loop(io);
	log_notice("event=stopped");
}
