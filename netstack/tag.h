/* SPDX-License-Identifier: ISC */
/* Who a socket belongs to, in the tag that its events carry. */
#ifndef NETSTACK_TAG_H
#define NETSTACK_TAG_H

#include <stdint.h>

enum tag_kind {
	TAG_RESOLVER,
	TAG_DIAL,
	TAG_RELAY,
	TAG_PROBE,
	TAG_EXPOSE,
	TAG_ZONE,
};

static inline uint64_t tag_make(enum tag_kind kind, uint32_t index)
{
	return (uint64_t)kind << 32 | index;
}

static inline enum tag_kind tag_kind(uint64_t tag)
{
	return (enum tag_kind)(tag >> 32);
}

static inline uint32_t tag_index(uint64_t tag)
{
	return (uint32_t)tag;
}

#endif
