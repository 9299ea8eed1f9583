/* SPDX-License-Identifier: ISC */
#include "base/histogram.h"

#include "base/time.h"

const uint64_t histogram_bounds[HISTOGRAM_BOUNDS] = {
	1 * NS_PER_MS,   2500 * NS_PER_US, 5 * NS_PER_MS,    10 * NS_PER_MS,
	25 * NS_PER_MS,  50 * NS_PER_MS,   100 * NS_PER_MS,  250 * NS_PER_MS,
	500 * NS_PER_MS, 1 * NS_PER_S,     2500 * NS_PER_MS, 5 * NS_PER_S,
	10 * NS_PER_S,
};

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	unsigned i = 0;

	while (i < HISTOGRAM_BOUNDS && ns > histogram_bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += ns;
}
