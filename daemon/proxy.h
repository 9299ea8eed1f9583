/* SPDX-License-Identifier: ISC */
/*
 * The program without its I/O: tunnels, forwards, relays, and who tells whom.
 *
 * The edge feeds it in the order of the turn (doc/architecture.md):
 *
 *   proxy_expire()            timers of all cores
 *   tunnel_input()            datagrams, per tunnel
 *   proxy_accept()            new clients
 *   proxy_events()            what happened in the cores reaches the relays
 *   proxy_next_work()         relays whose socket has something to do
 *   tunnel_output()           datagrams, per tunnel
 *   proxy_release()           relays that are over
 *
 * A relay and the edge's client have the same index. A relay is on the work
 * list when the edge should look at its socket: at most once, in order.
 */
#ifndef DAEMON_PROXY_H
#define DAEMON_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "daemon/clock.h"
#include "daemon/forward.h"
#include "daemon/relay.h"
#include "daemon/tunnel.h"

#define RELAY_NONE UINT32_MAX

struct relay_link {
	uint32_t next; /* work list or free list */
	bool queued;
};

struct proxy {
	struct tunnel *tunnels;
	uint32_t tunnel_count;
	struct forward *forwards;
	uint32_t forward_count;
	struct relay *relays;
	struct relay_link *links;
	uint32_t relay_cap;
	uint32_t relay_fresh; /* first never used */
	uint32_t relay_free;
	uint32_t relay_count;
	uint32_t work_head, work_tail;
	struct chunk_pool chunks;
	void *chunk_memory;
};

/* relay_cap is what descriptors and configuration allow. 0 or -ERR_NO_MEMORY
 * with nothing left to close. */
int proxy_open(struct proxy *proxy, const struct clock *now,
	       const struct config *config, uint32_t relay_cap,
	       const struct random_source *random);
void proxy_close(struct proxy *proxy);

/* A client of a forward: RELAY_NONE when it must be refused, with the reason,
 * else the relay, which may be doomed already. */
uint32_t proxy_accept(struct proxy *proxy, const struct clock *now,
		      uint32_t forward, const struct endpoint *from,
		      enum reason *ret_refused);
static inline bool proxy_is_full(const struct proxy *proxy)
{
	return proxy->relay_count == proxy->relay_cap;
}

void proxy_expire(struct proxy *proxy, const struct clock *now);
void proxy_events(struct proxy *proxy, const struct clock *now);
uint64_t proxy_wait(const struct proxy *proxy, const struct clock *now);

/* Puts a relay on the work list, or takes the first one off: RELAY_NONE when
 * the list is empty. */
void proxy_mark(struct proxy *proxy, uint32_t relay);
uint32_t proxy_next_work(struct proxy *proxy);

/* Logs the end of a doomed relay and frees its place. The client's socket must
 * be closed already. */
void proxy_release(struct proxy *proxy, const struct clock *now,
		   uint32_t relay);

/* Cuts every relay: the daemon is stopping. */
void proxy_doom_all(struct proxy *proxy, const struct clock *now);

#endif
