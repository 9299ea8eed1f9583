/* SPDX-License-Identifier: ISC */
/*
 * DNS messages as questions to a zone's server. The first byte chooses the
 * transport. Whatever comes, the answer is one to it, and no weapon.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "netstack/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct zone *zone, const char *name, const char *text)
{
	struct ip_addr addr;

	CHECK(ip_addr_parse(text, &addr) == 0);
	CHECK(zone_add(zone, name, &addr) == 0);
}

static struct zone *make_zone(void)
{
	void *memory = calloc(1, zone_size(16));
	struct zone *zone;

	CHECK(memory != NULL);
	zone = zone_init(memory, "internal", 16);
	add(zone, "ns.internal", "fdaa::1");
	add(zone, "db.internal", "fdaa::7");
	add(zone, "db.internal", "fdaa::8");
	add(zone, "db.internal", "10.0.0.7");
	add(zone, "a.b.internal", "10.0.0.9");
	return zone;
}

static void check_answer(const uint8_t *query, const uint8_t *answer,
			 size_t len)
{
	CHECK(len >= 12 && memcmp(answer, query, 2) == 0);
	CHECK((query[2] & 0x80) == 0 && (answer[2] & 0x80) != 0);
	/* The same opcode and RD; never RA, never more than one question. */
	CHECK(((query[2] ^ answer[2]) & 0x79) == 0);
	CHECK((answer[3] & 0x80) == 0 && get_be16(answer + 4) <= 1);
	if (get_be16(answer + 6) != 0)
		CHECK((answer[3] & 15) == 0 && (answer[2] & 6) == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t answer[ZONE_ANSWER_MAX];
	enum zone_transport transport;
	struct zone *zone;
	size_t len;

	if (size < 1)
		return 0;
	zone = make_zone();
	transport = data[0] & 1 ? ZONE_TCP : ZONE_UDP;
	size--;
	len = zone_answer(zone, transport, data + 1, size, answer);
	CHECK(len <= sizeof(answer));
	if (len > 0)
		check_answer(data + 1, answer, len);
	if (transport == ZONE_UDP)
		CHECK(len <= size * ZONE_AMPLIFICATION);
	free(zone);
	return 0;
}
