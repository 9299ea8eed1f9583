/* SPDX-License-Identifier: ISC */
/*
 * Durations counted in fixed classes, from 1 ms to 10 s. All zero is the
 * initial state.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 13 };

struct histogram {
	/* counts[i]: at most bounds[i], and more than the bound before; the
	 * last one: more than all. */
	uint64_t counts[HISTOGRAM_BOUNDS + 1];
	uint64_t sum; /* ns */
};

extern const uint64_t histogram_bounds[HISTOGRAM_BOUNDS]; /* ns, ascending */

void histogram_add(struct histogram *histogram, uint64_t ns);

#endif
