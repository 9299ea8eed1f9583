/* SPDX-License-Identifier: ISC */
/* Receiver indices (W9, K6) against a plain list, and the kinds of messages by
 * type and length (W1-W6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/wg_index.h"
#include "crypto/wg_message.h"

enum { PEERS = 8, LIVE_MAX = PEERS * WG_SLOTS, STEPS = 50000 };

static struct wg_index_entry memory[128];
static struct wg_index_table table;
static uint64_t seed;

/* Only 24 numbers modulo the table's size, and few above that: homes collide,
 * chains are long, run round the end, and draws meet taken numbers. */
static void fill(void *ctx, void *buf, size_t len)
{
	uint32_t value;

	(void)ctx;
	CHECK(len == sizeof(value));
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	value = (uint32_t)(seed >> 33);
	value = (value % 24 + table.mask - 11) | (value >> 8 & 3) << 20;
	memcpy(buf, &value, sizeof(value));
}

static const struct random_source source = {.fill = fill};

static uint32_t draw(uint32_t bound)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % bound;
}

static int open_table(void **state)
{
	(void)state;
	assert_true(wg_index_size(PEERS) <= sizeof(memory));
	memset(memory, 0, sizeof(memory));
	wg_index_init(&table, memory, PEERS);
	seed = 1;
	return 0;
}

static void check_all(const struct wg_index_entry *live, unsigned count,
		      unsigned step)
{
	unsigned used = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct wg_index_entry *entry =
			wg_index_find(&table, live[i].index);

		if (entry == NULL || entry->peer != live[i].peer ||
		    entry->slot != live[i].slot)
			fail_msg("step %u: index %u", step, live[i].index);
	}
	for (unsigned i = 0; i <= table.mask; i++)
		used += table.entries[i].used;
	assert_int_equal(used, count);
}

static void test_oracle(void **state)
{
	struct wg_index_entry live[LIVE_MAX];
	unsigned count = 0;

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t what = draw(5);
		unsigned i = count > 0 ? draw(count) : 0;

		if (what < 2 && count < LIVE_MAX) {
			live[count].peer = (uint16_t)draw(PEERS);
			live[count].slot = WG_SLOT_HANDSHAKE;
			live[count].index =
				wg_index_take(&table, &source, live[count].peer,
					      WG_SLOT_HANDSHAKE);
			count++;
		} else if (what == 2 && count > 0) { /* K6 */
			live[i].slot = (uint8_t)draw(3);
			wg_index_move(&table, live[i].index, live[i].slot);
		} else if (what > 2 && count > 0) {
			wg_index_drop(&table, live[i].index);
			assert_null(wg_index_find(&table, live[i].index));
			wg_index_drop(&table, live[i].index);
			live[i] = live[--count];
		}
		check_all(live, count, step);
	}
}

/* ------------------------------------------------------------- messages */

static void expect_kind(uint32_t type, uint32_t len, enum wg_message_type kind)
{
	uint8_t data[256];

	memset(data, 0xff, sizeof(data));
	put_le32(data, type);
	if (wg_message_classify(data, len) != kind)
		fail_msg("type %x, %u bytes", type, len);
}

/* W2, W3, W4, W5, W6, W7: by type and the exact length of the datagram. */
static void test_kinds(void **state)
{
	(void)state;
	for (uint32_t len = 0; len <= 256; len++) {
		for (uint32_t type = 0; type < 10; type++) {
			enum wg_message_type kind = WG_MESSAGE_INVALID;

			if ((type == 1 && len == 148) ||
			    (type == 2 && len == 92) ||
			    (type == 3 && len == 64) ||
			    (type == 4 && len >= 32))
				kind = (enum wg_message_type)type;
			expect_kind(type, len, kind);
		}
	}
}

/* W1: the three bytes after the type are zero. */
static void test_reserved(void **state)
{
	static const uint32_t lens[] = {0, 148, 92, 64, 32};

	(void)state;
	for (uint32_t type = 1; type <= 4; type++) {
		for (unsigned bit = 8; bit < 32; bit++)
			expect_kind(type | UINT32_C(1) << bit, lens[type],
				    WG_MESSAGE_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_oracle, open_table),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
