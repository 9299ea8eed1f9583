/* SPDX-License-Identifier: ISC */
#include "router.h"

#include <string.h>

#include "base/bytes.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"

uint32_t router_too_big(const uint8_t *packet, uint32_t mtu,
			uint8_t message[ROUTER_MESSAGE_CAP])
{
	bool v4 = packet[0] >> 4 == 4;
	struct ip_addr sender =
		v4 ? ip_addr_v4(packet + 12) : ip_addr_v6(packet + 8);
	struct ip_addr dest =
		v4 ? ip_addr_v4(packet + 16) : ip_addr_v6(packet + 24);
	struct ip_build build = {
		.src = &dest,
		.dst = &sender,
		.payload_len = 8 + ip_header_len(sender.family) + 20,
		.protocol = v4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6,
	};
	uint8_t *icmp = message + ip_build(message, &build);
	uint32_t sum = 0;

	memset(icmp, 0, 8);
	icmp[0] = v4 ? 3 : 2;
	icmp[1] = v4 ? 4 : 0;
	put_be32(icmp + 4, mtu);
	memcpy(icmp + 8, packet, build.payload_len - 8);
	if (!v4)
		sum = checksum_pseudo(&dest, &sender, IP_PROTO_ICMPV6,
				      build.payload_len);
	sum = checksum_add(sum, icmp, build.payload_len);
	put_be16(icmp + 2, checksum_finish(sum));
	return ip_header_len(sender.family) + build.payload_len;
}
