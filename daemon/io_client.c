/* SPDX-License-Identifier: ISC */
#include "daemon/io_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "daemon/io_connect.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

enum {
	/* Per connection and turn, so that none starves the others. */
	READ_BYTES_MAX = 256 * 1024,
	WRITE_BYTES_MAX = 512 * 1024,
	READ_IOVECS = 17, /* READ_BYTES_MAX in chunks, one of them begun */
	WRITE_IOVECS = 64,
};

static struct relay *client_relay(const struct io_client *client)
{
	return &client->io->proxy.relays[client->relay];
}

/* ------------------------------------------------------------- open, close */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct io_owner *owner = handle->data;
	struct io_client *client = container_of(owner, struct io_client, owner);

	if (owner->closing)
		return;
	if (status < 0) {
		client->failed = true;
		client->interest = 0; /* libuv has stopped the handle */
	}
	if (events & UV_READABLE)
		client->readable = true;
	if (events & UV_WRITABLE)
		client->blocked = false;
	if (events == UV_PRIORITIZED) {
		/* Both directions are shut: what is left to read is there. */
		client->hung_up = true;
		client->readable = true;
	}
	proxy_mark(&client->io->proxy, client->relay);
}

static void on_gone(struct io_owner *owner)
{
	struct io_client *client = container_of(owner, struct io_client, owner);

	proxy_release(&client->io->proxy, &client->io->now, client->relay);
}

/* With it, closing resets: also when the process dies, a cut stream must not
 * look complete. */
static void set_reset_on_close(int fd, bool on)
{
	struct linger linger = {.l_onoff = on, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void io_close_with_reset(int fd)
{
	set_reset_on_close(fd, true);
	close(fd);
}

void io_client_open(struct io_client *client, struct io_loop *io,
		    uint32_t relay, int fd)
{
	memset(client, 0, sizeof(*client));
	client->io = io;
	client->relay = relay;
	client->fd = fd;
	client->readable = true; /* a first byte is often there already */
	io_owner_init(&client->owner, on_gone);
	if (fd < 0)
		return;
	io_socket_hint(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_reset_on_close(fd, true);
	CHECK(uv_poll_init(&io->uv, &client->poll, fd) == 0);
	io_owner_track(&client->owner, (uv_handle_t *)&client->poll);
}

static void close_client(struct io_client *client)
{
	if (client->fd < 0) {
		io_owner_finish(&client->owner);
		return;
	}
	io_owner_close(&client->owner, (uv_handle_t *)&client->poll);
	if (!relay_resets_client(client_relay(client)))
		set_reset_on_close(client->fd, false);
	close(client->fd);
	client->fd = -1;
	io_owner_finish(&client->owner);
}

/* ------------------------------------------------------------- bytes */

static void client_gone(struct io_client *client)
{
	relay_local_gone(client_relay(client), &client->io->now);
}

/* The turn's budget is spent, the work is not: no event need come for it. */
static void serve_again(struct io_client *client)
{
	proxy_mark(&client->io->proxy, client->relay);
	client->io->again = true;
}

static size_t iov_len(const struct iovec *iov, int count)
{
	size_t len = 0;

	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return len;
}

static void end_downstream(struct io_client *client)
{
	if (shutdown(client->fd, SHUT_WR) != 0)
		client_gone(client);
	else
		relay_client_shut(client_relay(client), &client->io->now);
}

static void write_downstream(struct io_client *client)
{
	struct relay *relay = client_relay(client);
	struct iovec iov[WRITE_IOVECS];
	struct msghdr msg = {.msg_iov = iov};
	size_t written = 0;

	while (!client->blocked && written < WRITE_BYTES_MAX) {
		int count = relay_downstream(relay, iov, WRITE_IOVECS);
		ssize_t len;

		if (count == -ERR_CLOSED)
			end_downstream(client);
		if (count <= 0)
			return;
		msg.msg_iovlen = (size_t)count;
		len = sendmsg(client->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len < 0 && errno != EAGAIN) {
			client_gone(client);
			return;
		}
		client->blocked = len < (ssize_t)iov_len(iov, count);
		if (len <= 0)
			return;
		relay_written(relay, &client->io->now, (size_t)len);
		written += (size_t)len;
	}
	if (!client->blocked)
		serve_again(client);
}

/* One read into the send chain. Returns whether there may be more. */
static bool read_once(struct io_client *client, size_t bytes_max)
{
	struct relay *relay = client_relay(client);
	struct iovec iov[READ_IOVECS];
	int count = relay_upstream_space(relay, iov, READ_IOVECS, bytes_max);
	ssize_t len;

	if (count == 0)
		return false;
	len = readv(client->fd, iov, count);
	relay_read(relay, &client->io->now, len > 0 ? (size_t)len : 0);
	/* A socket that hung up is read to its end: no event will come. */
	if (len < (ssize_t)iov_len(iov, count) && !client->hung_up)
		client->readable = false;
	if (len < 0 && errno != EAGAIN)
		client_gone(client);
	else if (len == 0)
		relay_client_eof(relay, &client->io->now);
	return client->readable;
}

static void read_upstream(struct io_client *client)
{
	uint64_t start = client_relay(client)->bytes_up;

	while (relay_wants_client(client_relay(client)) && client->readable) {
		uint64_t done = client_relay(client)->bytes_up - start;

		if (done >= READ_BYTES_MAX) {
			serve_again(client);
			return;
		}
		if (!read_once(client, READ_BYTES_MAX - (size_t)done))
			return;
	}
}

/* ------------------------------------------------------------- interest */

/* With nothing to wait for, UV_PRIORITIZED still reports errors and resets. */
static int wanted_events(const struct io_client *client)
{
	int events = 0;

	if (client->hung_up)
		return 0;
	if (relay_wants_client(client_relay(client)) && !client->readable)
		events |= UV_READABLE;
	if (client->blocked)
		events |= UV_WRITABLE;
	return events != 0 ? events : UV_PRIORITIZED;
}

static void update_interest(struct io_client *client)
{
	int events = wanted_events(client);

	if (events == client->interest)
		return;
	client->interest = events;
	if (events == 0)
		uv_poll_stop(&client->poll);
	else
		uv_poll_start(&client->poll, events, on_poll);
}

void io_client_service(struct io_client *client)
{
	struct relay *relay = client_relay(client);

	if (client->owner.closing)
		return;
	if (client->connecting)
		io_connect_step(client);
	else if (client->failed)
		client_gone(client);
	if (relay->state == RELAY_OPEN)
		write_downstream(client);
	if (relay->state == RELAY_OPEN)
		read_upstream(client);
	if (relay->state == RELAY_DOOMED)
		close_client(client);
	else
		update_interest(client);
}
