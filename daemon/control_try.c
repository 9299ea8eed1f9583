/* SPDX-License-Identifier: ISC */
/* Requests that try something and answer when it is known. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "daemon/control_ops.h"
#include "daemon/io_connect.h"
#include "daemon/io_listener.h"

enum {
	WHY_TIMEOUT_MS = 900,
	PING_TIMEOUT_MS = 2000,
	TIMEOUT_MAX_MS = 10000,
};

static uint64_t elapsed_ms(const struct io_loop *io,
			   const struct control_call *call)
{
	return (io->now.awake - call->started) / NS_PER_MS;
}

/* ------------------------------------------------------------- why */

static void add_step(json_t *steps, const char *step, bool ok, const char *text)
{
	json_array_append_new(steps, json_pack("{s:s, s:b, s:s}", "step", step,
					       "ok", ok, "text", text));
}

static void conclude(struct control_call *call, enum reason reason,
		     const char *text)
{
	set(call->result, "ok", json_boolean(reason == REASON_NONE));
	set(call->result, "reason",
	    json_string(reason == REASON_NONE ? "ok" : reason_word(reason)));
	set(call->result, "text", json_string(text));
}

static bool is_name_reason(enum reason reason)
{
	return reason == REASON_DNS_NXDOMAIN || reason == REASON_DNS_NODATA ||
	       reason == REASON_DNS_SERVER || reason == REASON_DNS_TIMEOUT;
}

static bool is_tunnel_reason(enum reason reason)
{
	return reason == REASON_TUNNEL_DOWN ||
	       reason == REASON_ENDPOINT_UNKNOWN;
}

/* The last step: what the probe found, told from the outside in. */
static void tell_probe(struct io_loop *io, struct control_call *call,
		       const struct forward *forward, const struct probe *probe)
{
	char text[CTL_MESSAGE_CAP], to[TARGET_TEXT_CAP];
	char address[ENDPOINT_TEXT_CAP];
	json_t *steps = json_object_get(call->result, "steps");
	enum reason reason = probe->reason;
	const char *sentence = reason_text(reason);

	target_format(&forward->mapping.target, to, sizeof(to));
	if (is_tunnel_reason(reason)) {
		add_step(steps, "tunnel", false, sentence);
		snprintf(text, sizeof(text), "tunnel %s: %s",
			 forward->tunnel->name, sentence);
		conclude(call, reason, text);
		return;
	}
	add_step(steps, "tunnel", true,
		 tunnel_state(forward->tunnel, &io->now) == TUNNEL_UP
			 ? "the peer has a session"
			 : "nothing says that it is down");
	if (is_name_reason(reason)) {
		add_step(steps, "name", false, sentence);
		snprintf(text, sizeof(text), "%s: %s",
			 forward->mapping.target.host, sentence);
		conclude(call, reason, text);
		return;
	}
	if (reason != REASON_NONE) {
		add_step(steps, "connect", false, sentence);
		snprintf(text, sizeof(text), "%s: %s", to, sentence);
		conclude(call, reason, text);
		return;
	}
	snprintf(text, sizeof(text), "%s answers at %s", to,
		 endpoint_format(&probe->to, address));
	add_step(steps, "connect", true, text);
	conclude(call, REASON_NONE, text);
	set(call->result, "ms", number(probe->took / NS_PER_MS));
}

static bool why_step(struct io_loop *io, struct control_call *call)
{
	uint32_t slot = proxy_find_forward(&io->proxy, call->name);
	const struct probe *probe = &io->proxy.probes.probes[call->probe];

	if (slot == FORWARD_SLOTS) {
		ctl_fail(&call->request, CTL_NOT_FOUND,
			 "%s was removed meanwhile", call->name);
		return true;
	}
	if (!probe->done)
		return false;
	tell_probe(io, call, &io->proxy.forwards[slot], probe);
	return true;
}

/* What is known without a try: whether clients get in at all. */
static bool tell_listener(struct io_loop *io, struct control_call *call,
			  uint32_t slot)
{
	const struct forward *forward = &io->proxy.forwards[slot];
	json_t *steps = json_object_get(call->result, "steps");
	char text[CTL_MESSAGE_CAP], listen[SOCKET_PATH_CAP + 64];

	listen_spec_format(&forward->mapping.listen, listen, sizeof(listen));
	if (!forward->listening) {
		snprintf(text, sizeof(text),
			 "cannot listen on %s: %s; stop the other program or "
			 "choose another port",
			 listen, io_listener_problem(io, slot));
		add_step(steps, "listen", false, text);
		set(call->result, "ok", json_false());
		set(call->result, "reason", json_string("listen"));
		set(call->result, "text", json_string(text));
		return false;
	}
	if (forward->draining) {
		add_step(steps, "listen", false, reason_text(REASON_DRAINING));
		conclude(call, REASON_DRAINING, reason_text(REASON_DRAINING));
		return false;
	}
	snprintf(text, sizeof(text), "listens on %s%s", listen,
		 forward->down != REASON_NONE
			 ? ", but refuses clients while the target is down"
			 : "");
	add_step(steps, "listen", true, text);
	return true;
}

static bool start_probe(struct io_loop *io, struct control_call *call,
			struct tunnel *tunnel, const struct target *target,
			uint64_t timeout_ms)
{
	struct dial_request request = {
		.host = target->host,
		.port = target->port,
		.timeout = timeout_ms * NS_PER_MS,
	};

	call->probe =
		probe_start(&io->proxy.probes, &io->now, tunnel, &request);
	if (call->probe == PROBE_NONE)
		ctl_fail(&call->request, CTL_BUSY,
			 "too many targets are being tried; try again");
	return call->probe != PROBE_NONE;
}

/* The local target of an expose, tried at once. */
static void tell_local(struct io_loop *io, struct control_call *call,
		       const struct forward *forward)
{
	char text[CTL_MESSAGE_CAP], to[TARGET_TEXT_CAP];
	json_t *steps = json_object_get(call->result, "steps");
	bool up = tunnel_state(forward->tunnel, &io->now) == TUNNEL_UP;
	int err = io_connect_try(&forward->mapping.target);
	enum reason reason = err == 0 || err == EINPROGRESS
				     ? REASON_NONE
				     : reason_of_connect(err);

	add_step(steps, "tunnel", true,
		 up ? "a peer has a session"
		    : "no peer has a session; clients make one");
	target_format(&forward->mapping.target, to, sizeof(to));
	snprintf(text, sizeof(text), "%s%s%s", to, err == 0 ? " answers" : ": ",
		 err == 0             ? ""
		 : err == EINPROGRESS ? "has not answered at once"
				      : reason_text(reason));
	add_step(steps, "connect", reason == REASON_NONE, text);
	conclude(call, reason, text);
}

bool control_why(struct io_loop *io, struct control_call *call)
{
	const char *text = ctl_get_string(&call->request, "forward");
	uint64_t timeout = ctl_find_number(&call->request, "timeout_ms",
					   TIMEOUT_MAX_MS, WHY_TIMEOUT_MS);
	const struct forward *forward;
	uint32_t slot;

	if (!ctl_request_done(&call->request))
		return true;
	slot = control_find_forward(io, call, text);
	if (slot == FORWARD_SLOTS)
		return true;
	forward = &io->proxy.forwards[slot];
	call->result = json_pack("{s:o, s:[]}", "forward",
				 control_forward(io, slot), "steps");
	if (!tell_listener(io, call, slot))
		return true;
	if (forward->mapping.kind == MAPPING_EXPOSE) {
		tell_local(io, call, forward);
		return true;
	}
	if (!start_probe(io, call, forward->tunnel, &forward->mapping.target,
			 timeout))
		return true;
	strcpy(call->name, forward->mapping.name);
	call->step = why_step;
	return why_step(io, call);
}

/* ------------------------------------------------------------- resolve */

static void resolved(struct io_loop *io, struct control_call *call,
		     const struct dns_answer *answer)
{
	json_t *list = json_array();
	char text[IP_TEXT_CAP];

	for (uint32_t i = 0; i < answer->count; i++)
		json_array_append_new(
			list, json_string(ip_addr_format(&answer->addresses[i],
							 text)));
	call->result =
		json_pack("{s:s, s:o, s:I}", "name", call->name, "addresses",
			  list, "ms", (json_int_t)elapsed_ms(io, call));
}

static void unresolved(struct control_call *call, enum reason reason)
{
	ctl_fail(&call->request, CTL_UNRESOLVED, "%s: %s", call->name,
		 reason_text(reason));
	ctl_fail_with(&call->request, "reason",
		      json_string(reason_word(reason)));
}

static bool resolve_step(struct io_loop *io, struct control_call *call)
{
	struct tunnel *tunnel = proxy_find_tunnel(&io->proxy, call->tunnel);
	struct dns_answer answer = {.count = 0};
	int err;

	if (tunnel == NULL) {
		ctl_fail(&call->request, CTL_NOT_FOUND,
			 "tunnel %s was removed meanwhile", call->tunnel);
		return true;
	}
	err = resolver_lookup(tunnel->resolver, io->now.awake, call->name,
			      &answer);
	if (err == -ERR_INVALID) {
		ctl_fail(&call->request, CTL_INVALID, "\"%.60s\" is not a name",
			 call->name);
		return true;
	}
	if (err == -ERR_AGAIN && io->now.awake >= call->deadline)
		err = -ERR_NAME_TIMEOUT;
	if (err == -ERR_AGAIN ||
	    (err == 0 && !answer.complete && io->now.awake < call->deadline))
		return false;
	if (err == 0)
		resolved(io, call, &answer);
	else
		unresolved(call, tunnel_explain(tunnel, &io->now, err));
	return true;
}

bool control_resolve(struct io_loop *io, struct control_call *call)
{
	const char *name = ctl_get_string(&call->request, "name");
	const char *in = ctl_find_string(&call->request, "tunnel");
	uint64_t timeout = ctl_find_number(&call->request, "timeout_ms",
					   TIMEOUT_MAX_MS, TIMEOUT_MAX_MS);
	const struct tunnel *tunnel;

	if (!ctl_request_done(&call->request))
		return true;
	if (strlen(name) >= sizeof(call->name)) {
		ctl_fail(&call->request, CTL_INVALID, "the name is too long");
		return true;
	}
	tunnel = control_find_tunnel(io, call, in);
	if (tunnel == NULL)
		return true;
	strcpy(call->name, name);
	strcpy(call->tunnel, tunnel->name);
	call->deadline = io->now.awake + timeout * NS_PER_MS;
	call->step = resolve_step;
	return resolve_step(io, call);
}

/* ------------------------------------------------------------- ping */

/* A forward's name stands for its target; a bare host borrows the port of a
 * forward to it. */
static bool take_target(struct io_loop *io, struct control_call *call,
			const char *text, struct target *target)
{
	char message[MAPPING_MESSAGE_CAP];

	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		const struct mapping *mapping = &io->proxy.forwards[i].mapping;

		if (io->proxy.forwards[i].slot != FORWARD_ACTIVE ||
		    mapping->kind == MAPPING_EXPOSE ||
		    (strcmp(mapping->name, text) != 0 &&
		     strcmp(mapping->target.host, text) != 0))
			continue;
		*target = mapping->target;
		strcpy(call->tunnel, io->proxy.forwards[i].tunnel->name);
		return true;
	}
	if (target_parse(text, target, message) == 0)
		return true;
	ctl_fail(&call->request, CTL_INVALID, "%s", message);
	return false;
}

/* A refusal is an answer, too: the host is there. */
static bool ping_step(struct io_loop *io, struct control_call *call)
{
	const struct probe *probe = &io->proxy.probes.probes[call->probe];
	char address[ENDPOINT_TEXT_CAP];
	bool refused;

	if (!probe->done)
		return false;
	refused = probe->reason == REASON_CONNECT_REFUSED;
	if (probe->reason != REASON_NONE && !refused) {
		ctl_fail(&call->request, CTL_UNREACHABLE, "%s: %s", call->name,
			 reason_text(probe->reason));
		ctl_fail_with(&call->request, "reason",
			      json_string(reason_word(probe->reason)));
		return true;
	}
	call->result = json_pack(
		"{s:s, s:s, s:b, s:f}", "target", call->name, "address",
		refused ? "" : endpoint_format(&probe->to, address), "refused",
		refused, "ms", (double)probe->took / NS_PER_MS);
	return true;
}

bool control_ping(struct io_loop *io, struct control_call *call)
{
	const char *text = ctl_get_string(&call->request, "target");
	const char *in = ctl_find_string(&call->request, "tunnel");
	uint64_t timeout = ctl_find_number(&call->request, "timeout_ms",
					   TIMEOUT_MAX_MS, PING_TIMEOUT_MS);
	struct tunnel *tunnel;
	struct target target;

	if (!ctl_request_done(&call->request) ||
	    !take_target(io, call, text, &target))
		return true;
	if (in == NULL && call->tunnel[0] != '\0')
		in = call->tunnel;
	tunnel = control_find_tunnel(io, call, in);
	if (tunnel == NULL || !start_probe(io, call, tunnel, &target, timeout))
		return true;
	snprintf(call->name, sizeof(call->name), "%s", text);
	call->step = ping_step;
	return ping_step(io, call);
}
