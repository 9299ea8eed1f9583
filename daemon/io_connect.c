/* SPDX-License-Identifier: ISC */
#include "daemon/io_connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "daemon/io_client.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

enum { CONNECT_TIMEOUT_MS = 10000 };

/* While it connects, and 0 afterwards: an idle connection must not end. */
static void set_timeout(int fd, int milliseconds)
{
#ifdef TCP_USER_TIMEOUT
	io_socket_hint(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds);
#else
	(void)fd;
	(void)milliseconds;
#endif
}

/* What became of a connect: errno, 0 when it worked. */
static int outcome(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ? errno
								     : err;
}

/* A connect that was begun. */
struct attempt {
	struct endpoint *target; /* the address that is tried is put there */
	bool pending;            /* not connected yet */
};

/* Returns a descriptor that is connected or connecting, else -errno. Loopback
 * has answered when connect() returns, though it says that it is in progress:
 * one look saves a turn. */
static int start(struct attempt *attempt, const struct sockaddr *address,
		 socklen_t len)
{
	int fd = io_socket(address->sa_family, SOCK_STREAM);
	struct pollfd look = {.fd = fd, .events = POLLOUT};
	int err;

	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		set_timeout(fd, CONNECT_TIMEOUT_MS);
	err = connect(fd, address, len) == 0 ? 0 : errno;
	attempt->pending = err == EINPROGRESS && poll(&look, 1, 0) != 1;
	if (err == EINPROGRESS)
		err = attempt->pending ? 0 : outcome(fd);
	if (err == 0)
		return fd;
	close(fd);
	return -err;
}

static int start_path(struct attempt *attempt, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	static_assert(sizeof(address.sun_path) >= SOCKET_PATH_CAP, "fits");
	CHECK(strlen(path) < SOCKET_PATH_CAP);
	strcpy(address.sun_path, path);
	return start(attempt, (const struct sockaddr *)&address,
		     sizeof(address));
}

static int start_endpoint(struct attempt *attempt)
{
	struct sockaddr_storage address;
	socklen_t len = io_sockaddr(attempt->target, &address);

	return start(attempt, (const struct sockaddr *)&address, len);
}

/* A service that listens on one of the two addresses only is found by the
 * second try. */
static int start_localhost(struct attempt *attempt)
{
	int fd;

	attempt->target->addr = ip_addr_v4((const uint8_t[4]){127, 0, 0, 1});
	fd = start_endpoint(attempt);
	if (fd >= 0)
		return fd;
	attempt->target->addr = ip_addr_v6((const uint8_t[16]){[15] = 1});
	fd = start_endpoint(attempt);
	return fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT ? -ECONNREFUSED : fd;
}

static int start_target(struct attempt *attempt, const struct target *target)
{
	struct endpoint *endpoint = attempt->target;

	endpoint->port = target->port;
	if (target->host[0] == '/')
		return start_path(attempt, target->host);
	if (ip_addr_parse(target->host, &endpoint->addr) == 0)
		return start_endpoint(attempt);
	return start_localhost(attempt);
}

int io_connect_try(const struct target *target)
{
	struct endpoint endpoint;
	struct attempt attempt = {.target = &endpoint};
	int fd = start_target(&attempt, target);

	if (fd < 0)
		return -fd;
	close(fd);
	return attempt.pending ? EINPROGRESS : 0;
}

void io_connect(struct io_client *client, struct io_loop *io, uint32_t index)
{
	struct relay *relay = &io->proxy.relays[index];
	const struct mapping *mapping =
		&io->proxy.forwards[relay->forward].mapping;
	struct attempt attempt = {.target = &relay->target};
	int fd = -1;

	relay->unopened = false;
	if (relay->state == RELAY_DIALING) {
		fd = start_target(&attempt, &mapping->target);
		if (fd < 0)
			relay_doom(relay, &io->now, reason_of_connect(-fd));
	}
	io_client_open(client, io, index, fd < 0 ? -1 : fd);
	client->connecting = fd >= 0;
	client->blocked = attempt.pending; /* until it is writable */
	io_client_service(client);
}

void io_connect_step(struct io_client *client)
{
	struct io_loop *io = client->io;
	struct relay *relay = &io->proxy.relays[client->relay];
	int err;

	if (relay->state != RELAY_DIALING ||
	    (client->blocked && !client->failed))
		return;
	client->connecting = false;
	err = outcome(client->fd);
	if (err != 0 || client->failed) {
		relay_doom(relay, &io->now, reason_of_connect(err));
		return;
	}
	set_timeout(client->fd, 0);
	proxy_local_connected(&io->proxy, &io->now, client->relay);
}
