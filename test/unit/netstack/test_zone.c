/* SPDX-License-Identifier: ISC */
/*
 * The DNS server of a zone: its answers as c-ares reads them, and byte for byte
 * where c-ares does not look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "netstack/dns_codec.h"
#include "test/unit/netstack/query.h"

/* As a client sees it. */
static int resolve(struct zone *zone, const char *name, enum dns_type type,
		   struct dns_reply *reply)
{
	struct query query = {.len = 0};
	struct answer answer;
	int len = dns_build_query(name, type, QUERY_ID, query.data);

	assert_true(len > 0);
	query.len = (size_t)len;
	answer = query_tell(zone, ZONE_TCP, &query);
	assert_int_equal(dns_parse_reply(answer.data, answer.len, name, type,
					 QUERY_ID, reply),
			 0);
	return reply->error;
}

static void expect_address(struct zone *zone, const char *name,
			   enum dns_type type, const char *text)
{
	char got[IP_TEXT_CAP];
	struct dns_reply reply;

	assert_int_equal(resolve(zone, name, type, &reply), 0);
	assert_int_equal(reply.count, 1);
	assert_int_equal(reply.ttl_s, ZONE_TTL_S);
	assert_string_equal(ip_addr_format(&reply.addresses[0], got), text);
}

/* ------------------------------------------------------------- tests */

static void test_addresses(void **state)
{
	struct zone *zone = zone_test_example();

	(void)state;
	expect_address(zone, "db.internal", DNS_AAAA, "fdaa::7");
	expect_address(zone, "db.internal", DNS_A, "10.0.0.7");
	expect_address(zone, "DB.Internal", DNS_A, "10.0.0.7");
	expect_address(zone, "a.b.internal", DNS_A, "10.0.0.9");
	assert_int_equal(zone->counters[ZONE_ANSWERED], 4);
	free(zone);
}

static void test_absent(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
		int err;
	} cases[] = {
		{"gone.internal", DNS_A, -ERR_NO_NAME},
		{"x.db.internal", DNS_A, -ERR_NO_NAME},
		{"v4.internal", DNS_AAAA, -ERR_NO_ADDRESS},
		{"b.internal", DNS_A, -ERR_NO_ADDRESS}, /* a.b is below it */
		{"internal", DNS_A, -ERR_NO_ADDRESS},
		{"db.example", DNS_A, -ERR_NAME_SERVER},
		{"dbinternal", DNS_A, -ERR_NAME_SERVER},
		{"xinternal", DNS_A, -ERR_NAME_SERVER},
		{"l.a", DNS_A, -ERR_NAME_SERVER},
	};
	struct zone *zone = zone_test_example();
	struct dns_reply reply;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (resolve(zone, cases[i].name, cases[i].type, &reply) !=
		    cases[i].err)
			fail_msg("%s: %s", cases[i].name,
				 error_name(reply.error));
	}
	assert_int_equal(zone->counters[ZONE_NO_NAME], 2);
	assert_int_equal(zone->counters[ZONE_NO_DATA], 3);
	assert_int_equal(zone->counters[ZONE_REFUSED], 4);
	free(zone);
}

/* A name that does not exist, every byte of it. */
static void test_golden_no_name(void **state)
{
	static const uint8_t
		golden[] =
			{
				0xbe, 0xef, 0x85, 0x03, /* QR AA RD, NXDOMAIN */
				0,    1,    0,    0,    0,   1,
				0,    0, /* one question, one authority */
				2,    'X',  'y',  8,    'I', 'n',
				't',  'E',  'r',  'n',  'A', 'l',
				0,    0,    1,    0,    1, /* as asked */
				0xc0, 15,   0,    6,    0,   1,
				0,    0,    0,    5, /* SOA, 5 s */
				0,    38,   2,    'n',  's', 0xc0,
				15, /* ns.internal */
				10,   'h',  'o',  's',  't', 'm',
				'a',  's',  't',  'e',  'r', 0xc0,
				15,   0,    0,    0,    0, /* serial */
				0,    0,    0x0e, 0x10,    /* refresh 3600 */
				0,    0,    0x02, 0x58,    /* retry 600 */
				0,    1,    0x51, 0x80,    /* expire 86400 */
				0,    0,    0,    5,       /* negative TTL */
			};
	struct zone *zone = zone_test_example();
	struct query query = query_make("Xy.IntErnAl", TYPE_A);
	struct answer answer = query_tell(zone, ZONE_UDP, &query);

	(void)state;
	assert_int_equal(answer.len, sizeof(golden));
	assert_memory_equal(answer.data, golden, sizeof(golden));
	zone_clear(zone);
	answer = query_tell(zone, ZONE_UDP, &query);
	assert_int_equal(answer.data[62], 1); /* another serial */
	free(zone);
}

static void test_golden_address(void **state)
{
	static const uint8_t golden[] = {
		0xbe, 0xef, 0x85, 0x00, 0,   1, 0,   1,   0,    0,
		0,    1,    2,    'd',  'B', 8, 'i', 'n', 't',  'e',
		'r',  'n',  'a',  'l',  0,   0, 1,   0,   1,    0xc0,
		12,   0,    1,    0,    1,   0, 0,   0,   30,   0,
		4,    10,   0,    0,    7,   0, 0,   41,  0x04, 0xd0,
		0,    0,    0x80, 0,    0,   0, /* OPT, 1232, DO */
	};
	struct zone *zone = zone_test_example();
	struct query query = query_make("dB.internal", TYPE_A);
	struct answer answer;

	(void)state;
	query_put_opt(&query, 4096, 0, 0x8000);
	answer = query_tell(zone, ZONE_UDP, &query);
	assert_int_equal(answer.len, sizeof(golden));
	assert_memory_equal(answer.data, golden, sizeof(golden));
	free(zone);
}

/* SOA, NS, ANY and a type without records; in the answer or below it. */
static void test_types(void **state)
{
	static const struct {
		const char *name;
		unsigned type, rcode, answers, authority, first;
	} cases[] = {
		{"internal", TYPE_SOA, 0, 1, 0, TYPE_SOA},
		{"internal", TYPE_NS, 0, 1, 0, TYPE_NS},
		{"internal", TYPE_ANY, 0, 1, 0, TYPE_SOA},
		{"internal", TYPE_TXT, 0, 0, 1, TYPE_SOA},
		{"internal", TYPE_AXFR, 5, 0, 0, 0},
		{"db.internal", TYPE_ANY, 0, 1, 0, TYPE_AAAA},
		{"v4.internal", TYPE_ANY, 0, 1, 0, TYPE_A},
		{"b.internal", TYPE_ANY, 0, 0, 1, TYPE_SOA},
		{"db.internal", TYPE_SOA, 0, 0, 1, TYPE_SOA},
		{"db.internal", TYPE_NS, 0, 0, 1, TYPE_SOA},
		{"db.internal", TYPE_TXT, 0, 0, 1, TYPE_SOA},
		{"x.internal", TYPE_TXT, 3, 0, 1, TYPE_SOA},
		{"example", TYPE_SOA, 5, 0, 0, 0},
		{"", TYPE_NS, 5, 0, 0, 0},
	};
	struct zone *zone = zone_test_example();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct query query = query_make(cases[i].name, cases[i].type);
		struct answer answer = query_tell(zone, ZONE_UDP, &query);

		if (answer_rcode(&answer) != cases[i].rcode ||
		    answer_count(&answer) != cases[i].answers ||
		    get_be16(answer.data + 8) != cases[i].authority ||
		    (cases[i].first != 0 &&
		     get_be16(answer.data + query.len + 2) != cases[i].first))
			fail_msg("%s %u", cases[i].name, cases[i].type);
	}
	free(zone);
}

static void test_other_class(void **state)
{
	struct zone *zone = zone_test_example();
	struct query query = query_make("db.internal", TYPE_A);
	struct answer answer;

	(void)state;
	query.data[query.len - 1] = 3; /* CH */
	answer = query_tell(zone, ZONE_UDP, &query);
	assert_int_equal(answer_rcode(&answer), 5);
	free(zone);
}

/* Each family's addresses in turn, and all of them each time. */
static void test_rotation(void **state)
{
	struct zone *zone = zone_test_make("internal", ZONE_TEST_NAMES);
	unsigned seen = 0;

	(void)state;
	zone_test_add(zone, "w.internal", "10.0.0.0");
	zone_test_add(zone, "w.internal", "10.0.0.1");
	zone_test_add(zone, "w.internal", "fdaa::1");
	zone_test_add(zone, "w.internal", "10.0.0.2");
	zone_test_add(zone, "w.internal", "10.0.0.1"); /* once is enough */
	for (unsigned i = 0; i < 3; i++) {
		struct dns_reply reply;
		unsigned all = 0;

		assert_int_equal(resolve(zone, "w.internal", DNS_A, &reply), 0);
		assert_int_equal(reply.count, 3);
		for (unsigned j = 0; j < 3; j++)
			all |= 1U << reply.addresses[j].bytes[3];
		assert_int_equal(all, 7);
		seen |= 1U << reply.addresses[0].bytes[3];
		/* Clients ask for both: the other family turns alone. */
		assert_int_equal(resolve(zone, "w.internal", DNS_AAAA, &reply),
				 0);
	}
	assert_int_equal(seen, 7);
	free(zone);
}

/* What does not fit is not sent in part. */
static void test_truncation(void **state)
{
	static const struct {
		unsigned payload; /* 0: no EDNS */
		unsigned count;   /* addresses */
		bool cut;
	} cases[] = {
		{0, 3, false},    {0, 4, true},    {512, 4, false},
		{1232, 4, false}, {1232, 5, true}, {0xffff, 5, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct zone *zone = zone_test_make("internal", ZONE_TEST_NAMES);
		struct query query = query_make("db.internal", TYPE_AAAA);
		struct answer answer;

		for (unsigned j = 0; j < cases[i].count; j++) {
			char text[IP_TEXT_CAP] = "fdaa::a";

			text[6] = (char)('a' + j);
			zone_test_add(zone, "db.internal", text);
		}
		if (cases[i].payload != 0)
			query_put_opt(&query, cases[i].payload, 0, 0);
		answer = query_tell(zone, ZONE_UDP, &query);
		assert_true(answer.len <= 4 * query.len);
		assert_int_equal(answer_is_cut(&answer), cases[i].cut);
		assert_int_equal(answer_count(&answer),
				 cases[i].cut ? 0 : cases[i].count);
		assert_int_equal(zone->counters[ZONE_TRUNCATED], cases[i].cut);
		answer = query_tell(zone, ZONE_TCP, &query);
		assert_false(answer_is_cut(&answer));
		assert_int_equal(answer_count(&answer), cases[i].count);
		free(zone);
	}
}

/* A long name has a long question: then the payload is what limits. */
static void test_payload(void **state)
{
	static const struct {
		unsigned payload;
		bool cut;
	} cases[] = {{0, true},   {100, true},  {512, true},
		     {938, true}, {939, false}, {4096, false}};
	char name[NAME_CAP] = "";
	struct zone *zone;

	(void)state;
	for (unsigned i = 0; i < 115; i++)
		strcat(name, "x.");
	strcat(name, "internal");
	zone = zone_test_make("internal", 256);
	for (unsigned i = 0; i < ZONE_ADDRESSES_MAX; i++) {
		struct ip_addr addr = {.family = IP_V6, .bytes = {0xfd}};

		addr.bytes[15] = (uint8_t)i;
		assert_int_equal(zone_add(zone, name, &addr), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct query query = query_make(name, TYPE_AAAA);
		struct answer answer;

		if (cases[i].payload != 0)
			query_put_opt(&query, cases[i].payload, 0, 0);
		answer = query_tell(zone, ZONE_UDP, &query);
		if (answer_is_cut(&answer) != cases[i].cut)
			fail_msg("payload %u: %zu", cases[i].payload,
				 answer.len);
		assert_int_equal(answer_count(&answer),
				 cases[i].cut ? 0 : ZONE_ADDRESSES_MAX);
	}
	free(zone);
}

/* Neither refusals nor absent names are larger than the question allows, even
 * in the shortest zone. */
static void test_short_questions(void **state)
{
	static const char *const names[] = {"", "a", "b", "b.a", "c.a"};
	static const unsigned types[] = {TYPE_A, TYPE_SOA, TYPE_NS, TYPE_ANY,
					 TYPE_TXT};
	struct zone *zone = zone_test_make("a", ZONE_TEST_NAMES);

	(void)state;
	zone_test_add(zone, "b.a", "10.0.0.1");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(types); j++) {
			struct query query = query_make(names[i], types[j]);
			struct answer answer =
				query_tell(zone, ZONE_UDP, &query);

			assert_true(answer.len <= 4 * query.len);
			assert_false(answer_is_cut(&answer));
		}
	}
	free(zone);
}

static void test_version(void **state)
{
	struct zone *zone = zone_test_example();
	struct query query = query_make("db.internal", TYPE_A);
	struct answer answer;

	(void)state;
	query_put_opt(&query, 1232, 1, 0);
	answer = query_tell(zone, ZONE_UDP, &query);
	assert_int_equal(answer_rcode(&answer), 0);
	assert_int_equal(answer_count(&answer), 0);
	assert_int_equal(get_be16(answer.data + 10), 1);
	assert_int_equal(answer.len, query.len);
	assert_int_equal(answer.data[answer.len - 6], 1); /* 16 in all */
	assert_int_equal(answer.data[answer.len - 5], 0); /* our version */
	assert_int_equal(zone->counters[ZONE_BAD_VERSION], 1);
	free(zone);
}

/* ------------------------------------------------------------- the table */

static void test_bad_names(void **state)
{
	static const char *const names[] = {
		"",
		".",
		"a..internal",
		"db.example",
		"internal.example",
		"xinternal",
		("1234567890123456789012345678901234567890"
		 "123456789012345678901234.internal")};
	struct zone *zone = zone_test_example();
	void *memory = calloc(1, zone_size(1));
	struct ip_addr addr;

	(void)state;
	assert_null(zone_init(memory, "", 1));
	free(memory);
	CHECK(ip_addr_parse("10.0.0.1", &addr) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(zone_add(zone, names[i], &addr), -ERR_INVALID);
	free(zone);
}

static void test_full(void **state)
{
	struct zone *zone = zone_test_make("internal", 4);
	struct ip_addr addr = {.family = IP_V4, .bytes = {10}};

	(void)state;
	zone_test_add(zone, "a.internal", "10.0.0.1");
	zone_test_add(zone, "b.c.internal", "10.0.0.1");
	assert_int_equal(zone_add(zone, "d.internal", &addr), -ERR_FULL);
	for (unsigned i = 0; i < ZONE_ADDRESSES_MAX - 1; i++) {
		addr.bytes[3] = (uint8_t)(100 + i);
		assert_int_equal(zone_add(zone, "a.internal", &addr), 0);
	}
	addr.bytes[3] = 2;
	assert_int_equal(zone_add(zone, "a.internal", &addr), -ERR_FULL);
	free(zone);
}

/* After zone_clear() nothing of the old names is left. */
static void test_clear(void **state)
{
	struct zone *zone = zone_test_example();
	struct dns_reply reply;

	(void)state;
	assert_true(zone_has(zone, "db.internal"));
	zone_clear(zone);
	assert_false(zone_has(zone, "db.internal"));
	assert_int_equal(resolve(zone, "db.internal", DNS_A, &reply),
			 -ERR_NO_NAME);
	assert_int_equal(resolve(zone, "internal", DNS_A, &reply),
			 -ERR_NO_ADDRESS);
	zone_test_add(zone, "db.internal", "10.0.0.70");
	expect_address(zone, "db.internal", DNS_A, "10.0.0.70");
	assert_int_equal(resolve(zone, "db.internal", DNS_AAAA, &reply),
			 -ERR_NO_ADDRESS);
	free(zone);
}

/* As many names as there is room for, each found among the others. */
static void test_many_names(void **state)
{
	struct zone *zone = zone_test_make("internal", 1001);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct ip_addr addr = {.family = IP_V4, .bytes = {10}};

		put_be16(addr.bytes + 2, (uint16_t)i);
		snprintf(name, sizeof(name), "h%u.internal", i);
		assert_int_equal(zone_add(zone, name, &addr), 0);
	}
	for (unsigned i = 0; i < 1000; i++) {
		struct dns_reply reply;

		snprintf(name, sizeof(name), "h%u.internal", i);
		assert_int_equal(resolve(zone, name, DNS_A, &reply), 0);
		assert_int_equal(get_be16(reply.addresses[0].bytes + 2), i);
	}
	free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_golden_no_name),
		cmocka_unit_test(test_golden_address),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_other_class),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_short_questions),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
