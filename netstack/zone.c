/* SPDX-License-Identifier: ISC */
#include "netstack/zone.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"

enum { LABEL_MAX = 63 };

/* A power of two, at least twice as large as the number of names. */
static uint32_t slot_count(uint32_t names_max)
{
	uint32_t count = 4;

	while (count < names_max * 2)
		count *= 2;
	return count;
}

size_t zone_size(uint32_t names_max)
{
	return sizeof(struct zone) + names_max * sizeof(struct zone_name) +
	       slot_count(names_max) * sizeof(uint32_t);
}

static uint8_t to_lower(char c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Returns the length; 0: this is no name. */
static uint32_t wire_of(const char *text, uint8_t wire[ZONE_WIRE_MAX])
{
	uint32_t len = 0;

	while (*text != '\0') {
		size_t label = strcspn(text, ".");

		if (label == 0 || label > LABEL_MAX ||
		    len + label + 2 > ZONE_WIRE_MAX)
			return 0;
		wire[len++] = (uint8_t)label;
		for (size_t i = 0; i < label; i++)
			wire[len++] = to_lower(text[i]);
		text += label;
		if (*text == '.')
			text++;
	}
	if (len == 0)
		return 0;
	wire[len++] = 0;
	return len;
}

/* FNV-1a: who asks cannot choose which names there are. */
static uint32_t hash(const uint8_t *wire, uint32_t len)
{
	uint32_t value = 2166136261;

	for (uint32_t i = 0; i < len; i++)
		value = (value ^ wire[i]) * 16777619;
	return value;
}

/* Where the name is, or where it would be. */
static uint32_t *find_slot(const struct zone *zone, const uint8_t *wire,
			   uint32_t len)
{
	uint32_t at = hash(wire, len) & zone->slots_mask;

	while (zone->slots[at] != 0) {
		const struct zone_name *name =
			&zone->names[zone->slots[at] - 1];

		if (name->len == len && memcmp(name->wire, wire, len) == 0)
			break;
		at = (at + 1) & zone->slots_mask;
	}
	return &zone->slots[at];
}

struct zone_name *zone_find(const struct zone *zone, const uint8_t *wire,
			    uint32_t len)
{
	uint32_t number = *find_slot(zone, wire, len);

	return number != 0 ? &zone->names[number - 1] : NULL;
}

bool zone_contains(const struct zone *zone, const uint8_t *wire, uint32_t len)
{
	const struct zone_name *origin = &zone->names[0];
	uint32_t at = 0;

	while (len - at > origin->len)
		at += 1U + wire[at];
	return len - at == origin->len &&
	       memcmp(wire + at, origin->wire, origin->len) == 0;
}

static int add_name(struct zone *zone, const uint8_t *wire, uint32_t len)
{
	uint32_t *slot = find_slot(zone, wire, len);
	struct zone_name *name;

	if (*slot != 0)
		return 0;
	if (zone->name_count == zone->names_max)
		return -ERR_FULL;
	name = &zone->names[zone->name_count++];
	memcpy(name->wire, wire, len);
	name->len = (uint8_t)len;
	name->count = name->turn_v4 = name->turn_v6 = 0;
	*slot = zone->name_count;
	return 0;
}

struct zone *zone_init(void *memory, const char *origin, uint32_t names_max)
{
	struct zone *zone = memory;
	uint8_t wire[ZONE_WIRE_MAX];
	uint32_t len = wire_of(origin, wire);

	CHECK(names_max > 0);
	if (len == 0)
		return NULL;
	zone->slots = (uint32_t *)(void *)(zone + 1);
	zone->names = (struct zone_name *)(void *)(zone->slots +
						   slot_count(names_max));
	zone->slots_mask = slot_count(names_max) - 1;
	zone->names_max = names_max;
	CHECK(add_name(zone, wire, len) == 0);
	return zone;
}

void zone_clear(struct zone *zone)
{
	struct zone_name *origin = &zone->names[0];

	memset(zone->slots, 0, (zone->slots_mask + 1) * sizeof(uint32_t));
	zone->name_count = 1;
	origin->count = 0;
	*find_slot(zone, origin->wire, origin->len) = 1;
	zone->serial++;
}

static int add_address(struct zone_name *name, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < name->count; i++) {
		if (ip_addr_equal(&name->addresses[i], addr))
			return 0;
	}
	if (name->count == ZONE_ADDRESSES_MAX)
		return -ERR_FULL;
	name->addresses[name->count++] = *addr;
	return 0;
}

int zone_add(struct zone *zone, const char *text, const struct ip_addr *addr)
{
	uint8_t wire[ZONE_WIRE_MAX];
	uint32_t len = wire_of(text, wire);
	uint32_t number;
	int err = 0;

	if (len == 0 || !zone_contains(zone, wire, len))
		return -ERR_INVALID;
	/* The name itself and those above it, up to the zone's. */
	for (uint32_t at = 0; err == 0 && len - at > zone->names[0].len;
	     at += 1U + wire[at])
		err = add_name(zone, wire + at, len - at);
	if (err != 0)
		return err;
	number = *find_slot(zone, wire, len);
	CHECK(number != 0);
	return add_address(&zone->names[number - 1], addr);
}

bool zone_has(const struct zone *zone, const char *text)
{
	uint8_t wire[ZONE_WIRE_MAX];
	uint32_t len = wire_of(text, wire);

	return len != 0 && zone_find(zone, wire, len) != NULL;
}
