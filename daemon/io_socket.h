/* SPDX-License-Identifier: ISC */
/* The system's socket addresses and our endpoints. */
#ifndef DAEMON_IO_SOCKET_H
#define DAEMON_IO_SOCKET_H

#include <sys/socket.h>

#include "base/addr.h"

/* Returns the length used of ret_sockaddr. */
socklen_t io_sockaddr(const struct endpoint *endpoint,
		      struct sockaddr_storage *ret_sockaddr);

/* Family IP_NONE for anything that is not IPv4 or IPv6. */
struct endpoint io_endpoint(const struct sockaddr_storage *sockaddr);

/* A non-blocking, close-on-exec socket; -1 with errno. */
int io_socket(int family, int type);

/* -ERR_* for a system call's -errno. */
int io_error(int err);

/* Integer option, errors ignored: for hints only. */
void io_socket_hint(int fd, int level, int option, int value);

#endif
