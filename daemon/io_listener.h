/* SPDX-License-Identifier: ISC */
/*
 * The listening sockets of one forward: one, or 127.0.0.1 and ::1 as one unit.
 *
 * Happy path: bound at start and logged; the poll callback puts the listener on
 * the accepting list; the turn accepts up to a budget and hands each client to
 * a relay.
 *
 * Failure modes: a port that is taken on either loopback address fails the
 * unit (another user's process there would receive our users' passwords) and is
 * tried again with back-off; a machine without IPv6 is only worth a warning;
 * without free relays or descriptors nothing is polled, the kernel's backlog
 * holds the clients.
 */
#ifndef DAEMON_IO_LISTENER_H
#define DAEMON_IO_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io_owner.h"

struct io_loop;

struct io_listener_socket {
	int fd; /* -1: not open */
	uv_poll_t poll;
};

struct io_listener {
	struct io_owner owner;
	struct io_loop *io;
	uint32_t forward;
	struct io_listener_socket sockets[2];
	unsigned socket_count; /* open now; 0 = the port is not ours */
	bool ready;            /* on the accepting list */
	struct io_listener *next;
	uint64_t retry_at; /* awake time, while socket_count is 0 */
	uint64_t backoff;
	uint64_t refused_logged; /* awake time of the last line about limits */
};

void io_listener_init(struct io_listener *listener, struct io_loop *io,
		      uint32_t forward);

/* Binds and listens, and logs the outcome. 0 or -ERR_EXISTS (port taken),
 * -ERR_PERMISSION, -ERR_IO; then io_listener_retry() tries again in time. */
int io_listener_open(struct io_listener *listener);
void io_listener_retry(struct io_listener *listener);

/* Starts or stops waiting for clients. */
void io_listener_poll(struct io_listener *listener, bool accept);

/* Accepts what waits, within the turn's budget. */
void io_listener_accept(struct io_listener *listener);

void io_listener_close(struct io_listener *listener);

#endif
