/* SPDX-License-Identifier: ISC */
/*
 * Writing Prometheus text: families, their samples, labels with their escapes.
 * Private to the metrics.
 */
#ifndef DAEMON_METRICS_TEXT_H
#define DAEMON_METRICS_TEXT_H

#include "base/histogram.h"
#include "daemon/metrics.h"

enum { METRICS_LABELS_MAX = 4 };

struct metrics_label {
	const char *name;
	const char *value; /* NULL: the labels end here */
};

/* One family; its samples follow, all of them. help has no line breaks. */
void metrics_family(struct metrics_text *text, const char *name,
		    const char *type, const char *help);

/* A sample of a family. labels: METRICS_LABELS_MAX of them, or NULL. */
void metrics_count(struct metrics_text *text, const char *name,
		   const struct metrics_label *labels, uint64_t value);
/* In seconds. */
void metrics_time(struct metrics_text *text, const char *name,
		  const struct metrics_label *labels, uint64_t ns);
/* At most METRICS_LABELS_MAX - 1 labels. */
void metrics_histogram(struct metrics_text *text, const char *name,
		       const struct metrics_label *labels,
		       const struct histogram *histogram);

/* Labels of one sample. */
#define LABELS(...)                                      \
	(const struct metrics_label[METRICS_LABELS_MAX]) \
	{                                                \
		__VA_ARGS__                              \
	}

/* metrics_tunnels.c: what tunnels, peers and cores count. */
void metrics_tunnels(struct metrics_text *text, const struct proxy *proxy,
		     const struct clock *now);

#endif
