/* SPDX-License-Identifier: ISC */
#include "daemon/io_inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/io_bind.h"
#include "daemon/io_socket.h"

enum {
	FIRST = 3, /* SD_LISTEN_FDS_START */
	SOCKETS_MAX = 2 * FORWARDS_MAX + 2 * TUNNELS_MAX + 2,
};

/* ------------------------------------------------------------- look at one */

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

/* A path, that is no abstract name and none at all. */
static bool look_at_path(struct io_inherited *socket,
			 const struct sockaddr_storage *sockaddr, socklen_t len)
{
	const struct sockaddr_un *unix_address =
		(const struct sockaddr_un *)sockaddr;
	size_t start = offsetof(struct sockaddr_un, sun_path);

	if (len <= start || len - start > sizeof(socket->path) ||
	    unix_address->sun_path[0] == '\0' ||
	    unix_address->sun_path[len - start - 1] != '\0')
		return false;
	memcpy(socket->path, unix_address->sun_path, len - start);
	socket->kind = INHERITED_PATH;
	return true;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage sockaddr;
	socklen_t len = sizeof(sockaddr);

	return getpeername(fd, (struct sockaddr *)&sockaddr, &len) == 0;
}

/* Fills everything but the name. False: of no use to us. */
static bool look_at(struct io_inherited *socket, int fd)
{
	struct sockaddr_storage sockaddr = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sockaddr);
	int type = option(fd, SOL_SOCKET, SO_TYPE);
	int protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);
	struct stat st;

	memset(socket, 0, sizeof(*socket));
	socket->fd = fd;
	if (fstat(fd, &st) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sockaddr, &len) != 0)
		return false;
	socket->device = st.st_dev;
	socket->inode = st.st_ino;
	if (type == SOCK_STREAM && option(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX)
		return option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 &&
		       look_at_path(socket, &sockaddr, len);
	socket->local = io_endpoint(&sockaddr);
	socket->wide = sockaddr.ss_family == AF_INET6 &&
		       ip_addr_is_unspecified(&socket->local.addr) &&
		       option(fd, SOL_IPV6, IPV6_V6ONLY) != 1;
	socket->kind =
		type == SOCK_DGRAM ? INHERITED_DATAGRAM : INHERITED_STREAM;
	/* A paused listener does not say that it listens. */
	return socket->local.port != 0 && !is_connected(fd) &&
	       protocol == (type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP);
}

static bool is_double(const struct io_inherit *inherit,
		      const struct io_inherited *socket)
{
	for (uint32_t i = 0; i < inherit->count; i++) {
		if (inherit->sockets[i].inode == socket->inode &&
		    inherit->sockets[i].device == socket->device)
			return true;
	}
	return false;
}

static void set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* A socket unit's socket may be in the manager's store as well. */
static void add(struct io_inherit *inherit, int fd,
		const char name[IO_NOTIFY_NAME_CAP])
{
	struct io_inherited *socket = &inherit->sockets[inherit->count];

	if (!look_at(socket, fd)) {
		log_warning(
			"event=fd_unknown fd=%d socket=%s text=\"this is no "
			"listening TCP or Unix socket and no UDP socket; "
			"it was closed\"",
			fd, name);
		close(fd);
		return;
	}
	if (is_double(inherit, socket)) {
		close(fd);
		return;
	}
	set_flags(fd);
	memcpy(socket->name, name, sizeof(socket->name));
	inherit->count++;
}

/* ------------------------------------------------------------- environment */

/* How many descriptors are meant for this process. */
static uint32_t listen_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	char *end;
	long value;

	if (pid == NULL || count == NULL)
		return 0;
	errno = 0;
	value = strtol(pid, &end, 10);
	if (errno != 0 || *pid == '\0' || *end != '\0' || value != getpid())
		return 0;
	value = strtol(count, &end, 10);
	if (errno != 0 || *count == '\0' || *end != '\0' || value < 0)
		return 0;
	if (value <= SOCKETS_MAX)
		return (uint32_t)value;
	log_warning("event=fd_unused count=%ld text=\"too many descriptors; "
		    "only %d are looked at\"",
		    value, SOCKETS_MAX);
	return SOCKETS_MAX;
}

/* Cuts the next name off the list; "" when there is none. */
static void next_name(const char **names, char name[IO_NOTIFY_NAME_CAP])
{
	size_t len = strcspn(*names, ":");
	size_t used = len < IO_NOTIFY_NAME_CAP ? len : IO_NOTIFY_NAME_CAP - 1;

	memcpy(name, *names, used);
	name[used] = '\0';
	*names += len + ((*names)[len] == ':');
}

void io_inherit_open(struct io_inherit *inherit)
{
	const char *names = getenv("LISTEN_FDNAMES");
	uint32_t count = listen_count();

	inherit->count = 0;
	inherit->sockets = calloc(count + 1, sizeof(*inherit->sockets));
	if (names == NULL)
		names = "";
	for (uint32_t i = 0; i < count && inherit->sockets != NULL; i++) {
		char name[IO_NOTIFY_NAME_CAP];

		next_name(&names, name);
		add(inherit, FIRST + (int)i, name);
	}
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
}

/* ------------------------------------------------------------- take */

static bool fits(const struct io_inherited *socket,
		 const struct io_wanted *wanted, bool by_name)
{
	if (socket->fd < 0 || socket->kind != wanted->kind || socket->wide)
		return false;
	if (by_name && strcmp(socket->name, wanted->name) != 0)
		return false;
	if (wanted->kind == INHERITED_PATH)
		return strcmp(socket->path, wanted->path) == 0;
	if (!ip_addr_equal(&socket->local.addr, &wanted->local.addr))
		return false;
	if (wanted->local.port == 0)
		return by_name;
	return socket->local.port == wanted->local.port;
}

static struct io_inherited *find(struct io_inherit *inherit,
				 const struct io_wanted *wanted, bool by_name)
{
	for (uint32_t i = 0; i < inherit->count; i++) {
		if (fits(&inherit->sockets[i], wanted, by_name))
			return &inherit->sockets[i];
	}
	return NULL;
}

int io_inherit_take(struct io_inherit *inherit, const struct io_wanted *wanted,
		    uint16_t *ret_port)
{
	struct io_inherited *socket = find(inherit, wanted, true);
	int fd;

	if (socket == NULL)
		socket = find(inherit, wanted, false);
	if (socket == NULL)
		return -1;
	fd = socket->fd;
	if (socket->kind != INHERITED_DATAGRAM && io_listen_resume(fd) != 0)
		return -1;
	if (ret_port != NULL)
		*ret_port = socket->local.port;
	socket->fd = -1;
	return fd;
}

void io_inherit_close(struct io_inherit *inherit,
		      const struct io_notify *notify)
{
	for (uint32_t i = 0; i < inherit->count; i++) {
		struct io_inherited *socket = &inherit->sockets[i];
		char text[ENDPOINT_TEXT_CAP];

		if (socket->fd < 0)
			continue;
		log_warning("event=fd_unused socket=%s local=%s text=\"%s; it "
			    "was closed\"",
			    socket->name,
			    socket->kind == INHERITED_PATH
				    ? socket->path
				    : endpoint_format(&socket->local, text),
			    socket->wide
				    ? "this socket was passed on, but takes "
				      "IPv4 too: set BindIPv6Only=ipv6-only"
				    : "this socket was passed on, but nothing "
				      "is configured for its address");
		close(socket->fd);
		if (strchr(socket->name, ':') == NULL)
			io_notify_forget(notify, socket->name);
	}
	free(inherit->sockets);
	inherit->sockets = NULL;
	inherit->count = 0;
}
