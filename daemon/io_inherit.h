/* SPDX-License-Identifier: ISC */
/*
 * Sockets that the program was started with: sd_listen_fds_with_names(3)
 * without libsystemd. They come from a socket unit, or are the daemon's own of
 * before a restart (io_notify_store()).
 *
 * A socket is used where the configuration wants exactly its address, and
 * never widens what the configuration says: the name decides only between
 * several that fit, and where the port is any. Names have a prefix for their
 * kind, "forward-" or "tunnel-", before the name of the forward or tunnel.
 */
#ifndef DAEMON_IO_INHERIT_H
#define DAEMON_IO_INHERIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/limits.h"
#include "daemon/io_notify.h"

enum io_inherited_kind {
	INHERITED_STREAM, /* listens; TCP */
	INHERITED_DATAGRAM,
	INHERITED_PATH, /* listens; a Unix socket with a path */
};

struct io_inherited {
	int fd; /* -1: taken */
	enum io_inherited_kind kind;
	struct endpoint local;      /* not of INHERITED_PATH */
	bool wide;                  /* [::] that takes IPv4, too */
	char path[SOCKET_PATH_CAP]; /* of INHERITED_PATH */
	char name[IO_NOTIFY_NAME_CAP];
	dev_t device; /* with the inode: the socket itself */
	ino_t inode;
};

/* Owner: the service. */
struct io_inherit {
	struct io_inherited *sockets; /* owned */
	uint32_t count;
};

/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES and clears them. What is no
 * listening TCP or Unix socket and no UDP socket is closed with a warning. */
void io_inherit_open(struct io_inherit *inherit);

/* What is wanted: any port with port 0. */
struct io_wanted {
	const char *name; /* with its prefix */
	enum io_inherited_kind kind;
	struct endpoint local; /* not of INHERITED_PATH */
	const char *path;      /* of INHERITED_PATH */
};

/* Gives a socket away: its descriptor, non-blocking, or -1. A socket that was
 * listening listens, also when it was paused. *ret_port, unless NULL, is the
 * port that it has. */
int io_inherit_take(struct io_inherit *inherit, const struct io_wanted *wanted,
		    uint16_t *ret_port);

/* Closes what nobody wanted, here and with the manager, with a warning. */
void io_inherit_close(struct io_inherit *inherit,
		      const struct io_notify *notify);

#endif
