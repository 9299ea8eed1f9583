/* SPDX-License-Identifier: ISC */
/*
 * One text from a file with its key and place, and the readers of values that
 * both formats have. Each reader returns 0, or a -ERR_* code with the error
 * reported. Private to config/.
 */
#ifndef CONFIG_SCALAR_H
#define CONFIG_SCALAR_H

#include "config/draft.h"

struct scalar {
	struct config_report *report;
	struct mark mark;
	const char *key; /* as the format writes it: "MTU", "mtu" */
	const char *text;
};

/* "mtu: \"9\" is not EXPECTED" at the scalar's place; returns -ERR_INVALID. */
int scalar_expected(const struct scalar *scalar, const char *expected);

int scalar_number(const struct scalar *scalar, uint32_t min, uint32_t max,
		  uint32_t *ret_value);
int scalar_port(const struct scalar *scalar, uint16_t *ret_port);
int scalar_mtu(const struct scalar *scalar, uint16_t *ret_mtu);
/* Seconds; "off" is 0. */
int scalar_keepalive(const struct scalar *scalar, uint16_t *ret_seconds);
/* Never quotes the text: it may be a secret. */
int scalar_key(const struct scalar *scalar, struct key *ret_key);
int scalar_endpoint(const struct scalar *scalar,
		    struct config_endpoint *ret_endpoint);
int scalar_prefix(const struct scalar *scalar, struct prefix *ret_prefix);

/* An address that a host can have: no multicast, loopback or 0.0.0.0. */
int scalar_host_address(const struct scalar *scalar, struct ip_addr *ret_addr);

/* Each adds one item to the tunnel's list. */
int scalar_add_address(const struct scalar *scalar,
		       struct config_tunnel *tunnel);
int scalar_add_dns(const struct scalar *scalar, struct config_tunnel *tunnel);
int scalar_add_search(const struct scalar *scalar,
		      struct config_tunnel *tunnel);

#endif
