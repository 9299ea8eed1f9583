/* SPDX-License-Identifier: ISC */
/*
 * The inside of a netstack: what netstack.c, tcp*.c and udp.c share. Nobody
 * else includes it.
 */
#ifndef NETSTACK_STACK_H
#define NETSTACK_STACK_H

#include "base/limits.h"
#include "base/siphash.h"
#include "base/time.h"
#include "base/timer.h"
#include "netstack/flow.h"
#include "netstack/netstack.h"
#include "netstack/reassembly.h"
#include "netstack/reply.h"
#include "netstack/sched.h"
#include "netstack/tcp_option.h"
#include "netstack/tcp_time_wait.h"

#define SOCKET_NONE UINT32_MAX
#define UDP_BIT     (UINT32_C(1) << 31) /* in a handle's index */

/* What every socket has; first member of tcp_conn and udp_socket. */
struct ns_socket {
	uint64_t user;
	uint32_t index;      /* with UDP_BIT for UDP */
	uint32_t generation; /* odd while a handle is out, even while not */
	unsigned events;     /* NS_* not reported yet */
	int error;           /* with NS_FAILED */
	bool in_events;
	struct ns_socket *event_next;
	struct sched_node sched;
};

/* In-order payload of the current batch, still in the packet's buffer. */
struct lent {
	uint8_t *data;
	uint32_t len;
	uint32_t next;
};

enum { LENT_MAX = 4096 }; /* beyond it payload is copied at once */

/* What a path was found to carry, for a while. */
struct ns_path_mtu {
	uint64_t until; /* then longer packets are tried; 0 = none is shorter */
	uint16_t mtu;   /* 0: the tunnel's */
};

struct tcp_conn;
struct udp_socket;

struct netstack {
	struct ns_config config;
	struct ip_addr addresses[TUNNEL_ADDRESSES_MAX];
	uint64_t now;              /* of the last call that had one */
	struct siphash_key secret; /* ISN, ports, timestamps */
	struct flow_table flows;
	struct timer_heap timers; /* by connection */
	struct sched sched;
	struct ns_path_mtu path_mtus[PEERS_MAX];
	uint64_t path_mtu_deadline; /* at most the earliest; 0 = none */
	struct reply_ring replies;
	struct reasm *reasm;
	struct ns_socket *events_head, *events_tail;
	struct tcp_conn *conns;
	uint32_t conn_fresh; /* first never used */
	uint32_t conn_free;
	uint32_t conn_count;
	uint32_t orphans;     /* connections without a handle */
	uint32_t orphan_next; /* the first to be given up for a new one */
	uint32_t backed_off;  /* connections whose retransmission timer fired */
	struct tcp_time_wait_table time_wait;
	struct tcp_option_set option_sets[TCP_OPTION_SETS];
	uint32_t listeners; /* list through next */
	uint32_t touched;   /* connections of the current batch */
	uint32_t lending;   /* connections with lent payload */
	struct lent *lents;
	uint32_t lent_count;
	struct udp_socket *udp;
	uint32_t udp_fresh;
	uint32_t udp_used, udp_free; /* lists through next */
	uint16_t ip_id;
	uint32_t port_counter; /* RFC 6056 */
	uint32_t reply_tokens; /* answers to strangers, refilled by time */
	uint64_t reply_refill;
	uint64_t counters[NS_COUNTERS];
};

static inline void ns_count(struct netstack *ns, enum ns_counter which)
{
	ns->counters[which]++;
}

/* Notes what happened; the socket is queued once. Sockets whose handle is
 * given up have nobody to tell. */
void ns_notify(struct netstack *ns, struct ns_socket *socket, unsigned bits);
void ns_forget_events(struct netstack *ns, struct ns_socket *socket);

/* Our address of a family, or NULL. */
const struct ip_addr *ns_address(const struct netstack *ns, uint8_t family);
bool ns_is_ours(const struct netstack *ns, const struct ip_addr *addr);

/* Longest packet to a peer: the tunnel's MTU, or what its path was found to
 * carry. */
uint16_t ns_path_mtu(const struct netstack *ns, uint16_t path);
/* A connection's MTU went down: ten minutes from now the path's connections try
 * the tunnel's again (RFC 8201 section 4). */
void ns_path_lowered(struct netstack *ns, uint16_t path);
uint64_t ns_path_deadline(const struct netstack *ns);
void ns_path_expire(struct netstack *ns, uint64_t now);

/* At most a hundred answers per second go to packets without a socket. */
bool ns_may_reply(struct netstack *ns, uint64_t now, uint32_t count);

static inline bool ns_handle_live(const struct ns_socket *socket,
				  struct ns_handle handle)
{
	return socket->generation == handle.generation &&
	       (handle.generation & 1) != 0;
}

#endif
