/* SPDX-License-Identifier: ISC */
/* Answers that are too long for UDP: the resolver asks again over TCP. */
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

static struct names names;

#define ANSWER(...) (&(struct names_answer){.records = {__VA_ARGS__}})
#define FAILURE(f)  (&(struct names_answer){.flags = (f)})

static int open_names(void **state)
{
	struct names_config config = {.v4 = true,
				      .servers = {"10.9.0.53", "10.9.0.54"}};

	(void)state;
	names_open(&names, &config);
	return 0;
}

static int close_names(void **state)
{
	(void)state;
	names_close(&names);
	return 0;
}

/* The question was cut: the name is asked for over TCP. Returns the number of
 * the segment with the question. */
static uint32_t ask_over_tcp(const char *name, struct names_question *ret)
{
	struct tcp_segment segment;
	uint32_t first = names.count;

	assert_int_equal(names_look_up(&names, name), -ERR_AGAIN);
	names_question(&names, first, ret);
	names_answer(&names, first, FAILURE(NAMES_TRUNCATED));
	segment = names_segment(&names, first + 1);
	assert_int_equal(segment.flags, TCP_SYN);
	assert_int_equal(segment.dst_port, 53);
	names_give_segment(&names, first + 1, TCP_SYN | TCP_ACK, NULL, 0);
	for (uint32_t i = first + 2; i < names.count; i++) {
		segment = names_segment(&names, i);
		if (segment.len > 0)
			break;
	}
	assert_true(segment.len > 14);
	assert_int_equal(get_be16(segment.data), segment.len - 2);
	ret->id = get_be16(segment.data + 2);
	return names.count - 1;
}

static uint32_t prefixed(const struct names_question *question,
			 const struct names_answer *answer, uint8_t *data)
{
	uint32_t len = names_build_answer(question, answer, data + 2);

	put_be16(data, (uint16_t)len);
	return len + 2;
}

static void test_truncated(void **state)
{
	struct names_question question;
	uint8_t data[512];
	uint32_t segment, len;

	(void)state;
	segment = ask_over_tcp("a.example", &question);
	len = prefixed(&question, ANSWER("A 192.0.2.1 60"), data);
	names_give_segment(&names, segment, TCP_ACK, data, len);
	names_assert_found(&names, "a.example", "192.0.2.1");
	/* the connection is gone without ado */
	assert_int_equal(names_segment(&names, names.count - 1).flags & TCP_RST,
			 TCP_RST);
	assert_int_equal(netstack_connection_count(names.lone.ns), 0);
}

/* Cut anywhere, the two bytes in front included. */
static void test_tcp_in_pieces(void **state)
{
	struct names_question question;
	uint8_t data[512];
	uint32_t len;

	(void)state;
	for (uint32_t cut = 1; cut < 4; cut++) {
		char name[32];
		uint32_t segment;

		snprintf(name, sizeof(name), "n%u.example", cut);
		segment = ask_over_tcp(name, &question);
		len = prefixed(&question, ANSWER("A 192.0.2.1 60"), data);
		names_give_segment(&names, segment, TCP_ACK, data, cut);
		assert_int_equal(names_look_up(&names, name), -ERR_AGAIN);
		names_advance(&names, 100 * NS_PER_MS); /* it acknowledges */
		names_give_segment(&names, names.count - 1, TCP_ACK, data + cut,
				   len - cut);
		names_assert_found(&names, name, "192.0.2.1");
	}
}

/* All of it in one batch, the first segment a single byte, and looked at while
 * its buffers are lent. */
static void test_tcp_one_batch(void **state)
{
	struct names_question question;
	uint8_t data[512];
	uint32_t segment, len;

	(void)state;
	segment = ask_over_tcp("a.example", &question);
	len = prefixed(&question, ANSWER("A 192.0.2.1 60"), data);
	lone_batch(&names.lone);
	names_give_segment(&names, segment, TCP_ACK, data, 1);
	names.offset = 1;
	names_give_segment(&names, segment, TCP_ACK, data + 1, len - 1);
	lone_input(&names.lone);
	names_settle(&names);
	lone_input_done(&names.lone);
	names_assert_found(&names, "a.example", "192.0.2.1");
}

/* A wrong answer over TCP is the server's failure; so is a refusal. */
static void test_tcp_fails(void **state)
{
	struct names_question question;
	uint8_t data[512];
	uint32_t segment, len;

	(void)state;
	segment = ask_over_tcp("a.example", &question);
	question.id ^= 1;
	len = prefixed(&question, ANSWER("A 192.0.2.1 60"), data);
	names_give_segment(&names, segment, TCP_ACK, data, len);
	names_answer(&names, names.count - 1, FAILURE(NAMES_TRUNCATED));
	names_give_segment(&names, names.count - 1, TCP_RST | TCP_ACK, NULL, 0);
	names_advance(&names, 2 * NS_PER_S);
	names_answer(&names, names.count - 1, ANSWER("A 192.0.2.1 60"));
	names_assert_found(&names, "a.example", "192.0.2.1");
	assert_int_equal(resolver_stats(names.resolver)->retries, 2);
}

/* Servers that refuse TCP are not asked at the pace of their refusals. */
static void test_tcp_refused(void **state)
{
	(void)state;
	assert_int_equal(names_look_up(&names, "a.example"), -ERR_AGAIN);
	for (int i = 0; i < 2; i++) {
		names_answer(&names, names.count - 1, FAILURE(NAMES_TRUNCATED));
		names_give_segment(&names, names.count - 1, TCP_RST | TCP_ACK,
				   NULL, 0);
	}
	names_advance(&names, 2 * NS_PER_S - 1);
	assert_int_equal(names.count, 4);
	names_advance(&names, 1);
	assert_int_equal(names.count, 5);
	names_answer(&names, 4, ANSWER("A 192.0.2.1 60"));
	names_assert_found(&names, "a.example", "192.0.2.1");
}

/* A server that takes the question and says nothing costs one try. */
static void test_tcp_silent(void **state)
{
	struct names_question question;

	(void)state;
	(void)ask_over_tcp("a.example", &question);
	names.count = 0;
	names_advance(&names, 2 * NS_PER_S);
	for (uint32_t i = 0; i < names.count; i++) {
		if (names.sent[i].packet.ip.protocol != IP_PROTO_UDP)
			continue;
		names_answer(&names, i, ANSWER("A 192.0.2.1 60"));
		break;
	}
	names_assert_found(&names, "a.example", "192.0.2.1");
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_names, close_names)
	const struct CMUnitTest tests[] = {
		TEST(truncated), TEST(tcp_in_pieces), TEST(tcp_one_batch),
		TEST(tcp_fails), TEST(tcp_refused),   TEST(tcp_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
