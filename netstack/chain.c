/* SPDX-License-Identifier: ISC */
#include "netstack/chain.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/checksum.h"

void chain_init(struct chain *chain)
{
	*chain = (struct chain){
		.head = CHUNK_NONE,
		.tail = CHUNK_NONE,
		.cursor = CHUNK_NONE,
	};
}

void chain_clear(struct chain *chain, struct chunk_pool *pool)
{
	uint32_t chunk = chain->head;

	while (chunk != CHUNK_NONE) {
		uint32_t next = pool->links[chunk];

		chunk_put(pool, chunk);
		chunk = next;
	}
	chain_init(chain);
}

/* Chunks until the chain holds len bytes from position 0 on. */
static int extend(struct chain *chain, struct chunk_pool *pool, size_t len)
{
	size_t need = (chain->offset + len + CHUNK_BYTES - 1) / CHUNK_BYTES;

	while (chain->chunks < need) {
		uint32_t chunk = chunk_get(pool);

		if (chunk == CHUNK_NONE)
			return -ERR_NO_MEMORY;
		if (chain->tail == CHUNK_NONE)
			chain->head = chunk;
		else
			pool->links[chain->tail] = chunk;
		chain->tail = chunk;
		chain->chunks++;
	}
	return 0;
}

/* The chunk that holds a byte counted from the head chunk's start. The cursor
 * makes going on from the last place free. */
static uint32_t seek(struct chain *chain, const struct chunk_pool *pool,
		     size_t byte)
{
	uint32_t number = (uint32_t)(byte / CHUNK_BYTES);

	CHECK(number < chain->chunks);
	if (chain->cursor == CHUNK_NONE || number < chain->cursor_number) {
		chain->cursor = chain->head;
		chain->cursor_number = 0;
	}
	while (chain->cursor_number < number) {
		chain->cursor = pool->links[chain->cursor];
		chain->cursor_number++;
	}
	return chain->cursor;
}

int chain_space(struct chain *chain, struct chunk_pool *pool, struct iovec *iov,
		int cap, size_t bytes_max)
{
	size_t from = chain->offset + chain->len;
	uint32_t chunk;
	int count = 0;

	while (bytes_max > 0 && extend(chain, pool, chain->len + bytes_max))
		bytes_max /= 2; /* less may still fit */
	if (bytes_max == 0)
		return 0;
	chunk = seek(chain, pool, from);
	from %= CHUNK_BYTES;
	for (; count < cap && bytes_max > 0; count++) {
		size_t len = CHUNK_BYTES - from;

		if (len > bytes_max)
			len = bytes_max;
		iov[count].iov_base = chunk_data(pool, chunk) + from;
		iov[count].iov_len = len;
		bytes_max -= len;
		chunk = pool->links[chunk];
		from = 0;
	}
	return count;
}

void chain_commit(struct chain *chain, size_t len)
{
	chain->len += (uint32_t)len;
	CHECK(chain->offset + chain->len <= chain->chunks * CHUNK_BYTES);
}

void chain_trim(struct chain *chain, struct chunk_pool *pool)
{
	size_t bytes = chain->offset + chain->len;
	uint32_t keep = (uint32_t)((bytes + CHUNK_BYTES - 1) / CHUNK_BYTES);
	uint32_t chunk;

	if (chain->len == 0) {
		chain_clear(chain, pool);
		return;
	}
	if (keep == chain->chunks)
		return;
	chain->tail = seek(chain, pool, (size_t)(keep - 1) * CHUNK_BYTES);
	chunk = pool->links[chain->tail];
	pool->links[chain->tail] = CHUNK_NONE;
	chain->chunks = keep;
	while (chunk != CHUNK_NONE) {
		uint32_t next = pool->links[chunk];

		chunk_put(pool, chunk);
		chunk = next;
	}
}

int chain_reserve(struct chain *chain, struct chunk_pool *pool, size_t len)
{
	return extend(chain, pool, chain->len + len);
}

int chain_write(struct chain *chain, struct chunk_pool *pool, uint32_t position,
		const uint8_t *data, size_t len)
{
	size_t byte = (size_t)chain->offset + position;

	if (extend(chain, pool, position + len) != 0)
		return -ERR_NO_MEMORY;
	while (len > 0) {
		uint32_t chunk = seek(chain, pool, byte);
		size_t at = byte % CHUNK_BYTES;
		size_t part = CHUNK_BYTES - at;

		if (part > len)
			part = len;
		memcpy(chunk_data(pool, chunk) + at, data, part);
		data += part;
		byte += part;
		len -= part;
	}
	return 0;
}

uint32_t chain_read_sum(struct chain *chain, const struct chunk_pool *pool,
			uint32_t position, uint8_t *data, size_t len)
{
	size_t byte = (size_t)chain->offset + position;
	uint32_t sum = 0;
	size_t done = 0;

	CHECK(position + len <= chain->len);
	while (done < len) {
		uint32_t chunk = seek(chain, pool, byte);
		size_t at = byte % CHUNK_BYTES;
		size_t part = CHUNK_BYTES - at;
		uint32_t part_sum;

		if (part > len - done)
			part = len - done;
		part_sum = checksum_copy(0, data + done,
					 chunk_data(pool, chunk) + at, part);
		if (done & 1)
			part_sum = checksum_odd(part_sum);
		sum += part_sum;
		byte += part;
		done += part;
	}
	return checksum_add(sum, data, 0);
}

int chain_iov(const struct chain *chain, const struct chunk_pool *pool,
	      struct iovec *iov, int cap)
{
	uint32_t chunk = chain->head;
	size_t at = chain->offset;
	size_t left = chain->len;
	int count = 0;

	for (; left > 0 && count < cap; count++) {
		size_t len = CHUNK_BYTES - at;

		if (len > left)
			len = left;
		iov[count].iov_base = chunk_data(pool, chunk) + at;
		iov[count].iov_len = len;
		left -= len;
		at = 0;
		chunk = pool->links[chunk];
	}
	return count;
}

/* The head moved on by count chunks: so did every chunk's number. */
static void rewind_cursor(struct chain *chain, uint32_t count)
{
	if (chain->cursor_number < count)
		chain->cursor = CHUNK_NONE;
	else
		chain->cursor_number -= count;
}

void chain_consume(struct chain *chain, struct chunk_pool *pool, size_t len)
{
	size_t byte = chain->offset + len;
	uint32_t gone = (uint32_t)(byte / CHUNK_BYTES);

	CHECK(len <= chain->len);
	chain->len -= (uint32_t)len;
	while (byte >= CHUNK_BYTES) {
		uint32_t chunk = chain->head;

		chain->head = pool->links[chunk];
		chain->chunks--;
		chunk_put(pool, chunk);
		byte -= CHUNK_BYTES;
	}
	chain->offset = (uint32_t)byte;
	if (chain->head == CHUNK_NONE)
		chain_init(chain);
	else if (chain->cursor != CHUNK_NONE)
		rewind_cursor(chain, gone);
}
