/* SPDX-License-Identifier: ISC */
#include "netstack/icmp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "netstack/checksum.h"

enum {
	V4_ECHO_REPLY = 0,
	V4_UNREACHABLE = 3,
	V4_ECHO = 8,
	V4_TIME_EXCEEDED = 11,
	V4_PARAMETER = 12,
	V4_CODE_PROTOCOL = 2,
	V4_CODE_PORT = 3,
	V4_CODE_FRAGMENTATION = 4,
	V6_UNREACHABLE = 1,
	V6_TOO_BIG = 2,
	V6_TIME_EXCEEDED = 3,
	V6_PARAMETER = 4,
	V6_ECHO = 128,
	V6_ECHO_REPLY = 129,
	V6_CODE_PORT = 4,
	V6_CODE_PROTOCOL = 1, /* of parameter problem */
	V6_CODE_CHAIN = 3,
	HEADER_LEN = 8,
	QUOTED_PORTS = 8, /* ports and the TCP sequence number */
};

static bool checksum_is_right(const struct ip_packet *packet)
{
	uint32_t sum = 0;

	if (packet->src.family == IP_V6)
		sum = checksum_pseudo(&packet->src, &packet->dst,
				      IP_PROTO_ICMPV6, packet->payload_len);
	return checksum_finish(checksum_add(sum, packet->payload,
					    packet->payload_len)) == 0;
}

static void classify_v4(const uint8_t *data, struct icmp_message *message)
{
	uint8_t code = data[1];

	message->error = -ERR_UNREACHABLE;
	switch (data[0]) {
	case V4_ECHO:
		message->kind = ICMP_ECHO;
		break;
	case V4_UNREACHABLE:
		message->kind = ICMP_SOFT;
		if (code == V4_CODE_FRAGMENTATION) {
			message->kind = ICMP_TOO_BIG;
			message->mtu = get_be16(data + 6);
		} else if (code == V4_CODE_PORT || code == V4_CODE_PROTOCOL) {
			message->kind = ICMP_HARD;
			message->error = -ERR_REFUSED;
		} else if (code == 9 || code == 10 || code == 13) {
			message->kind = ICMP_HARD; /* prohibited */
		}
		break;
	case V4_TIME_EXCEEDED:
	case V4_PARAMETER:
		message->kind = ICMP_SOFT;
		break;
	default:
		break;
	}
}

static void classify_v6(const uint8_t *data, struct icmp_message *message)
{
	uint8_t code = data[1];

	message->error = -ERR_UNREACHABLE;
	switch (data[0]) {
	case V6_ECHO:
		message->kind = ICMP_ECHO;
		break;
	case V6_UNREACHABLE:
		message->kind = code == 1 || code >= V6_CODE_PORT ? ICMP_HARD
								  : ICMP_SOFT;
		if (code == V6_CODE_PORT)
			message->error = -ERR_REFUSED;
		break;
	case V6_TOO_BIG:
		message->kind = ICMP_TOO_BIG;
		message->mtu = get_be32(data + 4);
		break;
	case V6_TIME_EXCEEDED:
	case V6_PARAMETER:
		message->kind = ICMP_SOFT;
		break;
	default:
		break;
	}
}

/* The quoted packet is the beginning of one of ours: its source is local. It is
 * cut, so ip_parse() would refuse it. */
static int parse_quote(const uint8_t *quote, uint32_t len,
		       struct icmp_message *message)
{
	uint32_t header_len;

	if (len < IPV4_HEADER_LEN)
		return -ERR_INVALID;
	if (quote[0] >> 4 == 4) {
		header_len = (quote[0] & 0x0fU) * 4;
		message->protocol = quote[9];
		message->local = ip_addr_v4(quote + 12);
		message->remote = ip_addr_v4(quote + 16);
	} else {
		header_len = IPV6_HEADER_LEN;
		if (quote[0] >> 4 != 6 || len < header_len)
			return -ERR_INVALID;
		message->protocol = quote[6];
		message->local = ip_addr_v6(quote + 8);
		message->remote = ip_addr_v6(quote + 24);
	}
	if (header_len < IPV4_HEADER_LEN || len < header_len + QUOTED_PORTS)
		return -ERR_INVALID;
	message->local_port = get_be16(quote + header_len);
	message->remote_port = get_be16(quote + header_len + 2);
	message->seq = get_be32(quote + header_len + 4);
	return 0;
}

int icmp_parse(const struct ip_packet *packet, struct icmp_message *ret_message)
{
	struct icmp_message message = {.kind = ICMP_OTHER};

	if (packet->payload_len < HEADER_LEN || !checksum_is_right(packet))
		return -ERR_INVALID;
	if (packet->src.family == IP_V4)
		classify_v4(packet->payload, &message);
	else
		classify_v6(packet->payload, &message);
	if (message.kind != ICMP_OTHER && message.kind != ICMP_ECHO &&
	    parse_quote(packet->payload + HEADER_LEN,
			packet->payload_len - HEADER_LEN, &message) != 0)
		return -ERR_INVALID;
	*ret_message = message;
	return 0;
}

/* Header and checksum around an ICMP message that stands in place already. */
static uint32_t finish(uint8_t *data, const struct ip_packet *to, uint32_t len)
{
	bool v6 = to->src.family == IP_V6;
	struct ip_build build = {
		.src = &to->dst,
		.dst = &to->src,
		.payload_len = len,
		.protocol = v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP,
	};
	uint32_t header_len = ip_build(data, &build);
	uint8_t *icmp = data + header_len;
	uint32_t sum = 0;

	if (v6)
		sum = checksum_pseudo(build.src, build.dst, build.protocol,
				      len);
	put_be16(icmp + 2, 0);
	put_be16(icmp + 2, checksum_finish(checksum_add(sum, icmp, len)));
	return header_len + len;
}

void icmp_make_reply(const struct ip_packet *request, uint8_t *icmp)
{
	bool v6 = request->src.family == IP_V6;
	uint32_t len = request->payload_len;
	uint32_t sum = 0;

	if (v6)
		sum = checksum_pseudo(&request->dst, &request->src,
				      IP_PROTO_ICMPV6, len);
	icmp[0] = v6 ? V6_ECHO_REPLY : V4_ECHO_REPLY;
	put_be16(icmp + 2, 0);
	sum = checksum_add(sum, icmp, 4);
	sum = checksum_add(sum, request->payload + 4, len - 4);
	put_be16(icmp + 2, checksum_finish(sum));
}

static const struct {
	uint8_t v4[2], v6[2]; /* type and code */
} errors[] = {
	[ICMP_ERROR_PORT] = {{V4_UNREACHABLE, V4_CODE_PORT},
			     {V6_UNREACHABLE, V6_CODE_PORT}},
	[ICMP_ERROR_PROTOCOL] = {{V4_UNREACHABLE, V4_CODE_PROTOCOL},
				 {V6_PARAMETER, V6_CODE_PROTOCOL}},
	[ICMP_ERROR_CHAIN] = {{V4_PARAMETER, 0}, {V6_PARAMETER, V6_CODE_CHAIN}},
	[ICMP_ERROR_REASSEMBLY] = {{V4_TIME_EXCEEDED, 1},
				   {V6_TIME_EXCEEDED, 1}},
};

uint32_t icmp_build_error(const struct ip_packet *about, enum icmp_error error,
			  uint8_t *data, uint32_t cap)
{
	uint32_t header_len = ip_header_len(about->src.family);
	uint32_t about_len =
		(uint32_t)(about->payload - about->header) + about->payload_len;
	uint32_t quote_len = cap - header_len - HEADER_LEN;
	uint8_t *icmp = data + header_len;

	if (quote_len > about_len)
		quote_len = about_len;
	memset(icmp, 0, HEADER_LEN);
	memcpy(icmp,
	       about->src.family == IP_V6 ? errors[error].v6 : errors[error].v4,
	       2);
	if (error == ICMP_ERROR_PROTOCOL && about->src.family == IP_V6)
		put_be32(icmp + 4, about->protocol_at);
	memcpy(icmp + HEADER_LEN, about->header, quote_len);
	return finish(data, about, HEADER_LEN + quote_len);
}

bool icmp_is_error(const struct ip_packet *packet)
{
	if (packet->payload_len == 0)
		return false;
	if (packet->src.family == IP_V6)
		return packet->protocol == IP_PROTO_ICMPV6 &&
		       packet->payload[0] < V6_ECHO;
	return packet->protocol == IP_PROTO_ICMP &&
	       packet->payload[0] != V4_ECHO &&
	       packet->payload[0] != V4_ECHO_REPLY;
}
