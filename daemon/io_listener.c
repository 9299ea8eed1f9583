/* SPDX-License-Identifier: ISC */
#include "daemon/io_listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/io_client.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

enum {
	ACCEPTS_MAX = 64, /* per listener and turn */
	DESCRIPTOR_PAUSE_S = 1,
	RETRY_MIN_S = 5,
	RETRY_MAX_S = 60,
};

static struct forward *listener_forward(const struct io_listener *l)
{
	return &l->io->proxy.forwards[l->forward];
}

/* ------------------------------------------------------------- open, close */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct io_owner *owner = handle->data;
	struct io_listener *listener =
		container_of(owner, struct io_listener, owner);

	(void)status; /* accept() will tell */
	(void)events;
	if (owner->closing || listener->ready)
		return;
	listener->ready = true;
	listener->next = listener->io->accepting;
	listener->io->accepting = listener;
}

static void on_gone(struct io_owner *owner)
{
	free(container_of(owner, struct io_listener, owner));
}

struct io_listener *io_listener_new(struct io_loop *io,
				    const struct listen_spec *spec)
{
	struct io_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return NULL;
	listener->io = io;
	listener->forward = FORWARD_SLOTS;
	listener->spec = *spec;
	listener->backoff = RETRY_MIN_S * NS_PER_S;
	listener->bound.fds[0] = listener->bound.fds[1] = -1;
	io_owner_init(&listener->owner, on_gone);
	return listener;
}

static void log_listening(const struct io_listener *listener)
{
	const struct forward *forward = listener_forward(listener);
	struct listen_spec spec = listener->spec;
	char text[SOCKET_PATH_CAP + 64], to[TARGET_TEXT_CAP];

	spec.port = listener->bound.port;
	log_notice("event=listening forward=%s local=%s to=%s tunnel=%s%s",
		   forward->mapping.name,
		   listen_spec_format(&spec, text, sizeof(text)),
		   target_format(&forward->mapping.target, to, sizeof(to)),
		   forward->tunnel->name,
		   spec.kind == LISTEN_LOOPBACK && listener->bound.fds[1] < 0
			   ? " ipv6=no"
			   : "");
}

static void log_failed(const struct io_listener *listener)
{
	char text[SOCKET_PATH_CAP + 64];

	log_error("event=listen_failed forward=%s local=%s text=\"%s%s\" "
		  "retry_s=%u",
		  listener_forward(listener)->mapping.name,
		  listen_spec_format(&listener->spec, text, sizeof(text)),
		  strerror(-listener->error),
		  listener->error == -EADDRINUSE
			  ? "; stop the other program or choose another port"
			  : "",
		  (unsigned)(listener->backoff / NS_PER_S));
}

void io_listener_take(struct io_listener *listener,
		      const struct io_bound *bound)
{
	CHECK(!io_listener_is_open(listener));
	listener->bound = *bound;
	listener->error = 0;
	for (unsigned i = 0; i < 2; i++) {
		if (bound->fds[i] < 0)
			continue;
		CHECK(uv_poll_init(&listener->io->uv, &listener->polls[i],
				   bound->fds[i]) == 0);
		io_owner_track(&listener->owner,
			       (uv_handle_t *)&listener->polls[i]);
	}
}

void io_listener_serve(struct io_listener *listener, uint32_t slot)
{
	struct forward *forward = &listener->io->proxy.forwards[slot];

	listener->forward = slot;
	listener->io->listeners[slot] = listener;
	forward->listening = io_listener_is_open(listener);
	forward->port = listener->bound.port;
	listener->io->service.keep_due = true;
	if (forward->listening && !listener->announced)
		log_listening(listener);
	listener->announced = forward->listening;
	io_listener_update(listener);
}

const char *io_listener_problem(const struct io_loop *io, uint32_t slot)
{
	if (io->listeners[slot] == NULL)
		return "the port is taken inside the tunnel";
	return strerror(-io->listeners[slot]->error);
}

int io_listener_open(struct io_listener *listener)
{
	const struct forward *forward = listener_forward(listener);
	struct io_bind_source source = {.inherit =
						&listener->io->service.inherit};
	struct io_bound bound;
	int err;

	io_service_name(KEPT_FORWARD, forward->mapping.name, source.name);
	err = io_bind(&listener->spec, &source, &bound);
	if (err == 0) {
		io_listener_take(listener, &bound);
		io_listener_serve(listener, listener->forward);
		return 0;
	}
	listener->error = err;
	log_failed(listener);
	listener->retry_at = listener->io->now.awake + listener->backoff;
	listener->io->listen_retry =
		time_min(listener->io->listen_retry, listener->retry_at);
	listener->backoff =
		time_min(listener->backoff * 2, RETRY_MAX_S * NS_PER_S);
	return err;
}

void io_listener_retry(struct io_listener *listener)
{
	if (!io_listener_is_open(listener) &&
	    listener->io->now.awake >= listener->retry_at)
		(void)io_listener_open(listener);
}

/* ------------------------------------------------------------- polling */

static void set_paused(struct io_listener *listener, bool paused)
{
	if (listener->paused == paused || listener->spec.kind == LISTEN_PATH)
		return;
	listener->paused = paused;
	for (unsigned i = 0; i < 2; i++) {
		int fd = listener->bound.fds[i];
		int err = 0;

		if (fd >= 0 && paused)
			io_listen_pause(fd);
		else if (fd >= 0)
			err = io_listen_resume(fd);
		if (err != 0)
			log_error("event=resume_failed forward=%s text=\"%s\"",
				  listener_forward(listener)->mapping.name,
				  strerror(-err));
	}
}

void io_listener_update(struct io_listener *listener)
{
	const struct forward *forward = listener_forward(listener);
	bool paused = forward->draining || forward->down != REASON_NONE;
	bool polls = listener->io->accepts &&
		     (!paused || listener->spec.kind == LISTEN_PATH);

	if (!io_listener_is_open(listener))
		return;
	for (unsigned i = 0; i < 2 && !polls; i++) {
		if (listener->bound.fds[i] >= 0)
			uv_poll_stop(&listener->polls[i]);
	}
	set_paused(listener, paused);
	for (unsigned i = 0; i < 2 && polls; i++) {
		if (listener->bound.fds[i] >= 0)
			uv_poll_start(&listener->polls[i], UV_READABLE,
				      on_poll);
	}
}

static void leave_accepting(struct io_listener *listener)
{
	struct io_listener **link = &listener->io->accepting;

	while (*link != NULL && *link != listener)
		link = &(*link)->next;
	if (*link == listener)
		*link = listener->next;
}

/* At a stop the manager's copy keeps clients for the next start; the copy of a
 * removed listener must not take clients that nobody will serve. */
static void hand_over(struct io_listener *listener)
{
	bool stopping = listener->io->stopping;

	if (listener->bound.kept_as[0] == '\0')
		return;
	set_paused(listener, !stopping);
	if (!stopping)
		io_service_let_go(listener->io, listener->bound.kept_as);
}

void io_listener_close(struct io_listener *listener)
{
	uint32_t slot = listener->forward;

	leave_accepting(listener);
	hand_over(listener);
	for (unsigned i = 0; i < 2; i++) {
		if (listener->bound.fds[i] >= 0)
			io_owner_close(&listener->owner,
				       (uv_handle_t *)&listener->polls[i]);
	}
	io_bound_close(&listener->bound, &listener->spec);
	if (slot != FORWARD_SLOTS) {
		listener->io->listeners[slot] = NULL;
		listener->io->proxy.forwards[slot].listening = false;
		listener->io->proxy.forwards[slot].port = 0;
	}
	io_owner_finish(&listener->owner);
}

/* ------------------------------------------------------------- accept */

/* Returns false when nothing waits or nothing can be taken now. */
static bool accept_one(struct io_listener *listener, int listen_fd)
{
	struct io_loop *io = listener->io;
	struct sockaddr_storage sockaddr = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sockaddr);
	enum reason refused;
	struct endpoint from;
	uint32_t relay;
	int fd;

	if (proxy_is_full(&io->proxy))
		return false;
	fd = accept4(listen_fd, (struct sockaddr *)&sockaddr, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			io->accept_pause =
				io->now.awake + DESCRIPTOR_PAUSE_S * NS_PER_S;
		return errno == ECONNABORTED || errno == EINTR;
	}
	from = io_endpoint(&sockaddr);
	relay = proxy_accept(&io->proxy, &io->now, listener->forward, &from,
			     &refused);
	if (relay == RELAY_NONE) {
		io_close_with_reset(fd);
		proxy_refuse(&io->proxy, listener->forward, &from, refused);
	} else {
		io_client_open(&io->clients[relay], io, relay, fd);
	}
	return true;
}

void io_listener_accept(struct io_listener *listener)
{
	listener->ready = false;
	for (unsigned i = 0; i < 2; i++) {
		int fd = listener->bound.fds[i];
		unsigned count = 0;

		while (fd >= 0 && count < ACCEPTS_MAX &&
		       accept_one(listener, fd))
			count++;
	}
}
