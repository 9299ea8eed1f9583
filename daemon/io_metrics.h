/* SPDX-License-Identifier: ISC */
/*
 * What only the edge can tell the metrics: the process, its clocks, its turns.
 * Files of the system are opened at start, before the sandbox.
 */
#ifndef DAEMON_IO_METRICS_H
#define DAEMON_IO_METRICS_H

#include <stdbool.h>

#include "daemon/clock.h"
#include "daemon/metrics.h"

struct io_loop;

enum { IO_LIBRARIES_CAP = 96 };

/* Owner: the loop. */
struct io_metrics {
	struct metrics_edge edge;
	struct histogram turns;
	struct clock before; /* of the last turn */
	char libraries[IO_LIBRARIES_CAP];
	int descriptors, memory; /* of /proc/self; -1: not there */
};

void io_metrics_open(struct io_metrics *metrics, const struct clock *now);
/* One that was loaded since. */
void io_metrics_add_library(struct io_metrics *metrics, const char *name,
			    const char *version);
void io_metrics_close(struct io_metrics *metrics);

/* Around each turn. */
void io_metrics_turn_begins(struct io_metrics *metrics,
			    const struct clock *now);
void io_metrics_turn_ends(struct io_metrics *metrics, uint64_t awake);

/* metrics_write() for this program. */
int io_metrics_write(struct io_loop *io, struct metrics_text *text);

#endif
