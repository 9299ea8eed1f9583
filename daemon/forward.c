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

void forward_count_end(struct forward *forward, enum reason reason)
{
	forward->ended[reason]++;
	if (reason != REASON_DONE && reason != REASON_CLIENT_RESET)
		forward->last = reason;
}

void forward_count_refused(struct forward *forward, enum reason reason)
{
	forward->refused[reason]++;
	forward_count_end(forward, reason);
}

const char *forward_state_word(const struct forward *forward)
{
	if (forward->draining)
		return "draining";
	if (!forward->listening)
		return "failed";
	return forward->down != REASON_NONE ? "paused" : "listening";
}
