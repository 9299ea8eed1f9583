/* SPDX-License-Identifier: ISC */
#include "netstack/checksum.h"

#include <string.h>

#include "base/bytes.h"

/* Sums are kept in the machine's byte order while adding words of it, which the
 * ones' complement allows (RFC 1071 section 2 B), and swapped at the end. */
static uint32_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

static uint32_t to_network(uint32_t sum)
{
	const uint16_t word = (uint16_t)sum;
	uint8_t bytes[2];

	memcpy(bytes, &word, sizeof(bytes));
	return get_be16(bytes);
}

/* What the compiler puts into the vectors that it knows of. */
typedef uint64_t lanes __attribute__((vector_size(16)));

/* Halves are added apart, so that no carry is lost. */
struct sums {
	lanes low, high;
};

static inline void add_lanes(struct sums *sums, uint8_t *to,
			     const uint8_t *from, size_t at)
{
	lanes words;

	memcpy(&words, from + at, sizeof(words));
	if (to != NULL)
		memcpy(to + at, &words, sizeof(words));
	sums->low += words & 0xffffffff;
	sums->high += words >> 32;
}

/* Copies on the way when to is not NULL. Four at a time: else counting is a
 * third of the work. */
static inline uint64_t add_words(uint8_t *to, const uint8_t *from, size_t len)
{
	enum { STEP = sizeof(lanes) };
	struct sums sums = {{0}, {0}};
	uint64_t sum = 0;
	size_t at = 0;
	uint32_t word;

	for (; len - at >= 4 * STEP; at += 4 * STEP) {
		add_lanes(&sums, to, from, at);
		add_lanes(&sums, to, from, at + STEP);
		add_lanes(&sums, to, from, at + 2 * STEP);
		add_lanes(&sums, to, from, at + 3 * STEP);
	}
	for (; len - at >= STEP; at += STEP)
		add_lanes(&sums, to, from, at);
	for (; len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, from + at, sizeof(word));
		if (to != NULL)
			memcpy(to + at, &word, sizeof(word));
		sum += word;
	}
	if (len > at) {
		word = 0;
		memcpy(&word, from + at, len - at);
		if (to != NULL)
			memcpy(to + at, &word, len - at);
		sum += word;
	}
	sums.low += sums.high;
	return sum + sums.low[0] + sums.low[1];
}

uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	uint64_t words = add_words(NULL, data, len);

	return fold((uint64_t)sum + to_network(fold(words)));
}

uint32_t checksum_copy(uint32_t sum, uint8_t *to, const uint8_t *from,
		       size_t len)
{
	uint64_t words = add_words(to, from, len);

	return fold((uint64_t)sum + to_network(fold(words)));
}

uint32_t checksum_odd(uint32_t sum)
{
	sum = fold(sum);
	return (sum & 0xff) << 8 | sum >> 8;
}

uint32_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst,
			 uint8_t protocol, uint32_t len)
{
	uint32_t sum = checksum_add(0, src->bytes, ip_addr_len(src));

	sum = checksum_add(sum, dst->bytes, ip_addr_len(dst));
	return fold((uint64_t)sum + protocol + (len >> 16) + (len & 0xffff));
}

uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~fold(sum);
}
