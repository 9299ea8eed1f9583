/* SPDX-License-Identifier: ISC */
/* SplitMix64: the one source of every choice of the simulator. */
#ifndef TEST_SIM_RNG_H
#define TEST_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Another generator, independent of what this one gives later. */
static inline struct rng rng_fork(struct rng *rng)
{
	return (struct rng){.state = rng_next(rng)};
}

/* 0 <= result < bound; 0 for bound 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	return bound == 0 ? 0 : rng_next(rng) % bound;
}

/* Both ends are possible. */
static inline uint64_t rng_range(struct rng *rng, uint64_t low, uint64_t high)
{
	return low + rng_below(rng, high - low + 1);
}

static inline bool rng_chance(struct rng *rng, uint32_t per_million)
{
	return rng_below(rng, 1000000) < per_million;
}

/* Small values as likely as large ones: the exponent is uniform. */
static inline uint64_t rng_scale(struct rng *rng, uint64_t low, uint64_t high)
{
	unsigned bits = 0;
	uint64_t top;

	while (low << bits < high && bits < 40)
		bits++;
	top = low << rng_below(rng, bits + 1);
	top = rng_range(rng, top / 2 > low ? top / 2 : low, top);
	return top < high ? top : high;
}

#endif
