/* SPDX-License-Identifier: ISC */
/*
 * What a configuration means as a whole: names, references, and whether a
 * forward can work at all. Private to config/.
 */
#ifndef CONFIG_CONFIG_CHECK_H
#define CONFIG_CONFIG_CHECK_H

#include "config/draft.h"

/* Each returns 0, or -ERR_INVALID with the first error reported. */

/* Drops peers that are ourselves, with a warning. */
int check_tunnels(struct draft *draft);

/* Looks at the forwards from first on, against all others, and gives names to
 * those without. */
int check_forwards(struct draft *draft, uint32_t first);

/* Whether the tunnel can carry packets to addr. */
enum reach {
	REACH_OK,
	REACH_NO_ADDRESS, /* the tunnel has no address of that family */
	REACH_NO_PEER,    /* in no peer's allowed ips */
};

enum reach tunnel_reach(const struct config_tunnel *tunnel,
			const struct ip_addr *addr);

#endif
