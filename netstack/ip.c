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
	packet->src = ip_addr_v4(data + 12);
	packet->dst = ip_addr_v4(data + 16);
	packet->payload = data + header_len;
	packet->payload_len = total - header_len;
	packet->fragment =
		(fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET)) != 0;
	return 0;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPV6_HOP_BY_HOP || protocol == IPV6_ROUTING ||
	       protocol == IPV6_FRAGMENT || protocol == IPV6_DESTINATION;
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
	if (packet->protocol == IPV6_FRAGMENT) /* atomic ones: RFC 6946 */
		packet->fragment |= (get_be16(data + 2) & ~UINT16_C(6)) != 0;
	else
		len = (data[1] + 1U) * 8;
	if (len > packet->payload_len)
		return -ERR_INVALID;
	packet->protocol = data[0];
	packet->payload += len;
	packet->payload_len -= len;
	return 0;
}

static int parse_v6(const uint8_t *data, uint32_t len, struct ip_packet *packet)
{
	if (len < IPV6_HEADER_LEN || get_be16(data + 4) > len - IPV6_HEADER_LEN)
		return -ERR_INVALID;
	packet->tos = (uint8_t)(get_be16(data) >> 4);
	packet->ttl = data[7];
	packet->protocol = data[6];
	packet->src.family = packet->dst.family = IP_V6;
	memcpy(packet->src.bytes, data + 8, 16);
	memcpy(packet->dst.bytes, data + 24, 16);
	packet->payload = data + IPV6_HEADER_LEN;
	packet->payload_len = get_be16(data + 4);
	for (unsigned i = 0; is_extension(packet->protocol); i++) {
		if (i == EXTENSIONS_MAX || skip_extension(packet, i) != 0)
			return -ERR_INVALID;
		if (packet->fragment)
			break; /* the rest is not a whole header */
	}
	return 0;
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
