/* SPDX-License-Identifier: ISC */
#include "netstack/flow.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

static_assert(sizeof(struct flow_key) == 38, "a flow key has no padding");

struct flow_key flow_key_make(const struct endpoint *local,
			      const struct endpoint *remote)
{
	struct flow_key key = {.local = local->addr, .remote = remote->addr};

	put_be16(key.ports, local->port);
	put_be16(key.ports + 2, remote->port);
	return key;
}

/* A power of two, at least twice cap. */
static uint32_t entry_count(uint32_t cap)
{
	uint32_t count = 16;

	while (count < 2 * (uint64_t)cap)
		count *= 2;
	return count;
}

size_t flow_size(uint32_t cap)
{
	return entry_count(cap) * sizeof(struct flow_entry) +
	       cap * sizeof(struct flow_key);
}

void flow_init(struct flow_table *table, void *memory, uint32_t cap,
	       const struct siphash_key *secret)
{
	uint32_t count = entry_count(cap);

	table->entries = memory;
	table->keys = (struct flow_key *)(void *)(table->entries + count);
	table->mask = count - 1;
	table->count = 0;
	table->cap = cap;
	table->last = FLOW_NONE;
	table->secret = *secret;
}

static uint32_t hash(const struct flow_table *table, const struct flow_key *key)
{
	return (uint32_t)siphash(&table->secret, key, sizeof(*key));
}

static bool has_key(const struct flow_table *table, uint32_t index,
		    const struct flow_key *key)
{
	return memcmp(&table->keys[index], key, sizeof(*key)) == 0;
}

static bool same_key(const struct flow_table *table, uint32_t slot,
		     uint32_t tag, const struct flow_key *key)
{
	const struct flow_entry *entry = &table->entries[slot];

	return entry->tag == tag && has_key(table, entry->index - 1, key);
}

uint32_t flow_find(const struct flow_table *table, const struct flow_key *key)
{
	uint32_t tag, slot;

	if (table->last != FLOW_NONE && has_key(table, table->last, key))
		return table->last;
	tag = hash(table, key);
	slot = tag & table->mask;
	for (; table->entries[slot].index != 0;
	     slot = (slot + 1) & table->mask) {
		if (same_key(table, slot, tag, key))
			return table->entries[slot].index - 1;
	}
	return FLOW_NONE;
}

void flow_expect(struct flow_table *table, uint32_t index)
{
	table->last = index;
}

void flow_insert(struct flow_table *table, const struct flow_key *key,
		 uint32_t index)
{
	uint32_t tag = hash(table, key);
	uint32_t slot = tag & table->mask;

	CHECK(index < table->cap && table->count < table->cap);
	while (table->entries[slot].index != 0)
		slot = (slot + 1) & table->mask;
	table->entries[slot] =
		(struct flow_entry){.tag = tag, .index = index + 1};
	table->keys[index] = *key;
	table->count++;
}

static uint32_t slot_of(const struct flow_table *table, uint32_t index)
{
	uint32_t slot = hash(table, &table->keys[index]) & table->mask;

	while (table->entries[slot].index != index + 1) {
		CHECK(table->entries[slot].index != 0);
		slot = (slot + 1) & table->mask;
	}
	return slot;
}

void flow_remove(struct flow_table *table, uint32_t index)
{
	uint32_t hole = slot_of(table, index);
	uint32_t slot = hole;

	if (table->last == index)
		table->last = FLOW_NONE;
	for (;;) {
		uint32_t home;

		slot = (slot + 1) & table->mask;
		if (table->entries[slot].index == 0)
			break;
		home = table->entries[slot].tag & table->mask;
		/* Move it unless its home lies behind the hole. */
		if (((slot - home) & table->mask) <
		    ((slot - hole) & table->mask))
			continue;
		table->entries[hole] = table->entries[slot];
		hole = slot;
	}
	table->entries[hole].index = 0;
	table->count--;
}
