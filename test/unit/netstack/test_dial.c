/* SPDX-License-Identifier: ISC */
/* Happy eyeballs (RFC 8305) against hosts that the test plays, in virtual
 * time: which address is tried when, what wins, and what becomes of the rest.
 */
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
static struct dial_result result;
static uint32_t dial;

#define ANSWER(...)  (&(struct names_answer){.records = {__VA_ARGS__}})
#define FAILURE(f)   (&(struct names_answer){.flags = (f)})
#define REQUEST(...) (&(struct dial_request){.port = 5432, __VA_ARGS__})

static const char *const servers_v4 = "10.9.0.53";

static void open_names(bool v4, bool v6)
{
	struct names_config config = {.v4 = v4, .v6 = v6};

	config.servers[0] = v4 ? servers_v4 : "fd09::53";
	names_open(&names, &config);
}

static int close_names(void **state)
{
	(void)state;
	names_close(&names);
	return 0;
}

static void start(const struct dial_request *request)
{
	assert_int_equal(
		dial_start(names.dialer, names.lone.now, request, &dial), 0);
	names_settle(&names);
}

static bool ended(void)
{
	return dial_next_result(names.dialer, &result);
}

/* The n-th SYN sent that is no repetition, or the count of what there is. */
static uint32_t find_syn(uint32_t n)
{
	for (uint32_t i = 0; i < names.count; i++) {
		if (names.sent[i].packet.ip.protocol != IP_PROTO_TCP ||
		    names_segment(&names, i).flags != TCP_SYN)
			continue;
		for (uint32_t k = 0; k <= i; k++) {
			if (k == i && n-- == 0)
				return i;
			if (ip_addr_equal(&names.sent[k].packet.ip.dst,
					  &names.sent[i].packet.ip.dst))
				break;
		}
	}
	return names.count;
}

static void assert_syn(uint32_t n, const char *address, uint64_t ms)
{
	struct ip_addr addr = lone_address(address);
	uint32_t index = find_syn(n);

	assert_true(index < names.count);
	assert_true(ip_addr_equal(&names.sent[index].packet.ip.dst, &addr));
	assert_int_equal(names_ms(&names, names.sent[index].at), ms);
	assert_int_equal(names_segment(&names, index).dst_port, 5432);
}

static void assert_no_syn(uint32_t n)
{
	assert_int_equal(find_syn(n), names.count);
}

static void refuse(uint32_t n)
{
	names_give_segment(&names, find_syn(n), TCP_RST | TCP_ACK, NULL, 0);
}

static void accept(uint32_t n)
{
	names_give_segment(&names, find_syn(n), TCP_SYN | TCP_ACK, NULL, 0);
}

static void assert_won(const char *address)
{
	struct ip_addr addr = lone_address(address);
	struct ns_tcp_info info;

	assert_true(ended());
	assert_int_equal(result.error, 0);
	assert_int_equal(result.user, 0);
	assert_true(ip_addr_equal(&result.to.addr, &addr));
	assert_int_equal(result.to.port, 5432);
	assert_int_equal(tcp_info(names.lone.ns, result.handle, &info), 0);
	assert_int_equal(info.state, TCPS_ESTABLISHED);
	/* the losers are gone */
	assert_int_equal(netstack_connection_count(names.lone.ns), 1);
	assert_false(ended());
	assert_true(dial_deadline(names.dialer) > names.lone.now);
	tcp_abort(names.lone.ns, names.lone.now, result.handle);
}

static void assert_lost(int error)
{
	assert_true(ended());
	assert_int_equal(result.error, error);
	assert_int_equal(result.user, 0);
	assert_int_equal(netstack_connection_count(names.lone.ns), 0);
}

/* ------------------------------------------------------------- one address */

static void test_literal(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "fd09::7"));
	assert_syn(0, "fd09::7", 0);
	assert_int_equal(names.count, 1); /* no question */
	accept(0);
	assert_won("fd09::7");
}

static void test_refused(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "10.9.0.7"));
	refuse(0);
	assert_lost(-ERR_REFUSED);
}

static void test_silence(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "10.9.0.7"));
	names_advance(&names, 10 * NS_PER_S - 1);
	assert_false(ended());
	names_advance(&names, 1);
	assert_lost(-ERR_TIMEOUT);
	start(REQUEST(.host = "10.9.0.7", .timeout = 700 * NS_PER_MS));
	names_advance(&names, 700 * NS_PER_MS);
	assert_lost(-ERR_TIMEOUT);
}

/* At once when there is no address of that family here. */
static void test_wrong_family(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "fd09::7"));
	assert_int_equal(names.count, 0);
	assert_lost(-ERR_UNREACHABLE);
}

/* ------------------------------------------------------------- in turn */

/* IPv6 first, the families in turn, 250 ms from one to the next. */
static void test_order(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 0,
		     ANSWER("AAAA fd09::1:1 60", "AAAA fd09::1:2 60",
			    "AAAA fd09::1:3 60"));
	names_answer(&names, 1, ANSWER("A 10.9.1.1 60", "A 10.9.1.2 60"));
	names_advance(&names, 5 * NS_PER_S);
	assert_syn(0, "fd09::1:1", 0);
	assert_syn(1, "10.9.1.1", 250);
	assert_syn(2, "fd09::1:2", 500);
	assert_syn(3, "10.9.1.2", 750);
	assert_syn(4, "fd09::1:3", 1000);
	assert_no_syn(5);
	accept(3);
	assert_won("10.9.1.2");
}

/* A refusal starts the next one at once; the last one's word counts. */
static void test_next_at_once(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 0,
		     ANSWER("A 10.9.1.1 60", "A 10.9.1.2 60", "A 10.9.1.3 60"));
	names_advance(&names, 20 * NS_PER_MS);
	refuse(0);
	assert_syn(1, "10.9.1.2", 20);
	names_advance(&names, 250 * NS_PER_MS);
	assert_syn(2, "10.9.1.3", 270);
	refuse(2);
	assert_false(ended()); /* the second may still answer */
	names_advance(&names, 10 * NS_PER_S);
	assert_lost(-ERR_REFUSED); /* more telling than silence */
}

/* IPv4 that is there first waits 50 ms for IPv6. */
static void test_resolution_delay(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 1, ANSWER("A 10.9.1.1 60"));
	names_advance(&names, 49 * NS_PER_MS);
	assert_no_syn(0);
	names_advance(&names, 1 * NS_PER_MS);
	assert_syn(0, "10.9.1.1", 50);
	names_advance(&names, 30 * NS_PER_MS);
	names_answer(&names, 0, ANSWER("AAAA fd09::1:1 60"));
	names_advance(&names, 250 * NS_PER_MS);
	assert_syn(1, "fd09::1:1", 300);
	accept(1);
	assert_won("fd09::1:1");
}

static void test_ipv6_in_time(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 1, ANSWER("A 10.9.1.1 60"));
	names_advance(&names, 30 * NS_PER_MS);
	names_answer(&names, 0, ANSWER("AAAA fd09::1:1 60"));
	assert_syn(0, "fd09::1:1", 30);
	names_advance(&names, 250 * NS_PER_MS);
	assert_syn(1, "10.9.1.1", 280);
	accept(0);
	assert_won("fd09::1:1");
}

/* IPv6 needs to wait for nobody, nor IPv4 when there is no IPv6. */
static void test_no_delay(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "a.example"));
	names_answer(&names, 0, ANSWER("AAAA fd09::1:1 60"));
	assert_syn(0, "fd09::1:1", 0);
	dial_cancel(names.dialer, names.lone.now, dial);
	names.count = 0;
	start(REQUEST(.host = "b.example"));
	names_answer(&names, 0, ANSWER(NULL));
	names_answer(&names, 1, ANSWER("A 10.9.1.1 60"));
	assert_syn(0, "10.9.1.1", 0);
	accept(0);
	assert_won("10.9.1.1");
}

/* Two that answer in the same batch: one wins, the other gets a reset. */
static void test_two_winners(void **state)
{
	uint32_t before;

	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 0, ANSWER("A 10.9.1.1 60", "A 10.9.1.2 60"));
	names_advance(&names, 250 * NS_PER_MS);
	before = names.count;
	accept(0);
	assert_won("10.9.1.1");
	assert_true(names.count > before);
	accept(1); /* nobody's any more */
	assert_int_equal(names_segment(&names, names.count - 1).flags, TCP_RST);
}

/* ------------------------------------------------------------- which first */

static void test_preferred(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "db.example",
		      .preferred = lone_address("10.9.1.2")));
	names_answer(&names, 0, ANSWER("AAAA fd09::1:1 60"));
	dial_cancel(names.dialer, names.lone.now, dial);
	names_answer(&names, 1, ANSWER("A 10.9.1.1 60", "A 10.9.1.2 60"));
	names.count = 0;
	start(REQUEST(.host = "db.example",
		      .preferred = lone_address("10.9.1.2")));
	names_advance(&names, NS_PER_S);
	assert_syn(0, "10.9.1.2", 0);
	assert_syn(1, "fd09::1:1", 250);
	assert_syn(2, "10.9.1.1", 500);
	assert_no_syn(3);
	accept(0);
	assert_won("10.9.1.2");
	names.count = 0; /* one that the name no longer has */
	start(REQUEST(.host = "db.example",
		      .preferred = lone_address("10.9.1.9")));
	assert_syn(0, "fd09::1:1", 1000);
	accept(0);
	assert_won("fd09::1:1");
}

/* Each of them comes first about equally often; without it always the first.
 */
static void test_shuffle(void **state)
{
	unsigned first[4] = {0};

	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 0,
		     ANSWER("A 10.9.1.0 60", "A 10.9.1.1 60", "A 10.9.1.2 60",
			    "A 10.9.1.3 60"));
	accept(0);
	assert_won("10.9.1.0");
	for (unsigned i = 0; i < 400; i++) {
		names.count = 0;
		start(REQUEST(.host = "db.example", .shuffle = true));
		first[names.sent[find_syn(0)].packet.ip.dst.bytes[3] & 3]++;
		dial_cancel(names.dialer, names.lone.now, dial);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(first[i], 60, 140);
}

/* ------------------------------------------------------------- names */

static void test_name_errors(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "no.example"));
	names_answer(&names, 0, FAILURE(NAMES_NXDOMAIN));
	assert_lost(-ERR_NO_NAME);
	start(REQUEST(.host = "empty.example"));
	names_answer(&names, 1, ANSWER(NULL));
	assert_lost(-ERR_NO_ADDRESS);
	start(REQUEST(.host = "silent.example"));
	names_advance(&names, 7 * NS_PER_S);
	assert_false(ended()); /* it is worth asking again */
	names_advance(&names, 3 * NS_PER_S);
	assert_lost(-ERR_NAME_TIMEOUT);
	start(REQUEST(.host = "silent.example", .timeout = NS_PER_S));
	names_advance(&names, NS_PER_S);
	assert_lost(-ERR_NAME_TIMEOUT);
}

/* The other family's silence keeps nobody waiting who has an address. */
static void test_half_a_name(void **state)
{
	(void)state;
	open_names(true, true);
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 1, ANSWER("A 10.9.1.1 60"));
	names_advance(&names, 100 * NS_PER_MS);
	refuse(0);
	assert_false(ended()); /* IPv6 may come */
	names_advance(&names, 6 * NS_PER_S);
	assert_lost(-ERR_REFUSED);
}

/* ------------------------------------------------------------- limits */

static void test_full(void **state)
{
	(void)state;
	open_names(true, false);
	for (uint32_t i = 0; i < NAMES_DIALS; i++)
		start(REQUEST(.host = "10.9.0.7"));
	assert_int_equal(dial_start(names.dialer, names.lone.now,
				    REQUEST(.host = "10.9.0.7"), &dial),
			 -ERR_FULL);
	refuse(0);
	assert_true(ended());
	assert_int_equal(result.error, -ERR_REFUSED);
	start(REQUEST(.host = "10.9.0.7")); /* its place */
	for (uint32_t i = 0; i < NAMES_DIALS; i++)
		dial_cancel(names.dialer, names.lone.now, i);
	assert_int_equal(netstack_connection_count(names.lone.ns), 0);
}

/* Two that end in the same turn are told in that order. */
static void test_two_results(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "10.9.0.7", .user = 1));
	start(REQUEST(.host = "10.9.0.8", .user = 2));
	refuse(1);
	refuse(0);
	assert_true(ended());
	assert_int_equal(result.user, 2);
	assert_true(ended());
	assert_int_equal(result.user, 1);
	assert_false(ended());
}

static void test_name_too_long(void **state)
{
	static char host[NAME_CAP + 1];

	(void)state;
	open_names(true, false);
	memset(host, 'a', NAME_CAP);
	assert_int_equal(dial_start(names.dialer, names.lone.now,
				    REQUEST(.host = host), &dial),
			 -ERR_INVALID);
}

/* Sixteen addresses are tried, and no more. */
static void test_sixteen(void **state)
{
	struct names_answer answer = {.records = {NULL}};
	static char text[18][24];

	(void)state;
	open_names(true, false);
	for (int i = 0; i < 18; i++) {
		sprintf(text[i], "A 10.9.1.%d 60", i + 1);
		answer.records[i] = text[i];
	}
	start(REQUEST(.host = "db.example"));
	names_answer(&names, 0, &answer);
	for (uint32_t i = 0; i < NAME_ADDRESSES_MAX; i++) {
		assert_false(ended());
		refuse(i);
	}
	assert_no_syn(NAME_ADDRESSES_MAX);
	assert_lost(-ERR_REFUSED);
}

/* ------------------------------------------------------------- cancelled */

static void test_cancel(void **state)
{
	(void)state;
	open_names(true, false);
	start(REQUEST(.host = "10.9.0.7"));
	dial_cancel(names.dialer, names.lone.now, dial);
	names_settle(&names);
	assert_int_equal(netstack_connection_count(names.lone.ns), 0);
	assert_false(ended());
	/* with a result that nobody has taken yet */
	names.count = 0;
	start(REQUEST(.host = "10.9.0.8"));
	accept(0);
	dial_cancel(names.dialer, names.lone.now, dial);
	names_settle(&names);
	assert_false(ended());
	assert_int_equal(netstack_connection_count(names.lone.ns), 0);
	/* and the one behind it is told */
	names.count = 0;
	start(REQUEST(.host = "10.9.0.9"));
	refuse(0);
	assert_lost(-ERR_REFUSED);
}

/* Many dials, each with a time of its own. */
static void test_many_times(void **state)
{
	(void)state;
	open_names(true, false);
	for (uint32_t i = 0; i < NAMES_DIALS; i++)
		start(REQUEST(.host = "10.9.0.7", .user = i,
			      .timeout = (NAMES_DIALS - i) * NS_PER_S));
	for (uint32_t i = 0; i < NAMES_DIALS; i++) {
		assert_true(dial_deadline(names.dialer) <=
			    names.lone.now + NS_PER_S);
		names_advance(&names, NS_PER_S);
		assert_true(ended());
		assert_int_equal(result.user, NAMES_DIALS - 1 - i);
		assert_false(ended());
	}
	assert_true(dial_deadline(names.dialer) == NEVER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(test_##name, close_names)
	const struct CMUnitTest tests[] = {
		TEST(literal),          TEST(refused),       TEST(silence),
		TEST(wrong_family),     TEST(order),         TEST(next_at_once),
		TEST(resolution_delay), TEST(ipv6_in_time),  TEST(no_delay),
		TEST(two_winners),      TEST(preferred),     TEST(shuffle),
		TEST(name_errors),      TEST(half_a_name),   TEST(full),
		TEST(two_results),      TEST(name_too_long), TEST(sixteen),
		TEST(cancel),           TEST(many_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
