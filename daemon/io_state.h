/* SPDX-License-Identifier: ISC */
/* When state is read and written (daemon/state.h). */
#ifndef DAEMON_IO_STATE_H
#define DAEMON_IO_STATE_H

#include <stdint.h>

#include "config/config.h"

struct io_loop;

/* Adds the forwards that were kept to the configuration. */
void io_state_open(struct io_loop *io, struct config *config);
void io_state_close(struct io_loop *io);

/* The greatest stamp that the tunnel's key has ever sent, 0 = not known. */
uint64_t io_state_stamp(struct io_loop *io, const struct config_tunnel *config);

/* Once per turn: new stamps go to the disk, at most once per second. They need
 * not be flushed: a process that dies does not take them along, and a machine
 * that dies comes back with its clock. */
void io_state_turn(struct io_loop *io);
uint64_t io_state_deadline(const struct io_loop *io); /* awake time */

#endif
