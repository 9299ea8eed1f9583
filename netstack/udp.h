/* SPDX-License-Identifier: ISC */
/*
 * UDP sockets (RFC 768): a few, for DNS, as a client and as a server. A socket
 * borrows one chunk for the datagram it has yet to send and one for those it
 * has received, and owns no memory while it waits.
 */
#ifndef NETSTACK_UDP_H
#define NETSTACK_UDP_H

#include "netstack/icmp.h"
#include "netstack/ip.h"
#include "netstack/stack.h"

enum { UDP_QUEUE_MAX = 32 };

/* Owner: the netstack's array. */
struct udp_socket {
	struct ns_socket sock;
	uint16_t port; /* 0: not in use */
	uint32_t next; /* in use, or free */
	struct endpoint to;
	uint32_t out_len;
	uint32_t out_chunk; /* CHUNK_NONE: nothing to send */
	uint32_t in_chunk;
	uint32_t in_used; /* bytes of in_chunk taken */
	uint8_t in_first, in_count;
	struct endpoint asker; /* of the datagram taken last */
	struct ip_addr asked;  /* our address it was sent to */
	struct {
		struct endpoint from;
		struct ip_addr to;
		uint32_t offset, len;
	} in[UDP_QUEUE_MAX];
};

void udp_init(struct netstack *ns);
void udp_fini(struct netstack *ns);
/* A UDP packet to one of our addresses. */
void udp_arrive(struct netstack *ns, uint64_t now, uint16_t path,
		const struct ip_packet *ip);
/* A hard ICMP error about a datagram sent from one of our sockets. */
void udp_icmp(struct netstack *ns, const struct icmp_message *message);
/* Writes the waiting datagram as an IP packet; returns its length. */
uint32_t udp_pull(struct netstack *ns, struct udp_socket *socket,
		  uint8_t *data);

#endif
