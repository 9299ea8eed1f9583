/* SPDX-License-Identifier: ISC */
/* A strict reader of Prometheus text: fails the test on anything that the
 * format forbids or that a family of ours must not do. */
#ifndef TEST_PROMETHEUS_H
#define TEST_PROMETHEUS_H

#include <stddef.h>

struct prom_sample {
	char series[256]; /* as written: name{label="value",...} */
	double value;
};

struct prom {
	struct prom_sample *samples;
	size_t count;
};

/* HELP and TYPE before samples, families in one piece, no series twice, label
 * values with legal escapes, numbers; buckets that ascend and end at +Inf with
 * the count; counters called _total. */
void prom_parse(struct prom *ret_prom, const char *text, size_t len);
void prom_free(struct prom *prom);

/* The series must exist. */
double prom_value(const struct prom *prom, const char *series);
/* Sum over the series that start so. */
double prom_sum(const struct prom *prom, const char *prefix);

#endif
