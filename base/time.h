/* SPDX-License-Identifier: ISC */
/*
 * Time is unsigned nanoseconds and always an argument. A deadline is a moment
 * of the same clock; NEVER means that nothing is due.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
#define NEVER     UINT64_MAX

static inline uint64_t time_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t time_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
