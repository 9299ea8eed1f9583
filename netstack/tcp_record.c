/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_record.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp_seq.h"

static_assert(sizeof(struct tcp_record) == 24, "a record is three words");

void tcp_records_init(struct tcp_records *records)
{
	memset(records, 0, sizeof(*records));
	records->chunk = CHUNK_NONE;
}

void tcp_records_clear(struct tcp_records *records, struct chunk_pool *pool)
{
	if (records->chunk != CHUNK_NONE)
		chunk_put(pool, records->chunk);
	tcp_records_init(records);
}

static struct tcp_record *array(struct tcp_records *records,
				const struct chunk_pool *pool)
{
	if (records->chunk == CHUNK_NONE)
		return records->few;
	return (struct tcp_record *)(void *)chunk_data(pool, records->chunk);
}

static uint32_t capacity(const struct tcp_records *records)
{
	return records->chunk == CHUNK_NONE ? RECORDS_INLINE : RECORDS_MAX;
}

struct tcp_record *tcp_records_at(struct tcp_records *records,
				  const struct chunk_pool *pool, uint32_t index)
{
	CHECK(index < records->count);
	return array(records, pool) + records->first + index;
}

/* Moves the records to the array's start, or into a chunk. */
static int make_room(struct tcp_records *records, struct chunk_pool *pool)
{
	uint32_t chunk;

	if (records->first + records->count < capacity(records))
		return 0;
	if (records->first > 0) {
		struct tcp_record *base = array(records, pool);

		memmove(base, base + records->first,
			records->count * sizeof(*base));
		records->first = 0;
		return 0;
	}
	if (records->chunk != CHUNK_NONE)
		return -ERR_FULL;
	chunk = chunk_get(pool);
	if (chunk == CHUNK_NONE)
		return -ERR_NO_MEMORY;
	memcpy(chunk_data(pool, chunk), records->few, sizeof(records->few));
	records->chunk = chunk;
	return 0;
}

bool tcp_records_scarce(const struct tcp_records *records)
{
	return records->count >= RECORDS_MAX - RECORDS_SPARE;
}

int tcp_records_reserve(struct tcp_records *records, struct chunk_pool *pool)
{
	if (records->count >= RECORDS_MAX - 2 * RECORDS_SPARE)
		return -ERR_FULL;
	return make_room(records, pool);
}

void tcp_records_append(struct tcp_records *records, struct chunk_pool *pool,
			uint32_t seq, uint32_t end, uint64_t now)
{
	struct tcp_record *record;

	CHECK(seq_lt(seq, end));
	records->bytes[RECORD_SENT] += end - seq;
	if (records->count > 0) {
		record = tcp_records_at(records, pool, records->count - 1);
		CHECK(record->end == seq);
		if (record->sent == now && record->state == RECORD_SENT &&
		    !record->retransmitted) {
			record->end = end;
			return;
		}
	}
	CHECK(make_room(records, pool) == 0);
	records->count++;
	record = tcp_records_at(records, pool, records->count - 1);
	*record = (struct tcp_record){
		.sent = now, .seq = seq, .end = end, .state = RECORD_SENT};
}

void tcp_records_ack(struct tcp_records *records, struct chunk_pool *pool,
		     uint32_t una)
{
	while (records->count > 0) {
		struct tcp_record *record = tcp_records_at(records, pool, 0);

		if (seq_lt(una, record->end)) {
			if (seq_lt(record->seq, una)) {
				records->bytes[record->state] -=
					una - record->seq;
				record->seq = una;
			}
			return;
		}
		records->bytes[record->state] -= record->end - record->seq;
		records->first++;
		records->count--;
	}
	tcp_records_clear(records, pool);
}

/* A record boundary at seq, if one can be made. */
static void split_at(struct tcp_records *records, struct chunk_pool *pool,
		     uint32_t seq)
{
	for (uint32_t i = 0; i < records->count; i++) {
		struct tcp_record *record = tcp_records_at(records, pool, i);

		if (seq_le(seq, record->seq))
			return;
		if (!seq_lt(seq, record->end))
			continue;
		if (make_room(records, pool) != 0)
			return;
		record = tcp_records_at(records, pool, i);
		memmove(record + 1, record,
			(records->count - i) * sizeof(*record));
		records->count++;
		record[0].end = seq;
		record[1].seq = seq;
		return;
	}
}

uint32_t tcp_records_cut(struct tcp_records *records, struct chunk_pool *pool,
			 uint32_t start, uint32_t end, uint32_t *ret_first)
{
	uint32_t count = 0;

	split_at(records, pool, start);
	split_at(records, pool, end);
	*ret_first = 0;
	for (uint32_t i = 0; i < records->count; i++) {
		struct tcp_record *record = tcp_records_at(records, pool, i);

		if (seq_lt(record->seq, start))
			continue;
		if (seq_lt(end, record->end))
			break;
		if (count == 0)
			*ret_first = i;
		count++;
	}
	return count;
}

void tcp_records_set(struct tcp_records *records, struct tcp_record *record,
		     enum record_state state)
{
	uint32_t len = record->end - record->seq;

	records->bytes[record->state] -= len;
	record->state = (uint8_t)state;
	records->bytes[record->state] += len;
}

static bool alike(const struct tcp_record *a, const struct tcp_record *b)
{
	if (a->state != b->state)
		return false;
	return a->state != RECORD_SENT ||
	       (a->sent == b->sent && a->retransmitted == b->retransmitted);
}

void tcp_records_join(struct tcp_records *records,
		      const struct chunk_pool *pool)
{
	struct tcp_record *base = array(records, pool) + records->first;
	uint32_t kept = 0;

	for (uint32_t i = 1; i < records->count; i++) {
		if (alike(&base[kept], &base[i])) {
			base[kept].end = base[i].end;
			if (base[kept].sent < base[i].sent)
				base[kept].sent = base[i].sent;
			base[kept].retransmitted |= base[i].retransmitted;
		} else {
			base[++kept] = base[i];
		}
	}
	if (records->count > 0)
		records->count = kept + 1;
}
