/* SPDX-License-Identifier: ISC */
/*
 * Walks a whole netstack and CHECKs what must always be true between two calls.
 * For tests and the simulator: it costs time in proportion to the table.
 *
 *   I1  snd_una <= snd_nxt, records cover what is between, sums agree
 *   I3  nothing was accepted beyond the right edge we offered
 *   I4  cwnd is at least one segment and has a bound
 *   I5  whatever is outstanding or cannot be sent yet has a timer or a place
 *       in the ready list: no stall
 *   I7  RTO within its limits
 *   I9  the chunks of all connections add up to what is returned
 *   I10 in the ready list if and only if there is something to send
 *   I11 CLOSED and LISTEN own nothing and wait for nothing
 *   I14 no deadline of an armed timer was forgotten by the heap
 */
#ifndef NETSTACK_CHECK_H
#define NETSTACK_CHECK_H

#include <stdint.h>

struct netstack;

/* Returns how many chunks of the pool this netstack holds. */
uint32_t netstack_check(const struct netstack *ns);

#endif
