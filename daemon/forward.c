/* SPDX-License-Identifier: ISC */
#include "daemon/forward.h"

bool forward_allows(const struct forward *forward, const struct ip_addr *from)
{
	const struct mapping *mapping = &forward->mapping;

	if (mapping->allow_count == 0 || from->family == IP_NONE)
		return true;
	for (uint32_t i = 0; i < mapping->allow_count; i++) {
		if (prefix_contains(&mapping->allow[i], from))
			return true;
	}
	return false;
}
