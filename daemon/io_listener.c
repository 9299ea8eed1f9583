/* SPDX-License-Identifier: ISC */
#include "daemon/io_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/io_client.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

enum {
	LISTEN_BACKLOG = 1024,
	ACCEPTS_MAX = 64,    /* per listener and turn */
	ANY_PORT_TRIES = 16, /* for a port free on both loopback addresses */
	DESCRIPTOR_PAUSE_S = 1,
	RETRY_MIN_S = 5,
	RETRY_MAX_S = 60,
};

static const struct forward *listener_forward(const struct io_listener *l)
{
	return &l->io->proxy.forwards[l->forward];
}

/* ------------------------------------------------------------- bind */

/* A listening descriptor or -errno. *port: wanted, 0 = any; then what it is. */
static int listen_ip(const struct ip_addr *addr, uint16_t *port)
{
	struct endpoint local = {.addr = *addr, .port = *port};
	struct sockaddr_storage sockaddr;
	socklen_t len = io_sockaddr(&local, &sockaddr);
	int fd = io_socket(sockaddr.ss_family, SOCK_STREAM);
	int err;

	if (fd < 0)
		return -errno;
	io_socket_hint(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (addr->family == IP_V6)
		io_socket_hint(fd, SOL_IPV6, IPV6_V6ONLY, 1);
	if (bind(fd, (struct sockaddr *)&sockaddr, len) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sockaddr, &len) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*port = io_endpoint(&sockaddr).port;
	return fd;
}

static bool family_missing(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

/* Both loopback addresses with one port, or neither. */
static int listen_loopback_once(int fds[2], uint16_t *port)
{
	struct ip_addr v4, v6;
	int second;

	CHECK(ip_addr_parse("127.0.0.1", &v4) == 0);
	CHECK(ip_addr_parse("::1", &v6) == 0);
	fds[0] = listen_ip(&v4, port);
	if (fds[0] < 0)
		return fds[0];
	second = listen_ip(&v6, port);
	fds[1] = second < 0 ? -1 : second;
	if (second >= 0 || family_missing(second))
		return 0;
	close(fds[0]);
	return second;
}

static int listen_loopback(int fds[2], uint16_t *port)
{
	bool any = *port == 0;
	int err;

	for (unsigned i = 0; i < ANY_PORT_TRIES; i++) {
		if (any)
			*port = 0;
		err = listen_loopback_once(fds, port);
		if (err != -EADDRINUSE || !any)
			return err;
	}
	return err;
}

/* A socket that nobody answers on is left over from a crash. */
static void remove_stale(const char *path, const struct sockaddr_un *sockaddr)
{
	int fd = io_socket(AF_UNIX, SOCK_STREAM);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)sockaddr, sizeof(*sockaddr)) !=
		    0 &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

static int listen_path(const char *path)
{
	struct sockaddr_un sockaddr = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, err;

	CHECK(strlen(path) < sizeof(sockaddr.sun_path));
	strcpy(sockaddr.sun_path, path);
	remove_stale(path, &sockaddr);
	fd = io_socket(AF_UNIX, SOCK_STREAM);
	if (fd < 0)
		return -errno;
	mask = umask(0117); /* owner and group may connect */
	err = bind(fd, (struct sockaddr *)&sockaddr, sizeof(sockaddr));
	umask(mask);
	if (err == 0)
		err = listen(fd, LISTEN_BACKLOG);
	if (err == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int listen_all(const struct listen_spec *spec, int fds[2],
		      uint16_t *port)
{
	fds[0] = fds[1] = -1;
	switch (spec->kind) {
	case LISTEN_LOOPBACK:
		return listen_loopback(fds, port);
	case LISTEN_ADDRESS:
		fds[0] = listen_ip(&spec->addr, port);
		break;
	case LISTEN_PATH:
		fds[0] = listen_path(spec->path);
		break;
	case LISTEN_KINDS:
		UNREACHABLE();
	}
	return fds[0] < 0 ? fds[0] : 0;
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
	(void)owner; /* embedded in the loop's array */
}

void io_listener_init(struct io_listener *listener, struct io_loop *io,
		      uint32_t forward)
{
	memset(listener, 0, sizeof(*listener));
	listener->io = io;
	listener->forward = forward;
	listener->backoff = RETRY_MIN_S * NS_PER_S;
	listener->sockets[0].fd = listener->sockets[1].fd = -1;
	io_owner_init(&listener->owner, on_gone);
}

static void log_listening(const struct io_listener *listener, uint16_t port)
{
	const struct forward *forward = listener_forward(listener);
	struct listen_spec spec = forward->mapping.listen;
	char text[SOCKET_PATH_CAP + 64], to[TARGET_TEXT_CAP];

	spec.port = port;
	log_notice("event=listening forward=%s local=%s to=%s tunnel=%s%s",
		   forward->mapping.name,
		   listen_spec_format(&spec, text, sizeof(text)),
		   target_format(&forward->mapping.target, to, sizeof(to)),
		   listener->io->proxy.tunnels[forward->tunnel].name,
		   spec.kind == LISTEN_LOOPBACK && listener->socket_count < 2
			   ? " ipv6=no"
			   : "");
}

static int listen_failed(struct io_listener *listener, int err)
{
	const struct forward *forward = listener_forward(listener);
	char text[SOCKET_PATH_CAP + 64];

	log_error("event=listen_failed forward=%s local=%s text=\"%s%s\" "
		  "retry_s=%u",
		  forward->mapping.name,
		  listen_spec_format(&forward->mapping.listen, text,
				     sizeof(text)),
		  strerror(-err),
		  err == -EADDRINUSE
			  ? "; stop the other program or choose another port"
			  : "",
		  (unsigned)(listener->backoff / NS_PER_S));
	listener->retry_at = listener->io->now.awake + listener->backoff;
	listener->backoff =
		time_min(listener->backoff * 2, RETRY_MAX_S * NS_PER_S);
	if (err == -EADDRINUSE)
		return -ERR_EXISTS;
	return err == -EACCES ? -ERR_PERMISSION : -ERR_IO;
}

int io_listener_open(struct io_listener *listener)
{
	const struct mapping *mapping = &listener_forward(listener)->mapping;
	uint16_t port = mapping->listen.port;
	int fds[2];
	int err = listen_all(&mapping->listen, fds, &port);

	CHECK(listener->socket_count == 0);
	if (err != 0)
		return listen_failed(listener, err);
	for (unsigned i = 0; i < 2; i++) {
		struct io_listener_socket *socket = &listener->sockets[i];

		socket->fd = fds[i];
		if (fds[i] < 0)
			continue;
		CHECK(uv_poll_init(&listener->io->uv, &socket->poll, fds[i]) ==
		      0);
		io_owner_track(&listener->owner, (uv_handle_t *)&socket->poll);
		listener->socket_count++;
	}
	log_listening(listener, port);
	io_listener_poll(listener, listener->io->accepts);
	return 0;
}

void io_listener_retry(struct io_listener *listener)
{
	if (listener->socket_count == 0 &&
	    listener->io->now.awake >= listener->retry_at)
		(void)io_listener_open(listener);
}

void io_listener_poll(struct io_listener *listener, bool accept)
{
	for (unsigned i = 0; i < 2; i++) {
		struct io_listener_socket *socket = &listener->sockets[i];

		if (socket->fd < 0)
			continue;
		if (accept)
			uv_poll_start(&socket->poll, UV_READABLE, on_poll);
		else
			uv_poll_stop(&socket->poll);
	}
}

void io_listener_close(struct io_listener *listener)
{
	const struct listen_spec *spec =
		&listener_forward(listener)->mapping.listen;

	if (listener->owner.closing)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct io_listener_socket *socket = &listener->sockets[i];

		if (socket->fd < 0)
			continue;
		io_owner_close(&listener->owner, (uv_handle_t *)&socket->poll);
		close(socket->fd);
		socket->fd = -1;
		if (spec->kind == LISTEN_PATH)
			unlink(spec->path);
	}
	io_owner_finish(&listener->owner);
}

/* ------------------------------------------------------------- accept */

static void refuse(struct io_listener *listener, int fd,
		   const struct endpoint *from, enum reason reason)
{
	struct forward *forward =
		&listener->io->proxy.forwards[listener->forward];
	char text[ENDPOINT_TEXT_CAP];

	io_close_with_reset(fd);
	forward->ended[reason]++;
	log_info("event=conn_refused forward=%s client=%s reason=%s "
		 "text=\"%s\"",
		 forward->mapping.name, endpoint_format(from, text),
		 reason_word(reason), reason_text(reason));
}

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
	if (relay == RELAY_NONE)
		refuse(listener, fd, &from, refused);
	else
		io_client_open(&io->clients[relay], io, relay, fd);
	return true;
}

void io_listener_accept(struct io_listener *listener)
{
	listener->ready = false;
	for (unsigned i = 0; i < 2; i++) {
		int fd = listener->sockets[i].fd;
		unsigned count = 0;

		while (fd >= 0 && count < ACCEPTS_MAX &&
		       accept_one(listener, fd))
			count++;
	}
}
