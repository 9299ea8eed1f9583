/* SPDX-License-Identifier: ISC */
/*
 * Capacities that more than one layer must agree on. A limit that only one
 * module knows lives in that module's header.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <assert.h>

enum {
	MTU_MIN = 1280,     /* IPv6 */
	MTU_DEFAULT = 1420, /* 1500 - 40 - 8 - 32 */
	MTU_MAX = 9000,

	TUNNELS_MAX = 16,
	PEERS_MAX = 1024,        /* in a tunnel */
	ALLOWED_IPS_MAX = 16384, /* in a tunnel */
	TUNNEL_ADDRESSES_MAX = 8,
	DNS_SERVERS_MAX = 4,
	DNS_SEARCH_MAX = 6,
	ZONE_NAMES_MAX = 1024, /* in a tunnel's table */
	FORWARDS_MAX = 1024,
	FORWARD_ALLOW_MAX = 16,

	NAME_CAP = 256,  /* a DNS name in text, with NUL */
	LABEL_CAP = 64,  /* the name of a tunnel or forward, with NUL */
	PATH_CAP = 1024, /* a file's path, with NUL */
	SOCKET_PATH_CAP = 108,

	NAME_ADDRESSES_MAX = 16, /* of one name: used, or served */
};

static_assert(MTU_MIN <= MTU_DEFAULT && MTU_DEFAULT <= MTU_MAX, "MTU order");

#endif
