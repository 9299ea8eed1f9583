/* SPDX-License-Identifier: ISC */
/* The resolver against a name server that the test plays, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "names.h"
#include "netstack/icmp.h"

static struct names names;

#define ANSWER(...) (&(struct names_answer){.records = {__VA_ARGS__}})
#define FAILURE(f)  (&(struct names_answer){.flags = (f)})
#define CONFIG(...) (&(struct names_config){.v4 = true, __VA_ARGS__})
#define ONE         .servers = {"10.9.0.53"}
#define TWO         .servers = {"10.9.0.53", "10.9.0.54"}

static int close_names(void **state)
{
	(void)state;
	names_close(&names);
	return 0;
}

static int look_up(const char *name)
{
	return names_look_up(&names, name);
}

static void assert_found(const char *name, const char *address)
{
	names_assert_found(&names, name, address);
}

static void assert_question(uint32_t index, const char *name,
			    enum dns_type type)
{
	struct names_question question;

	names_question(&names, index, &question);
	assert_string_equal(question.name, name);
	assert_int_equal(question.type, type);
}

static uint64_t results(enum dns_result result)
{
	return resolver_stats(names.resolver)->lookups[result];
}

/* ------------------------------------------------------------- the cache */

static void test_cache(void **state)
{
	uint64_t generation;

	(void)state;
	names_open(&names, CONFIG(ONE));
	generation = resolver_generation(names.resolver);
	assert_int_equal(look_up("DB.Example.org."), -ERR_AGAIN);
	assert_int_equal(names.count, 1);
	assert_question(0, "db.example.org", DNS_A);
	names_answer(&names, 0, ANSWER("A 192.0.2.7 60", "A 192.0.2.8 60"));
	assert_true(resolver_generation(names.resolver) != generation);
	assert_found("db.example.org", "192.0.2.7");
	assert_int_equal(names.found.count, 2);
	assert_true(names.found.complete);
	names_advance(&names, 59 * NS_PER_S);
	assert_found("db.example.ORG", "192.0.2.7");
	assert_int_equal(names.count, 1);
	names_advance(&names, 2 * NS_PER_S);
	assert_int_equal(look_up("db.example.org"), -ERR_AGAIN);
	assert_int_equal(names.count, 2);
	names_answer(&names, 1, ANSWER("A 192.0.2.9 60"));
	assert_found("db.example.org", "192.0.2.9");
	assert_int_equal(results(DNS_RESULT_OK), 2);
}

/* Times to live between one second and five minutes; the least one counts, a
 * CNAME's too. */
static void test_ttl(void **state)
{
	static const struct {
		const char *records[3];
		uint32_t lives_s;
	} rows[] = {
		{{"A 192.0.2.1 0"}, 1},
		{{"A 192.0.2.1 100000"}, 300},
		{{"A 192.0.2.1 200", "A 192.0.2.2 20"}, 20},
		{{"CNAME b.example 30", "A 192.0.2.1 200"}, 30},
	};

	(void)state;
	names_open(&names, CONFIG(ONE));
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[32];

		snprintf(name, sizeof(name), "row%u.example", i);
		assert_int_equal(look_up(name), -ERR_AGAIN);
		names_answer(&names, names.count - 1,
			     ANSWER(rows[i].records[0], rows[i].records[1]));
		names_advance(&names, rows[i].lives_s * NS_PER_S - 1);
		assert_found(name, "192.0.2.1");
		names_advance(&names, 1);
		assert_int_equal(look_up(name), -ERR_AGAIN);
		names_answer(&names, names.count - 1, FAILURE(NAMES_NXDOMAIN));
	}
}

static void test_negative(void **state)
{
	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("no.example");
	names_answer(&names, 0, FAILURE(NAMES_NXDOMAIN));
	assert_int_equal(look_up("no.example"), -ERR_NO_NAME);
	names_advance(&names, 5 * NS_PER_S - 1);
	assert_int_equal(look_up("no.example"), -ERR_NO_NAME);
	assert_int_equal(names.count, 1);
	names_advance(&names, 1);
	assert_int_equal(look_up("no.example"), -ERR_AGAIN);
	assert_int_equal(names.count, 2);
	names_answer(&names, 1, ANSWER(NULL)); /* it exists, without address */
	assert_int_equal(look_up("no.example"), -ERR_NO_ADDRESS);
	assert_int_equal(results(DNS_RESULT_NO_NAME), 1);
	assert_int_equal(results(DNS_RESULT_NO_ADDRESS), 1);
}

/* However many ask, a name is asked for once. */
static void test_one_in_flight(void **state)
{
	(void)state;
	names_open(&names, CONFIG(ONE));
	for (int i = 0; i < 20; i++)
		assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	assert_int_equal(look_up("b.example"), -ERR_AGAIN);
	assert_int_equal(names.count, 2);
}

/* 256 names; what runs out first makes room, what is being asked does not. */
static void test_full(void **state)
{
	char name[32];

	(void)state;
	names_open(&names, CONFIG(ONE));
	for (uint32_t i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		look_up(name);
		names_answer(&names, names.count - 1,
			     i == 77 ? ANSWER("A 192.0.2.1 10")
				     : ANSWER("A 192.0.2.2 200"));
		names.count = 0;
	}
	assert_found("n77.example", "192.0.2.1");
	assert_int_equal(look_up("one-more.example"), -ERR_AGAIN);
	names_answer(&names, 0, ANSWER("A 192.0.2.3 200"));
	assert_found("one-more.example", "192.0.2.3");
	assert_found("n255.example", "192.0.2.2");
	assert_int_equal(look_up("n77.example"), -ERR_AGAIN);
	for (uint32_t i = 0; i < 255; i++) {
		snprintf(name, sizeof(name), "m%u.example", i);
		assert_int_equal(look_up(name), -ERR_AGAIN);
		names.count = 0;
	}
	assert_int_equal(look_up("too-many.example"), -ERR_FULL);
}

/* ------------------------------------------------------------- families */

static void test_both_families(void **state)
{
	struct names_question v6, v4;

	(void)state;
	names_open(&names, CONFIG(ONE, .v6 = true));
	look_up("a.example");
	assert_int_equal(names.count, 2);
	names_question(&names, 0, &v6);
	names_question(&names, 1, &v4);
	assert_int_equal(v6.type, DNS_AAAA);
	assert_int_equal(v4.type, DNS_A);
	assert_true(v4.port != v6.port && v4.id != v6.id);
	names_answer(&names, 1, ANSWER("A 192.0.2.1 60", "A 192.0.2.2 60"));
	assert_found("a.example", "192.0.2.1"); /* the first half */
	assert_false(names.found.complete);
	names_answer(&names, 0, ANSWER("AAAA 2001:db8::1 60"));
	assert_found("a.example", "2001:db8::1");
	assert_true(names.found.complete);
	assert_int_equal(names.found.count, 3);
}

/* What one family has is enough; silence of the other does not take it. */
static void test_half_an_answer(void **state)
{
	(void)state;
	names_open(&names, CONFIG(ONE, .v6 = true));
	look_up("a.example");
	names_answer(&names, 1, ANSWER("A 192.0.2.1 60"));
	names_advance(&names, 6 * NS_PER_S);
	assert_int_equal(names.count, 4); /* only AAAA was asked for again */
	assert_question(2, "a.example", DNS_AAAA);
	assert_found("a.example", "192.0.2.1");
	assert_true(names.found.complete);
}

/* A long list of one family leaves room for the other. */
static void test_sixteen(void **state)
{
	struct names_answer v4 = {.records = {NULL}}, v6 = {.records = {NULL}};
	static char text[2][18][40];

	(void)state;
	names_open(&names, CONFIG(ONE, .v6 = true));
	for (int i = 0; i < 18; i++) {
		sprintf(text[0][i], "A 192.0.2.%d 60", i + 1);
		sprintf(text[1][i], "AAAA 2001:db8::%d 60", i + 1);
		v4.records[i] = text[0][i];
		v6.records[i] = text[1][i];
	}
	look_up("a.example");
	names_answer(&names, 0, &v6);
	names_answer(&names, 1, &v4);
	assert_found("a.example", "2001:db8::1");
	assert_int_equal(names.found.count, NAME_ADDRESSES_MAX);
	for (uint32_t i = 0; i < NAME_ADDRESSES_MAX; i++)
		assert_int_equal(names.found.addresses[i].family,
				 i % 2 ? IP_V4 : IP_V6);
}

static void test_cname(void **state)
{
	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("www.example");
	names_answer(&names, 0,
		     ANSWER("CNAME lb.example.net 60", "CNAME x.example.net 60",
			    "A 192.0.2.5 60"));
	assert_found("www.example", "192.0.2.5");
	look_up("nowhere.example");
	names_answer(&names, 1, ANSWER("CNAME lb.example.net 60"));
	assert_int_equal(look_up("nowhere.example"), -ERR_NO_ADDRESS);
}

/* ------------------------------------------------------------- forgery */

/* Nothing but the server's own answer to the very question counts. */
static void test_forged(void **state)
{
	struct names_question real, forged;
	uint8_t data[512];
	uint32_t len;

	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("a.example");
	names_question(&names, 0, &real);
	for (int i = 0; i < 7; i++) {
		struct ip_addr other = lone_address("10.9.0.54");

		forged = real;
		if (i == 0)
			forged.id ^= 1;
		if (i == 1)
			strcpy(forged.name, "b.example");
		if (i == 2)
			forged.type = DNS_AAAA;
		if (i == 3)
			forged.server = other;
		if (i == 4)
			forged.port ^= 1;
		len = names_build_answer(&forged, ANSWER("A 192.0.2.66 60"),
					 data);
		if (i == 5)
			data[2] &= 0x7f; /* a question */
		if (i == 6)
			len = 11;
		names_give(&names, &forged, data, len);
		assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	}
	names_answer(&names, 0, ANSWER("A 192.0.2.1 60"));
	assert_found("a.example", "192.0.2.1");
}

/* Somebody who guesses closes the socket; the next try has another port. */
static void test_many_forged(void **state)
{
	struct names_question first, second, forged;
	uint8_t data[512];
	uint32_t len;

	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("a.example");
	names_question(&names, 0, &first);
	forged = first;
	for (int i = 0; i < 40; i++) {
		forged.id++;
		len = names_build_answer(&forged, ANSWER("A 192.0.2.66 60"),
					 data);
		names_give(&names, &forged, data, len);
	}
	names_answer(&names, 0, ANSWER("A 192.0.2.1 60")); /* too late */
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	names.count = 0;
	names_advance(&names, 2 * NS_PER_S);
	assert_int_equal(names.count, 1);
	names_question(&names, 0, &second);
	assert_true(second.port != first.port);
	names_answer(&names, 0, ANSWER("A 192.0.2.1 60"));
	assert_found("a.example", "192.0.2.1");
}

/* ------------------------------------------------------------- silence */

static void test_timeout(void **state)
{
	static const char *const servers[] = {"10.9.0.53", "10.9.0.54",
					      "10.9.0.53"};

	(void)state;
	names_open(&names, CONFIG(TWO));
	look_up("a.example");
	names_advance(&names, 6 * NS_PER_S - 1);
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	names_advance(&names, 1);
	assert_int_equal(names.count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct names_question question;
		struct ip_addr server = lone_address(servers[i]);

		names_question(&names, i, &question);
		assert_true(ip_addr_equal(&question.server, &server));
		assert_int_equal(names_ms(&names, names.sent[i].at), i * 2000);
	}
	assert_int_equal(results(DNS_RESULT_TIMEOUT), 1);
	/* silence is not kept: whoever asks now starts again */
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	assert_int_equal(names.count, 4);
	names_answer(&names, 3, ANSWER("A 192.0.2.1 60"));
	assert_found("a.example", "192.0.2.1");
}

/* The old answer serves after one try, then for 30 s without asking, for an
 * hour in all. */
static void test_stale(void **state)
{
	uint64_t generation;
	uint32_t asked;

	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("a.example");
	names_answer(&names, 0, ANSWER("A 192.0.2.1 60"));
	names_advance(&names, 60 * NS_PER_S);
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	names_advance(&names, 2 * NS_PER_S - 1);
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	generation = resolver_generation(names.resolver);
	names_advance(&names, 1);
	assert_true(resolver_generation(names.resolver) != generation);
	assert_found("a.example", "192.0.2.1");
	names_advance(&names, 4 * NS_PER_S); /* given up */
	asked = names.count;
	names_advance(&names, 30 * NS_PER_S - 1);
	assert_found("a.example", "192.0.2.1");
	assert_int_equal(names.count, asked);
	names_advance(&names, 1);
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	names_answer(&names, asked, ANSWER("A 192.0.2.2 60")); /* it is back */
	assert_found("a.example", "192.0.2.2");
	names_advance(&names, 3600 * NS_PER_S);
	look_up("a.example");
	names_advance(&names, 2 * NS_PER_S);
	assert_int_equal(look_up("a.example"), -ERR_AGAIN); /* too old */
	names_advance(&names, 4 * NS_PER_S);
	assert_int_equal(results(DNS_RESULT_TIMEOUT), 2);
}

/* A name that is gone is gone: only silence and failure make old answers do. */
static void test_stale_and_gone(void **state)
{
	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("a.example");
	names_answer(&names, 0, ANSWER("A 192.0.2.1 1"));
	names_advance(&names, 2 * NS_PER_S);
	look_up("a.example");
	names_answer(&names, 1, FAILURE(NAMES_NXDOMAIN));
	assert_int_equal(look_up("a.example"), -ERR_NO_NAME);
}

static void test_server_failure(void **state)
{
	(void)state;
	names_open(&names, CONFIG(TWO));
	look_up("a.example");
	names_answer(&names, 0, FAILURE(NAMES_SERVFAIL));
	assert_int_equal(names.count, 2); /* the other one, at once */
	names_answer(&names, 1, ANSWER("A 192.0.2.1 60"));
	assert_found("a.example", "192.0.2.1");
	look_up("b.example");
	for (uint32_t i = 2; i < 5; i++)
		names_answer(&names, i, FAILURE(NAMES_SERVFAIL));
	assert_int_equal(look_up("b.example"), -ERR_NAME_SERVER);
	assert_int_equal(results(DNS_RESULT_SERVER), 1);
}

/* "Port unreachable" about question number index. */
static void refuse(uint32_t index)
{
	const struct ip_packet *ip = &names.sent[index].packet.ip;
	struct ip_packet about = *ip;
	uint8_t data[600];

	lone_give(
		&names.lone, data,
		icmp_build_error(&about, ICMP_ERROR_PORT, data, sizeof(data)));
	names_settle(&names);
}

/* A host without name server says so: the next one is asked at once. When all
 * refuse they are asked again in a while: a server that restarts is soon back.
 */
static void test_refused(void **state)
{
	(void)state;
	names_open(&names, CONFIG(TWO));
	look_up("a.example");
	refuse(0);
	assert_int_equal(names.count, 2);
	refuse(0); /* about a question that is no longer asked */
	assert_int_equal(names.count, 2);
	names_answer(&names, 1, ANSWER("A 192.0.2.1 60"));
	assert_found("a.example", "192.0.2.1");
	look_up("b.example");
	refuse(2);
	assert_int_equal(names.count, 4);
	refuse(3);
	names_advance(&names, 2 * NS_PER_S - 1);
	assert_int_equal(names.count, 4);
	names_advance(&names, 1);
	assert_int_equal(names.count, 5);
	names_answer(&names, 4, ANSWER("A 192.0.2.1 60"));
	assert_found("b.example", "192.0.2.1");
}

/* ------------------------------------------------------------- search */

static void test_search(void **state)
{
	(void)state;
	names_open(&names,
		   CONFIG(ONE, .search = {"one.example", "two.example"}));
	look_up("db");
	assert_question(0, "db.one.example", DNS_A);
	names_answer(&names, 0, FAILURE(NAMES_NXDOMAIN));
	assert_question(1, "db.two.example", DNS_A);
	names_answer(&names, 1, ANSWER(NULL));
	assert_question(2, "db", DNS_A);
	names_answer(&names, 2, FAILURE(NAMES_NXDOMAIN));
	assert_int_equal(look_up("db"), -ERR_NO_NAME);
	look_up("web");
	names_answer(&names, 3, ANSWER("A 192.0.2.1 60"));
	assert_found("web", "192.0.2.1");
	look_up("host.example");
	assert_question(4, "host.example", DNS_A);
	names_answer(&names, 4, FAILURE(NAMES_NXDOMAIN));
	assert_int_equal(look_up("host.example"), -ERR_NO_NAME);
	assert_int_equal(names.count, 5);
}

/* A suffix that makes a name too long is passed over. */
static void test_search_too_long(void **state)
{
	static char suffix[NAME_CAP];
	char label[64];

	(void)state;
	memset(label, 'x', 63);
	label[63] = '\0';
	snprintf(suffix, sizeof(suffix), "%s.%s.%s.%s", label, label, label,
		 "y.example");
	names_open(&names, CONFIG(ONE, .search = {suffix}));
	look_up(label);
	assert_int_equal(names.count, 1);
	assert_question(0, label, DNS_A);
}

static void test_no_name(void **state)
{
	static char name[2 * NAME_CAP];

	(void)state;
	names_open(&names, CONFIG(ONE));
	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(look_up(""), -ERR_INVALID);
	assert_int_equal(look_up("."), -ERR_INVALID);
	assert_int_equal(look_up(name), -ERR_INVALID);
	name[70] = '\0'; /* a label of 70 */
	assert_int_equal(look_up(name), -ERR_NO_NAME);
	assert_int_equal(names.count, 0);
}

static void test_no_server(void **state)
{
	(void)state;
	names_open(&names, CONFIG(.servers = {NULL}));
	assert_int_equal(look_up("a.example"), -ERR_NAME_SERVER);
}

/* ------------------------------------------------------------- changes */

static void test_change(void **state)
{
	uint64_t generation;
	struct names_question question;
	struct ip_addr other = lone_address("10.9.0.99");

	(void)state;
	names_open(&names, CONFIG(ONE));
	look_up("a.example");
	names_answer(&names, 0, ANSWER("A 192.0.2.1 60"));
	look_up("b.example");
	generation = resolver_generation(names.resolver);
	names_change(&names, CONFIG(.servers = {"10.9.0.99"}));
	assert_true(resolver_generation(names.resolver) != generation);
	names_answer(&names, 1, ANSWER("A 192.0.2.2 60")); /* nobody's now */
	assert_int_equal(look_up("b.example"), -ERR_AGAIN);
	assert_int_equal(look_up("a.example"), -ERR_AGAIN);
	names_question(&names, names.count - 1, &question);
	assert_true(ip_addr_equal(&question.server, &other));
	names_answer(&names, names.count - 1, ANSWER("A 192.0.2.3 60"));
	assert_found("a.example", "192.0.2.3");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(test_##name, close_names)
	const struct CMUnitTest tests[] = {
		TEST(cache),          TEST(ttl),
		TEST(negative),       TEST(one_in_flight),
		TEST(full),           TEST(both_families),
		TEST(half_an_answer), TEST(sixteen),
		TEST(cname),          TEST(forged),
		TEST(many_forged),    TEST(timeout),
		TEST(stale),          TEST(stale_and_gone),
		TEST(server_failure), TEST(refused),
		TEST(search),         TEST(search_too_long),
		TEST(no_name),        TEST(no_server),
		TEST(change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
