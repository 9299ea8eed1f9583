/* SPDX-License-Identifier: ISC */
#include "daemon/io_bind.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "daemon/io_inherit.h"
#include "daemon/io_socket.h"

enum {
	LISTEN_BACKLOG = 1024,
	PORT_TRIES = 64,     /* near the one wanted */
	ANY_PORT_TRIES = 16, /* for a port free on both loopback addresses */
};

/* A listening descriptor or -errno. *port: wanted, 0 = any; then what it is. */
static int bind_ip(const struct ip_addr *addr, uint16_t *port)
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

/* A port that the system chose is lost when a listener pauses, one that was
 * asked for is not: so ask for what the system would choose. */
static int bind_any(const struct ip_addr *addr, uint16_t *port)
{
	int fd = bind_ip(addr, port);

	if (fd < 0)
		return fd;
	close(fd);
	return bind_ip(addr, port);
}

static int listen_ip(const struct io_bind_source *source,
		     const struct ip_addr *addr, uint16_t *port)
{
	struct io_wanted wanted = {
		.kind = INHERITED_STREAM,
		.local = {.addr = *addr, .port = *port},
	};
	int fd = -1;

	if (source != NULL) {
		wanted.name = source->name;
		fd = io_inherit_take(source->inherit, &wanted, port);
	}
	if (fd >= 0)
		return fd;
	return *port == 0 ? bind_any(addr, port) : bind_ip(addr, port);
}

static bool family_missing(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

/* Both loopback addresses with one port, or neither. */
static int listen_loopback_once(const struct io_bind_source *source, int fds[2],
				uint16_t *port)
{
	struct ip_addr v4, v6;
	int second;

	CHECK(ip_addr_parse("127.0.0.1", &v4) == 0);
	CHECK(ip_addr_parse("::1", &v6) == 0);
	fds[0] = listen_ip(source, &v4, port);
	if (fds[0] < 0)
		return fds[0];
	second = listen_ip(source, &v6, port);
	fds[1] = second < 0 ? -1 : second;
	if (second >= 0 || family_missing(second))
		return 0;
	close(fds[0]);
	return second;
}

static int listen_loopback(const struct io_bind_source *source, int fds[2],
			   uint16_t *port)
{
	bool any = *port == 0;
	int err;

	for (unsigned i = 0; i < ANY_PORT_TRIES; i++) {
		if (any)
			*port = 0;
		err = listen_loopback_once(source, fds, port);
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

static int bind_path(const char *path)
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

static int listen_path(const char *path, const struct io_bind_source *source,
		       struct io_bound *bound)
{
	struct io_wanted wanted = {.kind = INHERITED_PATH, .path = path};
	int fd = -1;

	if (source != NULL) {
		wanted.name = source->name;
		fd = io_inherit_take(source->inherit, &wanted, NULL);
	}
	if (fd < 0)
		return bind_path(path);
	strcpy(bound->kept_as, source->name);
	return fd;
}

int io_bind(const struct listen_spec *spec, const struct io_bind_source *source,
	    struct io_bound *ret_bound)
{
	uint16_t *port = &ret_bound->port;
	int *fds = ret_bound->fds;

	memset(ret_bound, 0, sizeof(*ret_bound));
	fds[0] = fds[1] = -1;
	*port = spec->port;
	switch (spec->kind) {
	case LISTEN_LOOPBACK:
		return listen_loopback(source, fds, port);
	case LISTEN_ADDRESS:
		fds[0] = listen_ip(source, &spec->addr, port);
		break;
	case LISTEN_PATH:
		fds[0] = listen_path(spec->path, source, ret_bound);
		break;
	case LISTEN_TUNNEL:
	case LISTEN_KINDS:
		UNREACHABLE();
	}
	return fds[0] < 0 ? fds[0] : 0;
}

void io_bound_close(struct io_bound *bound, const struct listen_spec *spec)
{
	for (unsigned i = 0; i < 2; i++) {
		if (bound->fds[i] < 0)
			continue;
		close(bound->fds[i]);
		bound->fds[i] = -1;
		if (spec->kind == LISTEN_PATH && bound->kept_as[0] == '\0')
			unlink(spec->path);
	}
}

uint16_t io_free_port(const struct listen_spec *listen)
{
	struct listen_spec spec = *listen;

	if (listen->kind == LISTEN_PATH)
		return 0;
	for (unsigned i = 1; i <= PORT_TRIES; i++) {
		struct io_bound bound;

		if (listen->port + i > UINT16_MAX)
			break;
		spec.port = (uint16_t)(listen->port + i);
		if (io_bind(&spec, NULL, &bound) == 0) {
			io_bound_close(&bound, &spec);
			return spec.port;
		}
	}
	return 0;
}

void io_listen_pause(int fd)
{
	(void)shutdown(fd, SHUT_RD);
}

int io_listen_resume(int fd)
{
	return listen(fd, LISTEN_BACKLOG) == 0 ? 0 : -errno;
}
