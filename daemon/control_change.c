/* SPDX-License-Identifier: ISC */
/* Requests that change something. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/control_mapping.h"
#include "daemon/control_ops.h"
#include "daemon/io_apply.h"
#include "daemon/io_bind.h"
#include "daemon/io_listener.h"
#include "daemon/io_reload.h"
#include "daemon/options.h"

/* ------------------------------------------------------------- add */

/* The same but for the name, which may be left out. */
static bool is_same(const struct mapping *old, const struct mapping *wanted)
{
	struct mapping copy = *wanted;

	if (copy.name[0] == '\0')
		strcpy(copy.name, old->name);
	return mapping_equal(old, &copy);
}

static bool exists(struct io_loop *io, struct control_call *call,
		   const struct mapping *mapping)
{
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		const struct forward *forward = &io->proxy.forwards[i];

		if (forward->slot != FORWARD_ACTIVE ||
		    !is_same(&forward->mapping, mapping))
			continue;
		call->result = json_pack("{s:o, s:b}", "forward",
					 control_forward(io, i), "existing", 1);
		return true;
	}
	return false;
}

static void port_taken(struct control_call *call, const struct mapping *mapping,
		       const char *holder)
{
	char listen[SOCKET_PATH_CAP + 64];
	uint16_t free_port = mapping->kind == MAPPING_FORWARD
				     ? io_free_port(&mapping->listen)
				     : 0;

	ctl_fail(&call->request, CTL_PORT_TAKEN, "%s is taken%s%s",
		 listen_spec_format(&mapping->listen, listen, sizeof(listen)),
		 holder[0] != '\0' ? " by " : "", holder);
	if (holder[0] != '\0')
		ctl_fail_with(&call->request, "holder", json_string(holder));
	if (free_port != 0)
		ctl_fail_with(&call->request, "suggest", number(free_port));
}

/* Errors that need more than the configuration's own words. */
static void check_new(struct io_loop *io, struct control_call *call,
		      const struct mapping *mapping)
{
	char holder[LABEL_CAP + 16];

	if (mapping->tunnel[0] != '\0')
		(void)control_find_tunnel(io, call, mapping->tunnel);
	if (io->draining || io->stopping)
		ctl_fail(&call->request, CTL_DRAINING,
			 "the daemon takes no new forwards: it is draining");
	if (mapping->kind == MAPPING_EXPOSE && mapping->target.port != 0 &&
	    io->options->sandbox == SANDBOX_STRICT)
		ctl_fail(&call->request, CTL_PERMISSION,
			 "the sandbox is strict: the daemon connects to ports "
			 "of exposes in its configuration only; add it there "
			 "and restart, or start without --strict-sandbox");
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		const struct forward *forward = &io->proxy.forwards[i];
		const struct mapping *old = &forward->mapping;

		if (forward->slot != FORWARD_ACTIVE)
			continue;
		if (strcmp(old->name, mapping->name) == 0)
			ctl_fail(&call->request, CTL_EXISTS,
				 "another forward is named %s; choose another "
				 "name, or proxyctl rm %s first",
				 old->name, old->name);
		if (old->kind != mapping->kind ||
		    (old->kind == MAPPING_EXPOSE &&
		     forward->tunnel !=
			     proxy_find_tunnel(&io->proxy, mapping->tunnel)) ||
		    !listen_spec_clash(&old->listen, &mapping->listen))
			continue;
		snprintf(holder, sizeof(holder), "%s %s",
			 mapping_kind_name[old->kind], old->name);
		if (call->request.error == CTL_NONE)
			port_taken(call, mapping, holder);
	}
}

/* "added at run time: TEXT" is for reports that name several places. */
static const char *bare(const char *message)
{
	static const char prefix[] = "added at run time: ";

	return strncmp(message, prefix, strlen(prefix)) == 0
		       ? message + strlen(prefix)
		       : message;
}

static void add_failed(struct control_call *call, const struct mapping *mapping,
		       int err, const char *message)
{
	switch (-err) {
	case ERR_EXISTS:
		port_taken(call, mapping, "");
		break;
	case ERR_PERMISSION:
		ctl_fail(&call->request, CTL_PERMISSION,
			 "%s; ports below 1024 need CAP_NET_BIND_SERVICE",
			 message);
		break;
	case ERR_STATE:
		ctl_fail(&call->request, CTL_STATE, "%s", message);
		break;
	case ERR_FULL:
		ctl_fail(&call->request, CTL_FULL, "%s", message);
		break;
	default:
		ctl_fail(&call->request, CTL_INVALID, "%s", bare(message));
		break;
	}
}

bool control_add(struct io_loop *io, struct control_call *call)
{
	char message[CONFIG_MESSAGE_CAP];
	struct mapping mapping;
	uint32_t slot;
	int err;

	mapping_from_request(&call->request, &mapping);
	if (!ctl_request_done(&call->request) || exists(io, call, &mapping))
		return true;
	check_new(io, call, &mapping);
	if (call->request.error != CTL_NONE)
		return true;
	err = io_apply_add(io, &mapping, &slot, message);
	if (err != 0) {
		add_failed(call, &mapping, err, message);
		return true;
	}
	log_notice("event=%s_added forward=%s", mapping_kind_name[mapping.kind],
		   io->proxy.forwards[slot].mapping.name);
	call->result = json_pack("{s:o, s:b}", "forward",
				 control_forward(io, slot), "existing", 0);
	return true;
}

/* ------------------------------------------------------------- rm */

bool control_rm(struct io_loop *io, struct control_call *call)
{
	const char *text = ctl_get_string(&call->request, "forward");
	bool cut = ctl_find_bool(&call->request, "kill");
	const char *kind = ctl_find_string(&call->request, "kind");
	const struct forward *forward;
	uint32_t slot;
	json_t *shown;

	if (!ctl_request_done(&call->request))
		return true;
	slot = control_find_forward(io, call, text);
	if (slot == FORWARD_SLOTS)
		return true;
	forward = &io->proxy.forwards[slot];
	if (kind != NULL &&
	    strcmp(kind, mapping_kind_name[forward->mapping.kind]) != 0) {
		ctl_fail(&call->request, CTL_NOT_FOUND,
			 "%s is no %.20s; see proxyctl rm",
			 forward->mapping.name, kind);
		return true;
	}
	if (forward->mapping.origin == ORIGIN_CONFIG) {
		ctl_fail(&call->request, CTL_CONFIGURED,
			 "%s stands in the configuration; remove it there, "
			 "then proxyctl reload",
			 forward->mapping.name);
		return true;
	}
	shown = json_pack("{s:o, s:I}", "forward", control_forward(io, slot),
			  "connections", (json_int_t)forward->connections);
	log_notice("event=forward_removed forward=%s", forward->mapping.name);
	if (cut)
		proxy_doom_forward(&io->proxy, &io->now, slot, REASON_KILLED);
	if (io_apply_remove(io, slot) != 0) {
		ctl_fail(&call->request, CTL_STATE,
			 "the state in %s cannot be written; the forward stays",
			 io->state.folder);
		json_decref(shown);
		return true;
	}
	call->result = shown;
	return true;
}

/* ------------------------------------------------------------- kill, drain */

bool control_kill(struct io_loop *io, struct control_call *call)
{
	uint64_t id = ctl_get_number(&call->request, "connection", INT64_MAX);

	if (!ctl_request_done(&call->request))
		return true;
	if (proxy_doom_relay(&io->proxy, &io->now, id, REASON_KILLED))
		call->result = json_object();
	else
		ctl_fail(&call->request, CTL_NOT_FOUND,
			 "no connection has the id %llu; see proxyctl "
			 "connections",
			 (unsigned long long)id);
	return true;
}

static void drain_one(struct io_loop *io, struct control_call *call,
		      const char *text, bool resume, uint64_t cut_at)
{
	uint32_t slot = control_find_forward(io, call, text);
	struct forward *forward;

	if (slot == FORWARD_SLOTS)
		return;
	forward = &io->proxy.forwards[slot];
	forward->draining = !resume;
	forward->cut_at = cut_at;
	io->drain_next = time_min(io->drain_next, cut_at);
	io->proxy.forwards_changed = true;
	log_notice("event=%s forward=%s", resume ? "resumed" : "draining",
		   forward->mapping.name);
	call->result = json_pack("{s:I}", "connections",
				 (json_int_t)forward->connections);
}

bool control_drain(struct io_loop *io, struct control_call *call)
{
	const char *text = ctl_find_string(&call->request, "forward");
	bool resume = ctl_find_bool(&call->request, "resume");
	uint64_t timeout = ctl_find_number(&call->request, "timeout_ms",
					   UINT32_MAX, UINT64_MAX);
	uint64_t cut_at = timeout == UINT64_MAX
				  ? NEVER
				  : io->now.awake + timeout * NS_PER_MS;

	if (!ctl_request_done(&call->request))
		return true;
	if (text != NULL) {
		drain_one(io, call, text, resume, cut_at);
		return true;
	}
	if (resume) {
		ctl_fail(&call->request, CTL_INVALID,
			 "a daemon that drains ends; only a single forward can "
			 "be resumed");
		return true;
	}
	log_notice("event=draining connections=%u", io->proxy.relay_count);
	io->draining = true;
	io->drain_until = cut_at;
	call->result = json_pack("{s:I}", "connections",
				 (json_int_t)io->proxy.relay_count);
	return true;
}

/* ------------------------------------------------------------- reload */

static json_t *warnings_of(const struct config_report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < report->warning_count; i++)
		json_array_append_new(list, json_string(report->warnings[i]));
	return list;
}

static void put_count(json_t *object, const char *prefix,
		      const struct io_apply_count *count)
{
	const struct {
		const char *name;
		uint32_t value;
	} members[] = {
		{"added", count->added},
		{"removed", count->removed},
		{"changed", count->changed},
		{"unchanged", count->unchanged},
	};
	char name[32];

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, members[i].name);
		set(object, name, number(members[i].value));
	}
}

bool control_reload(struct io_loop *io, struct control_call *call)
{
	struct config_report report = {.warning_count = 0};
	struct io_apply_result result;
	int err;

	if (!ctl_request_done(&call->request))
		return true;
	err = io_reload(io, &report, &result);
	if (err == 0) {
		call->result = json_object();
		put_count(call->result, "", &result.forwards);
		put_count(call->result, "tunnels_", &result.tunnels);
		set(call->result, "warnings", warnings_of(&report));
	} else {
		ctl_fail(&call->request,
			 err == -ERR_EXISTS       ? CTL_PORT_TAKEN
			 : err == -ERR_PERMISSION ? CTL_PERMISSION
						  : CTL_CONFIG,
			 "%s", result.message);
	}
	config_report_free(&report);
	return true;
}
