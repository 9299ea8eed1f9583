/* SPDX-License-Identifier: ISC */
/* Allowed IPs against a linear scan (A1-A6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/route.h"

enum { ENTRIES = 200, VALUES = 8 };

struct naive {
	struct prefix prefixes[ENTRIES];
	uint16_t values[ENTRIES];
	unsigned count;
};

static bool same(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && ip_addr_equal(&a->addr, &b->addr);
}

static unsigned naive_find(const struct naive *naive, const struct prefix *p)
{
	unsigned i = 0;

	while (i < naive->count && !same(&naive->prefixes[i], p))
		i++;
	return i;
}

static void naive_remove(struct naive *naive, unsigned i)
{
	naive->count--;
	naive->prefixes[i] = naive->prefixes[naive->count];
	naive->values[i] = naive->values[naive->count];
}

static uint16_t naive_lookup(const struct naive *naive,
			     const struct ip_addr *addr)
{
	uint16_t value = ROUTE_NONE;
	int best = -1;

	for (unsigned i = 0; i < naive->count; i++) {
		if (naive->prefixes[i].bits > best &&
		    prefix_contains(&naive->prefixes[i], addr)) {
			best = naive->prefixes[i].bits;
			value = naive->values[i];
		}
	}
	return value;
}

/* Few distinct bytes, so that prefixes nest and collide. */
static struct ip_addr random_addr(void)
{
	uint8_t bytes[16] = {0};
	bool v4 = rand() % 2 == 0;

	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)(rand() % 3 == 0 ? rand() : rand() & 0x81);
	bytes[0] |= 1;
	return v4 ? ip_addr_v4(bytes) : ip_addr_v6(bytes);
}

static struct prefix random_prefix(void)
{
	struct ip_addr addr = random_addr();
	struct prefix prefix;

	assert_int_equal(
		prefix_make(&addr,
			    (unsigned)rand() % (ip_addr_len(&addr) * 8 + 1),
			    &prefix),
		0);
	return prefix;
}

static void change(struct route_table *table, struct naive *naive)
{
	struct prefix prefix = random_prefix();
	uint16_t value = (uint16_t)(rand() % VALUES);
	unsigned i;

	if (naive->count > 0 && rand() % 3 == 0)
		prefix = naive->prefixes[(unsigned)rand() % naive->count];
	i = naive_find(naive, &prefix);
	if (rand() % 100 == 0) { /* A4 */
		route_remove_value(table, value);
		for (i = naive->count; i-- > 0;) {
			if (naive->values[i] == value)
				naive_remove(naive, i);
		}
	} else if (rand() % 3 == 0) { /* A6 */
		assert_int_equal(route_remove(table, &prefix),
				 i < naive->count ? 0 : -ERR_NOT_FOUND);
		if (i < naive->count)
			naive_remove(naive, i);
	} else if (i < naive->count || naive->count < ENTRIES) { /* A2 */
		assert_int_equal(route_insert(table, &prefix, value), 0);
		naive->prefixes[i] = prefix;
		naive->values[i] = value;
		naive->count += i == naive->count;
	}
}

static void test_oracle(void **state)
{
	static struct route_node nodes[2 * ENTRIES];
	struct naive naive = {.count = 0};
	struct route_table table;

	(void)state;
	route_init(&table, nodes, 2 * ENTRIES);
	srand(7);
	for (unsigned step = 0; step < 20000; step++) {
		change(&table, &naive);
		for (unsigned i = 0; i < 5; i++) {
			struct ip_addr addr = random_addr();

			if (naive.count > 0 && i % 2 == 0)
				addr = naive.prefixes[(unsigned)rand() %
						      naive.count]
					       .addr;
			if (route_lookup(&table, &addr) !=
			    naive_lookup(&naive, &addr))
				fail_msg("step %u", step);
		}
	}
}

static struct prefix parse(const char *text)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix;
}

static uint16_t lookup(const struct route_table *table, const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(text, &addr), 0);
	return route_lookup(table, &addr);
}

/* A3: the shortest and the longest prefix, and a full table. */
static void test_edges(void **state)
{
	struct route_node nodes[6];
	struct route_table table;
	struct prefix prefix = parse("0.0.0.0/0");

	(void)state;
	route_init(&table, nodes, 6);
	assert_int_equal(lookup(&table, "10.0.0.1"), ROUTE_NONE);
	assert_int_equal(route_insert(&table, &prefix, 1), 0);
	assert_int_equal(lookup(&table, "10.0.0.1"), 1);
	assert_int_equal(lookup(&table, "::1"), ROUTE_NONE);
	prefix = parse("10.0.0.1");
	assert_int_equal(route_insert(&table, &prefix, 2), 0);
	assert_int_equal(lookup(&table, "10.0.0.1"), 2);
	assert_int_equal(lookup(&table, "10.0.0.2"), 1);
	prefix = parse("::/0");
	assert_int_equal(route_insert(&table, &prefix, 3), 0);
	prefix = parse("fdaa::1");
	assert_int_equal(route_insert(&table, &prefix, 4), 0);
	assert_int_equal(lookup(&table, "fdaa::1"), 4);
	assert_int_equal(lookup(&table, "fdaa::2"), 3);
	prefix = parse("fdaa::2");
	assert_int_equal(route_insert(&table, &prefix, 5), 0);
	prefix = parse("fdaa::8");
	assert_int_equal(route_insert(&table, &prefix, 6), -ERR_FULL);
	assert_int_equal(lookup(&table, "fdaa::2"), 5);
}

/* A5: every length of one address, so that the trie is as deep as can be. */
static void test_depth(void **state)
{
	static struct route_node nodes[2 * 129];
	struct route_table table;
	struct ip_addr addr;
	struct prefix prefix;

	(void)state;
	route_init(&table, nodes, 2 * 129);
	assert_int_equal(ip_addr_parse("aaaa:aaaa:5555::1", &addr), 0);
	for (uint16_t bits = 0; bits <= 128; bits++) {
		assert_int_equal(prefix_make(&addr, bits, &prefix), 0);
		assert_int_equal(route_insert(&table, &prefix, bits), 0);
	}
	for (unsigned bits = 128; bits > 0; bits--) {
		assert_int_equal(route_lookup(&table, &addr), bits);
		assert_int_equal(prefix_make(&addr, bits, &prefix), 0);
		assert_int_equal(route_remove(&table, &prefix), 0);
	}
	assert_int_equal(route_lookup(&table, &addr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
