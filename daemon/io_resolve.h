/* SPDX-License-Identifier: ISC */
/*
 * The name of a peer's endpoint, looked up by the host's resolver on libuv's
 * thread pool, so the loop never waits.
 *
 * Happy path: the tunnel asks (tunnel_peer.resolve), the answer's addresses are
 * kept in order, the first one is given to the tunnel. While handshakes go
 * unanswered the tunnel asks again: a new answer is taken over, an unchanged
 * one moves on to its next address, so both families get their turn.
 *
 * Failure modes: no answer is logged once and tried again with back-off, for
 * ever: at boot the network may not be up yet.
 */
#ifndef DAEMON_IO_RESOLVE_H
#define DAEMON_IO_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/limits.h"

struct io_loop;
struct tunnel;

struct io_resolve {
	uv_getaddrinfo_t request;
	struct io_loop *io;
	struct tunnel *tunnel; /* NULL: freed when the lookup comes back */
	uint16_t peer;
	bool busy;
	bool answered; /* result waits for the turn */
	bool failed;   /* as last logged */
	uint32_t address_count;
	uint32_t address_next; /* the one to try when asked again */
	struct endpoint addresses[NAME_ADDRESSES_MAX];
	uint64_t not_before; /* awake time of the next lookup */
	uint64_t backoff;
};

/* NULL without memory. */
struct io_resolve *io_resolve_new(struct io_loop *io, struct tunnel *tunnel,
				  uint16_t peer);
/* A lookup cannot be interrupted: it may outlive its tunnel. */
void io_resolve_free(struct io_resolve *resolve);

/* Called once per turn: starts what is asked for, hands over what came. */
void io_resolve_turn(struct io_resolve *resolve);

/* Awake time at which io_resolve_turn() has something to do. */
uint64_t io_resolve_deadline(const struct io_resolve *resolve);

#endif
