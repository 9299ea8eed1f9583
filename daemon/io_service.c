/* SPDX-License-Identifier: ISC */
#include "daemon/io_service.h"

#include <stdio.h>

#include "base/time.h"
#include "daemon/io_listener.h"
#include "daemon/io_loop.h"

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
		const struct tunnel *tunnel = io->proxy.tunnels[i];

		if (tunnel == NULL || tunnel->retired)
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

/* ------------------------------------------------------------- interface */

void io_service_open(struct io_loop *io)
{
	io->service = (struct io_service){.ready = false};
	io_notify_open(&io->service.notify, io->now.awake);
}

void io_service_close(struct io_loop *io)
{
	io_notify_close(&io->service.notify);
}

void io_service_reloading(struct io_loop *io)
{
	io_notify_reloading(&io->service.notify, io->now.awake);
	io->service.ready = false;
}

void io_service_turn(struct io_loop *io)
{
	if (io->service.notify.fd < 0)
		return;
	io_notify_turn(&io->service.notify, io->now.awake);
	if (io->stopping)
		say_stopping(io);
	else
		say_status(io);
}

uint64_t io_service_deadline(const struct io_loop *io)
{
	const struct io_service *service = &io->service;

	return time_min(io_notify_deadline(&service->notify),
			service->status_due ? service->status_at : NEVER);
}
