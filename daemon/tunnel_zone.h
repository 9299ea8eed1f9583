/* SPDX-License-Identifier: ISC */
/*
 * The zone that a tunnel serves: which names are in it. Those of the exposes
 * have the tunnel's own addresses, the others stand in the configuration.
 */
#ifndef DAEMON_TUNNEL_ZONE_H
#define DAEMON_TUNNEL_ZONE_H

#include "config/config.h"
#include "daemon/clock.h"
#include "daemon/zone_server.h"

struct proxy;

/* Owner: the tunnel. All zero: there is none. */
struct tunnel_zone {
	char origin[NAME_CAP];     /* "" = no zone */
	struct config_name *names; /* owned */
	uint32_t name_count;
	bool changed; /* these, or the tunnel's exposes */
	struct zone_server server;
};

/* Takes over what is configured; tunnel_zones_update() makes it so. 0, or
 * -ERR_NO_MEMORY with nothing changed. */
int tunnel_zone_set(struct tunnel_zone *zone, const struct clock *now,
		    const struct config_tunnel *config);
/* No more questions are answered. */
void tunnel_zone_stop(struct tunnel_zone *zone, const struct clock *now);
/* When the netstack is gone. */
void tunnel_zone_free(struct tunnel_zone *zone);

/* An expose came, went or changed. */
void tunnel_zones_changed(struct proxy *proxy);
/* Once a turn: serves the zones whose names have changed. */
void tunnel_zones_update(struct proxy *proxy);

#endif
