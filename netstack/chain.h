/* SPDX-License-Identifier: ISC */
/*
 * A stretch of a byte stream kept in a chain of chunks. Position 0 is the first
 * byte kept: the oldest unacknowledged one when sending, the oldest not yet
 * consumed one when receiving. Bytes beyond len may be written ahead, which is
 * how out-of-order data waits in its final place.
 */
#ifndef NETSTACK_CHAIN_H
#define NETSTACK_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "netstack/chunk.h"

/* Owner: the connection that embeds it. */
struct chain {
	uint32_t head, tail; /* CHUNK_NONE when empty */
	uint32_t chunks;     /* in the chain */
	uint32_t offset;     /* of position 0 in the head chunk */
	uint32_t len;        /* bytes present from position 0 on */
	uint32_t cursor;     /* chunk found last, and its number in the chain */
	uint32_t cursor_number;
};

void chain_init(struct chain *chain);
void chain_clear(struct chain *chain, struct chunk_pool *pool);

/* Space after len, at most bytes_max, chunks taken as needed. Returns the
 * number of iovecs; 0 when there is no memory. chain_commit() makes it part
 * of the stream. chain_trim() gives back chunks beyond len. */
int chain_space(struct chain *chain, struct chunk_pool *pool, struct iovec *iov,
		int cap, size_t bytes_max);
void chain_commit(struct chain *chain, size_t len);
void chain_trim(struct chain *chain, struct chunk_pool *pool);

/* Takes chunks so that len bytes more can be written without fail, until
 * chain_trim(). 0 or -ERR_NO_MEMORY. */
int chain_reserve(struct chain *chain, struct chunk_pool *pool, size_t len);

/* Writes at any position, also beyond len; len does not change. 0 or
 * -ERR_NO_MEMORY with nothing visible changed. */
int chain_write(struct chain *chain, struct chunk_pool *pool, uint32_t position,
		const uint8_t *data, size_t len);

/* Copies out and returns the ones' complement sum of what was copied, as
 * checksum_add() would: the copy is the only pass over the bytes. */
uint32_t chain_read_sum(struct chain *chain, const struct chunk_pool *pool,
			uint32_t position, uint8_t *data, size_t len);

/* The bytes present, as they lie. */
int chain_iov(const struct chain *chain, const struct chunk_pool *pool,
	      struct iovec *iov, int cap);
void chain_consume(struct chain *chain, struct chunk_pool *pool, size_t len);

#endif
