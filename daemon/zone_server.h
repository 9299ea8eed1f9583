/* SPDX-License-Identifier: ISC */
/*
 * Answers DNS for a tunnel's zone at port 53 of the tunnel's own addresses, by
 * UDP and TCP (RFC 7766), without I/O.
 *
 * Who asks is a peer: WireGuard vouches for its address, so there is no limit
 * per source. By TCP a message at a time is read and answered; a client that
 * completes none for ten seconds is cut, and so is the one that has waited
 * longest when a new one finds no place.
 */
#ifndef DAEMON_ZONE_SERVER_H
#define DAEMON_ZONE_SERVER_H

#include "base/time.h"
#include "netstack/netstack.h"
#include "netstack/zone.h"

enum {
	ZONE_PORT = 53,
	ZONE_CLIENTS_MAX = 64, /* by TCP */
	/* A longer question by TCP ends the connection; by UDP it is cut, and
	 * malformed then. */
	ZONE_QUERY_MAX = ZONE_ANSWER_MAX,
};

#define ZONE_IDLE_NS (10 * NS_PER_S)

struct zone_client;

/* Owner: the tunnel. All zero: there is no zone. */
struct zone_server {
	struct netstack *ns; /* NULL: not open */
	struct zone *zone;   /* owned */
	struct ns_handle udp, listener;
	struct zone_client *clients; /* owned, ZONE_CLIENTS_MAX */
	uint32_t client_count;
	uint32_t unfinished; /* clients that have more to be read at once */
	uint64_t accepted;   /* TCP connections so far */
};

/* origin: the zone's name. 0; -ERR_EXISTS: somebody listens there;
 * -ERR_INVALID, -ERR_FULL, -ERR_NO_MEMORY; then nothing is left to close. */
int zone_server_open(struct zone_server *server, struct netstack *ns,
		     const char *origin);
/* Idempotent. With its sockets; or when the netstack is gone with all of them.
 */
void zone_server_close(struct zone_server *server, uint64_t now);
void zone_server_free(struct zone_server *server);

/* An event of a socket with TAG_ZONE. */
void zone_server_event(struct zone_server *server, uint64_t now,
		       const struct ns_event *event);
uint64_t zone_server_deadline(const struct zone_server *server);
void zone_server_expire(struct zone_server *server, uint64_t now);

#endif
