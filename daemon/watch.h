/* SPDX-License-Identifier: ISC */
/*
 * The watch over forwards: a target that is known to be down refuses clients at
 * the port itself, so that those who know several hosts go on to the next one
 * (libpq does so when it is refused, not when an accepted connection is cut).
 *
 *   a connect failed because the tunnel is down, the name is gone, nothing
 *   routes there, or the target refused       -> down, with the reason
 *   the tunnel's handshakes go unanswered     -> all its forwards are down
 *   a session came up                         -> those are up again
 *   a probe of the target succeeds, or fails
 *   in a way that says nothing certain        -> up again
 *
 * What is down is tried again, after 1 s, then less and less often up to every
 * 10 s: no client can do it for us, the kernel refuses them unseen.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdint.h>

#include "daemon/proxy.h"

/* A connect through the forward ended so; REASON_NONE: it worked. */
void watch_connect(struct proxy *proxy, const struct clock *now, uint32_t slot,
		   enum reason reason);

/* Once per turn, after the events: starts and ends probes. */
void watch_turn(struct proxy *proxy, const struct clock *now);
uint64_t watch_deadline(const struct proxy *proxy); /* awake time */

/* Ends the forward's probe: it is removed or changed. */
void watch_forget(struct proxy *proxy, const struct clock *now, uint32_t slot);

#endif
