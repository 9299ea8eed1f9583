/* SPDX-License-Identifier: ISC */
/*
 * Whether the proxy can serve, for those who watch over it.
 *
 * Ready is: not stopping, room for clients, each forward listens, and no tunnel
 * with forwards is down. A tunnel that nobody needed yet is no fault: it comes
 * up with the first client. Nor is a drained forward, which somebody wanted, or
 * one whose target is down: that is for those who ask about the target.
 */
#ifndef DAEMON_HEALTH_H
#define DAEMON_HEALTH_H

#include <stdbool.h>
#include <stdio.h>

#include "daemon/proxy.h"

/* One word for all, then a line for each tunnel and forward. Returns whether it
 * is ready. */
bool health_write(FILE *out, const struct proxy *proxy, const struct clock *now,
		  bool stopping);

#endif
