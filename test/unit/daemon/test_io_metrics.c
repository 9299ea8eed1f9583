/* SPDX-License-Identifier: ISC */
/* What the edge notices about clocks and turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/io_metrics.h"

static struct io_metrics metrics;
static struct clock now;

static int open_metrics(void **state)
{
	(void)state;
	now = (struct clock){.boot = 50 * NS_PER_S,
			     .awake = 40 * NS_PER_S,
			     .wall = 1700000000 * NS_PER_S};
	io_metrics_open(&metrics, &now);
	return 0;
}

static int close_metrics(void **state)
{
	(void)state;
	io_metrics_close(&metrics);
	return 0;
}

/* A turn after that much time awake, asleep, and more by the wall clock. */
static void turn(uint64_t awake, uint64_t asleep, int64_t wall)
{
	now.awake += awake;
	now.boot += awake + asleep;
	now.wall += awake + asleep + (uint64_t)wall;
	io_metrics_turn_begins(&metrics, &now);
}

static void expect(uint64_t jumps, uint64_t resumes)
{
	assert_int_equal(metrics.edge.clock_jumps, jumps);
	assert_int_equal(metrics.edge.resumes, resumes);
}

static void test_ordinary_time(void **state)
{
	(void)state;
	turn(0, 0, 0);
	turn(NS_PER_MS, 0, 0);
	turn(3600 * NS_PER_S, 0, 0);
	/* A clock that is being slewed by 500 ppm all day. */
	turn(86400 * NS_PER_S, 0, 43 * (int64_t)NS_PER_S);
	expect(0, 0);
}

static void test_jumps(void **state)
{
	(void)state;
	turn(NS_PER_S, 0, 2 * (int64_t)NS_PER_S);
	expect(1, 0);
	turn(NS_PER_S, 0, -3600 * (int64_t)NS_PER_S);
	expect(2, 0);
	turn(NS_PER_S, 0, 0);
	expect(2, 0);
}

static void test_resumes(void **state)
{
	(void)state;
	turn(NS_PER_S, 8 * 3600 * NS_PER_S, 0);
	expect(0, 1);
	turn(NS_PER_S, 0, 0);
	expect(0, 1);
	turn(NS_PER_S, 30 * NS_PER_S, 5 * (int64_t)NS_PER_S);
	expect(1, 2);
}

static void test_turns(void **state)
{
	(void)state;
	turn(NS_PER_S, 0, 0);
	io_metrics_turn_ends(&metrics, now.awake + 3 * NS_PER_MS);
	assert_int_equal(metrics.turns.sum, 3 * NS_PER_MS);
	assert_int_equal(metrics.turns.counts[2], 1); /* 2.5 to 5 ms */
}

#define WITH(test) \
	cmocka_unit_test_setup_teardown(test, open_metrics, close_metrics)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_ordinary_time),
		WITH(test_jumps),
		WITH(test_resumes),
		WITH(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
