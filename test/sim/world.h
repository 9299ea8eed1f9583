/* SPDX-License-Identifier: ISC */
/* Two hosts, two links, one virtual clock, and what must be true at the end. */
#ifndef TEST_SIM_WORLD_H
#define TEST_SIM_WORLD_H

#include "host.h"
#include "rival.h"

/* Owner: main(). */
struct world {
	struct scenario scenario;
	struct trace trace;
	struct rng rng;
	struct link link[2]; /* from host i to the other */
	struct host host[2];
	struct rival rival;
	struct app apps[HOST_APPS_MAX];
	unsigned app_count;
	uint64_t now;
	bool healed;
	unsigned turns_at_now;
	uint64_t behind;                 /* see world_stats; 0: not known yet */
	uint64_t settled, rival_settled; /* bytes until settled_at */
};

/* What a run was made of, added up over both hosts. */
struct world_stats {
	double seconds; /* virtual */
	uint64_t packets, lost, corrupted;
	uint64_t bytes; /* of streams, from settled_at on */
	uint64_t rival_bytes;
	uint64_t behind; /* unchecked runs: of the slowest stream when the
			  * first was complete */
	uint64_t counters[NS_COUNTERS];
};

/* Runs a scenario to its end; aborts with sim_fail() when an oracle
 * says no. Returns the hash of everything that happened. */
uint64_t world_run(struct world *world, const struct scenario *scenario,
		   struct world_stats *ret_stats);

#endif
