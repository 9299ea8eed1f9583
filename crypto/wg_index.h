/* SPDX-License-Identifier: ISC */
/*
 * From the receiver index of a message to the peer and which of its keys:
 * open addressing on random 32-bit numbers, no tombstones (checklist W9, K6).
 */
#ifndef CRYPTO_WG_INDEX_H
#define CRYPTO_WG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

enum { WG_SLOT_HANDSHAKE = 3, WG_SLOTS = 4 }; /* 0..2: the keypairs */

struct wg_index_entry {
	uint32_t index;
	uint16_t peer;
	uint8_t slot;
	bool used;
};

/* Owner: the device. */
struct wg_index_table {
	struct wg_index_entry *entries;
	uint32_t mask;
};

/* memory: zeroed. */
size_t wg_index_size(uint32_t peers);
void wg_index_init(struct wg_index_table *table, void *memory, uint32_t peers);

/* A fresh random index for the slot. */
uint32_t wg_index_take(struct wg_index_table *table,
		       const struct random_source *random, uint16_t peer,
		       uint8_t slot);
const struct wg_index_entry *wg_index_find(const struct wg_index_table *table,
					   uint32_t index);
/* The index now means another slot of the same peer. */
void wg_index_move(struct wg_index_table *table, uint32_t index, uint8_t slot);
/* Nothing happens for an index that is not there. */
void wg_index_drop(struct wg_index_table *table, uint32_t index);

#endif
