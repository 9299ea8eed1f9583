/* SPDX-License-Identifier: ISC */
#include "daemon/io_tunnel.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/io_loop.h"
#include "daemon/io_resolve.h"
#include "daemon/io_udp.h"

/* How often a retired tunnel is asked whether it is over. */
#define RETIRED_POLL_NS NS_PER_S

/* A lookup for each peer whose endpoint is a name, and for no other. */
static int set_resolves(struct io_loop *io, uint32_t slot)
{
	struct io_tunnel *out = &io->tunnels[slot];
	struct tunnel *tunnel = io->proxy.tunnels[slot];

	for (uint16_t i = 0; i < out->resolve_count; i++) {
		struct io_resolve **resolve = &out->resolves[i];
		bool named = i < tunnel->peer_count && tunnel->peers[i].named;

		if (*resolve != NULL && (!named || tunnel->peers[i].resolve)) {
			io_resolve_free(*resolve); /* of another name */
			*resolve = NULL;
		}
		if (*resolve == NULL && named)
			*resolve = io_resolve_new(io, tunnel, i);
		if (*resolve == NULL && named)
			return -ERR_NO_MEMORY;
	}
	return 0;
}

static int open_resolves(struct io_loop *io, uint32_t slot)
{
	struct io_tunnel *out = &io->tunnels[slot];

	out->resolve_count = io->proxy.tunnels[slot]->peers_max;
	out->resolves = calloc(out->resolve_count, sizeof(struct io_resolve *));
	if (out->resolves == NULL)
		return -ERR_NO_MEMORY;
	return set_resolves(io, slot);
}

void io_tunnel_changed(struct io_loop *io, uint32_t slot)
{
	if (set_resolves(io, slot) != 0)
		log_error("event=no_memory tunnel=%s text=\"an endpoint's name "
			  "cannot be looked up; restart when there is memory\"",
			  io->proxy.tunnels[slot]->name);
}

int io_tunnel_open(struct io_loop *io, uint32_t slot)
{
	struct io_tunnel *out = &io->tunnels[slot];
	struct tunnel *tunnel = io->proxy.tunnels[slot];

	*out = (struct io_tunnel){.udp = io_udp_open(io, tunnel)};
	if (out->udp == NULL)
		return -ERR_IO;
	if (open_resolves(io, slot) != 0) {
		io_tunnel_close(io, slot);
		return -ERR_NO_MEMORY;
	}
	if (tunnel->key_unlocked)
		log_warning("event=keys_not_locked tunnel=%s text=\"raise the "
			    "limit on locked memory to keep keys out of "
			    "swap\"",
			    tunnel->name);
	return 0;
}

void io_tunnel_close(struct io_loop *io, uint32_t slot)
{
	struct io_tunnel *out = &io->tunnels[slot];

	if (out->udp == NULL)
		return;
	for (uint16_t i = 0; i < out->resolve_count; i++) {
		if (out->resolves != NULL && out->resolves[i] != NULL)
			io_resolve_free(out->resolves[i]);
	}
	free(out->resolves);
	io_udp_close(out->udp);
	*out = (struct io_tunnel){.udp = NULL};
}

void io_tunnel_turn(struct io_loop *io, uint32_t slot)
{
	struct io_tunnel *out = &io->tunnels[slot];

	if (out->udp == NULL)
		return;
	for (uint16_t i = 0; i < out->resolve_count; i++) {
		if (out->resolves[i] != NULL)
			io_resolve_turn(out->resolves[i]);
	}
	if (proxy_tunnel_is_over(&io->proxy, &io->now, slot)) {
		log_notice("event=tunnel_closed tunnel=%s",
			   io->proxy.tunnels[slot]->name);
		io_tunnel_close(io, slot);
		proxy_close_tunnel(&io->proxy, &io->now, slot);
	}
}

uint64_t io_tunnel_deadline(const struct io_loop *io, uint32_t slot)
{
	const struct io_tunnel *out = &io->tunnels[slot];
	uint64_t deadline = NEVER;

	if (out->udp == NULL)
		return NEVER;
	if (io->proxy.tunnels[slot]->retired)
		deadline = io->now.awake + RETIRED_POLL_NS;
	for (uint16_t i = 0; i < out->resolve_count; i++) {
		if (out->resolves[i] != NULL)
			deadline =
				time_min(deadline,
					 io_resolve_deadline(out->resolves[i]));
	}
	return deadline;
}
