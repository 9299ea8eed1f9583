/* SPDX-License-Identifier: ISC */
/* ICMP (RFC 792, 1122) and ICMPv6 (RFC 4443): echo and errors. */
#ifndef NETSTACK_ICMP_H
#define NETSTACK_ICMP_H

#include <stdint.h>

#include "netstack/ip.h"

enum icmp_kind {
	ICMP_OTHER,   /* nothing for us */
	ICMP_ECHO,    /* a request */
	ICMP_HARD,    /* port, protocol, administratively prohibited */
	ICMP_SOFT,    /* network or host, time exceeded */
	ICMP_TOO_BIG, /* packet too big, fragmentation needed */
};

struct icmp_message {
	enum icmp_kind kind;
	int error;    /* -ERR_REFUSED or -ERR_UNREACHABLE, for HARD and SOFT */
	uint32_t mtu; /* TOO_BIG */
	/* the packet that the error is about, as we sent it */
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	uint32_t seq; /* of a TCP segment */
	uint8_t protocol;
};

/* 0 or -ERR_INVALID: length, checksum, family, or a quote too short to name a
 * connection. */
int icmp_parse(const struct ip_packet *packet,
	       struct icmp_message *ret_message);

/* Writes the answer to an echo request; returns its length, 0 when it does not
 * fit into cap. */
uint32_t icmp_build_echo_reply(const struct ip_packet *request, uint8_t *data,
			       uint32_t cap);

/* Writes "port unreachable" about a packet, quoting what fits into cap. */
uint32_t icmp_build_unreachable(const struct ip_packet *about, uint8_t *data,
				uint32_t cap);

#endif
