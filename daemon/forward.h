/* SPDX-License-Identifier: ISC */
/*
 * One forward or expose: a mapping while it is in use, its counters and the
 * address that worked last. Owner: the proxy, as a slot of its table; a slot
 * keeps its number until the last connection has gone, also after the forward
 * was removed.
 */
#ifndef DAEMON_FORWARD_H
#define DAEMON_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "config/mapping.h"
#include "daemon/reason.h"
#include "netstack/netstack.h"

struct tunnel;

enum forward_slot {
	FORWARD_FREE,
	FORWARD_ACTIVE,
	FORWARD_RETIRED, /* removed; its connections may end by themselves */
};

struct forward {
	enum forward_slot slot;
	struct mapping mapping;
	struct tunnel *tunnel;
	uint16_t port;  /* what it listens on now; 0 = nothing, or a path */
	bool listening; /* the port is ours */
	struct ns_handle listener; /* of an expose that listens */
	bool draining;             /* takes no new clients, as asked for */
	uint64_t cut_at;   /* awake time, while draining; NEVER: no limit */
	enum reason down;  /* why clients are refused; REASON_NONE: they are
			    * not */
	uint32_t probe;    /* of the target, PROBE_NONE: none (watch.h) */
	uint64_t probe_at; /* awake time, while it is down */
	uint64_t probe_delay;
	struct ip_addr sticky; /* IP_NONE until a connect worked */
	uint32_t connections;
	uint64_t accepted;
	uint64_t bytes_up, bytes_down; /* of connections that have ended */
	enum reason last;              /* how the last failed one failed */
	uint64_t ended[REASONS];
	uint64_t connected;        /* of those accepted */
	uint64_t refused[REASONS]; /* of those in ended: never connected */
	struct histogram connect;  /* from accept to connected */
};

/* Whether the mapping lets this client in; Unix clients have no address and
 * are let in by the socket's mode. */
bool forward_allows(const struct forward *forward, const struct ip_addr *from);

/* Counts a connection that ended for the reason, or one that never came to be.
 */
void forward_count_end(struct forward *forward, enum reason reason);
void forward_count_refused(struct forward *forward, enum reason reason);

/* "listening", "paused", "failed" or "draining". */
const char *forward_state_word(const struct forward *forward);

#endif
