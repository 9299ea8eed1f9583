/* SPDX-License-Identifier: ISC */
/* The requests, and what they share. Private to daemon/control*.c. */
#ifndef DAEMON_CONTROL_OPS_H
#define DAEMON_CONTROL_OPS_H

#include "daemon/control.h"
#include "daemon/io_loop.h"

/* Elements of a list in one reply. A forward with the longest names and all its
 * prefixes takes 2 KiB of the 64 KiB of a line. */
enum { CONTROL_PAGE = 25 };

/* control_show.c, control_forwards.c, control_tunnels.c: what there is */
bool control_version(struct io_loop *io, struct control_call *call);
bool control_status(struct io_loop *io, struct control_call *call);
bool control_connections(struct io_loop *io, struct control_call *call);
bool control_list(struct io_loop *io, struct control_call *call);
bool control_peers(struct io_loop *io, struct control_call *call);

/* control_change.c: what is changed */
bool control_add(struct io_loop *io, struct control_call *call);
bool control_rm(struct io_loop *io, struct control_call *call);
bool control_kill(struct io_loop *io, struct control_call *call);
bool control_drain(struct io_loop *io, struct control_call *call);
bool control_reload(struct io_loop *io, struct control_call *call);

/* control_try.c: what is tried */
bool control_why(struct io_loop *io, struct control_call *call);
bool control_resolve(struct io_loop *io, struct control_call *call);
bool control_ping(struct io_loop *io, struct control_call *call);

static inline json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static inline void set(json_t *object, const char *member, json_t *value)
{
	json_object_set_new(object, member, value);
}

/* Seconds since 1970 of a moment on another clock. */
static inline json_t *wall_seconds(const struct io_loop *io, uint64_t then,
				   uint64_t now)
{
	return number((io->now.wall - (now - then)) / NS_PER_S);
}

/* A forward, a tunnel as the protocol shows them; a new reference. */
json_t *control_forward(const struct io_loop *io, uint32_t slot);
json_t *control_tunnel(const struct io_loop *io, uint32_t slot);

/* The active forward that the text means: its name, its port, or what it
 * listens on. FORWARD_SLOTS with the request failed. */
uint32_t control_find_forward(struct io_loop *io, struct control_call *call,
			      const char *text);
/* The tunnel named; with NULL the only one. NULL with the request failed. */
struct tunnel *control_find_tunnel(struct io_loop *io,
				   struct control_call *call, const char *name);

#endif
