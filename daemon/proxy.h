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
#include "daemon/probe.h"
#include "daemon/relay.h"
#include "daemon/tunnel.h"

#define RELAY_NONE UINT32_MAX

struct relay_link {
	uint32_t next; /* work list or free list */
	bool queued;
};

/* A removed tunnel or forward keeps its slot until its connections have gone,
 * so there are more slots than there may be tunnels and forwards. */
enum { TUNNEL_SLOTS = 2 * TUNNELS_MAX, FORWARD_SLOTS = 2 * FORWARDS_MAX };

struct proxy {
	struct tunnel *tunnels[TUNNEL_SLOTS]; /* NULL: free */
	uint32_t tunnel_count;                /* slots that were ever used */
	struct forward *forwards;             /* FORWARD_SLOTS of them */
	uint32_t forward_count;               /* slots that were ever used */
	struct relay *relays;
	struct relay_link *links;
	uint32_t relay_cap;
	uint32_t relay_fresh; /* first never used */
	uint32_t relay_free;
	uint32_t relay_count;
	uint32_t work_head, work_tail;
	struct probe_table probes;
	uint32_t down_count;   /* active forwards that are down (watch.h) */
	bool tunnels_changed;  /* a session came, or was tried in vain */
	bool forwards_changed; /* their listeners should be looked at */
	bool exposes_wait;     /* clients of exposes, for a free relay */
	uint64_t relay_serial; /* the last id given to a relay */
	struct random_source random;
	const struct aead *aead; /* of tunnels opened from now on */
	struct chunk_pool chunks;
	void *chunk_memory;
};

/* Takes the memory; there is no tunnel and no forward yet. relay_cap is what
 * descriptors and configuration allow. 0 or -ERR_NO_MEMORY with nothing left
 * to close. */
int proxy_open(struct proxy *proxy, uint64_t memory_bytes, uint32_t relay_cap,
	       const struct random_source *random);
void proxy_close(struct proxy *proxy, const struct clock *now);

/* 0 with the tunnel's slot; -ERR_FULL or -ERR_NO_MEMORY. config may go.
 * greatest_stamp: see struct wg_config. */
int proxy_add_tunnel(struct proxy *proxy, const struct clock *now,
		     const struct config_tunnel *config,
		     uint64_t greatest_stamp, uint32_t *ret_slot);
/* The tunnel's connections live on until they end; its name is free. */
void proxy_retire_tunnel(struct proxy *proxy, const struct clock *now,
			 uint32_t slot);
/* Whether a retired tunnel has nothing left to do. */
bool proxy_tunnel_is_over(const struct proxy *proxy, const struct clock *now,
			  uint32_t slot);
void proxy_close_tunnel(struct proxy *proxy, const struct clock *now,
			uint32_t slot);
/* The tunnel of a slot, NULL when it is free or retired. */
static inline struct tunnel *proxy_tunnel_at(const struct proxy *proxy,
					     uint32_t slot)
{
	struct tunnel *tunnel = proxy->tunnels[slot];

	return tunnel != NULL && !tunnel->retired ? tunnel : NULL;
}

/* By name, of those not retired; name "": the only one. TUNNEL_SLOTS, or NULL:
 * none such. */
uint32_t proxy_tunnel_slot(const struct proxy *proxy, const char *name);
struct tunnel *proxy_find_tunnel(const struct proxy *proxy, const char *name);

/* The mapping must have passed the configuration's checks against the tunnels
 * that there are. 0 with the forward's slot, or -ERR_FULL. An expose listens
 * from here on, a forward when the edge has bound its port. */
int proxy_add_forward(struct proxy *proxy, const struct clock *now,
		      const struct mapping *mapping, uint32_t *ret_slot);
/* Gives an active forward another mapping; its connections stay. An expose must
 * have been closed (expose.h). */
void proxy_change_forward(struct proxy *proxy, const struct clock *now,
			  uint32_t slot, const struct mapping *mapping);
void proxy_retire_forward(struct proxy *proxy, const struct clock *now,
			  uint32_t slot);
/* The slot of the active forward of that name, or FORWARD_SLOTS. */
uint32_t proxy_find_forward(const struct proxy *proxy, const char *name);

/* Adds the bytes of open connections, up and down, to those of their forward's
 * slot: one pass for all FORWARD_SLOTS. */
void proxy_add_live_bytes(const struct proxy *proxy, uint64_t (*bytes)[2]);

/* A client of a forward: RELAY_NONE when it must be refused, with the reason,
 * else the relay, which may be doomed already. */
uint32_t proxy_accept(struct proxy *proxy, const struct clock *now,
		      uint32_t forward, const struct endpoint *from,
		      enum reason *ret_refused);
/* The same for a client of an expose, whose SYN is held; the relay owns the
 * handle, and is on the work list for the edge to connect. */
uint32_t proxy_accept_held(struct proxy *proxy, const struct clock *now,
			   uint32_t expose, const struct endpoint *from,
			   struct ns_handle handle, enum reason *ret_refused);
/* Logs and counts a client that was refused. */
void proxy_refuse(struct proxy *proxy, uint32_t forward,
		  const struct endpoint *from, enum reason reason);
static inline bool proxy_is_full(const struct proxy *proxy)
{
	return proxy->relay_count == proxy->relay_cap;
}

/* The edge has connected a held relay to its local target. */
void proxy_local_connected(struct proxy *proxy, const struct clock *now,
			   uint32_t relay);

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

/* Cuts every relay, or those of one forward or of one tunnel. */
void proxy_doom_all(struct proxy *proxy, const struct clock *now,
		    enum reason reason);
void proxy_doom_forward(struct proxy *proxy, const struct clock *now,
			uint32_t slot, enum reason reason);
void proxy_doom_tunnel(struct proxy *proxy, const struct clock *now,
		       const struct tunnel *tunnel, enum reason reason);
/* By the relay's id. False: there is none such. */
bool proxy_doom_relay(struct proxy *proxy, const struct clock *now, uint64_t id,
		      enum reason reason);

#endif
