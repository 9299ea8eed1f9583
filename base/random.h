/* SPDX-License-Identifier: ISC */
/*
 * Randomness as an argument. The cores get a source when they are made and
 * never ask the system, so a test can replay every choice from a seed.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* fill() cannot fail and must not call back into the core that uses it. */
struct random_source {
	void (*fill)(void *ctx, void *buf, size_t len);
	void *ctx;
};

static inline void random_fill(const struct random_source *source, void *buf,
			       size_t len)
{
	source->fill(source->ctx, buf, len);
}

static inline uint32_t random_u32(const struct random_source *source)
{
	uint32_t value;

	random_fill(source, &value, sizeof(value));
	return value;
}

/* Uniform enough for jitter and ports: bound is far below 2^32. */
static inline uint32_t random_below(const struct random_source *source,
				    uint32_t bound)
{
	return (uint32_t)(((uint64_t)random_u32(source) * bound) >> 32);
}

#endif
