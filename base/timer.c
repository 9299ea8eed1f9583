/* SPDX-License-Identifier: ISC */
#include "base/timer.h"

#include "base/check.h"
#include "base/time.h"

enum { ARITY = 4 };

size_t timer_size(uint32_t cap)
{
	return cap * (sizeof(struct timer_node) + sizeof(struct timer_slot));
}

void timer_init(struct timer_heap *heap, void *memory, uint32_t cap)
{
	heap->nodes = memory;
	heap->slots = (struct timer_slot *)(void *)(heap->nodes + cap);
	heap->count = 0;
	heap->cap = cap;
}

static void place(struct timer_heap *heap, uint32_t position,
		  struct timer_node node)
{
	heap->nodes[position] = node;
	heap->slots[node.index].position = position + 1;
}

static void sift_up(struct timer_heap *heap, uint32_t position,
		    struct timer_node node)
{
	while (position > 0) {
		uint32_t parent = (position - 1) / ARITY;

		if (heap->nodes[parent].key <= node.key)
			break;
		place(heap, position, heap->nodes[parent]);
		position = parent;
	}
	place(heap, position, node);
}

static void sift_down(struct timer_heap *heap, uint32_t position,
		      struct timer_node node)
{
	for (;;) {
		uint32_t first = position * ARITY + 1;
		uint32_t least = first;

		if (first >= heap->count)
			break;
		for (uint32_t i = first + 1;
		     i < first + ARITY && i < heap->count; i++) {
			if (heap->nodes[i].key < heap->nodes[least].key)
				least = i;
		}
		if (heap->nodes[least].key >= node.key)
			break;
		place(heap, position, heap->nodes[least]);
		position = least;
	}
	place(heap, position, node);
}

static void remove_top(struct timer_heap *heap)
{
	struct timer_node last = heap->nodes[heap->count - 1];

	heap->slots[heap->nodes[0].index].position = 0;
	heap->count--;
	if (heap->count > 0)
		sift_down(heap, 0, last);
}

/* A slot's deadline as kept: zeroed memory means NEVER. */
static uint64_t kept(const struct timer_slot *slot)
{
	return slot->deadline - 1;
}

void timer_set(struct timer_heap *heap, uint32_t index, uint64_t deadline)
{
	struct timer_slot *slot = &heap->slots[index];
	struct timer_node node = {.key = deadline, .index = index};

	CHECK(index < heap->cap);
	slot->deadline = deadline + 1;
	if (deadline == NEVER)
		return;
	if (slot->position == 0)
		sift_up(heap, heap->count++, node);
	else if (deadline < heap->nodes[slot->position - 1].key)
		sift_up(heap, slot->position - 1, node);
}

uint64_t timer_next(const struct timer_heap *heap)
{
	return heap->count > 0 ? heap->nodes[0].key : NEVER;
}

bool timer_pop(struct timer_heap *heap, uint64_t now, uint32_t *ret_index)
{
	while (heap->count > 0 && heap->nodes[0].key <= now) {
		struct timer_node node = heap->nodes[0];
		struct timer_slot *slot = &heap->slots[node.index];

		if (kept(slot) == NEVER) {
			remove_top(heap);
		} else if (kept(slot) > now) {
			node.key = kept(slot);
			sift_down(heap, 0, node);
		} else {
			remove_top(heap);
			slot->deadline = 0;
			*ret_index = node.index;
			return true;
		}
	}
	return false;
}
