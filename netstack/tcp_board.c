/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_board.h"

#include <string.h>

#include "base/check.h"
#include "netstack/tcp_seq.h"

enum {
	RECORDS_PER_CHUNK = CHUNK_BYTES / sizeof(struct tcp_record),
	NONE = TCP_RECORD_NONE,
};

static_assert(sizeof(struct tcp_record) == 32, "record size");
static_assert((int)TCP_RECORDS_INLINE +
			      (int)TCP_RECORD_CHUNKS * (int)RECORDS_PER_CHUNK <
		      (int)TCP_RECORD_NONE,
	      "indices fit");

void tcp_board_init(struct tcp_board *board)
{
	memset(board, 0, sizeof(*board));
	board->head = board->tail = NONE;
	board->oldest = board->newest = NONE;
	board->first_lost = board->hint = board->free = NONE;
	for (int i = 0; i < TCP_RECORD_CHUNKS; i++)
		board->chunks[i] = CHUNK_NONE;
}

void tcp_board_clear(struct tcp_board *board, struct chunk_pool *pool)
{
	for (int i = 0; i < TCP_RECORD_CHUNKS; i++) {
		if (board->chunks[i] != CHUNK_NONE)
			chunk_put(pool, board->chunks[i]);
	}
	tcp_board_init(board);
}

uint32_t tcp_board_chunks(const struct tcp_board *board)
{
	uint32_t count = 0;

	while (count < TCP_RECORD_CHUNKS && board->chunks[count] != CHUNK_NONE)
		count++;
	return count;
}

struct tcp_record *tcp_board_at(struct tcp_board *board,
				const struct chunk_pool *pool, uint16_t index)
{
	struct tcp_record *records;

	CHECK(index < board->used);
	if (index < TCP_RECORDS_INLINE)
		return &board->own[index];
	index = (uint16_t)(index - TCP_RECORDS_INLINE);
	records = (void *)chunk_data(pool,
				     board->chunks[index / RECORDS_PER_CHUNK]);
	return &records[index % RECORDS_PER_CHUNK];
}

/* ------------------------------------------------------------- storage */

static uint32_t at_hand(const struct tcp_board *board)
{
	return TCP_RECORDS_INLINE +
	       tcp_board_chunks(board) * RECORDS_PER_CHUNK - board->count;
}

/* Makes sure of count free records, with one more chunk if that helps. */
static bool provide(struct tcp_board *board, struct chunk_pool *pool,
		    uint32_t count)
{
	uint32_t chunks = tcp_board_chunks(board);

	if (at_hand(board) >= count)
		return true;
	if (chunks == TCP_RECORD_CHUNKS)
		return false;
	board->chunks[chunks] = chunk_get(pool);
	return board->chunks[chunks] != CHUNK_NONE;
}

bool tcp_board_ready(struct tcp_board *board, struct chunk_pool *pool)
{
	/* A first record needs nothing; nor does the one behind it. */
	return board->count < TCP_RECORDS_INLINE - 1 ||
	       provide(board, pool, 2 * TCP_RECORDS_SPARE);
}

bool tcp_board_scarce(struct tcp_board *board, struct chunk_pool *pool)
{
	return !provide(board, pool, TCP_RECORDS_SPARE);
}

static uint16_t take(struct tcp_board *board, struct chunk_pool *pool)
{
	uint16_t index = board->free;

	if (index != NONE)
		board->free = tcp_board_at(board, pool, index)->next;
	else if (provide(board, pool, 1))
		index = board->used++;
	if (index != NONE)
		board->count++;
	return index;
}

static void give_back(struct tcp_board *board, struct chunk_pool *pool,
		      uint16_t index)
{
	tcp_board_at(board, pool, index)->next = board->free;
	board->free = index;
	if (--board->count == 0)
		tcp_board_clear(board, pool);
}

/* ------------------------------------------------------------- lists */

/* Behind another record in order of sending; NONE: before all. */
static void sent_insert(struct tcp_board *board, struct chunk_pool *pool,
			uint16_t index, uint16_t after)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);

	record->earlier = after;
	record->later = after == NONE ? board->oldest
				      : tcp_board_at(board, pool, after)->later;
	if (after != NONE)
		tcp_board_at(board, pool, after)->later = index;
	else
		board->oldest = index;
	if (record->later != NONE)
		tcp_board_at(board, pool, record->later)->earlier = index;
	else
		board->newest = index;
}

static void sent_remove(struct tcp_board *board, struct chunk_pool *pool,
			uint16_t index)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);

	if (record->earlier != NONE)
		tcp_board_at(board, pool, record->earlier)->later =
			record->later;
	else
		board->oldest = record->later;
	if (record->later != NONE)
		tcp_board_at(board, pool, record->later)->earlier =
			record->earlier;
	else
		board->newest = record->earlier;
}

/* Behind another record in sequence order; NONE: it is the first. */
static void insert(struct tcp_board *board, struct chunk_pool *pool,
		   uint16_t index, uint16_t after)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);

	record->prev = after;
	record->next = NONE;
	if (after != NONE) {
		record->next = tcp_board_at(board, pool, after)->next;
		tcp_board_at(board, pool, after)->next = index;
	} else {
		board->head = index;
	}
	if (record->next != NONE)
		tcp_board_at(board, pool, record->next)->prev = index;
	else
		board->tail = index;
}

static void remove_record(struct tcp_board *board, struct chunk_pool *pool,
			  uint16_t index)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);

	if (board->first_lost == index)
		board->first_lost = record->next;
	if (board->hint == index)
		board->hint = record->prev;
	if (record->prev != NONE)
		tcp_board_at(board, pool, record->prev)->next = record->next;
	else
		board->head = record->next;
	if (record->next != NONE)
		tcp_board_at(board, pool, record->next)->prev = record->prev;
	else
		board->tail = record->prev;
	give_back(board, pool, index);
}

/* ------------------------------------------------------------- records */

void tcp_board_append(struct tcp_board *board, struct chunk_pool *pool,
		      uint32_t seq, uint32_t end, uint64_t now)
{
	struct tcp_record *tail = NULL;
	uint16_t index;

	CHECK(seq_lt(seq, end));
	board->bytes[TCP_IN_FLIGHT] += end - seq;
	if (board->tail != NONE) {
		tail = tcp_board_at(board, pool, board->tail);
		CHECK(tail->end == seq);
	}
	if (tail != NULL && tail->state == TCP_IN_FLIGHT &&
	    !tail->retransmitted && tail->sent == now) {
		tail->end = end;
		return;
	}
	index = take(board, pool);
	CHECK(index != NONE);
	*tcp_board_at(board, pool, index) =
		(struct tcp_record){.sent = now, .seq = seq, .end = end};
	insert(board, pool, index, board->tail);
	sent_insert(board, pool, index, board->newest);
}

uint16_t tcp_board_split(struct tcp_board *board, struct chunk_pool *pool,
			 uint16_t index, uint32_t seq)
{
	uint16_t added = take(board, pool);
	struct tcp_record *left, *right;

	if (added == NONE)
		return NONE;
	left = tcp_board_at(board, pool, index);
	right = tcp_board_at(board, pool, added);
	CHECK(seq_lt(left->seq, seq) && seq_lt(seq, left->end));
	*right = *left;
	right->seq = left->end = seq;
	insert(board, pool, added, index);
	if (left->state == TCP_IN_FLIGHT)
		sent_insert(board, pool, added, index);
	return added;
}

uint16_t tcp_board_find(struct tcp_board *board, const struct chunk_pool *pool,
			uint32_t seq)
{
	uint16_t index = board->hint;

	if (index == NONE || seq_lt(seq, tcp_board_at(board, pool, index)->seq))
		index = board->head;
	while (seq_le(tcp_board_at(board, pool, index)->end, seq))
		index = tcp_board_at(board, pool, index)->next;
	board->hint = index;
	return index;
}

/* Merges a record with its next one when nothing tells them apart any more. */
static void merge_next(struct tcp_board *board, struct chunk_pool *pool,
		       uint16_t index)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);
	struct tcp_record *next;

	if (record->next == NONE || record->state == TCP_IN_FLIGHT)
		return;
	next = tcp_board_at(board, pool, record->next);
	if (next->state != record->state)
		return;
	record->end = next->end;
	record->retransmitted |= next->retransmitted;
	if (record->sent < next->sent)
		record->sent = next->sent;
	if (board->hint == record->next)
		board->hint = index;
	if (board->first_lost == record->next)
		board->first_lost = index;
	remove_record(board, pool, record->next);
}

void tcp_board_remove_head(struct tcp_board *board, struct chunk_pool *pool,
			   uint32_t seq)
{
	uint16_t index = board->head;
	struct tcp_record *head = tcp_board_at(board, pool, index);

	if (seq_lt(seq, head->end)) {
		board->bytes[head->state] -= seq - head->seq;
		head->seq = seq;
		return;
	}
	board->bytes[head->state] -= head->end - head->seq;
	if (head->state == TCP_IN_FLIGHT)
		sent_remove(board, pool, index);
	remove_record(board, pool, index);
}

/* ------------------------------------------------------------- states */

static void set_state(struct tcp_board *board, struct chunk_pool *pool,
		      uint16_t index, enum tcp_record_state state)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);
	uint32_t len = record->end - record->seq;

	if (record->state == TCP_IN_FLIGHT)
		sent_remove(board, pool, index);
	board->bytes[record->state] -= len;
	board->bytes[state] += len;
	record->state = (uint8_t)state;
}

void tcp_board_set_lost(struct tcp_board *board, struct chunk_pool *pool,
			uint16_t index)
{
	uint32_t seq = tcp_board_at(board, pool, index)->seq;

	set_state(board, pool, index, TCP_LOST);
	if (board->first_lost == NONE ||
	    seq_lt(seq, tcp_board_at(board, pool, board->first_lost)->seq))
		board->first_lost = index;
}

uint16_t tcp_board_set_sacked(struct tcp_board *board, struct chunk_pool *pool,
			      uint16_t index)
{
	uint16_t prev;

	set_state(board, pool, index, TCP_SACKED);
	merge_next(board, pool, index);
	prev = tcp_board_at(board, pool, index)->prev;
	if (prev == NONE ||
	    tcp_board_at(board, pool, prev)->state != TCP_SACKED)
		return index;
	merge_next(board, pool, prev);
	return prev;
}

void tcp_board_set_resent(struct tcp_board *board, struct chunk_pool *pool,
			  uint16_t index, uint64_t now)
{
	struct tcp_record *record = tcp_board_at(board, pool, index);

	set_state(board, pool, index, TCP_IN_FLIGHT);
	sent_insert(board, pool, index, board->newest);
	record->sent = now;
	record->retransmitted = true;
}

void tcp_board_lose_all(struct tcp_board *board, struct chunk_pool *pool,
			bool sacked_too)
{
	uint16_t index = board->head;

	while (index != NONE) {
		struct tcp_record *record = tcp_board_at(board, pool, index);
		uint16_t prev = record->prev;

		if (record->state == TCP_IN_FLIGHT ||
		    (record->state == TCP_SACKED && sacked_too))
			set_state(board, pool, index, TCP_LOST);
		index = record->next;
		if (prev != NONE)
			merge_next(board, pool, prev);
	}
	board->first_lost = board->head;
}

void tcp_board_find_all(struct tcp_board *board, struct chunk_pool *pool)
{
	uint16_t index = board->tail;

	/* All of it was sent before what is in flight now. */
	while (index != NONE) {
		uint16_t prev = tcp_board_at(board, pool, index)->prev;

		if (tcp_board_at(board, pool, index)->state == TCP_LOST) {
			set_state(board, pool, index, TCP_IN_FLIGHT);
			sent_insert(board, pool, index, NONE);
		}
		index = prev;
	}
	board->first_lost = NONE;
}

uint16_t tcp_board_first_lost(struct tcp_board *board,
			      const struct chunk_pool *pool)
{
	if (board->bytes[TCP_LOST] == 0) {
		board->first_lost = NONE;
		return NONE;
	}
	while (tcp_board_at(board, pool, board->first_lost)->state != TCP_LOST)
		board->first_lost =
			tcp_board_at(board, pool, board->first_lost)->next;
	return board->first_lost;
}

/* ------------------------------------------------------------- check */

void tcp_board_check(const struct tcp_board *board,
		     const struct chunk_pool *pool, uint32_t first,
		     uint32_t end)
{
	struct tcp_board copy = *board; /* the walk does not write */
	uint32_t bytes[TCP_RECORD_STATES] = {0};
	uint32_t count = 0, timed = 0;
	bool lost = false;

	for (uint16_t i = copy.head; i != NONE; count++) {
		const struct tcp_record *record = tcp_board_at(&copy, pool, i);

		CHECK(record->seq == first && seq_lt(first, record->end));
		CHECK(record->state < TCP_RECORD_STATES);
		lost = lost || copy.first_lost == i;
		CHECK(lost || record->state != TCP_LOST);
		bytes[record->state] += record->end - record->seq;
		first = record->end;
		i = record->next;
	}
	CHECK(first == end && count == copy.count);
	CHECK(memcmp(bytes, copy.bytes, sizeof(bytes)) == 0);
	for (uint16_t i = copy.oldest; i != NONE;) {
		const struct tcp_record *record = tcp_board_at(&copy, pool, i);

		CHECK(record->state == TCP_IN_FLIGHT);
		timed += record->end - record->seq;
		i = record->later;
	}
	CHECK(timed == copy.bytes[TCP_IN_FLIGHT]);
}
