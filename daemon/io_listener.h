/* SPDX-License-Identifier: ISC */
/*
 * The listener of one forward, with its sockets (daemon/io_bind.h).
 *
 * Happy path: bound at start and logged; the poll callback puts the listener on
 * the accepting list; the turn accepts up to a budget and hands each client to
 * a relay.
 *
 * Failure modes: a port that cannot be had is tried again with back-off; while
 * the target is known to be down, or the forward drains, the port is kept and
 * the kernel refuses clients (a socket path is accepted and refused here);
 * without free relays or descriptors nothing is polled, the kernel's backlog
 * holds the clients.
 */
#ifndef DAEMON_IO_LISTENER_H
#define DAEMON_IO_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io_bind.h"
#include "daemon/io_owner.h"

struct io_loop;

/* Allocated; frees itself after io_listener_close(). */
struct io_listener {
	struct io_owner owner;
	struct io_loop *io;
	uint32_t forward; /* whom it serves */
	struct listen_spec spec;
	struct io_bound bound;
	uv_poll_t polls[2];
	int error;      /* -errno of the last try to bind */
	bool announced; /* in the log */
	bool paused;    /* the kernel refuses clients */
	bool ready;     /* on the accepting list */
	struct io_listener *next;
	uint64_t retry_at; /* awake time, while it is not open */
	uint64_t backoff;
};

/* Serves nobody yet, and has no sockets. NULL without memory. */
struct io_listener *io_listener_new(struct io_loop *io,
				    const struct listen_spec *spec);

static inline bool io_listener_is_open(const struct io_listener *listener)
{
	return listener->bound.fds[0] >= 0;
}

/* Takes over sockets that were bound for its address. */
void io_listener_take(struct io_listener *listener,
		      const struct io_bound *bound);
/* Serves the forward of that slot, whose listen address is its own, from now
 * on; its sockets stay. */
void io_listener_serve(struct io_listener *listener, uint32_t forward);

/* Why the forward or expose of that slot does not listen. */
const char *io_listener_problem(const struct io_loop *io, uint32_t slot);

/* Binds and listens, and logs the outcome. 0 or -errno; then
 * io_listener_retry() tries again in time. */
int io_listener_open(struct io_listener *listener);
void io_listener_retry(struct io_listener *listener);

/* Polls, rests or refuses, as the loop and the forward now want it. */
void io_listener_update(struct io_listener *listener);

/* Accepts what waits, within the turn's budget. */
void io_listener_accept(struct io_listener *listener);

void io_listener_close(struct io_listener *listener);

#endif
