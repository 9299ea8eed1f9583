/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "test/unit/netstack/query.h"

void zone_test_add(struct zone *zone, const char *name, const char *address)
{
	struct ip_addr addr;

	CHECK(ip_addr_parse(address, &addr) == 0);
	assert_int_equal(zone_add(zone, name, &addr), 0);
}

struct zone *zone_test_make(const char *origin, uint32_t names_max)
{
	void *memory = calloc(1, zone_size(names_max));

	CHECK(memory != NULL);
	return zone_init(memory, origin, names_max);
}

struct zone *zone_test_example(void)
{
	struct zone *zone = zone_test_make("internal", ZONE_TEST_NAMES);

	zone_test_add(zone, "ns.internal", "fdaa::1");
	zone_test_add(zone, "db.internal", "fdaa::7");
	zone_test_add(zone, "db.internal", "10.0.0.7");
	zone_test_add(zone, "v4.internal", "10.0.0.8");
	zone_test_add(zone, "a.b.internal", "10.0.0.9");
	return zone;
}

void query_put(struct query *query, const void *data, size_t len)
{
	CHECK(query->len + len <= sizeof(query->data));
	memcpy(query->data + query->len, data, len);
	query->len += len;
}

void query_put_u16(struct query *query, unsigned value)
{
	uint8_t bytes[2];

	put_be16(bytes, (uint16_t)value);
	query_put(query, bytes, sizeof(bytes));
}

/* A question without EDNS and with RD. */
struct query query_make(const char *name, unsigned type)
{
	static const uint8_t counts[8] = {0, 1};
	struct query query = {.len = 0};

	query_put_u16(&query, QUERY_ID);
	query_put_u16(&query, 0x0100);
	query_put(&query, counts, sizeof(counts));
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		uint8_t len = (uint8_t)label;

		query_put(&query, &len, 1);
		query_put(&query, name, label);
		name += label + (name[label] == '.');
	}
	query_put(&query, "", 1);
	query_put_u16(&query, type);
	query_put_u16(&query, 1);
	return query;
}

void query_put_opt(struct query *query, unsigned payload, unsigned version,
		   unsigned flags)
{
	query_put(query, "", 1);
	query_put_u16(query, 41);
	query_put_u16(query, payload);
	query_put_u16(query, version);
	query_put_u16(query, flags);
	query_put_u16(query, 0);
	query->data[11]++;
}

struct answer query_tell(struct zone *zone, enum zone_transport transport,
			 const struct query *query)
{
	struct answer answer;

	answer.len = zone_answer(zone, transport, query->data, query->len,
				 answer.data);
	return answer;
}

unsigned answer_rcode(const struct answer *answer)
{
	return answer->data[3] & 15;
}

bool answer_is_cut(const struct answer *answer)
{
	return (answer->data[2] & 2) != 0;
}

unsigned answer_count(const struct answer *answer)
{
	return get_be16(answer->data + 6);
}
