/* SPDX-License-Identifier: ISC */
/*
 * Chunks that were needed at a peak, and were free for some seconds since, go
 * back to the system. Wakes nobody up when there are none.
 */
#ifndef DAEMON_IO_MEMORY_H
#define DAEMON_IO_MEMORY_H

#include <stdint.h>

#include "base/time.h"

struct chunk_pool;

struct io_memory {
	uint64_t look_at; /* awake time */
};

void io_memory_init(struct io_memory *memory);
void io_memory_turn(struct io_memory *memory, struct chunk_pool *pool,
		    uint64_t awake);

static inline uint64_t io_memory_deadline(const struct io_memory *memory)
{
	return memory->look_at;
}

#endif
