/* SPDX-License-Identifier: ISC */
/*
 * Life as a service: what the service manager is told, and when. Everything
 * here happens in the turn; without a manager it costs nothing.
 *
 * READY follows the first turn: the configuration is good and what can listen
 * listens. It does not wait for a tunnel: a laptop without a network must not
 * hang at boot.
 */
#ifndef DAEMON_IO_SERVICE_H
#define DAEMON_IO_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/io_notify.h"

struct io_loop;

/* Owner: the loop. */
struct io_service {
	struct io_notify notify;
	bool ready;         /* READY was sent, for this start or reload */
	bool stopping;      /* STOPPING was sent */
	bool status_due;    /* a turn passed since the status was made */
	uint64_t status_at; /* awake time: not before */
};

void io_service_open(struct io_loop *io);
void io_service_close(struct io_loop *io);

/* A reload begins. When it has ended, good or bad, the next turn says READY
 * once more. */
void io_service_reloading(struct io_loop *io);

void io_service_turn(struct io_loop *io);
uint64_t io_service_deadline(const struct io_loop *io); /* awake time */

#endif
