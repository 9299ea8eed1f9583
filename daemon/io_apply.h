/* SPDX-License-Identifier: ISC */
/*
 * A configuration comes into force: at start, as a whole on reload, and one
 * forward at a time from the control socket.
 *
 * Reload is all or nothing: what is new is opened and bound first, and only
 * when everything worked is the old let go. An unchanged forward keeps its
 * listener and connections; a removed one closes its listener, its connections
 * end by themselves. Keys, peers and name servers of a tunnel change in place.
 * A tunnel whose addresses, MTU or listen port changed is replaced, which cuts
 * its connections.
 */
#ifndef DAEMON_IO_APPLY_H
#define DAEMON_IO_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct io_loop;

/* Takes the configuration over as io->config, which stays the caller's memory;
 * its keys are wiped. A port that is taken is tried again later, unless strict.
 * 0 or -ERR_*, logged. */
int io_apply_start(struct io_loop *io, struct config *config, bool strict);

struct io_apply_count {
	uint32_t added, removed, changed, unchanged;
};

/* Opens one tunnel, inside and outside. 0 with its slot, or -ERR_*. */
int io_apply_tunnel(struct io_loop *io, const struct config_tunnel *config,
		    uint32_t *ret_slot);

/* One forward more, checked against all that is there. 0 with its slot, when it
 * listens and is kept; or, with the reason in message, -ERR_INVALID,
 * -ERR_EXISTS (the port is taken), -ERR_PERMISSION, -ERR_STATE (it cannot be
 * kept), -ERR_*, and nothing has changed. */
int io_apply_add(struct io_loop *io, const struct mapping *mapping,
		 uint32_t *ret_slot, char message[CONFIG_MESSAGE_CAP]);
/* An active forward less; its connections live on. 0 or -ERR_STATE: then it is
 * still there. */
int io_apply_remove(struct io_loop *io, uint32_t slot);

/* What a reload did; or, in message, why nothing was done. */
struct io_apply_result {
	struct io_apply_count forwards, tunnels;
	char message[CONFIG_MESSAGE_CAP];
};

#endif
