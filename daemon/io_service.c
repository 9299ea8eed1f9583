/* SPDX-License-Identifier: ISC */
#include "daemon/io_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "daemon/io_listener.h"
#include "daemon/io_loop.h"
#include "daemon/io_tunnel.h"
#include "daemon/io_udp.h"

/* The status is made anew at most this often. */
#define STATUS_PERIOD_NS (1 * NS_PER_S)

/* ------------------------------------------------------------- status */

struct tunnel_counts {
	const struct tunnel *only; /* if there is one */
	uint32_t total;
	uint32_t in[TUNNEL_STATES];
};

static void count_tunnels(const struct io_loop *io, struct tunnel_counts *count)
{
	*count = (struct tunnel_counts){.total = 0};
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(&io->proxy, i);

		if (tunnel == NULL)
			continue;
		count->only = tunnel;
		count->total++;
		count->in[tunnel_state(tunnel, &io->now)]++;
	}
}

/* "1 of 2 forwards, tunnel fly up", "3 of 3 forwards, 1 tunnels up, ..." */
static void make_status(const struct io_loop *io,
			char text[IO_NOTIFY_STATUS_CAP])
{
	const struct proxy *proxy = &io->proxy;
	uint32_t listening = 0, forwards = 0;
	struct tunnel_counts count;
	int len;

	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		if (proxy->forwards[i].slot != FORWARD_ACTIVE)
			continue;
		forwards++;
		listening += proxy->forwards[i].listening;
	}
	count_tunnels(io, &count);
	len = snprintf(text, IO_NOTIFY_STATUS_CAP, "%u of %u forwards, ",
		       listening, forwards);
	if (count.total == 1)
		snprintf(text + len, IO_NOTIFY_STATUS_CAP - (size_t)len,
			 "tunnel %s %s", count.only->name,
			 tunnel_state_word(tunnel_state(count.only, &io->now)));
	else
		snprintf(text + len, IO_NOTIFY_STATUS_CAP - (size_t)len,
			 "%u tunnels up, %u idle, %u connecting, %u down",
			 count.in[TUNNEL_UP], count.in[TUNNEL_IDLE],
			 count.in[TUNNEL_CONNECTING], count.in[TUNNEL_DOWN]);
}

static void say_stopping(struct io_loop *io)
{
	struct io_service *service = &io->service;
	char text[64];

	if (service->stopping)
		return;
	service->stopping = true;
	snprintf(text, sizeof(text), "stopping, %u connections open",
		 io->proxy.relay_count);
	io_notify_stopping(&service->notify, io->now.awake, text);
}

static void say_status(struct io_loop *io)
{
	struct io_service *service = &io->service;
	char text[IO_NOTIFY_STATUS_CAP];

	service->status_due = io->now.awake < service->status_at;
	if (service->status_due && service->ready)
		return;
	service->status_at = io->now.awake + STATUS_PERIOD_NS;
	service->status_due = false;
	make_status(io, text);
	if (service->ready)
		io_notify_status(&service->notify, text);
	else
		io_notify_ready(&service->notify, io->now.awake, text);
	service->ready = true;
}

/* ------------------------------------------------------------- sockets */

/* One listener's or tunnel's sockets, and what they are to be called. */
struct kept {
	char *as; /* NULL: this place is free */
	const int *fds[2];
	char name[KEPT_NAME_CAP];
};

static struct kept kept_listener(struct io_loop *io, uint32_t slot)
{
	struct io_listener *listener = io->listeners[slot];
	struct kept kept = {.as = NULL};

	if (listener == NULL || !io_listener_is_open(listener))
		return kept;
	kept.as = listener->bound.kept_as;
	kept.fds[0] = &listener->bound.fds[0];
	kept.fds[1] = &listener->bound.fds[1];
	io_service_name(KEPT_FORWARD, io->proxy.forwards[slot].mapping.name,
			kept.name);
	return kept;
}

static struct kept kept_tunnel(struct io_loop *io, uint32_t slot)
{
	struct io_udp *udp = io->tunnels[slot].udp;
	struct kept kept = {.as = NULL};

	if (udp == NULL || udp->tunnel->retired)
		return kept;
	kept.as = udp->kept_as;
	kept.fds[0] = &udp->sockets[0].fd;
	kept.fds[1] = &udp->sockets[1].fd;
	io_service_name(KEPT_TUNNEL, udp->tunnel->name, kept.name);
	return kept;
}

/* Runs over all places, tunnels last. */
static bool next_kept(struct io_loop *io, uint32_t *place,
		      struct kept *ret_kept)
{
	uint32_t listeners = io->proxy.forward_count;

	while (*place < listeners + TUNNEL_SLOTS) {
		uint32_t i = (*place)++;

		*ret_kept = i < listeners ? kept_listener(io, i)
					  : kept_tunnel(io, i - listeners);
		if (ret_kept->as != NULL)
			return true;
	}
	return false;
}

static void keep(const struct io_service *service, struct kept *kept)
{
	int err = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (*kept->fds[i] >= 0 && err == 0)
			err = io_notify_store(&service->notify, kept->name,
					      *kept->fds[i]);
	}
	if (err == 0)
		strcpy(kept->as, kept->name);
	else
		log_warning("event=keep_failed name=%s text=\"the service "
			    "manager does not keep it over a restart\"",
			    kept->name);
}

/* Names may have been exchanged: first all that is wrong goes. */
static void keep_all(struct io_loop *io)
{
	struct io_service *service = &io->service;
	struct kept kept;

	if (!service->keep_due)
		return;
	service->keep_due = false;
	for (uint32_t place = 0; next_kept(io, &place, &kept);) {
		if (kept.as[0] != '\0' && strcmp(kept.as, kept.name) != 0)
			io_service_let_go(io, kept.as);
	}
	for (uint32_t place = 0; next_kept(io, &place, &kept);) {
		if (kept.as[0] == '\0')
			keep(service, &kept);
	}
}

void io_service_name(enum kept_kind kind, const char *label,
		     char name[KEPT_NAME_CAP])
{
	snprintf(name, KEPT_NAME_CAP, "%s-%s",
		 kind == KEPT_FORWARD ? "forward" : "tunnel", label);
}

void io_service_let_go(struct io_loop *io, char kept_as[KEPT_NAME_CAP])
{
	char name[KEPT_NAME_CAP];
	struct kept kept;

	if (kept_as[0] == '\0' || !io->service.started || io->stopping)
		return;
	memcpy(name, kept_as, sizeof(name));
	io_notify_forget(&io->service.notify, name);
	/* Another may have had the same name, and be kept once more. */
	for (uint32_t place = 0; next_kept(io, &place, &kept);) {
		if (strcmp(kept.as, name) == 0)
			kept.as[0] = '\0';
	}
	kept_as[0] = '\0';
	io->service.keep_due = true;
}

/* ------------------------------------------------------------- interface */

void io_service_open(struct io_loop *io)
{
	io->service = (struct io_service){.ready = false};
	io_inherit_open(&io->service.inherit);
	io_notify_open(&io->service.notify, io->now.awake);
}

void io_service_close(struct io_loop *io)
{
	io_notify_close(&io->service.notify);
	free(io->service.inherit.sockets); /* of a failed start */
}

void io_service_reloading(struct io_loop *io)
{
	io_notify_reloading(&io->service.notify, io->now.awake);
	io->service.ready = false;
}

void io_service_turn(struct io_loop *io)
{
	if (!io->service.started) {
		io_inherit_close(&io->service.inherit, &io->service.notify);
		io->service.started = true;
	}
	if (io->service.notify.fd < 0)
		return;
	io_notify_turn(&io->service.notify, io->now.awake);
	if (io->stopping) {
		say_stopping(io);
		return;
	}
	keep_all(io);
	say_status(io);
}

uint64_t io_service_deadline(const struct io_loop *io)
{
	const struct io_service *service = &io->service;

	return time_min(io_notify_deadline(&service->notify),
			service->status_due ? service->status_at : NEVER);
}
