/* SPDX-License-Identifier: ISC */
/*
 * The local socket of one relay: accepted, or connected to a local target.
 *
 * Happy path: the poll callback stores what the socket is ready for and puts
 * the relay on the work list; io_client_service(), once per turn, writes what
 * came from upstream straight from the netstack's memory, reads straight into
 * the send chain, and sets what to poll for next. Nothing is polled for that
 * could not be used, so back-pressure is simply not reading.
 *
 * Failure modes: a socket error or hang-up dooms the relay with client_reset;
 * a doomed relay's socket is closed here at the end of its service, with RST
 * unless the stream was complete.
 */
#ifndef DAEMON_IO_CLIENT_H
#define DAEMON_IO_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io_owner.h"

struct io_loop;

struct io_client {
	struct io_owner owner;
	uv_poll_t poll;
	struct io_loop *io;
	uint32_t relay; /* same index as the client's own */
	int fd;
	int interest;    /* UV_* bits polled for now */
	bool readable;   /* as far as we know: until a read says EAGAIN */
	bool blocked;    /* the socket took less than we had */
	bool hung_up;    /* both directions are closed: never poll again */
	bool failed;     /* the socket has an error */
	bool connecting; /* to a local target, see io_connect.h */
};

/* Takes the descriptor over for the relay of the same index; -1: it has none,
 * and is doomed. */
void io_client_open(struct io_client *client, struct io_loop *io,
		    uint32_t relay, int fd);
void io_client_service(struct io_client *client);

/* Closes a socket so that the other side sees RST. */
void io_close_with_reset(int fd);

#endif
