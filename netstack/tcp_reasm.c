/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_reasm.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp_seq.h"

static void remove_range(struct tcp_reasm *reasm, uint32_t index)
{
	reasm->count--;
	memmove(&reasm->ranges[index], &reasm->ranges[index + 1],
		(reasm->count - index) * sizeof(reasm->ranges[0]));
}

int tcp_reasm_add(struct tcp_reasm *reasm, uint32_t start, uint32_t end)
{
	uint32_t index = 0;

	CHECK(seq_lt(start, end));
	while (index < reasm->count) {
		const struct tcp_range *range = &reasm->ranges[index];

		if (seq_lt(range->end, start) || seq_lt(end, range->start)) {
			index++;
			continue;
		}
		start = seq_min(start, range->start);
		end = seq_max(end, range->end);
		remove_range(reasm, index);
	}
	if (reasm->count == REASM_RANGES)
		return -ERR_FULL;
	memmove(&reasm->ranges[1], &reasm->ranges[0],
		reasm->count * sizeof(reasm->ranges[0]));
	reasm->ranges[0] = (struct tcp_range){.start = start, .end = end};
	reasm->count++;
	return 0;
}

uint32_t tcp_reasm_advance(struct tcp_reasm *reasm, uint32_t seq)
{
	uint32_t index = 0;

	while (index < reasm->count) {
		const struct tcp_range *range = &reasm->ranges[index];

		if (seq_lt(seq, range->start)) {
			index++;
			continue;
		}
		seq = seq_max(seq, range->end);
		remove_range(reasm, index);
		index = 0;
	}
	return seq;
}

uint32_t tcp_reasm_end(const struct tcp_reasm *reasm, uint32_t seq)
{
	for (uint32_t i = 0; i < reasm->count; i++)
		seq = seq_max(seq, reasm->ranges[i].end);
	return seq;
}
