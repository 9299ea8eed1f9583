/* SPDX-License-Identifier: ISC */
/*
 * The control socket: clients, their lines and their limits
 * (doc/control-protocol.md).
 *
 * Happy path: the poll callback marks the client; once per turn its lines are
 * read, answered in order, and the replies written.
 *
 * Failure modes: too many clients, a line that is too long or too slow, and a
 * client that does not take its replies are told if that is possible and cut.
 * Each client costs bounded memory and at most one request per turn, and all of
 * them together CONTROL_RATE requests per second: who asks for more waits, and
 * forwarding does not wait for any of them. Without a socket the daemon runs
 * and says so.
 */
#ifndef DAEMON_IO_CONTROL_H
#define DAEMON_IO_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/limits.h"
#include "ctl/line.h"
#include "daemon/control.h"
#include "daemon/io_owner.h"

enum { CONTROL_CLIENTS_MAX = 16, CONTROL_RATE = 500, CONTROL_BURST = 100 };

struct io_loop;

struct io_control_client {
	struct io_owner owner;
	struct io_loop *io;
	int fd; /* -1: the place is free */
	uv_poll_t poll;
	bool gone;     /* closing is under way */
	bool readable; /* as far as we know */
	bool last;     /* nothing more is read: cut once the reply is out */
	bool busy;     /* the call below is not answered yet */
	int interest;  /* UV_* bits polled for */
	struct ctl_lines lines;
	struct control_call call;
	char *reply; /* owned; NULL: none waits */
	size_t reply_len, reply_sent;
	uint64_t deadline; /* awake time, for what is expected next */
};

/* Owner: the loop. */
struct io_control {
	struct io_owner owner; /* of the listener */
	struct io_loop *io;
	int fd; /* -1: there is none */
	uv_poll_t poll;
	char path[SOCKET_PATH_CAP];
	bool group_only; /* the group decides who may come in */
	bool inherited;  /* from the service manager, to whom it belongs */
	bool waiting;    /* somebody knocks */
	bool starved;    /* a request waits for its turn in the rate */
	uint64_t paid;   /* awake time up to which requests are paid for */
	unsigned first;  /* client that is served first in this turn */
	struct io_control_client clients[CONTROL_CLIENTS_MAX];
};

/* Makes the socket, mode 0660, for the group if one is named. What goes wrong
 * is logged; the daemon then runs without. */
void io_control_open(struct io_loop *io, const char *path, const char *group);
void io_control_close(struct io_loop *io);

void io_control_turn(struct io_loop *io);
uint64_t io_control_deadline(const struct io_loop *io); /* awake time */

#endif
