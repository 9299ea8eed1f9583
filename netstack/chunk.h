/* SPDX-License-Identifier: ISC */
/*
 * The one memory budget for payload: equal chunks in one arena. A connection
 * borrows chunks only while bytes are in flight.
 */
#ifndef NETSTACK_CHUNK_H
#define NETSTACK_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_BYTES = 16384 };
#define CHUNK_NONE UINT32_MAX

/* Owner: the edge, one for the whole process. links[i] chains chunk i to the
 * next one of its chain or of the free list. */
struct chunk_pool {
	uint8_t *memory; /* count * CHUNK_BYTES, need not be zeroed */
	uint32_t *links; /* count */
	uint32_t count;
	uint32_t used;
	uint32_t fresh; /* first chunk never used: untouched memory stays so */
	uint32_t free;  /* list of those whose memory was touched */
	uint32_t clean; /* list of those given to chunk_idle()'s caller */
	uint32_t free_count;
	uint32_t free_least; /* since chunk_idle_begin() */
};

void chunk_pool_init(struct chunk_pool *pool, uint8_t *memory, uint32_t *links,
		     uint32_t count);
/* CHUNK_NONE when the budget is spent. */
uint32_t chunk_get(struct chunk_pool *pool);
void chunk_put(struct chunk_pool *pool, uint32_t chunk);

/* Memory that was needed at a peak goes back to the system like this: from time
 * to time as many chunks as were free all the while are taken out of the free
 * list, to be given out again only when that list is empty. Their content is
 * the caller's to drop. */
void chunk_idle_begin(struct chunk_pool *pool);
/* The next of these; CHUNK_NONE: no more since chunk_idle_begin(). */
uint32_t chunk_idle(struct chunk_pool *pool);

static inline uint8_t *chunk_data(const struct chunk_pool *pool, uint32_t chunk)
{
	return pool->memory + (size_t)chunk * CHUNK_BYTES;
}

/* More than 3/4 of the budget is in use: windows must not grow. */
static inline bool chunk_pressure(const struct chunk_pool *pool)
{
	return pool->used > pool->count / 4 * 3;
}

#endif
