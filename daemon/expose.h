/* SPDX-License-Identifier: ISC */
/*
 * Exposes: listeners inside a tunnel, for local services.
 *
 * A SYN is held by the netstack until the local connect has worked, so that a
 * client sees what it would have seen on the spot: silence while the service is
 * slow, RST when it refuses. A client that may not come in is refused with RST,
 * too. When no relay is free, SYNs wait in the listener's backlog.
 */
#ifndef DAEMON_EXPOSE_H
#define DAEMON_EXPOSE_H

#include <stdint.h>

#include "daemon/proxy.h"

/* Listens for the active expose of that slot, and logs the outcome. 0, or
 * -ERR_EXISTS or -ERR_FULL with the forward not listening. */
int expose_open(struct proxy *proxy, uint32_t slot);
/* Idempotent. What waits to be accepted is refused. */
void expose_close(struct proxy *proxy, const struct clock *now, uint32_t slot);
void expose_close_all(struct proxy *proxy, const struct clock *now);

/* Clients wait. */
void expose_accept(struct proxy *proxy, const struct clock *now, uint32_t slot);
/* Those that found no free relay, once there is one again. */
void expose_accept_waiting(struct proxy *proxy, const struct clock *now);

#endif
