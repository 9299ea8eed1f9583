/* SPDX-License-Identifier: ISC */
/*
 * Allowed IPs beside a table that is searched from end to end. Each step of
 * the input inserts, removes or looks up; few bits of an address vary, so that
 * prefixes meet. Both must answer the same, and n prefixes fit into 2 n nodes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIXES_MAX = 24, VALUES = 5 };

struct entry {
	struct prefix prefix;
	uint16_t value;
};

struct fuzz {
	struct route_table table;
	struct route_node nodes[2 * PREFIXES_MAX];
	struct entry entries[PREFIXES_MAX];
	unsigned count;
	const uint8_t *data;
	size_t size;
};

static uint8_t take(struct fuzz *fuzz)
{
	if (fuzz->size == 0)
		return 0;
	fuzz->size--;
	return *fuzz->data++;
}

static struct ip_addr take_addr(struct fuzz *fuzz)
{
	uint8_t first = take(fuzz);
	uint8_t bytes[16] = {0x20};

	bytes[1] = first >> 1 & 3;
	bytes[2] = take(fuzz);
	bytes[3] = (uint8_t)(take(fuzz) & 0x83);
	if (first & 1)
		return ip_addr_v4(bytes);
	bytes[15] = take(fuzz);
	return ip_addr_v6(bytes);
}

static struct prefix take_prefix(struct fuzz *fuzz)
{
	struct ip_addr addr = take_addr(fuzz);
	unsigned bits = take(fuzz) % (ip_addr_len(&addr) * 8 + 1);
	struct prefix prefix;

	CHECK(prefix_make(&addr, bits, &prefix) == 0);
	return prefix;
}

/* ------------------------------------------------------------- the naive */

static unsigned find(const struct fuzz *fuzz, const struct prefix *prefix)
{
	unsigned i = 0;

	while (i < fuzz->count &&
	       !prefix_equal(&fuzz->entries[i].prefix, prefix))
		i++;
	return i;
}

static uint16_t slow_lookup(const struct fuzz *fuzz, const struct ip_addr *addr)
{
	uint16_t value = ROUTE_NONE;
	int longest = -1;

	for (unsigned i = 0; i < fuzz->count; i++) {
		const struct entry *entry = &fuzz->entries[i];

		if (entry->prefix.addr.family != addr->family ||
		    (int)entry->prefix.bits <= longest ||
		    !prefix_contains(&entry->prefix, addr))
			continue;
		longest = entry->prefix.bits;
		value = entry->value;
	}
	return value;
}

/* ------------------------------------------------------------- steps */

static void insert(struct fuzz *fuzz)
{
	struct prefix prefix = take_prefix(fuzz);
	uint16_t value = take(fuzz) % VALUES;
	unsigned at = find(fuzz, &prefix);

	if (at == PREFIXES_MAX)
		return;
	CHECK(route_insert(&fuzz->table, &prefix, value) == 0);
	fuzz->entries[at] = (struct entry){prefix, value};
	if (at == fuzz->count)
		fuzz->count++;
}

static void remove_one(struct fuzz *fuzz)
{
	struct prefix prefix = take_prefix(fuzz);
	unsigned at = find(fuzz, &prefix);

	if (at == fuzz->count) {
		CHECK(route_remove(&fuzz->table, &prefix) == -ERR_NOT_FOUND);
		return;
	}
	CHECK(route_remove(&fuzz->table, &prefix) == 0);
	fuzz->entries[at] = fuzz->entries[--fuzz->count];
}

static void remove_value(struct fuzz *fuzz)
{
	uint16_t value = take(fuzz) % VALUES;

	route_remove_value(&fuzz->table, value);
	for (unsigned i = 0; i < fuzz->count;) {
		if (fuzz->entries[i].value == value)
			fuzz->entries[i] = fuzz->entries[--fuzz->count];
		else
			i++;
	}
}

static void compare(const struct fuzz *fuzz, const struct ip_addr *addr)
{
	CHECK(route_lookup(&fuzz->table, addr) == slow_lookup(fuzz, addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.data = data;
	fuzz.size = size;
	route_init(&fuzz.table, fuzz.nodes, 2 * PREFIXES_MAX);
	while (fuzz.size > 0) {
		uint8_t choice = take(&fuzz) % 16;
		struct ip_addr addr;

		if (choice < 8) {
			insert(&fuzz);
		} else if (choice < 12) {
			remove_one(&fuzz);
		} else if (choice == 12) {
			remove_value(&fuzz);
		} else {
			addr = take_addr(&fuzz);
			compare(&fuzz, &addr);
		}
		for (unsigned i = 0; i < fuzz.count; i++)
			compare(&fuzz, &fuzz.entries[i].prefix.addr);
	}
	return 0;
}
