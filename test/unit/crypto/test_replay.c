/* SPDX-License-Identifier: ISC */
/* The replay window: its edges, and a set of numbers as the oracle: R1, R2, R3,
 * R6, R7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/wg_replay.h"

static void test_edges(void **state)
{
	enum { W = WG_REPLAY_WINDOW };
	static const struct {
		const char *name;
		uint64_t counter;
		bool accepted;
	} steps[] = {
		{"first", 0, true},
		{"first again", 0, false},
		{"next", 1, true},
		{"word boundary", 64, true},
		{"before it", 63, true},
		{"jump", W + 100, true},
		{"oldest in the window", 100, true},
		{"again", 100, false},
		{"one too old", 99, false},
		{"seen before the jump, too old", 64, false},
		{"newest again", W + 100, false},
		{"one behind", W + 99, true},
		{"far jump", UINT64_C(1) << 40, true},
		{"2^32 apart is another number", (UINT64_C(1) << 40) - 1, true},
		{"all words cleared", (UINT64_C(1) << 40) - W, true},
		{"too old again", (UINT64_C(1) << 40) - W - 1, false},
		{"last but limit", WG_REJECT_AFTER_MESSAGES - 1, true},
		{"limit", WG_REJECT_AFTER_MESSAGES, false},
		{"beyond", UINT64_MAX, false},
	};
	struct wg_replay replay = {.next = 0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		if (wg_replay_accept(&replay, steps[i].counter) !=
		    steps[i].accepted)
			fail_msg("%s", steps[i].name);
	}
}

static void test_oracle(void **state)
{
	enum { NUMBERS = 60000 };
	struct wg_replay replay = {.next = 0};
	uint8_t *seen = calloc(NUMBERS + 20000, 1);
	uint64_t greatest = 0;
	bool any = false;

	(void)state;
	assert_non_null(seen);
	srand(1);
	for (unsigned i = 0; i < 400000; i++) {
		uint64_t front = (uint64_t)i * NUMBERS / 400000;
		uint64_t n = front + (uint64_t)rand() % 10000;
		bool expected = !seen[n] && (!any || n > greatest ||
					     greatest - n <= WG_REPLAY_WINDOW);

		if (wg_replay_accept(&replay, n) != expected)
			fail_msg("step %u, counter %lu", i, (unsigned long)n);
		if (!expected)
			continue;
		seen[n] = 1;
		greatest = !any || n > greatest ? n : greatest;
		any = true;
	}
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
