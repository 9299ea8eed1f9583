/* SPDX-License-Identifier: ISC */
/*
 * What the proxy knows about itself as Prometheus text (exposition format
 * 0.0.4). No input or output: the edge adds what only it knows.
 *
 * Labels come from the configuration and from fixed words only, never from a
 * client or from the network. Series with counters exist from the start, as
 * zero.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "daemon/proxy.h"

/* 0 = not known: left out. */
struct metrics_process {
	uint64_t open_fds, max_fds;
	uint64_t resident_bytes;
	uint64_t started; /* Unix time, ns */
	uint64_t cpu_ns;
};

struct metrics_edge {
	struct metrics_process process;
	const char *version;
	const char *libraries; /* names and versions, for a person */
	const struct histogram *turns;
	uint64_t clock_jumps; /* of the wall clock */
	uint64_t resumes;     /* from suspend */
	bool reload_failed;   /* the last one */
	uint64_t configured;  /* Unix time, ns, of the configuration in force */
};

/* Owner: the caller, who frees data also after a failure. */
struct metrics_text {
	char *data; /* not terminated */
	size_t len, cap;
	bool failed; /* no memory */
};

/* 0 or -ERR_NO_MEMORY. text starts zeroed. */
int metrics_write(struct metrics_text *text, const struct proxy *proxy,
		  const struct clock *now, const struct metrics_edge *edge);

#endif
