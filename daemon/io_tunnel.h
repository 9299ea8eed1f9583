/* SPDX-License-Identifier: ISC */
/*
 * What one tunnel has outside: its UDP sockets, and a lookup for each peer
 * whose endpoint is a name. Same slot as the proxy's tunnel. Owner: the loop.
 */
#ifndef DAEMON_IO_TUNNEL_H
#define DAEMON_IO_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

struct io_loop;
struct io_resolve;
struct io_udp;

struct io_tunnel {
	struct io_udp *udp;           /* NULL: the slot is free */
	struct io_resolve **resolves; /* by peer; NULL: no name */
	uint16_t resolve_count;
};

/* 0; -ERR_NO_MEMORY or -ERR_IO with nothing left open, logged. */
int io_tunnel_open(struct io_loop *io, uint32_t slot);
/* The tunnel's peers, or their endpoints, are others now. */
void io_tunnel_changed(struct io_loop *io, uint32_t slot);
void io_tunnel_close(struct io_loop *io, uint32_t slot);

/* Once per turn: starts and takes lookups, closes what is retired and over. */
void io_tunnel_turn(struct io_loop *io, uint32_t slot);
/* Awake time at which that has something to do. */
uint64_t io_tunnel_deadline(const struct io_loop *io, uint32_t slot);

#endif
