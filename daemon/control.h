/* SPDX-License-Identifier: ISC */
/*
 * The daemon's side of the control protocol (doc/control-protocol.md): one
 * request in, one reply out, without sockets. Whatever cannot be answered at
 * once is looked at again in each turn; nothing here waits.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "ctl/message.h"
#include "daemon/probe.h"

struct io_loop;
struct control_call;

/* Works on a call: false = not answered yet. */
typedef bool control_step(struct io_loop *io, struct control_call *call);

/* One request under way. Owner: the client's connection. */
struct control_call {
	struct ctl_request request;
	control_step *step; /* NULL: answered */
	json_t *result;     /* owned */
	/* Of why, resolve and ping. */
	char name[NAME_CAP];
	char tunnel[LABEL_CAP];
	uint32_t probe;    /* PROBE_NONE: none */
	uint64_t started;  /* awake time */
	uint64_t deadline; /* awake time; NEVER: none */
};

/* Takes a request and works on it. Returns whether it is answered. */
bool control_begin(struct io_loop *io, struct control_call *call,
		   const char *line, size_t len);
bool control_continue(struct io_loop *io, struct control_call *call);

/* The reply to an answered call, a line to be freed; NULL: no memory. Ends the
 * call. */
char *control_reply(struct io_loop *io, struct control_call *call);
/* The client has gone. */
void control_cancel(struct io_loop *io, struct control_call *call);

#endif
