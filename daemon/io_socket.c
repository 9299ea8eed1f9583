/* SPDX-License-Identifier: ISC */
#include "daemon/io_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"

socklen_t io_sockaddr(const struct endpoint *endpoint,
		      struct sockaddr_storage *ret_sockaddr)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_sockaddr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_sockaddr;

	memset(ret_sockaddr, 0, sizeof(*ret_sockaddr));
	if (endpoint->addr.family == IP_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		memcpy(&v4->sin_addr, endpoint->addr.bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	v6->sin6_scope_id = endpoint->scope;
	memcpy(&v6->sin6_addr, endpoint->addr.bytes, 16);
	return sizeof(*v6);
}

struct endpoint io_endpoint(const struct sockaddr_storage *sockaddr)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sockaddr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sockaddr;
	struct endpoint endpoint = {.port = 0};

	if (sockaddr->ss_family == AF_INET) {
		uint8_t bytes[4];

		memcpy(bytes, &v4->sin_addr, sizeof(bytes));
		endpoint.addr = ip_addr_v4(bytes);
		endpoint.port = ntohs(v4->sin_port);
	} else if (sockaddr->ss_family == AF_INET6) {
		endpoint.addr = ip_addr_v6(v6->sin6_addr.s6_addr);
		endpoint.port = ntohs(v6->sin6_port);
		endpoint.scope = v6->sin6_scope_id;
	}
	return endpoint;
}

int io_socket(int family, int type)
{
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void io_socket_hint(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

int io_error(int err)
{
	switch (-err) {
	case 0:
		return 0;
	case EADDRINUSE:
	case EEXIST:
		return -ERR_EXISTS;
	case EACCES:
	case EPERM:
		return -ERR_PERMISSION;
	case ENOENT:
		return -ERR_NOT_FOUND;
	case ENOMEM:
		return -ERR_NO_MEMORY;
	default:
		return -ERR_IO;
	}
}
