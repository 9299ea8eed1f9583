/* SPDX-License-Identifier: ISC */
/*
 * Named paths and how much of their rate one long stream must reach: what
 * users of such paths complain about in other stacks. The figures are floors
 * well below what was measured; they catch a sender that stops trying.
 */
#ifndef TEST_SIM_PATHS_H
#define TEST_SIM_PATHS_H

#include <stdbool.h>

#include "world.h"

unsigned paths_count(void);
const char *paths_name(unsigned index);

/* Runs one path and prints a line; sim_fail() below the floor. */
void paths_run(struct world *world, unsigned index);

#endif
