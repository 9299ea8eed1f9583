/* SPDX-License-Identifier: ISC */
#include "crypto/wg_index.h"

#include "base/check.h"

static uint32_t entry_count(uint32_t peers)
{
	uint32_t count = 16;

	while (count < peers * WG_SLOTS * 2)
		count *= 2;
	return count;
}

size_t wg_index_size(uint32_t peers)
{
	return entry_count(peers) * sizeof(struct wg_index_entry);
}

void wg_index_init(struct wg_index_table *table, void *memory, uint32_t peers)
{
	table->entries = memory;
	table->mask = entry_count(peers) - 1;
}

static uint32_t slot_of(const struct wg_index_table *table, uint32_t index)
{
	uint32_t at = index & table->mask;

	while (table->entries[at].used && table->entries[at].index != index)
		at = (at + 1) & table->mask;
	return at;
}

const struct wg_index_entry *wg_index_find(const struct wg_index_table *table,
					   uint32_t index)
{
	const struct wg_index_entry *entry =
		&table->entries[slot_of(table, index)];

	return entry->used ? entry : NULL;
}

uint32_t wg_index_take(struct wg_index_table *table,
		       const struct random_source *random, uint16_t peer,
		       uint8_t slot)
{
	uint32_t index;

	do
		index = random_u32(random);
	while (wg_index_find(table, index) != NULL);
	table->entries[slot_of(table, index)] = (struct wg_index_entry){
		.index = index, .peer = peer, .slot = slot, .used = true};
	return index;
}

void wg_index_move(struct wg_index_table *table, uint32_t index, uint8_t slot)
{
	struct wg_index_entry *entry = &table->entries[slot_of(table, index)];

	CHECK(entry->used);
	entry->slot = slot;
}

void wg_index_drop(struct wg_index_table *table, uint32_t index)
{
	uint32_t hole = slot_of(table, index);
	uint32_t at = hole;

	if (!table->entries[hole].used)
		return;
	for (;;) {
		uint32_t home;

		at = (at + 1) & table->mask;
		if (!table->entries[at].used)
			break;
		home = table->entries[at].index & table->mask;
		/* Move it back unless its home lies behind the hole. */
		if (((at - home) & table->mask) < ((at - hole) & table->mask))
			continue;
		table->entries[hole] = table->entries[at];
		hole = at;
	}
	table->entries[hole].used = false;
}
