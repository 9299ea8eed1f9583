/* SPDX-License-Identifier: ISC */
/* Questions made by hand, and a small zone to ask. */
#ifndef TEST_NETSTACK_QUERY_H
#define TEST_NETSTACK_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netstack/zone.h"

enum { QUERY_ID = 0xbeef, QUERY_CAP = 512, ZONE_TEST_NAMES = 64 };

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_SOA = 6,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_AXFR = 252,
	TYPE_ANY = 255,
};

struct query {
	uint8_t data[QUERY_CAP];
	size_t len;
};

struct answer {
	uint8_t data[ZONE_ANSWER_MAX];
	size_t len;
};

/* Both must work; names of the zone are whole. */
struct zone *zone_test_make(const char *origin, uint32_t names_max);
void zone_test_add(struct zone *zone, const char *name, const char *address);
/* internal, with ns, db (both families), v4 and a.b; to be freed. */
struct zone *zone_test_example(void);

void query_put(struct query *query, const void *data, size_t len);
void query_put_u16(struct query *query, unsigned value);
/* A question without EDNS and with RD. */
struct query query_make(const char *name, unsigned type);
void query_put_opt(struct query *query, unsigned payload, unsigned version,
		   unsigned flags);

struct answer query_tell(struct zone *zone, enum zone_transport transport,
			 const struct query *query);
unsigned answer_rcode(const struct answer *answer);
bool answer_is_cut(const struct answer *answer);
unsigned answer_count(const struct answer *answer);

#endif
