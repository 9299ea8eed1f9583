/* SPDX-License-Identifier: ISC */
/* Requests that show forwards. */
#include <string.h>

#include "daemon/control_mapping.h"
#include "daemon/control_ops.h"
#include "daemon/io_listener.h"

static enum reason state_reason(const struct forward *forward)
{
	if (forward->draining)
		return REASON_DRAINING;
	return forward->down;
}

static void put_state(const struct io_loop *io, uint32_t slot, json_t *object)
{
	const struct forward *forward = &io->proxy.forwards[slot];
	enum reason reason = state_reason(forward);

	set(object, "state", json_string(forward_state_word(forward)));
	if (!forward->listening) {
		set(object, "reason", json_string("listen"));
		set(object, "text", json_string(io_listener_problem(io, slot)));
	} else if (reason != REASON_NONE) {
		set(object, "reason", json_string(reason_word(reason)));
		set(object, "text", json_string(reason_text(reason)));
	}
	if (forward->last != REASON_NONE) {
		set(object, "last_reason",
		    json_string(reason_word(forward->last)));
		set(object, "last_text",
		    json_string(reason_text(forward->last)));
	}
}

static void put_mapping(const struct forward *forward, json_t *object)
{
	const struct mapping *mapping = &forward->mapping;
	struct listen_spec spec = mapping->listen;
	char listen[SOCKET_PATH_CAP + 64], to[TARGET_TEXT_CAP];

	if (spec.kind != LISTEN_PATH && forward->port != 0)
		spec.port = forward->port;
	set(object, "name", json_string(mapping->name));
	set(object, "kind", json_string(mapping_kind_name[mapping->kind]));
	set(object, "listen",
	    json_string(listen_spec_format(&spec, listen, sizeof(listen))));
	set(object, "port", number(forward->port));
	set(object, "to",
	    json_string(target_format(&mapping->target, to, sizeof(to))));
	set(object, "tunnel", json_string(forward->tunnel->name));
	set(object, "origin",
	    json_string(mapping_origin_name[mapping->origin]));
	if (mapping->connections_max != 0)
		set(object, "max_connections",
		    number(mapping->connections_max));
	set(object, "allow", mapping_allow_list(mapping));
	if (mapping->kind == MAPPING_FORWARD)
		set(object, "address_policy",
		    json_string(address_policy_name[mapping->policy]));
}

/* Bytes of connections that are open are counted, too. */
static void put_traffic(const struct forward *forward, const uint64_t live[2],
			json_t *object)
{
	uint64_t refused = 0;

	for (unsigned i = 0; i < REASONS; i++)
		refused += forward->refused[i];
	set(object, "connections", number(forward->connections));
	set(object, "accepted", number(forward->accepted));
	set(object, "refused", number(refused));
	set(object, "bytes_up", number(forward->bytes_up + live[0]));
	set(object, "bytes_down", number(forward->bytes_down + live[1]));
}

static json_t *show_forward(const struct io_loop *io, uint32_t slot,
			    const uint64_t live[2])
{
	const struct forward *forward = &io->proxy.forwards[slot];
	json_t *object = json_object();
	char text[IP_TEXT_CAP];

	put_mapping(forward, object);
	put_state(io, slot, object);
	put_traffic(forward, live, object);
	if (forward->sticky.family != IP_NONE)
		set(object, "address",
		    json_string(ip_addr_format(&forward->sticky, text)));
	return object;
}

json_t *control_forward(const struct io_loop *io, uint32_t slot)
{
	uint64_t live[FORWARD_SLOTS][2] = {{0}};

	proxy_add_live_bytes(&io->proxy, live);
	return show_forward(io, slot, live[slot]);
}

bool control_list(struct io_loop *io, struct control_call *call)
{
	uint64_t slot = ctl_find_number(&call->request, "after", UINT32_MAX, 0);
	uint64_t live[FORWARD_SLOTS][2] = {{0}};
	json_t *list;

	if (!ctl_request_done(&call->request))
		return true;
	proxy_add_live_bytes(&io->proxy, live);
	list = json_array();
	for (; slot < io->proxy.forward_count; slot++) {
		if (io->proxy.forwards[slot].slot != FORWARD_ACTIVE)
			continue;
		if (json_array_size(list) == CONTROL_PAGE)
			break;
		json_array_append_new(
			list, show_forward(io, (uint32_t)slot, live[slot]));
	}
	call->result = json_pack("{s:o}", "forwards", list);
	if (slot < io->proxy.forward_count)
		set(call->result, "next", number(slot));
	return true;
}
