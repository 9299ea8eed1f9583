/* SPDX-License-Identifier: ISC */
/*
 * A configuration comes into force: at start, as a whole on reload, and one
 * forward at a time from the control socket.
 *
 * Reload is all or nothing: what is new is opened and bound first, and only
 * when everything worked is the old let go. An unchanged forward keeps its
 * listener and connections; a removed one closes its listener, its connections
 * end by themselves. A tunnel whose addresses or MTU changed is replaced, which
 * cuts its connections: their addresses are gone.
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

/* What a reload did; or, in message, why nothing was done. */
struct io_apply_result {
	struct io_apply_count forwards, tunnels;
	char message[CONFIG_MESSAGE_CAP];
};

/* Moves *next to *io->config, and keeps forwards that were added while running.
 * On failure *next is freed and nothing has changed: -ERR_INVALID, -ERR_EXISTS
 * (a port is taken), -ERR_PERMISSION, -ERR_IO, -ERR_NO_MEMORY. */
int io_apply_reload(struct io_loop *io, struct config *next,
		    struct io_apply_result *ret_result);

#endif
