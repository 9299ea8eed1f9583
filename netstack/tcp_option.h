/* SPDX-License-Identifier: ISC */
/*
 * Options of connections, as sets that are shared.
 *
 * Theory of operation: a program uses a handful of different settings for
 * thousands of connections. So a connection has only the number of its set, and
 * sets are counted: setting an option means to find the set that is the old one
 * but for that option, or to make it. Set 0 is the stack's configuration.
 */
#ifndef NETSTACK_TCP_OPTION_H
#define NETSTACK_TCP_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/netstack.h"

struct tcp_conn;

enum { TCP_OPTION_SETS = 64 };

struct tcp_option_set {
	uint64_t value[TCP_OPTIONS];
	uint32_t users; /* connections; of set 0 not counted */
};

void tcp_options_init(struct netstack *ns);
/* A connection takes over the options of another one, or lets its own go. */
void tcp_options_inherit(struct netstack *ns, struct tcp_conn *conn,
			 const struct tcp_conn *from);
void tcp_options_release(struct netstack *ns, struct tcp_conn *conn);

#endif
