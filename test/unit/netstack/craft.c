/* SPDX-License-Identifier: ISC */
#include "craft.h"

#include <string.h>

#include "base/bytes.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"

static void inject(struct pair *pair, const struct endpoint *from,
		   const struct endpoint *to, const struct tcp_segment *segment,
		   uint8_t damage)
{
	struct tcp_segment copy = *segment;
	uint8_t packet[2000], tcp[1900];
	struct ip_build build = {
		.src = &from->addr, .dst = &to->addr, .protocol = IP_PROTO_TCP};
	struct endpoint one = pair_endpoint(1, from->addr.family, 0);
	int side = ip_addr_equal(&to->addr, &one.addr);
	uint32_t header, ip;

	copy.src_port = from->port;
	copy.dst_port = to->port;
	header = tcp_segment_build(tcp, &copy);
	if (copy.len > 0)
		memcpy(tcp + header, copy.data, copy.len);
	build.payload_len = header + copy.len;
	put_be16(tcp + 16,
		 checksum_finish(checksum_add(
			 checksum_pseudo(&from->addr, &to->addr, IP_PROTO_TCP,
					 build.payload_len),
			 tcp, build.payload_len)));
	ip = ip_build(packet, &build);
	memcpy(packet + ip, tcp, build.payload_len);
	packet[ip + build.payload_len - 1] ^= damage;
	pair_inject(pair, side, packet, ip + build.payload_len);
}

void craft_inject(struct pair *pair, const struct endpoint *from,
		  const struct endpoint *to, const struct tcp_segment *segment)
{
	inject(pair, from, to, segment, 0);
}

void craft_inject_damaged(struct pair *pair, const struct endpoint *from,
			  const struct endpoint *to,
			  const struct tcp_segment *segment)
{
	inject(pair, from, to, segment, 4);
}
