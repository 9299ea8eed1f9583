/* SPDX-License-Identifier: ISC */
/* A tunnel's peers as configured. Private to daemon/tunnel*.c. */
#ifndef DAEMON_TUNNEL_PEERS_H
#define DAEMON_TUNNEL_PEERS_H

#include "daemon/tunnel.h"

uint32_t tunnel_allowed_count(const struct config_tunnel *config);

/* With its endpoint and allowed ips. 0 or -ERR_*. */
int tunnel_add_peer(struct tunnel *tunnel, const struct clock *now,
		    const struct config_peer *config);

#endif
