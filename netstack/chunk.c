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
	};
}

uint32_t chunk_get(struct chunk_pool *pool)
{
	uint32_t chunk = pool->free;

	if (chunk != CHUNK_NONE)
		pool->free = pool->links[chunk];
	else if (pool->fresh < pool->count)
		chunk = pool->fresh++;
	else
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
	pool->used--;
}
