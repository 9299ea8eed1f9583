/* SPDX-License-Identifier: ISC */
#include "daemon/probe.h"

#include "base/check.h"
#include "netstack/tag.h"

static void end(const struct clock *now, struct probe *probe,
		enum reason reason)
{
	CHECK(!probe->done);
	probe->done = true;
	probe->reason = reason;
	probe->took = now->awake - probe->started;
}

uint32_t probe_start(struct probe_table *table, const struct clock *now,
		     struct tunnel *tunnel, const struct dial_request *target)
{
	struct dial_request request = *target;
	struct probe *probe;
	uint32_t index = 0;
	int err;

	while (index < PROBES_MAX && table->probes[index].tunnel != NULL)
		index++;
	if (index == PROBES_MAX)
		return PROBE_NONE;
	probe = &table->probes[index];
	*probe = (struct probe){
		.tunnel = tunnel,
		.started = now->awake,
	};
	request.user = tag_make(TAG_PROBE, index);
	err = dial_start(tunnel->dialer, now->awake, &request, &probe->dial);
	if (err != 0)
		end(now, probe, reason_of_dial(err));
	return index;
}

void probe_free(struct probe_table *table, const struct clock *now,
		uint32_t index)
{
	struct probe *probe = &table->probes[index];

	CHECK(probe->tunnel != NULL);
	if (!probe->done)
		dial_cancel(probe->tunnel->dialer, now->awake, probe->dial);

	*probe = (struct probe){.tunnel = NULL};
}

void probe_dialed(struct probe_table *table, const struct clock *now,
		  uint32_t index, const struct dial_result *result)
{
	struct probe *probe = &table->probes[index];
	enum reason reason = REASON_NONE;

	if (result->error == 0) {
		tcp_close(probe->tunnel->ns, now->awake, result->handle);
		probe->to = result->to;
	} else {
		reason = tunnel_explain(probe->tunnel, now, result->error);
	}
	end(now, probe, reason);
}

void probe_forget_tunnel(struct probe_table *table, const struct clock *now,
			 const struct tunnel *tunnel)
{
	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		struct probe *probe = &table->probes[i];

		if (probe->tunnel != tunnel || probe->done)
			continue;
		dial_cancel(probe->tunnel->dialer, now->awake, probe->dial);
		end(now, probe, REASON_RELOAD);
	}
}
