/* SPDX-License-Identifier: ISC */
/*
 * One deadline for each of many objects, named by index: a 4-ary heap.
 *
 * Most deadlines are moved later before they fire. Moving one later only notes
 * the new time; the heap is repaired when the old one comes to the top.
 */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer_slot {
	uint64_t deadline; /* wanted + 1; 0 = none, as in zeroed memory */
	uint32_t position; /* in the heap + 1, 0 = not there */
};

struct timer_node {
	uint64_t key; /* at most the slot's deadline */
	uint32_t index;
};

/* Owner: whoever embeds it. */
struct timer_heap {
	struct timer_node *nodes;
	struct timer_slot *slots; /* by index */
	uint32_t count, cap;
};

/* memory: zeroed, timer_size(cap) bytes. */
size_t timer_size(uint32_t cap);
void timer_init(struct timer_heap *heap, void *memory, uint32_t cap);

/* NEVER takes the deadline away. */
void timer_set(struct timer_heap *heap, uint32_t index, uint64_t deadline);

/* No deadline is earlier; it may be early itself by lazy moves. */
uint64_t timer_next(const struct timer_heap *heap);

/* Takes one index whose deadline is at or before now. */
bool timer_pop(struct timer_heap *heap, uint64_t now, uint32_t *ret_index);

#endif
