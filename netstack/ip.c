/* SPDX-License-Identifier: ISC */
#include "netstack/ip.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "netstack/checksum.h"

enum {
	IPV6_HOP_BY_HOP = 0,
	IPV6_ROUTING = 43,
	IPV6_FRAGMENT = 44,
	IPV6_DESTINATION = 60,
	EXTENSIONS_MAX = 8,
	IPV4_MORE_FRAGMENTS = 0x2000,
	IPV4_OFFSET = 0x1fff,
	IPV4_DONT_FRAGMENT = 0x4000,
	TCP_HEADER_MIN = 20,
	SHORT_HEADER = 8, /* of UDP and ICMP */
};

static bool is_martian(const struct ip_addr *src)
{
	return ip_addr_is_multicast(src) || ip_addr_is_unspecified(src) ||
	       ip_addr_is_loopback(src);
}

static int parse_v4(const uint8_t *data, uint32_t len, struct ip_packet *packet)
{
	uint32_t header_len = (data[0] & 0x0fU) * 4;
	uint32_t total = get_be16(data + 2);
	uint16_t fragment = get_be16(data + 6);

	if (len < IPV4_HEADER_LEN || header_len < IPV4_HEADER_LEN ||
	    total < header_len || total > len)
		return -ERR_INVALID;
	if (checksum_finish(checksum_add(0, data, header_len)) != 0)
		return -ERR_INVALID;
	packet->tos = data[1];
	packet->ttl = data[8];
	packet->protocol = data[9];
	packet->protocol_at = 9;
	packet->src = ip_addr_v4(data + 12);
	packet->dst = ip_addr_v4(data + 16);
	packet->payload = data + header_len;
	packet->payload_len = total - header_len;
	packet->more = fragment & IPV4_MORE_FRAGMENTS;
	packet->fragment_at = (uint16_t)((fragment & IPV4_OFFSET) * 8);
	packet->fragment_id = get_be16(data + 4);
	packet->fragment = packet->more || packet->fragment_at != 0;
	return 0;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPV6_HOP_BY_HOP || protocol == IPV6_ROUTING ||
	       protocol == IPV6_FRAGMENT || protocol == IPV6_DESTINATION;
}

/* RFC 8200 section 4.5. An atomic fragment is a whole datagram (RFC 6946). */
static void note_fragment(struct ip_packet *packet, const uint8_t *data)
{
	packet->more = data[3] & 1;
	packet->fragment_at = get_be16(data + 2) & 0xfff8;
	packet->fragment_id = get_be32(data + 4);
	packet->fragment = packet->more || packet->fragment_at != 0;
}

/* One extension header: -ERR_INVALID, or 0 with the packet moved past it. */
static int skip_extension(struct ip_packet *packet, unsigned index)
{
	const uint8_t *data = packet->payload;
	uint32_t len = 8;

	if (packet->payload_len < 8)
		return -ERR_INVALID;
	if (packet->protocol == IPV6_HOP_BY_HOP && index != 0)
		return -ERR_INVALID;
	if (packet->protocol == IPV6_ROUTING && data[2] == 0)
		return -ERR_INVALID;
	if (packet->protocol == IPV6_FRAGMENT)
		note_fragment(packet, data);
	else
		len = (data[1] + 1U) * 8;
	if (len > packet->payload_len)
		return -ERR_INVALID;
	packet->protocol = data[0];
	packet->protocol_at = (uint32_t)(data - packet->header);
	packet->payload += len;
	packet->payload_len -= len;
	return 0;
}

/* From the current header to the transport's, or to the part of a datagram. */
static int walk_extensions(struct ip_packet *packet)
{
	for (unsigned i = 0; is_extension(packet->protocol); i++) {
		if (packet->fragment)
			break; /* what follows is the datagram's */
		if (i == EXTENSIONS_MAX || skip_extension(packet, i) != 0)
			return -ERR_INVALID;
	}
	return 0;
}

static int parse_v6(const uint8_t *data, uint32_t len, struct ip_packet *packet)
{
	if (len < IPV6_HEADER_LEN || get_be16(data + 4) > len - IPV6_HEADER_LEN)
		return -ERR_INVALID;
	packet->tos = (uint8_t)(get_be16(data) >> 4);
	packet->ttl = data[7];
	packet->protocol = data[6];
	packet->protocol_at = 6;
	packet->src.family = packet->dst.family = IP_V6;
	memcpy(packet->src.bytes, data + 8, 16);
	memcpy(packet->dst.bytes, data + 24, 16);
	packet->payload = data + IPV6_HEADER_LEN;
	packet->payload_len = get_be16(data + 4);
	return walk_extensions(packet);
}

int ip_parse(const uint8_t *data, uint32_t len, struct ip_packet *ret_packet)
{
	struct ip_packet packet = {.header = data};
	int err = -ERR_INVALID;

	if (len >= IPV4_HEADER_LEN && data[0] >> 4 == 4)
		err = parse_v4(data, len, &packet);
	else if (len >= IPV6_HEADER_LEN && data[0] >> 4 == 6)
		err = parse_v6(data, len, &packet);
	if (err == 0 && is_martian(&packet.src))
		err = -ERR_INVALID;
	if (err == 0)
		*ret_packet = packet;
	return err;
}

bool ip_first_is_whole(const struct ip_packet *first)
{
	struct ip_packet packet = *first;
	uint32_t len = 0;

	packet.fragment = false;
	/* Hop-by-hop options belong before the fragment header. */
	if (packet.src.family == IP_V6 &&
	    (packet.protocol == IPV6_HOP_BY_HOP ||
	     walk_extensions(&packet) != 0 || packet.fragment))
		return false;
	if (packet.protocol == IP_PROTO_TCP)
		len = packet.payload_len < TCP_HEADER_MIN
			      ? TCP_HEADER_MIN
			      : (packet.payload[12] >> 4) * 4U;
	else if (packet.protocol == IP_PROTO_UDP ||
		 packet.protocol == IP_PROTO_ICMP ||
		 packet.protocol == IP_PROTO_ICMPV6)
		len = SHORT_HEADER;
	return packet.payload_len >= len;
}

static uint32_t build_v4(uint8_t *data, const struct ip_build *build)
{
	memset(data, 0, IPV4_HEADER_LEN);
	data[0] = 0x45;
	data[1] = build->tos;
	put_be16(data + 2, (uint16_t)(IPV4_HEADER_LEN + build->payload_len));
	put_be16(data + 4, build->id);
	put_be16(data + 6, IPV4_DONT_FRAGMENT);
	data[8] = IP_TTL;
	data[9] = build->protocol;
	memcpy(data + 12, build->src->bytes, 4);
	memcpy(data + 16, build->dst->bytes, 4);
	put_be16(data + 10,
		 checksum_finish(checksum_add(0, data, IPV4_HEADER_LEN)));
	return IPV4_HEADER_LEN;
}

static uint32_t build_v6(uint8_t *data, const struct ip_build *build)
{
	put_be32(data, UINT32_C(6) << 28 | (uint32_t)build->tos << 20);
	put_be16(data + 4, (uint16_t)build->payload_len);
	data[6] = build->protocol;
	data[7] = IP_TTL;
	memcpy(data + 8, build->src->bytes, 16);
	memcpy(data + 24, build->dst->bytes, 16);
	return IPV6_HEADER_LEN;
}

uint32_t ip_build(uint8_t *data, const struct ip_build *build)
{
	return build->src->family == IP_V4 ? build_v4(data, build)
					   : build_v6(data, build);
}

static uint32_t build_fragment_v4(uint8_t *data, const struct ip_build *build,
				  const struct ip_part *part)
{
	struct ip_build whole = *build;
	uint16_t flags = part->at / 8;

	whole.id = (uint16_t)part->id;
	ip_build(data, &whole);
	if (part->more)
		flags |= IPV4_MORE_FRAGMENTS;
	put_be16(data + 6, flags);
	put_be16(data + 10, 0);
	put_be16(data + 10,
		 checksum_finish(checksum_add(0, data, IPV4_HEADER_LEN)));
	return IPV4_HEADER_LEN;
}

static uint32_t build_fragment_v6(uint8_t *data, const struct ip_build *build,
				  const struct ip_part *part)
{
	struct ip_build whole = *build;
	uint8_t *header = data + IPV6_HEADER_LEN;

	whole.protocol = IPV6_FRAGMENT;
	whole.payload_len += IPV6_FRAGMENT_LEN;
	ip_build(data, &whole);
	header[0] = build->protocol;
	header[1] = 0;
	put_be16(header + 2, part->at | part->more);
	put_be32(header + 4, part->id);
	return IPV6_HEADER_LEN + IPV6_FRAGMENT_LEN;
}

uint32_t ip_build_fragment(uint8_t *data, const struct ip_build *build,
			   const struct ip_part *part)
{
	uint32_t len = build->src->family == IP_V4
			       ? build_fragment_v4(data, build, part)
			       : build_fragment_v6(data, build, part);

	memcpy(data + len, part->data, build->payload_len);
	return len + build->payload_len;
}
