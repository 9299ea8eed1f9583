/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "netstack/tcp_segment.h"

/* ------------------------------------------------------------- golden */

static const uint8_t golden_syn[] = {
	0xf0, 0x01, 0x15, 0x38, /* ports 61441, 5432 */
	0xff, 0xff, 0xff, 0xfe, /* sequence number */
	0x00, 0x00, 0x00, 0x00, /* no acknowledgment */
	0xa0, 0x02, 0xff, 0xff, /* 40 bytes, SYN, window 65535 */
	0x00, 0x00, 0x00, 0x00, /* checksum, urgent pointer */
	0x02, 0x04, 0x05, 0x64, /* MSS 1380 */
	0x04, 0x02,             /* SACK permitted */
	0x08, 0x0a,             /* timestamps */
	0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, /* value, echo */
	0x01, 0x03, 0x03, 0x08, /* NOP, window scale 8 */
};

static void test_golden_syn(void **state)
{
	struct tcp_segment segment = {
		.src_port = 0xf001,
		.dst_port = 5432,
		.seq = 0xfffffffe,
		.wnd = 65535,
		.flags = TCP_SYN,
		.has_mss = true,
		.mss = 1380,
		.sack_permitted = true,
		.has_timestamps = true,
		.ts_val = 0x01020304,
		.has_wscale = true,
		.wscale = 8,
	};
	uint8_t data[TCP_HEADER_MAX];

	(void)state;
	assert_int_equal(tcp_segment_build(data, &segment), sizeof(golden_syn));
	assert_memory_equal(data, golden_syn, sizeof(golden_syn));
}

static const uint8_t golden_ack[] = {
	0x00, 0x50, 0xff, 0xff, /* ports 80, 65535 */
	0x00, 0x00, 0x00, 0x01, /* sequence number */
	0x80, 0x00, 0x00, 0x00, /* acknowledgment */
	0xd0, 0x11, 0x00, 0x07, /* 52 bytes, ACK and FIN, window 7 */
	0x00, 0x00, 0x00, 0x00, /* checksum, urgent pointer */
	0x01, 0x01, 0x08, 0x0a, /* NOP, NOP, timestamps */
	0x00, 0x00, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x0c, /* value, echo */
	0x01, 0x01, 0x05, 0x12, /* NOP, NOP, SACK of two blocks */
	0x80, 0x00, 0x01, 0x00, 0x80, 0x00, 0x02, 0x00, /* first */
	0x80, 0x00, 0x03, 0x00, 0x80, 0x00, 0x04, 0x00, /* second */
};

static void test_golden_ack(void **state)
{
	struct tcp_segment segment = {
		.src_port = 80,
		.dst_port = 65535,
		.seq = 1,
		.ack = 0x80000000,
		.wnd = 7,
		.flags = TCP_ACK | TCP_FIN,
		.has_timestamps = true,
		.ts_val = 11,
		.ts_ecr = 12,
		.sack_count = 2,
		.sacks = {{0x80000100, 0x80000200}, {0x80000300, 0x80000400}},
	};
	uint8_t data[TCP_HEADER_MAX];

	(void)state;
	assert_int_equal(tcp_segment_build(data, &segment), sizeof(golden_ack));
	assert_memory_equal(data, golden_ack, sizeof(golden_ack));
	assert_int_equal(tcp_segment_span(&segment), 1);
}

/* ------------------------------------------------------------- round trip */

static void expect_same(const struct tcp_segment *a,
			const struct tcp_segment *b)
{
	assert_int_equal(a->src_port, b->src_port);
	assert_int_equal(a->dst_port, b->dst_port);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->ack, b->ack);
	assert_int_equal(a->wnd, b->wnd);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->has_mss, b->has_mss);
	assert_int_equal(a->mss, b->mss);
	assert_int_equal(a->has_wscale, b->has_wscale);
	assert_int_equal(a->wscale, b->wscale);
	assert_int_equal(a->sack_permitted, b->sack_permitted);
	assert_int_equal(a->has_timestamps, b->has_timestamps);
	assert_int_equal(a->ts_val, b->ts_val);
	assert_int_equal(a->ts_ecr, b->ts_ecr);
	assert_int_equal(a->sack_count, b->sack_count);
	for (unsigned i = 0; i < a->sack_count; i++) {
		assert_int_equal(a->sacks[i].start, b->sacks[i].start);
		assert_int_equal(a->sacks[i].end, b->sacks[i].end);
	}
}

/* What is written is read again, with each choice of options. */
static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned choice = 0; choice < 128; choice++) {
		bool syn = choice & 1;
		struct tcp_segment segment = {
			.src_port = (uint16_t)(choice * 331),
			.dst_port = 1,
			.seq = choice * 0x9e3779b9,
			.ack = choice * 0x7f4a7c15,
			.wnd = (uint16_t)(choice * 777),
			.flags = syn ? TCP_SYN | TCP_ACK : TCP_ACK,
			.has_timestamps = choice & 2,
			.len = 3,
		};
		struct tcp_segment got;
		uint8_t data[TCP_HEADER_MAX + 3];
		uint32_t len;

		if (segment.has_timestamps) {
			segment.ts_val = choice;
			segment.ts_ecr = ~choice;
		}
		if (syn) {
			segment.has_mss = (choice & 4) != 0;
			segment.mss = segment.has_mss ? 1000 : 0;
			segment.sack_permitted = (choice & 8) != 0;
			segment.has_wscale = (choice & 16) != 0;
			segment.wscale = segment.has_wscale ? 14 : 0;
		} else {
			unsigned cap = segment.has_timestamps ? 3 : 4;

			segment.sack_count =
				(uint8_t)((choice >> 2) % (cap + 1));
			for (uint32_t i = 0; i < segment.sack_count; i++)
				segment.sacks[i] = (struct tcp_range){
					choice + i * 10, choice + i * 10 + 5};
		}
		len = tcp_segment_build(data, &segment);
		assert_int_equal(len % 4, 0);
		memcpy(data + len, "abc", 3);
		assert_int_equal(tcp_segment_parse(data, len + 3, &got), 0);
		expect_same(&segment, &got);
		assert_memory_equal(got.data, "abc", 3);
	}
}

/* ------------------------------------------------------------- hostile */

struct bad {
	const char *name;
	uint8_t offset; /* data offset byte */
	uint8_t options[12];
	int result;
};

static const struct bad bad_options[] = {
	{"end of list, then rubbish", 0x80, {0, 2, 0, 9, 9}, 0},
	{"length 0", 0x80, {2, 0}, -ERR_INVALID},
	{"length 1", 0x80, {2, 1}, -ERR_INVALID},
	{"runs over the end",
	 0x80,
	 {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4},
	 -ERR_INVALID},
	{"kind alone at the end",
	 0x80,
	 {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2},
	 -ERR_INVALID},
	{"unknown kinds are skipped", 0x80, {254, 4, 9, 9, 34, 2, 253, 2}, 0},
	{"offset below 5", 0x40, {1}, -ERR_INVALID},
	{"offset beyond the segment", 0x90, {1}, -ERR_INVALID},
};

static void test_bad_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_options) / sizeof(bad_options[0]);
	     i++) {
		const struct bad *bad = &bad_options[i];
		struct tcp_segment segment;
		uint8_t data[32] = {0};
		int result;

		data[12] = bad->offset;
		memcpy(data + 20, bad->options, 12);
		result = tcp_segment_parse(data, sizeof(data), &segment);
		if (result != bad->result)
			fail_msg("%s: %d", bad->name, result);
		if (result == 0)
			assert_false(segment.has_mss);
	}
}

static void test_values_are_bounded(void **state)
{
	/* window scale 200 counts as 14 (RFC 7323 2.3) */
	uint8_t data[24] = {[12] = 0x60, [13] = TCP_SYN, [20] = 3, 3, 200, 0};
	struct tcp_segment segment;

	(void)state;
	assert_int_equal(tcp_segment_parse(data, sizeof(data), &segment), 0);
	assert_true(segment.has_wscale);
	assert_int_equal(segment.wscale, 14);
}

/* Every length of a good header, and every byte of it turned. */
static void test_truncation_and_mutation(void **state)
{
	struct tcp_segment segment;
	uint8_t data[sizeof(golden_ack)];

	(void)state;
	for (uint32_t len = 0; len < sizeof(golden_ack); len++)
		assert_int_equal(tcp_segment_parse(golden_ack, len, &segment),
				 -ERR_INVALID);
	for (uint32_t at = 0; at < sizeof(golden_ack); at++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(data, golden_ack, sizeof(data));
			data[at] = (uint8_t)value;
			if (tcp_segment_parse(data, sizeof(data), &segment) !=
			    0)
				continue;
			assert_true(segment.sack_count <= TCP_SACKS_MAX);
			assert_true(segment.len <= sizeof(data) - 20);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_syn),
		cmocka_unit_test(test_golden_ack),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_values_are_bounded),
		cmocka_unit_test(test_truncation_and_mutation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
