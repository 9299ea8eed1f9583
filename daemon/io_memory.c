/* SPDX-License-Identifier: ISC */
#include "daemon/io_memory.h"

#include "base/memory.h"
#include "netstack/chunk.h"

#define IDLE_NS (2 * NS_PER_S)
/* A step takes less than a millisecond. */
#define STEP_NS (10 * NS_PER_MS)
enum { STEP_CHUNKS = 256 };
/* For the next query, without asking the system. */
enum { CHUNKS_KEPT = 16 };

void io_memory_init(struct io_memory *memory)
{
	memory->look_at = NEVER;
}

/* Returns whether there may be more. */
static bool release_some(struct chunk_pool *pool)
{
	for (unsigned i = 0; i < STEP_CHUNKS; i++) {
		uint32_t chunk = pool->free_count > CHUNKS_KEPT
					 ? chunk_idle(pool)
					 : CHUNK_NONE;

		if (chunk == CHUNK_NONE)
			return false;
		memory_release(chunk_data(pool, chunk), CHUNK_BYTES);
	}
	return true;
}

void io_memory_turn(struct io_memory *memory, struct chunk_pool *pool,
		    uint64_t awake)
{
	if (memory->look_at == NEVER) {
		if (pool->free_count <= CHUNKS_KEPT)
			return;
		chunk_idle_begin(pool);
		memory->look_at = awake + IDLE_NS;
		return;
	}
	if (awake < memory->look_at)
		return;
	if (release_some(pool)) {
		memory->look_at = awake + STEP_NS;
		return;
	}
	if (pool->free_count <= CHUNKS_KEPT) {
		memory_release_heap();
		memory->look_at = NEVER;
		return;
	}
	chunk_idle_begin(pool);
	memory->look_at = awake + IDLE_NS;
}
