/* SPDX-License-Identifier: ISC */
#include "netstack/chunk.h"

#include "base/check.h"

void chunk_pool_init(struct chunk_pool *pool, uint8_t *memory, uint32_t *links,
		     uint32_t count)
{
	*pool = (struct chunk_pool){
		.memory = memory,
		.links = links,
		.count = count,
		.free = CHUNK_NONE,
		.clean = CHUNK_NONE,
	};
}

static uint32_t pop(struct chunk_pool *pool, uint32_t *list)
{
	uint32_t chunk = *list;

	if (chunk != CHUNK_NONE)
		*list = pool->links[chunk];
	return chunk;
}

static uint32_t pop_free(struct chunk_pool *pool)
{
	uint32_t chunk = pop(pool, &pool->free);

	if (chunk == CHUNK_NONE)
		return CHUNK_NONE;
	pool->free_count--;
	if (pool->free_count < pool->free_least)
		pool->free_least = pool->free_count;
	return chunk;
}

uint32_t chunk_get(struct chunk_pool *pool)
{
	uint32_t chunk = pop_free(pool);

	if (chunk == CHUNK_NONE)
		chunk = pop(pool, &pool->clean);
	if (chunk == CHUNK_NONE && pool->fresh < pool->count)
		chunk = pool->fresh++;
	if (chunk == CHUNK_NONE)
		return CHUNK_NONE;
	pool->links[chunk] = CHUNK_NONE;
	pool->used++;
	return chunk;
}

void chunk_put(struct chunk_pool *pool, uint32_t chunk)
{
	CHECK(chunk < pool->fresh && pool->used > 0);
	pool->links[chunk] = pool->free;
	pool->free = chunk;
	pool->free_count++;
	pool->used--;
}

void chunk_idle_begin(struct chunk_pool *pool)
{
	pool->free_least = pool->free_count;
}

uint32_t chunk_idle(struct chunk_pool *pool)
{
	uint32_t chunk;

	if (pool->free_least == 0)
		return CHUNK_NONE;
	chunk = pop(pool, &pool->free);
	CHECK(chunk != CHUNK_NONE);
	pool->free_count--;
	pool->free_least--;
	pool->links[chunk] = pool->clean;
	pool->clean = chunk;
	return chunk;
}
