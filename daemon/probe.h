/* SPDX-License-Identifier: ISC */
/*
 * Trying a target on the daemon's own account: a name lookup and a TCP
 * connection that is closed at once. The control socket asks so that it can say
 * why something does not work, the watch over forwards to learn that a target
 * is back.
 *
 * The owner of a probe takes its result and frees it.
 */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/reason.h"
#include "daemon/tunnel.h"

enum { PROBES_MAX = 128 };
#define PROBE_NONE UINT32_MAX

struct probe {
	struct tunnel *tunnel; /* NULL: the place is free */
	bool done;
	uint32_t dial;
	uint64_t started; /* awake time */
	/* The result. */
	enum reason reason; /* REASON_NONE: connected */
	struct endpoint to; /* the address that answered */
	uint64_t took;      /* ns */
};

struct probe_table {
	struct probe probes[PROBES_MAX];
};

/* The probe's number, or PROBE_NONE: too many are under way. The target's user
 * does not count. */
uint32_t probe_start(struct probe_table *table, const struct clock *now,
		     struct tunnel *tunnel, const struct dial_request *target);
void probe_free(struct probe_table *table, const struct clock *now,
		uint32_t probe);

/* The dialer's result for a probe. */
void probe_dialed(struct probe_table *table, const struct clock *now,
		  uint32_t probe, const struct dial_result *result);

/* Ends the probes of a tunnel that closes. */
void probe_forget_tunnel(struct probe_table *table, const struct clock *now,
			 const struct tunnel *tunnel);

#endif
