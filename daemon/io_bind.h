/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets of one listen address: one, or 127.0.0.1 and ::1 as one
 * unit.
 *
 * A port that is taken on either loopback address fails the unit: another
 * user's process there would receive our users' passwords. A machine without
 * IPv6 is no failure. A socket path that nobody answers on is left over from a
 * crash and is taken over.
 */
#ifndef DAEMON_IO_BIND_H
#define DAEMON_IO_BIND_H

#include <stdint.h>

#include "config/mapping.h"

struct io_inherit;

enum { KEPT_NAME_CAP = LABEL_CAP + 8 };

struct io_bound {
	int fds[2];    /* -1: not open */
	uint16_t port; /* what it is, when the system chose */
	/* The service manager has copies under this name; "": it has none. */
	char kept_as[KEPT_NAME_CAP];
};

/* Sockets that the program was started with go before new ones. */
struct io_bind_source {
	struct io_inherit *inherit;
	char name[KEPT_NAME_CAP]; /* of the sockets that are meant */
};

/* Binds and listens. 0, or -errno with nothing open. source may be NULL. */
int io_bind(const struct listen_spec *spec, const struct io_bind_source *source,
	    struct io_bound *ret_bound);
/* The path of a socket that the manager keeps stays. */
void io_bound_close(struct io_bound *bound, const struct listen_spec *spec);

/* A free port near the one wanted, or 0. */
uint16_t io_free_port(const struct listen_spec *listen);

/* A TCP listener keeps its port but the kernel refuses clients, and later takes
 * them again: 0 or -errno. */
void io_listen_pause(int fd);
int io_listen_resume(int fd);

#endif
