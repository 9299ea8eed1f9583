/* SPDX-License-Identifier: ISC */
#include "daemon/io_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/expose.h"
#include "daemon/io_listener.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"
#include "daemon/options.h"

/* ------------------------------------------------------------- plan */

/* What becomes of one tunnel or forward of the new configuration. */
struct planned_tunnel {
	uint32_t old; /* slot of the one with its name */
	uint32_t slot;
};

struct planned_forward {
	uint32_t old;                 /* slot of the one with its name */
	struct io_listener *listener; /* NULL for an expose */
	bool bound;                   /* it is new, not taken over */
};

struct plan {
	struct planned_tunnel tunnels[TUNNELS_MAX];
	uint32_t tunnel_count; /* opened, or kept */
	struct planned_forward forwards[FORWARDS_MAX];
	uint32_t forward_count; /* bound, or taken over */
};

static int plan_tunnel(struct io_loop *io, const struct config_tunnel *config,
		       struct planned_tunnel *plan)
{
	struct proxy *proxy = &io->proxy;

	plan->old = proxy_tunnel_slot(proxy, config->name);
	plan->slot = plan->old;
	if (plan->old != TUNNEL_SLOTS &&
	    tunnel_can_become(proxy->tunnels[plan->old], config))
		return 0;
	return io_apply_tunnel(io, config, &plan->slot);
}

static int plan_tunnels(struct io_loop *io, const struct config *next,
			struct plan *plan, struct io_apply_result *result)
{
	while (plan->tunnel_count < next->tunnel_count) {
		const struct config_tunnel *tunnel =
			&next->tunnels[plan->tunnel_count];
		int err = plan_tunnel(io, tunnel,
				      &plan->tunnels[plan->tunnel_count]);

		if (err != 0) {
			snprintf(result->message, sizeof(result->message),
				 "tunnel %s cannot be opened: %s", tunnel->name,
				 error_text(err));
			return err;
		}
		plan->tunnel_count++;
	}
	return 0;
}

/* Whether the listener is what the mapping wants. A port that the system chose
 * may be asked for by number later; port 0 is met by whatever the forward of
 * the same name had with port 0. */
static bool is_wanted(const struct io_listener *listener,
		      const struct mapping *mapping, bool same_name)
{
	struct listen_spec spec = listener->spec;
	const struct listen_spec *wanted = &mapping->listen;

	if (wanted->kind != LISTEN_PATH && wanted->port == 0)
		return same_name && listen_spec_equal(&spec, wanted);
	if (spec.kind != LISTEN_PATH && spec.port == 0)
		spec.port = listener->bound.port;
	return listen_spec_equal(&spec, wanted);
}

static struct io_listener *find_listener(const struct io_loop *io,
					 const struct mapping *mapping,
					 uint32_t same_name)
{
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		if (io->listeners[i] != NULL &&
		    is_wanted(io->listeners[i], mapping, i == same_name))
			return io->listeners[i];
	}
	return NULL;
}

static int plan_forward(struct io_loop *io, const struct mapping *mapping,
			struct planned_forward *plan,
			struct io_apply_result *result)
{
	char text[SOCKET_PATH_CAP + 64];
	struct io_bound bound;
	int err;

	plan->old = proxy_find_forward(&io->proxy, mapping->name);
	if (mapping->kind == MAPPING_EXPOSE)
		return 0;
	plan->listener = find_listener(io, mapping, plan->old);
	if (plan->listener != NULL)
		return 0;
	plan->listener = io_listener_new(io, &mapping->listen);
	if (plan->listener == NULL)
		return -ERR_NO_MEMORY;
	plan->bound = true;
	err = io_bind(&mapping->listen, NULL, &bound);
	if (err == 0) {
		io_listener_take(plan->listener, &bound);
		return 0;
	}
	io_listener_close(plan->listener);
	snprintf(result->message, sizeof(result->message),
		 "forward %s cannot listen on %s: %s; nothing was changed",
		 mapping->name,
		 listen_spec_format(&mapping->listen, text, sizeof(text)),
		 strerror(-err));
	return io_error(err);
}

static bool slots_suffice(const struct proxy *proxy, uint32_t wanted)
{
	uint32_t retired = 0;

	for (uint32_t i = 0; i < proxy->forward_count; i++)
		retired += proxy->forwards[i].slot == FORWARD_RETIRED;
	return retired + wanted <= FORWARD_SLOTS;
}

static int plan_forwards(struct io_loop *io, const struct config *next,
			 struct plan *plan, struct io_apply_result *result)
{
	if (!slots_suffice(&io->proxy, next->forward_count)) {
		snprintf(result->message, sizeof(result->message),
			 "too many removed forwards still have connections; "
			 "end some of them with proxyctl kill");
		return -ERR_FULL;
	}
	while (plan->forward_count < next->forward_count) {
		uint32_t i = plan->forward_count;
		int err = plan_forward(io, &next->forwards[i],
				       &plan->forwards[i], result);

		if (err != 0)
			return err;
		plan->forward_count++;
	}
	return 0;
}

static void undo(struct io_loop *io, struct plan *plan)
{
	for (uint32_t i = 0; i < plan->forward_count; i++) {
		if (plan->forwards[i].bound)
			io_listener_close(plan->forwards[i].listener);
	}
	for (uint32_t i = 0; i < plan->tunnel_count; i++) {
		uint32_t slot = plan->tunnels[i].slot;

		if (slot == plan->tunnels[i].old)
			continue;
		io_tunnel_close(io, slot);
		proxy_close_tunnel(&io->proxy, &io->now, slot);
	}
}

/* ------------------------------------------------------------- commit */

static void keep_tunnel(struct io_loop *io, uint32_t slot,
			const struct config_tunnel *config,
			struct io_apply_count *count)
{
	struct tunnel *tunnel = io->proxy.tunnels[slot];

	if (tunnel_is(tunnel, config)) {
		count->unchanged++;
		return;
	}
	count->changed++;
	tunnel_become(tunnel, &io->now, config);
	io_tunnel_changed(io, slot);
	io->proxy.tunnels_changed = true;
}

/* The old tunnels that the plan does not keep. */
static void commit_tunnels(struct io_loop *io, const struct config *next,
			   const struct plan *plan,
			   struct io_apply_count *count)
{
	struct proxy *proxy = &io->proxy;
	bool keep[TUNNEL_SLOTS] = {false};
	uint32_t replaced = 0;

	for (uint32_t i = 0; i < plan->tunnel_count; i++) {
		const struct planned_tunnel *planned = &plan->tunnels[i];

		keep[planned->slot] = true;
		if (planned->old == planned->slot) {
			keep_tunnel(io, planned->slot, &next->tunnels[i],
				    count);
		} else if (planned->old == TUNNEL_SLOTS) {
			count->added++;
		} else {
			count->changed++;
			replaced++;
			proxy_doom_tunnel(proxy, &io->now,
					  proxy->tunnels[planned->old],
					  REASON_RELOAD);
		}
	}
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		if (keep[i] || proxy_tunnel_at(proxy, i) == NULL)
			continue;
		count->removed++;
		proxy_retire_tunnel(proxy, &io->now, i);
	}
	count->removed -= replaced; /* those were retired, too */
}

/* Listeners leave their forwards; those that nobody takes over close. */
static void commit_listeners(struct io_loop *io, const struct plan *plan)
{
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		struct io_listener *listener = io->listeners[i];
		bool keep = false;

		for (uint32_t j = 0; j < plan->forward_count; j++)
			keep |= plan->forwards[j].listener == listener;
		if (listener == NULL)
			continue;
		if (!keep)
			io_listener_close(listener);
		io->listeners[i] = NULL;
		io->proxy.forwards[i].listening = false;
	}
}

static void retire_forwards(struct io_loop *io, const struct plan *plan,
			    struct io_apply_count *count)
{
	for (uint32_t i = 0; i < io->proxy.forward_count; i++) {
		bool keep = io->proxy.forwards[i].slot != FORWARD_ACTIVE;

		for (uint32_t j = 0; j < plan->forward_count; j++)
			keep |= plan->forwards[j].old == i;
		if (keep)
			continue;
		proxy_retire_forward(&io->proxy, &io->now, i);
		count->removed++;
	}
}

static bool is_unchanged(const struct proxy *proxy, uint32_t slot,
			 const struct mapping *mapping)
{
	const struct forward *forward = &proxy->forwards[slot];

	return mapping_equal(&forward->mapping, mapping) &&
	       forward->tunnel == proxy_find_tunnel(proxy, mapping->tunnel);
}

/* One may get the port of another: all leave before any comes. */
static void close_changed_exposes(struct io_loop *io, const struct config *next,
				  const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->forward_count; i++) {
		uint32_t old = plan->forwards[i].old;

		if (old != FORWARD_SLOTS &&
		    !is_unchanged(&io->proxy, old, &next->forwards[i]))
			expose_close(&io->proxy, &io->now, old);
	}
}

static uint32_t commit_mapping(struct proxy *proxy, const struct clock *now,
			       const struct mapping *mapping, uint32_t old,
			       struct io_apply_count *count)
{
	uint32_t slot = old;

	if (old == FORWARD_SLOTS) {
		CHECK(proxy_add_forward(proxy, now, mapping, &slot) == 0);
		count->added++;
	} else if (is_unchanged(proxy, old, mapping)) {
		proxy->forwards[old].mapping.origin = mapping->origin;
		count->unchanged++;
	} else {
		proxy_change_forward(proxy, now, old, mapping);
		count->changed++;
	}
	return slot;
}

static void commit_forwards(struct io_loop *io, const struct config *next,
			    const struct plan *plan,
			    struct io_apply_count *count)
{
	commit_listeners(io, plan);
	retire_forwards(io, plan, count);
	close_changed_exposes(io, next, plan);
	for (uint32_t i = 0; i < plan->forward_count; i++) {
		const struct planned_forward *planned = &plan->forwards[i];
		uint32_t slot =
			commit_mapping(&io->proxy, &io->now, &next->forwards[i],
				       planned->old, count);

		if (planned->listener == NULL)
			continue;
		planned->listener->spec = next->forwards[i].listen;
		io_listener_serve(planned->listener, slot);
	}
}

/* ------------------------------------------------------------- reload */

/* Forwards that were added while running outlive a reload. */
static int keep_added(const struct io_loop *io, struct config *next,
		      struct io_apply_result *result)
{
	struct config_report report = {.warning_count = 0};
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < io->config->forward_count; i++) {
		const struct mapping *mapping = &io->config->forwards[i];

		if (mapping->origin != ORIGIN_CONFIG)
			err = config_add_mapping(next, mapping, &report);
	}
	memcpy(result->message, report.error, sizeof(result->message));
	config_report_free(&report);
	return err;
}

static int make_plan(struct io_loop *io, struct config *next, struct plan *plan,
		     struct io_apply_result *result)
{
	int err = keep_added(io, next, result);

	if (err == 0)
		err = plan_tunnels(io, next, plan, result);
	if (err == 0)
		err = plan_forwards(io, next, plan, result);
	return err;
}

static int apply(struct io_loop *io, struct config *next,
		 struct io_apply_result *ret_result)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int err = plan == NULL ? -ERR_NO_MEMORY : 0;

	memset(ret_result, 0, sizeof(*ret_result));
	if (err == 0)
		err = make_plan(io, next, plan, ret_result);
	if (err != 0) {
		if (plan != NULL)
			undo(io, plan);
		free(plan);
		config_free(next);
		return err;
	}
	commit_tunnels(io, next, plan, &ret_result->tunnels);
	commit_forwards(io, next, plan, &ret_result->forwards);
	free(plan);
	config_wipe_keys(next);
	config_free(io->config);
	*io->config = *next;
	*next = (struct config){.tunnel_count = 0};
	return 0;
}

static void log_result(const struct io_apply_result *result)
{
	const struct io_apply_count *forwards = &result->forwards;
	const struct io_apply_count *tunnels = &result->tunnels;

	log_notice("event=reloaded forwards_added=%u forwards_removed=%u "
		   "forwards_changed=%u forwards_unchanged=%u "
		   "tunnels_added=%u tunnels_removed=%u tunnels_changed=%u",
		   forwards->added, forwards->removed, forwards->changed,
		   forwards->unchanged, tunnels->added, tunnels->removed,
		   tunnels->changed);
}

int io_reload(struct io_loop *io, struct config_report *report,
	      struct io_apply_result *ret_result)
{
	struct config next;
	int err;

	memset(ret_result, 0, sizeof(*ret_result));
	io_service_reloading(io);
	err = options_load(io->options, &next, report);
	if (err == 0)
		err = apply(io, &next, ret_result);
	else
		memcpy(ret_result->message, report->error,
		       sizeof(ret_result->message));
	if (err != 0 && ret_result->message[0] == '\0')
		snprintf(ret_result->message, sizeof(ret_result->message), "%s",
			 error_text(err));
	memcpy(io->config_error, ret_result->message, sizeof(io->config_error));
	for (uint32_t i = 0; i < report->warning_count; i++)
		log_warning("event=config_warning text=\"%s\"",
			    report->warnings[i]);
	if (err != 0) {
		log_error("event=reload_failed text=\"%s\"",
			  ret_result->message);
		return err;
	}
	io->config_loaded = io->now.wall;
	log_result(ret_result);
	return 0;
}
