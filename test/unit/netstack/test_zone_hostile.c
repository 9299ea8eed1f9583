/* SPDX-License-Identifier: ISC */
/* Messages that are no proper question to a zone's server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "test/unit/netstack/query.h"

static struct query ask_edns(const char *name, unsigned type, unsigned payload)
{
	struct query query = query_make(name, type);

	query_put_opt(&query, payload, 0, 0);
	return query;
}

static void test_opcodes(void **state)
{
	struct zone *zone = zone_test_example();

	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		struct query query = query_make("internal", TYPE_SOA);
		unsigned expected = opcode == 4 || opcode == 5 ? 5 : 4;
		struct answer answer;

		query.data[2] = (uint8_t)(opcode << 3);
		answer = query_tell(zone, ZONE_UDP, &query);
		assert_int_equal(answer_rcode(&answer), expected);
		assert_int_equal(answer.data[2], 0x80 | opcode << 3);
		assert_int_equal(answer_count(&answer), 0);
	}
	free(zone);
}

/* An answer to an answer would go round for ever. */
static void test_answers_are_dropped(void **state)
{
	struct zone *zone = zone_test_example();
	struct query query = query_make("db.internal", TYPE_A);
	struct answer answer;

	(void)state;
	query.data[2] |= 0x80;
	assert_int_equal(query_tell(zone, ZONE_UDP, &query).len, 0);
	query = query_make("db.internal", TYPE_A);
	answer = query_tell(zone, ZONE_UDP, &query);
	assert_int_equal(zone_answer(zone, ZONE_UDP, answer.data, answer.len,
				     answer.data),
			 0);
	assert_int_equal(zone->counters[ZONE_DROPPED], 2);
	free(zone);
}

static struct query two_questions(void)
{
	struct query query = query_make("db.internal", TYPE_A);

	query.data[5] = 2;
	query_put(&query, query.data + 12, query.len - 12);
	return query;
}

static struct query no_question(void)
{
	struct query query = query_make("db.internal", TYPE_A);

	query.data[5] = 0;
	query.len = 12;
	return query;
}

static struct query two_opts(void)
{
	struct query query = ask_edns("db.internal", TYPE_A, 1232);

	query_put_opt(&query, 1232, 0, 0);
	return query;
}

static struct query named_opt(void)
{
	struct query query = query_make("db.internal", TYPE_A);

	query_put(&query, "\1x", 2);
	query_put_opt(&query, 1232, 0, 0);
	return query;
}

static struct query long_opt(void)
{
	struct query query = ask_edns("db.internal", TYPE_A, 1232);

	query.data[query.len - 1] = 1;
	return query;
}

static struct query trailing(void)
{
	struct query query = query_make("db.internal", TYPE_A);

	query_put(&query, "", 1);
	return query;
}

static struct query with_answer(void)
{
	struct query query = query_make("db.internal", TYPE_A);

	query.data[7] = 1;
	return query;
}

static struct query pointer(void)
{
	struct query query = query_make("", TYPE_A);

	query.len = 12;
	query_put(&query, "\xc0\x0c\0\1\0\1", 6);
	return query;
}

static struct query long_name(void)
{
	struct query query = query_make("", TYPE_A);

	query.len = 12;
	for (unsigned i = 0; i < 4; i++) {
		query_put(&query, "\x3f", 1);
		for (unsigned j = 0; j < 63; j++)
			query_put(&query, "x", 1);
	}
	query_put(&query, "\0\0\1\0\1", 5);
	return query;
}

static void test_malformed(void **state)
{
	static struct query (*const make[])(void) = {
		two_questions, no_question, two_opts, named_opt, long_opt,
		trailing,      with_answer, pointer,  long_name,
	};
	struct zone *zone = zone_test_example();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
		struct query query = make[i]();
		struct answer answer = query_tell(zone, ZONE_UDP, &query);

		if (answer_rcode(&answer) != 1 || answer.len > query.len)
			fail_msg("case %zu: rcode %u", i,
				 answer_rcode(&answer));
	}
	assert_int_equal(zone->counters[ZONE_MALFORMED], ARRAY_SIZE(make));
	free(zone);
}

/* Other records in the additional section mean nothing to us. */
static void test_other_additional(void **state)
{
	static const uint8_t tsig[] = {3, 'k', 'e', 'y', 0xc0, 12,
				       0, 250, 0,   255, 0,    0,
				       0, 0,   0,   2,   'x',  'y'};
	struct zone *zone = zone_test_example();
	struct query query = ask_edns("db.internal", TYPE_A, 1232);
	struct answer answer;

	(void)state;
	query_put(&query, tsig, sizeof(tsig));
	query.data[11]++;
	answer = query_tell(zone, ZONE_UDP, &query);
	assert_int_equal(answer_rcode(&answer), 0);
	assert_int_equal(answer_count(&answer), 1);
	free(zone);
}

/* Every length, and every byte changed, in a buffer of exactly that size: the
 * sanitizers see a read too far. */
static void test_cut_and_changed(void **state)
{
	struct zone *zone = zone_test_example();
	struct query query = ask_edns("db.internal", TYPE_A, 1232);
	uint8_t answer[ZONE_ANSWER_MAX];

	(void)state;
	for (size_t len = 0; len < query.len; len++) {
		uint8_t *copy = malloc(len + 1);
		size_t got;

		memcpy(copy, query.data, len);
		copy = realloc(copy, len > 0 ? len : 1);
		got = zone_answer(zone, ZONE_UDP, copy, len, answer);
		assert_true(len < 12 ? got == 0
				     : (answer[3] & 15) == 1 && got <= len);
		free(copy);
	}
	for (size_t at = 0; at < query.len * 256; at++) {
		uint8_t *copy = malloc(query.len);

		memcpy(copy, query.data, query.len);
		copy[at / 256] = (uint8_t)at;
		assert_true(zone_answer(zone, ZONE_UDP, copy, query.len,
					answer) <= 4 * query.len);
		free(copy);
	}
	free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_answers_are_dropped),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_other_additional),
		cmocka_unit_test(test_cut_and_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
