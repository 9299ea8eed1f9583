/* SPDX-License-Identifier: ISC */
/*
 * The names of one DNS zone and their addresses, and the answers to questions
 * about them (RFC 1034, 1035), without I/O.
 *
 * A server for these names only: it knows A and AAAA, SOA and NS of the zone
 * itself, and refuses everything else. No recursion, no transfers, no updates.
 * Names are kept as they stand in messages, in lower case (RFC 4343). A name
 * above another one exists without addresses (RFC 8020).
 *
 * Memory is the caller's and of fixed size; answering allocates nothing.
 */
#ifndef NETSTACK_ZONE_H
#define NETSTACK_ZONE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/limits.h"

enum {
	ZONE_WIRE_MAX = 255, /* a name in a message, RFC 1035 section 3.1 */
	/* Of one name: listed, and our own if it is a name for both. */
	ZONE_ADDRESSES_MAX = NAME_ADDRESSES_MAX + TUNNEL_ADDRESSES_MAX,
	/* What passes unfragmented everywhere (RFC 9715 section 3.1), and more
	 * than any answer of ours needs. */
	ZONE_ANSWER_MAX = 1232,
	/* An answer by UDP is at most so many times as long as the question. */
	ZONE_AMPLIFICATION = 4,
	ZONE_TTL_S = 30,
	ZONE_NEGATIVE_TTL_S = 5,
};

/* Header, question, addresses of one family, OPT. */
static_assert(12 + ZONE_WIRE_MAX + 4 + ZONE_ADDRESSES_MAX * 28 + 11 <=
		      ZONE_ANSWER_MAX,
	      "every answer fits");

#define ZONE_COUNTER_LIST(X)                \
	X(ANSWERED, "answered")             \
	X(NO_DATA, "no_data")               \
	X(NO_NAME, "no_name")               \
	X(REFUSED, "refused")               \
	X(MALFORMED, "malformed")           \
	X(NOT_IMPLEMENTED, "unimplemented") \
	X(BAD_VERSION, "bad_version")       \
	X(TRUNCATED, "truncated")           \
	X(DROPPED, "dropped")

enum zone_counter {
#define X(name, text) ZONE_##name,
	ZONE_COUNTER_LIST(X)
#undef X
		ZONE_COUNTERS
};

struct zone_name {
	uint8_t wire[ZONE_WIRE_MAX];
	uint8_t len; /* of wire, the root's zero included */
	uint8_t count;
	uint8_t turn_v4, turn_v6; /* which address comes first */
	struct ip_addr addresses[ZONE_ADDRESSES_MAX];
};

/* Owner: the caller, who gave the memory. names[0] is the zone itself. */
struct zone {
	uint32_t name_count, names_max;
	uint32_t slots_mask;
	uint32_t serial;                  /* counts changes of the whole */
	uint64_t counters[ZONE_COUNTERS]; /* each message is in one, and
					   * maybe in TRUNCATED too */
	struct zone_name *names;
	uint32_t *slots; /* hash table of names' numbers, 0 = empty */
};

/* memory: zeroed, zone_size() bytes. NULL: origin is no name. */
size_t zone_size(uint32_t names_max);
struct zone *zone_init(void *memory, const char *origin, uint32_t names_max);

/* Forgets all names. */
void zone_clear(struct zone *zone);
/* The name is whole: it ends with the zone. An address it has already is no
 * error. -ERR_INVALID: no name, or outside of the zone; -ERR_FULL: no room for
 * the name and those above it, or for an address. */
int zone_add(struct zone *zone, const char *name, const struct ip_addr *addr);
bool zone_has(const struct zone *zone, const char *name);

enum zone_transport { ZONE_UDP, ZONE_TCP };

/* Answers one message, without the length in front that it has by TCP. Returns
 * the answer's length; 0: none, the message is no question at all. */
size_t zone_answer(struct zone *zone, enum zone_transport transport,
		   const uint8_t *query, size_t len,
		   uint8_t answer[ZONE_ANSWER_MAX]);

/* Inside: names as in messages, lower case. */
struct zone_name *zone_find(const struct zone *zone, const uint8_t *wire,
			    uint32_t len);
bool zone_contains(const struct zone *zone, const uint8_t *wire, uint32_t len);

#endif
