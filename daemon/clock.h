/* SPDX-License-Identifier: ISC */
/*
 * The three clocks, read together once per turn.
 *
 * WireGuard ages its keys in boot time, which counts suspend. TCP counts its
 * retransmissions in awake time, which does not: a laptop's lid must not cost
 * a connection its budget. Wall time is for TAI64N stamps only.
 */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>

#include "base/time.h"

struct clock {
	uint64_t boot;  /* CLOCK_BOOTTIME, ns */
	uint64_t awake; /* CLOCK_MONOTONIC, ns */
	uint64_t wall;  /* CLOCK_REALTIME, Unix ns */
};

/* How long until a deadline; 0 = due, NEVER = nothing to wait for. */
static inline uint64_t clock_until(uint64_t deadline, uint64_t now)
{
	if (deadline == NEVER)
		return NEVER;
	return deadline > now ? deadline - now : 0;
}

#endif
