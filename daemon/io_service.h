/* SPDX-License-Identifier: ISC */
/*
 * Life as a service: what the service manager is told, and when, and what it
 * keeps for us. Everything here happens in the turn; without a manager it costs
 * nothing.
 *
 * The manager has a copy of every listening socket and of the tunnels' UDP
 * sockets. After a restart they come back (daemon/io_inherit.h): no client is
 * refused in between, it waits in the kernel's backlog.
 *
 * READY follows the first turn: the configuration is good and what can listen
 * listens. It does not wait for a tunnel: a laptop without a network must not
 * hang at boot.
 */
#ifndef DAEMON_IO_SERVICE_H
#define DAEMON_IO_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/io_bind.h"
#include "daemon/io_inherit.h"
#include "daemon/io_notify.h"

struct io_loop;

enum kept_kind { KEPT_FORWARD, KEPT_TUNNEL };

/* Owner: the loop. */
struct io_service {
	struct io_notify notify;
	struct io_inherit inherit; /* until the first turn */
	bool started;              /* that was */
	bool keep_due;   /* a socket is new, or has another name, or is gone */
	bool ready;      /* READY was sent, for this start or reload */
	bool stopping;   /* STOPPING was sent */
	bool status_due; /* a turn passed since the status was made */
	uint64_t status_at; /* awake time: not before */
};

void io_service_open(struct io_loop *io);
void io_service_close(struct io_loop *io);

/* A reload begins. When it has ended, good or bad, the next turn says READY
 * once more. */
void io_service_reloading(struct io_loop *io);

/* The name of a socket with the manager. */
void io_service_name(enum kept_kind kind, const char *label,
		     char name[KEPT_NAME_CAP]);
/* An object that closes its sockets while the program goes on calls this: the
 * manager gives up its copies, kept_as becomes "". */
void io_service_let_go(struct io_loop *io, char kept_as[KEPT_NAME_CAP]);

void io_service_turn(struct io_loop *io);
uint64_t io_service_deadline(const struct io_loop *io); /* awake time */

#endif
