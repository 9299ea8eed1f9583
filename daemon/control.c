/* SPDX-License-Identifier: ISC */
#include "daemon/control.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "config/text.h"
#include "daemon/control_ops.h"

static const struct {
	const char *name;
	control_step *begin;
} ops[] = {
	{"version", control_version}, {"add", control_add},
	{"rm", control_rm},           {"list", control_list},
	{"status", control_status},   {"peers", control_peers},
	{"kill", control_kill},       {"connections", control_connections},
	{"why", control_why},         {"resolve", control_resolve},
	{"ping", control_ping},       {"reload", control_reload},
	{"drain", control_drain},
};

static void unknown_op(struct ctl_request *request)
{
	char hint[NEAREST_HINT_CAP] = "";
	struct nearest nearest;
	json_t *known = json_array();

	nearest_init(&nearest, request->op);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		nearest_offer(&nearest, ops[i].name);
		json_array_append_new(known, json_string(ops[i].name));
	}
	ctl_fail(request, CTL_OP, "there is no request \"%.40s\"%s",
		 request->op, nearest_hint(&nearest, hint));
	ctl_fail_with(request, "ops", known);
}

static control_step *find_op(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].begin;
	}
	return NULL;
}

bool control_begin(struct io_loop *io, struct control_call *call,
		   const char *line, size_t len)
{
	memset(call, 0, sizeof(*call));
	call->probe = PROBE_NONE;
	call->started = io->now.awake;
	call->deadline = NEVER;
	ctl_request_init(&call->request, line, len);
	if (call->request.error != CTL_NONE)
		return true;
	call->step = find_op(call->request.op);
	if (call->step == NULL) {
		unknown_op(&call->request);
		return true;
	}
	return control_continue(io, call);
}

bool control_continue(struct io_loop *io, struct control_call *call)
{
	if (call->step != NULL && call->step(io, call))
		call->step = NULL;
	return call->step == NULL;
}

static void end_probe(struct io_loop *io, struct control_call *call)
{
	if (call->probe != PROBE_NONE)
		probe_free(&io->proxy.probes, &io->now, call->probe);
	call->probe = PROBE_NONE;
}

char *control_reply(struct io_loop *io, struct control_call *call)
{
	char *line;

	CHECK(call->step == NULL);
	end_probe(io, call);
	line = ctl_reply(&call->request, call->result);
	ctl_request_free(&call->request);
	call->result = NULL;
	return line;
}

void control_cancel(struct io_loop *io, struct control_call *call)
{
	end_probe(io, call);
	json_decref(call->result);
	ctl_request_free(&call->request);
	call->result = NULL;
	call->step = NULL;
}

/* ------------------------------------------------------------- finding */

static bool is_meant(const struct io_loop *io, uint32_t slot, const char *text)
{
	const struct forward *forward = &io->proxy.forwards[slot];
	char listen[SOCKET_PATH_CAP + 64];
	struct listen_spec spec = forward->mapping.listen;
	uint64_t port;

	if (forward->slot != FORWARD_ACTIVE)
		return false;
	if (strcmp(forward->mapping.name, text) == 0)
		return true;
	if (spec.kind != LISTEN_PATH && forward->port != 0)
		spec.port = forward->port;
	if (text_number(text, 1, UINT16_MAX, &port) == 0)
		return spec.kind != LISTEN_PATH && spec.port == port;
	return strcmp(listen_spec_format(&spec, listen, sizeof(listen)),
		      text) == 0;
}

static void no_such_forward(const struct io_loop *io, struct control_call *call,
			    const char *text)
{
	char hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	nearest_init(&nearest, text);
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		if (io->proxy.forwards[i].slot == FORWARD_ACTIVE)
			nearest_offer(&nearest,
				      io->proxy.forwards[i].mapping.name);
	}
	ctl_fail(&call->request, CTL_NOT_FOUND,
		 "no forward has the name or the port \"%.60s\"%s", text,
		 nearest.best != NULL ? nearest_hint(&nearest, hint)
				      : "; see proxyctl ls");
}

/* A name goes before a port of the same digits. */
uint32_t control_find_forward(struct io_loop *io, struct control_call *call,
			      const char *text)
{
	uint32_t found = FORWARD_SLOTS;

	if (text == NULL)
		return FORWARD_SLOTS;
	found = proxy_find_forward(&io->proxy, text);
	if (found != FORWARD_SLOTS)
		return found;
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		if (!is_meant(io, i, text))
			continue;
		if (found != FORWARD_SLOTS) {
			ctl_fail(&call->request, CTL_AMBIGUOUS,
				 "%.60s is %s and %s; say which by its name",
				 text, io->proxy.forwards[found].mapping.name,
				 io->proxy.forwards[i].mapping.name);
			return FORWARD_SLOTS;
		}
		found = i;
	}
	if (found == FORWARD_SLOTS)
		no_such_forward(io, call, text);
	return found;
}

static void list_tunnels(const struct io_loop *io, char *list, size_t cap)
{
	size_t len = 0;

	list[0] = '\0';
	for (uint32_t i = 0; i < TUNNEL_SLOTS && len < cap; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(&io->proxy, i);

		if (tunnel != NULL)
			len += (size_t)snprintf(list + len, cap - len, "%s%s",
						len == 0 ? "" : ", ",
						tunnel->name);
	}
}

struct tunnel *control_find_tunnel(struct io_loop *io,
				   struct control_call *call, const char *name)
{
	struct tunnel *tunnel;
	char list[200];

	if (name == NULL && io->config->tunnel_count == 1)
		return proxy_find_tunnel(&io->proxy, "");
	tunnel = name == NULL ? NULL : proxy_find_tunnel(&io->proxy, name);
	if (tunnel != NULL)
		return tunnel;
	list_tunnels(io, list, sizeof(list));
	if (name == NULL)
		ctl_fail(&call->request, CTL_AMBIGUOUS,
			 "say which tunnel; there are: %s", list);
	else
		ctl_fail(&call->request, CTL_NOT_FOUND,
			 "there is no tunnel \"%.60s\"; there are: %s", name,
			 list);
	return NULL;
}
