/* SPDX-License-Identifier: ISC */
/*
 * The far end of a tunnel in memory: a WireGuard device and a netstack with one
 * TCP service, joined to a proxy under test by two byte queues and a clock that
 * is moved by hand.
 */
#ifndef TEST_FAR_H
#define TEST_FAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "daemon/proxy.h"

enum { FAR_PORT = 5432 };

struct far {
	struct clock now;
	struct config config; /* of the proxy under test */
	struct config_tunnel tunnel_config;
	struct config_peer peer_config;
	struct prefix allowed[2];
	struct mapping forward;
	struct proxy proxy;
	struct tunnel tunnel; /* the far end itself */
	struct chunk_pool chunks;
	void *chunk_memory;
	struct ns_handle listener, conn;
	bool cut; /* nothing crosses any more */
	uint64_t random_state;
};

/* A proxy with one forward to target, and the far end that answers on
 * 10.9.0.1 and fd09::1. wrong_key: the proxy expects another peer. */
void far_open(struct far *far, const char *target, bool wrong_key);
void far_close(struct far *far);

/* One turn of both ends, then time moves on by step nanoseconds. */
void far_step(struct far *far, uint64_t step);

/* Steps of 1 ms until the relay is in the state, at most limit_ms of them. */
bool far_run_until(struct far *far, uint32_t relay, enum relay_state state,
		   unsigned limit_ms);

/* Accepts the proxy's connection at the far end into far->conn. */
bool far_accept(struct far *far);

#endif
