/* SPDX-License-Identifier: ISC */
/* ICMP (RFC 792, 1122) and ICMPv6 (RFC 4443): echo and errors. */
#ifndef NETSTACK_ICMP_H
#define NETSTACK_ICMP_H

#include <stdbool.h>
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

/* Makes the first bytes of a copied echo request those of its reply. */
void icmp_make_reply(const struct ip_packet *request, uint8_t *icmp);

/* Errors that we report. */
enum icmp_error {
	ICMP_ERROR_PORT,       /* nobody listens */
	ICMP_ERROR_PROTOCOL,   /* unknown here (RFC 1122 3.2.2.1, 4443 3.4) */
	ICMP_ERROR_REASSEMBLY, /* fragments did not arrive in time */
	ICMP_ERROR_CHAIN,      /* headers cut off (RFC 7112), IPv6 only */
};

/* Writes a packet about another one, quoting what fits into cap. */
uint32_t icmp_build_error(const struct ip_packet *about, enum icmp_error error,
			  uint8_t *data, uint32_t cap);

/* Errors are not answered with errors. */
bool icmp_is_error(const struct ip_packet *packet);

#endif
