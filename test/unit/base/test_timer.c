/* SPDX-License-Identifier: ISC */
/* The deadline heap against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/time.h"
#include "base/timer.h"

enum { OBJECTS = 50 };

static void test_oracle(void **state)
{
	void *memory = calloc(1, timer_size(OBJECTS));
	uint64_t wanted[OBJECTS];
	struct timer_heap heap;
	uint64_t now = 0;
	uint32_t index;

	(void)state;
	assert_non_null(memory);
	timer_init(&heap, memory, OBJECTS);
	for (unsigned i = 0; i < OBJECTS; i++)
		wanted[i] = NEVER;
	srand(3);
	for (unsigned step = 0; step < 100000; step++) {
		uint64_t earliest = NEVER;

		index = (uint32_t)rand() % OBJECTS;
		wanted[index] = rand() % 5 == 0
					? NEVER
					: now + 1 + (uint64_t)(rand() % 100);
		timer_set(&heap, index, wanted[index]);
		if (rand() % 4 != 0)
			continue;
		now += (uint64_t)(rand() % 20);
		while (timer_pop(&heap, now, &index)) {
			assert_true(wanted[index] <= now);
			wanted[index] = NEVER;
		}
		for (unsigned i = 0; i < OBJECTS; i++) {
			assert_true(wanted[i] > now);
			earliest = time_min(earliest, wanted[i]);
		}
		/* lazy, but never late */
		assert_true(timer_next(&heap) <= earliest);
	}
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
