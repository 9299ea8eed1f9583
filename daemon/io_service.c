/* SPDX-License-Identifier: ISC */
#include "daemon/io_service.h"

#include <stdio.h>

#include "base/time.h"
#include "daemon/io_listener.h"
#include "daemon/io_loop.h"

/* The status is made anew at most this often. */
#define STATUS_PERIOD_NS (1 * NS_PER_S)

/* ------------------------------------------------------------- status */

enum tunnel_state { TUNNEL_IDLE, TUNNEL_UP, TUNNEL_DOWN };

/* Down is only what was tried in vain. */
static enum tunnel_state tunnel_state(const struct tunnel *tunnel,
				      const struct clock *now)
{
	enum tunnel_state state = TUNNEL_IDLE;

	for (uint16_t i = 0; i < tunnel->peer_count; i++) {
		struct wg_peer_info info;

		wg_peer_info(tunnel->wg, now->boot, i, &info);
		if (info.session && info.handshake_attempts == 0)
			return TUNNEL_UP;
		if (info.handshake_attempts > 1)
			state = TUNNEL_DOWN;
	}
	return state;
}

/* "1 of 2 forwards, tunnel fly up", "3 of 3 forwards, 1 tunnel up, 1 down" */
static void make_status(const struct io_loop *io,
			char text[IO_NOTIFY_STATUS_CAP])
{
	static const char *const words[] = {"idle", "up", "down"};
	const struct proxy *proxy = &io->proxy;
	uint32_t counts[3] = {0}, listening = 0;
	int len;

	for (uint32_t i = 0; i < proxy->forward_count; i++)
		listening += io->listeners[i].socket_count > 0;
	for (uint32_t i = 0; i < proxy->tunnel_count; i++)
		counts[tunnel_state(&proxy->tunnels[i], &io->now)]++;
	len = snprintf(text, IO_NOTIFY_STATUS_CAP, "%u of %u forwards, ",
		       listening, proxy->forward_count);
	if (proxy->tunnel_count != 1)
		snprintf(text + len, IO_NOTIFY_STATUS_CAP - (size_t)len,
			 "%u tunnels up, %u idle, %u down", counts[TUNNEL_UP],
			 counts[TUNNEL_IDLE], counts[TUNNEL_DOWN]);
	else
		snprintf(text + len, IO_NOTIFY_STATUS_CAP - (size_t)len,
			 "tunnel %s %s", proxy->tunnels[0].name,
			 words[counts[TUNNEL_UP]     ? TUNNEL_UP
			       : counts[TUNNEL_DOWN] ? TUNNEL_DOWN
						     : TUNNEL_IDLE]);
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
