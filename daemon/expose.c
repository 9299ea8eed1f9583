/* SPDX-License-Identifier: ISC */
#include "daemon/expose.h"

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "netstack/tag.h"

enum { EXPOSE_BACKLOG = 128 };

int expose_open(struct proxy *proxy, uint32_t slot)
{
	struct forward *forward = &proxy->forwards[slot];
	const struct mapping *mapping = &forward->mapping;
	struct netstack *ns = forward->tunnel->ns;
	struct endpoint local = {.port = mapping->listen.port};
	char listen[SOCKET_PATH_CAP], to[TARGET_TEXT_CAP];
	int err;

	CHECK(mapping->kind == MAPPING_EXPOSE && !forward->listening);
	if (mapping->listen.kind == LISTEN_ADDRESS)
		local.addr = mapping->listen.addr;
	listen_spec_format(&mapping->listen, listen, sizeof(listen));
	err = tcp_listen(ns, &local, EXPOSE_BACKLOG, tag_make(TAG_EXPOSE, slot),
			 &forward->listener);
	if (err != 0) {
		log_error("event=expose_failed expose=%s inner=%s tunnel=%s "
			  "text=\"%s\"",
			  mapping->name, listen, forward->tunnel->name,
			  error_text(err));
		return err;
	}
	CHECK(tcp_hold(ns, forward->listener) == 0);
	forward->listening = true;
	forward->port = mapping->listen.port;
	log_notice("event=exposed expose=%s inner=%s to=%s tunnel=%s",
		   mapping->name, listen,
		   target_format(&mapping->target, to, sizeof(to)),
		   forward->tunnel->name);
	return 0;
}

void expose_close(struct proxy *proxy, const struct clock *now, uint32_t slot)
{
	struct forward *forward = &proxy->forwards[slot];

	if (forward->mapping.kind != MAPPING_EXPOSE || !forward->listening)
		return;
	tcp_close(forward->tunnel->ns, now->awake, forward->listener);
	forward->listening = false;
	forward->port = 0;
}

void expose_close_all(struct proxy *proxy, const struct clock *now)
{
	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		if (proxy->forwards[i].slot == FORWARD_ACTIVE)
			expose_close(proxy, now, i);
	}
}

void expose_accept(struct proxy *proxy, const struct clock *now, uint32_t slot)
{
	struct forward *forward = &proxy->forwards[slot];
	struct netstack *ns = forward->tunnel->ns;
	struct ns_handle handle;
	struct endpoint from;
	enum reason refused;

	while (forward->listening) {
		if (proxy_is_full(proxy)) {
			proxy->exposes_wait = true;
			return;
		}
		if (tcp_accept(ns, forward->listener, 0, &handle, &from) != 0)
			return;
		if (proxy_accept_held(proxy, now, slot, &from, handle,
				      &refused) == RELAY_NONE) {
			tcp_abort(ns, now->awake, handle);
			proxy_refuse(proxy, slot, &from, refused);
		}
	}
}

void expose_accept_waiting(struct proxy *proxy, const struct clock *now)
{
	if (!proxy->exposes_wait || proxy_is_full(proxy))
		return;
	proxy->exposes_wait = false;
	for (uint32_t i = 0; i < proxy->forward_count; i++) {
		const struct forward *forward = &proxy->forwards[i];

		if (forward->slot == FORWARD_ACTIVE &&
		    forward->mapping.kind == MAPPING_EXPOSE)
			expose_accept(proxy, now, i);
	}
}
