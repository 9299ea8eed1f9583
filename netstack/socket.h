/* SPDX-License-Identifier: ISC */
/*
 * What connections, listeners and UDP sockets have in common: a place in the
 * ready list, a handle that goes stale, and the bits of the next event.
 *
 * Sockets of both kinds share one space of indices: first the TCP control
 * blocks, then the UDP sockets.
 */
#ifndef NETSTACK_SOCKET_H
#define NETSTACK_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/netstack.h"
#include "netstack/sched.h"

#define NS_INDEX_NONE UINT32_MAX

/* Owner: the connection or UDP socket that embeds it as its first member. */
struct ns_socket {
	/* In the ready list while it wants to send; node.path says where. */
	struct sched_node node;
	uint64_t user;
	uint32_t index;      /* its own */
	uint32_t generation; /* of its handle; moves on when it is given up */
	uint32_t event_next; /* in the event queue */
	int16_t error;       /* of NS_FAILED */
	uint8_t events;      /* NS_* not yet reported */
	bool event_queued;
	bool owned; /* somebody holds the handle */
};

/* FIFO of sockets with events, linked by index. Owner: the netstack. */
struct ns_event_queue {
	uint32_t head, tail; /* NS_INDEX_NONE when empty */
};

static inline struct ns_handle ns_socket_handle(const struct ns_socket *socket)
{
	return (struct ns_handle){.index = socket->index,
				  .generation = socket->generation};
}

/* A new owner: events of the previous one are forgotten. */
void ns_socket_own(struct ns_socket *socket, uint64_t user);
/* Makes every handle to it stale. No event is reported from here on. */
void ns_socket_disown(struct ns_socket *socket);

/* Merges NS_* bits into the socket's next event; ignored without an owner. */
void ns_socket_post(struct netstack *ns, struct ns_socket *socket,
		    unsigned bits);

/* NULL when the handle is stale or of the other kind. */
struct ns_socket *ns_socket_find(const struct netstack *ns,
				 struct ns_handle handle);

#endif
