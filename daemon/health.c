/* SPDX-License-Identifier: ISC */
#include "daemon/health.h"

static bool forwards_work(const struct proxy *proxy, const struct clock *now)
{
	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		const struct forward *forward = &proxy->forwards[i];

		if (forward->slot != FORWARD_ACTIVE)
			continue;
		if (!forward->listening && !forward->draining)
			return false;
		if (tunnel_state(forward->tunnel, now) == TUNNEL_DOWN)
			return false;
	}
	return true;
}

static void write_details(FILE *out, const struct proxy *proxy,
			  const struct clock *now)
{
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(proxy, i);

		if (tunnel != NULL)
			fprintf(out, "tunnel %s %s\n", tunnel->name,
				tunnel_state_word(tunnel_state(tunnel, now)));
	}
	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		const struct forward *forward = &proxy->forwards[i];

		if (forward->slot != FORWARD_ACTIVE)
			continue;
		fprintf(out, "forward %s %s", forward->mapping.name,
			forward_state_word(forward));
		if (forward->down != REASON_NONE)
			fprintf(out, " reason=%s", reason_word(forward->down));
		fputc('\n', out);
	}
}

bool health_write(FILE *out, const struct proxy *proxy, const struct clock *now,
		  bool stopping)
{
	const char *word = "ready";
	bool ready = false;

	if (stopping)
		word = "stopping";
	else if (proxy_is_full(proxy))
		word = "full";
	else if (!forwards_work(proxy, now))
		word = "not ready";
	else
		ready = true;
	fprintf(out, "%s\n", word);
	write_details(out, proxy, now);
	return ready;
}
