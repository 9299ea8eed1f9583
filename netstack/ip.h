/* SPDX-License-Identifier: ISC */
/* IPv4 and IPv6 headers: strict on input, plain on output. */
#ifndef NETSTACK_IP_H
#define NETSTACK_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

enum {
	IP_PROTO_ICMP = 1,
	IP_PROTO_TCP = 6,
	IP_PROTO_UDP = 17,
	IP_PROTO_ICMPV6 = 58,
	IPV6_NO_NEXT_HEADER = 59,
	IP_TTL = 64,
	IPV4_HEADER_LEN = 20,
	IPV6_HEADER_LEN = 40,
	IPV6_FRAGMENT_LEN = 8,
	IP_FRAGMENT_HEADERS = IPV6_HEADER_LEN + IPV6_FRAGMENT_LEN,
};

/* What a packet says; pointers lead into the packet. */
struct ip_packet {
	struct ip_addr src, dst;
	const uint8_t *header; /* start of the IP header */
	const uint8_t *payload;
	uint32_t payload_len;
	uint8_t protocol; /* after extension headers */
	uint8_t ttl, tos;
	uint32_t protocol_at; /* where the header says so, from its start */
	/* of a fragment, whose payload is a part of the datagram's and whose
	 * protocol is that of the first header in the datagram's payload */
	bool fragment, more;
	uint16_t fragment_at; /* bytes, a multiple of 8 */
	uint32_t fragment_id;
};

/* 0 or -ERR_INVALID. Checks lengths, version, IPv4 header checksum and options
 * length; walks at most 8 IPv6 extension headers, hop-by-hop only first, and
 * refuses routing header type 0 (RFC 5095). Martian sources (multicast,
 * unspecified, loopback) are invalid. */
int ip_parse(const uint8_t *data, uint32_t len, struct ip_packet *ret_packet);

/* Whether the payload of a first fragment holds every header up to the end of
 * the transport's (RFC 7112, RFC 1858): nothing that decides about a datagram
 * may hide in a later fragment. */
bool ip_first_is_whole(const struct ip_packet *first);

static inline uint32_t ip_header_len(uint8_t family)
{
	return family == IP_V4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
}

struct ip_build {
	const struct ip_addr *src, *dst;
	uint32_t payload_len;
	uint16_t id; /* IPv4; DF is always set */
	uint8_t protocol, tos;
};

/* Writes the header and returns its length. */
uint32_t ip_build(uint8_t *data, const struct ip_build *build);

/* What one fragment carries of a datagram. */
struct ip_part {
	const uint8_t *data; /* build.payload_len bytes */
	uint32_t id;
	uint16_t at; /* bytes, a multiple of 8 */
	bool more;
};

/* Writes a whole fragment: header, IPv6 fragment header, data. Returns its
 * length, at most payload_len + IP_FRAGMENT_HEADERS. */
uint32_t ip_build_fragment(uint8_t *data, const struct ip_build *build,
			   const struct ip_part *part);

#endif
