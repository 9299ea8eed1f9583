/* SPDX-License-Identifier: ISC */
/* Requests that show the daemon as a whole, and its connections. */
#include <unistd.h>

#include "crypto/aead.h"
#include "daemon/control_ops.h"
#include "daemon/options.h"

bool control_version(struct io_loop *io, struct control_call *call)
{
	if (!ctl_request_done(&call->request))
		return true;
	call->result = json_pack("{s:s, s:s, s:i, s:i}", "program", "wgproxyd",
				 "version", WGPROXYD_VERSION, "protocol",
				 CTL_PROTOCOL, "pid", (int)getpid());
	set(call->result, "started_at",
	    wall_seconds(io, io->started, io->now.awake));
	return true;
}

/* ------------------------------------------------------------- status */

struct health {
	uint32_t forwards, listening, paused, failed, draining;
	uint32_t tunnels, down;
	uint64_t accepted;
};

static void count_forwards(const struct io_loop *io, struct health *health)
{
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		const struct forward *forward = &io->proxy.forwards[i];

		if (forward->slot != FORWARD_ACTIVE)
			continue;
		health->forwards++;
		health->accepted += forward->accepted;
		if (forward->draining)
			health->draining++;
		else if (!forward->listening)
			health->failed++;
		else if (forward->down != REASON_NONE)
			health->paused++;
		else
			health->listening++;
	}
}

static json_t *show_tunnels(const struct io_loop *io, struct health *health)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = proxy_tunnel_at(&io->proxy, i);

		if (tunnel == NULL)
			continue;
		health->tunnels++;
		health->down += tunnel_state(tunnel, &io->now) == TUNNEL_DOWN;
		json_array_append_new(list, control_tunnel(io, i));
	}
	return list;
}

static void put_health(const struct io_loop *io, const struct health *health,
		       json_t *object)
{
	const char *state = "ready", *text = "all is well";

	if (io->draining || io->stopping) {
		state = "draining";
		text = "no new clients are taken";
	} else if (health->tunnels > 0 && health->down == health->tunnels) {
		state = "down";
		text = "no tunnel has a peer that answers";
	} else if (health->down > 0) {
		state = "degraded";
		text = "a tunnel's peers do not answer";
	} else if (health->failed > 0) {
		state = "degraded";
		text = "a forward cannot have its port";
	} else if (health->paused > 0) {
		state = "degraded";
		text = "a forward's target is down";
	}
	set(object, "state", json_string(state));
	set(object, "text", json_string(text));
}

static void put_config(const struct io_loop *io, json_t *object)
{
	set(object, "config", json_string(io->config->path));
	set(object, "config_loaded_at", number(io->config_loaded / NS_PER_S));
	if (io->config_error[0] != '\0')
		set(object, "config_error", json_string(io->config_error));
	set(object, "state_dir", json_string(io->state.folder));
}

static void put_connections(const struct io_loop *io, json_t *object)
{
	const struct proxy *proxy = &io->proxy;
	uint64_t up = 0, down = 0;

	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		up += proxy->forwards[i].bytes_up;
		down += proxy->forwards[i].bytes_down;
	}
	for (uint32_t i = 0; i < proxy->relay_fresh; i++) {
		up += proxy->relays[i].bytes_up;
		down += proxy->relays[i].bytes_down;
	}
	set(object, "connections", number(proxy->relay_count));
	set(object, "connections_max", number(proxy->relay_cap));
	set(object, "bytes_up", number(up));
	set(object, "bytes_down", number(down));
	set(object, "memory_used",
	    number((uint64_t)proxy->chunks.used * CHUNK_BYTES));
	set(object, "memory_max",
	    number((uint64_t)proxy->chunks.count * CHUNK_BYTES));
}

bool control_status(struct io_loop *io, struct control_call *call)
{
	struct health health = {.forwards = 0};
	json_t *object;

	if (!ctl_request_done(&call->request))
		return true;
	object = json_pack("{s:s, s:i}", "version", WGPROXYD_VERSION, "pid",
			   (int)getpid());
	set(object, "started_at", wall_seconds(io, io->started, io->now.awake));
	set(object, "uptime_ms",
	    number((io->now.awake - io->started) / NS_PER_MS));
	set(object, "aead", json_string(io->proxy.aead->name));
	set(object, "tunnels", show_tunnels(io, &health));
	count_forwards(io, &health);
	put_health(io, &health, object);
	set(object, "forwards",
	    json_pack("{s:I, s:I, s:I, s:I}", "listening",
		      (json_int_t)health.listening, "paused",
		      (json_int_t)health.paused, "failed",
		      (json_int_t)health.failed, "draining",
		      (json_int_t)health.draining));
	set(object, "accepted", number(health.accepted));
	put_connections(io, object);
	put_config(io, object);
	call->result = object;
	return true;
}

/* ------------------------------------------------------------- connections */

static const char *relay_word(const struct relay *relay)
{
	if (relay->state == RELAY_DIALING)
		return "dialling";
	if (relay->client_ended)
		return "client_ended";
	return relay->upstream_ended ? "upstream_ended" : "open";
}

static json_t *show_relay(const struct io_loop *io, const struct relay *relay)
{
	json_t *object = json_object();
	char text[ENDPOINT_TEXT_CAP];

	set(object, "id", number(relay->id));
	set(object, "forward",
	    json_string(io->proxy.forwards[relay->forward].mapping.name));
	set(object, "client",
	    json_string(relay->client.addr.family == IP_NONE
				? "unix"
				: endpoint_format(&relay->client, text)));
	set(object, "target",
	    json_string(relay->connected == 0
				? ""
				: endpoint_format(&relay->target, text)));
	set(object, "state", json_string(relay_word(relay)));
	set(object, "started_at",
	    wall_seconds(io, relay->started, io->now.awake));
	set(object, "age_ms",
	    number((io->now.awake - relay->started) / NS_PER_MS));
	set(object, "bytes_up", number(relay->bytes_up));
	set(object, "bytes_down", number(relay->bytes_down));
	return object;
}

bool control_connections(struct io_loop *io, struct control_call *call)
{
	const char *name = ctl_find_string(&call->request, "forward");
	uint64_t index =
		ctl_find_number(&call->request, "after", UINT32_MAX, 0);
	uint32_t only = FORWARD_SLOTS;
	json_t *list;

	if (!ctl_request_done(&call->request))
		return true;
	if (name != NULL)
		only = control_find_forward(io, call, name);
	if (call->request.error != CTL_NONE)
		return true;
	list = json_array();
	for (; index < io->proxy.relay_fresh; index++) {
		const struct relay *relay = &io->proxy.relays[index];

		if (relay->state == RELAY_FREE ||
		    relay->state == RELAY_DOOMED ||
		    (only != FORWARD_SLOTS && relay->forward != only))
			continue;
		if (json_array_size(list) == CONTROL_PAGE)
			break;
		json_array_append_new(list, show_relay(io, relay));
	}
	call->result = json_pack("{s:o}", "connections", list);
	if (index < io->proxy.relay_fresh)
		set(call->result, "next", number(index));
	return true;
}
