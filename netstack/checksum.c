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

static uint64_t add_words(const uint8_t *data, size_t len)
{
	uint64_t sum = 0;
	uint32_t word;

	for (; len >= 16; len -= 16, data += 16) {
		uint32_t words[4];

		memcpy(words, data, sizeof(words));
		sum += (uint64_t)words[0] + words[1] + words[2] + words[3];
	}
	for (; len >= 4; len -= 4, data += 4) {
		memcpy(&word, data, sizeof(word));
		sum += word;
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, data, len);
		sum += word;
	}
	return sum;
}

uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	return fold((uint64_t)sum + to_network(fold(add_words(data, len))));
}

/* One pass in blocks that stay in the first-level cache between the copy and
 * the sum. Blocks are even, so the parts add up. */
uint32_t checksum_copy(uint32_t sum, uint8_t *to, const uint8_t *from,
		       size_t len)
{
	enum { BLOCK = 2048 };
	uint64_t total = 0;

	while (len > 0) {
		size_t part = len < BLOCK ? len : BLOCK;

		memcpy(to, from, part);
		total += add_words(to, part);
		to += part;
		from += part;
		len -= part;
	}
	return fold((uint64_t)sum + to_network(fold(total)));
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
