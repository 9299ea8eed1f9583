/* SPDX-License-Identifier: ISC */
/*
 * When the loop wakes up by itself. libuv counts milliseconds, and what paces a
 * stream would be sent in lumps that overrun queues: waits of a few
 * milliseconds are precise. Longer ones cost no system call.
 */
#ifndef DAEMON_IO_TIMER_H
#define DAEMON_IO_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io_owner.h"

/* Owner: the loop. */
struct io_timer {
	uv_timer_t coarse;
	uv_poll_t precise; /* a timerfd */
	int fd;
	uint64_t set_for; /* monotonic time; 0: the timerfd is not armed */
	bool fired;       /* and can be read */
};

/* The handles are the owner's. */
void io_timer_open(struct io_timer *timer, uv_loop_t *loop,
		   struct io_owner *owner);
void io_timer_close(struct io_timer *timer, struct io_owner *owner);

/* Wakes the loop up `wait` nanoseconds after now, which is monotonic time, or a
 * little later; NEVER: not at all. Replaces what was asked for before. */
void io_timer_set(struct io_timer *timer, uint64_t now, uint64_t wait);

#endif
