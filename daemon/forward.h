/* SPDX-License-Identifier: ISC */
/*
 * One forward: a mapping of the configuration while it is in use, its counters
 * and the address that worked last. Owner: the proxy.
 */
#ifndef DAEMON_FORWARD_H
#define DAEMON_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/mapping.h"
#include "daemon/reason.h"

struct forward {
	struct mapping mapping;
	uint32_t tunnel;       /* index in the proxy's tunnels */
	struct ip_addr sticky; /* IP_NONE until a connect worked */
	uint32_t connections;
	uint64_t accepted;
	uint64_t ended[REASONS];
};

/* Whether the mapping lets this client in; Unix clients have no address and
 * are let in by the socket's mode. */
bool forward_allows(const struct forward *forward, const struct ip_addr *from);

#endif
