/* SPDX-License-Identifier: ISC */
#include "wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMPV6 = 58 };

const char *const wire_icmp_name[WIRE_ICMPS] = {
	[WIRE_PORT_UNREACHABLE] = "port_unreachable",
	[WIRE_ADMIN_PROHIBITED] = "admin_prohibited",
	[WIRE_HOST_UNREACHABLE] = "host_unreachable",
	[WIRE_TIME_EXCEEDED] = "time_exceeded",
	[WIRE_TOO_BIG] = "packet_too_big",
};

/* ------------------------------------------------------------- checksums */

static uint32_t sum_bytes(uint32_t sum, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the pseudo header and what follows the IP header. */
static uint16_t transport_sum(const struct wire_ends *ends, uint8_t protocol,
			      const uint8_t *data, uint32_t len)
{
	unsigned width = ip_addr_len(&ends->src);
	uint32_t sum = protocol + len;

	sum = sum_bytes(sum, ends->src.bytes, width);
	sum = sum_bytes(sum, ends->dst.bytes, width);
	return (uint16_t)~sum_bytes(sum, data, len);
}

/* ------------------------------------------------------------- IP */

static uint32_t ip_len(const struct wire_ends *ends)
{
	return ends->src.family == IP_V4 ? 20 : 40;
}

static void write_ip(const struct wire_ends *ends, uint8_t protocol,
		     uint32_t payload, uint8_t *ip)
{
	memset(ip, 0, ip_len(ends));
	if (ends->src.family == IP_V4) {
		ip[0] = 0x45;
		put_be16(ip + 2, (uint16_t)(20 + payload));
		ip[6] = 0x40; /* DF */
		ip[8] = 64;
		ip[9] = protocol;
		memcpy(ip + 12, ends->src.bytes, 4);
		memcpy(ip + 16, ends->dst.bytes, 4);
		put_be16(ip + 10, (uint16_t)~sum_bytes(0, ip, 20));
		return;
	}
	ip[0] = 0x60;
	put_be16(ip + 4, (uint16_t)payload);
	ip[6] = protocol;
	ip[7] = 64;
	memcpy(ip + 8, ends->src.bytes, 16);
	memcpy(ip + 24, ends->dst.bytes, 16);
}

static const char *check_ip(const struct wire_ends *ends, const uint8_t *ip,
			    uint32_t len)
{
	bool v4 = ends->src.family == IP_V4;
	unsigned width = v4 ? 4 : 16;
	uint32_t header = ip_len(ends);

	if (len < header || ip[0] >> 4 != (v4 ? 4 : 6))
		return "IP version or length";
	if (v4 && (get_be16(ip + 2) != len || sum_bytes(0, ip, 20) != 0xffff))
		return "IPv4 length or checksum";
	if (!v4 && get_be16(ip + 4) + 40U != len)
		return "IPv6 payload length";
	if (ip[v4 ? 9 : 6] != PROTO_TCP)
		return "not TCP";
	if (memcmp(ip + (v4 ? 12 : 8), ends->src.bytes, width) != 0 ||
	    memcmp(ip + (v4 ? 16 : 24), ends->dst.bytes, width) != 0)
		return "IP addresses";
	if (v4 && (get_be16(ip + 6) & 0xbfff) != 0)
		return "fragment";
	return NULL;
}

/* ------------------------------------------------------------- options */

static uint32_t write_option(const struct wire_option *option, uint8_t *out)
{
	out[0] = option->kind;
	switch (option->kind) {
	case WIRE_EOL:
	case WIRE_NOP:
		return 1;
	case WIRE_MSS:
		put_be16(out + 2, (uint16_t)option->value[0]);
		return out[1] = 4;
	case WIRE_WSCALE:
		out[2] = (uint8_t)option->value[0];
		return out[1] = 3;
	case WIRE_SACK_OK:
		return out[1] = 2;
	case WIRE_SACK:
		for (unsigned i = 0; i < option->sack_count; i++) {
			put_be32(out + 2 + 8 * i, option->sacks[i][0]);
			put_be32(out + 6 + 8 * i, option->sacks[i][1]);
		}
		return out[1] = (uint8_t)(2 + 8 * option->sack_count);
	case WIRE_TS:
		put_be32(out + 2, option->value[0]);
		put_be32(out + 6, option->value[1]);
		return out[1] = 10;
	default:
		put_be16(out + 2, 0x1234);
		return out[1] = 4;
	}
}

static bool read_option(const uint8_t *in, uint32_t len,
			struct wire_option *option)
{
	static const uint8_t fixed[] = {[WIRE_MSS] = 4,
					[WIRE_WSCALE] = 3,
					[WIRE_SACK_OK] = 2,
					[WIRE_TS] = 10};

	memset(option, 0, sizeof(*option));
	option->kind = in[0];
	if (in[0] <= WIRE_NOP)
		return true;
	if (len < 2 || in[1] < 2 || in[1] > len)
		return false;
	if (in[0] < sizeof(fixed) && fixed[in[0]] != 0 && fixed[in[0]] != in[1])
		return false;
	if (in[0] == WIRE_MSS)
		option->value[0] = get_be16(in + 2);
	if (in[0] == WIRE_WSCALE)
		option->value[0] = in[2];
	if (in[0] == WIRE_TS) {
		option->value[0] = get_be32(in + 2);
		option->value[1] = get_be32(in + 6);
	}
	if (in[0] != WIRE_SACK)
		return true;
	option->sack_count = (uint8_t)((in[1] - 2) / 8);
	for (unsigned i = 0; i < option->sack_count; i++) {
		option->sacks[i][0] = get_be32(in + 2 + 8 * i);
		option->sacks[i][1] = get_be32(in + 6 + 8 * i);
	}
	return in[1] % 8 == 2 && option->sack_count <= WIRE_SACKS_MAX;
}

static const char *read_options(const uint8_t *in, uint32_t len,
				struct wire_segment *segment)
{
	uint32_t at = 0;

	while (at < len) {
		struct wire_option *option =
			&segment->options[segment->option_count];

		if (!read_option(in + at, len - at, option))
			return "TCP option";
		if (option->kind == WIRE_EOL)
			break;
		segment->option_count++;
		at += option->kind == WIRE_NOP ? 1 : in[at + 1];
	}
	for (; at < len; at++) /* RFC 9293 MUST-69 */
		if (in[at] != 0)
			return "padding of options is not zero";
	return NULL;
}

/* ------------------------------------------------------------- segments */

static uint32_t write_tcp(const struct wire_segment *segment, uint8_t *tcp)
{
	uint32_t len = 20;

	memset(tcp, 0, 60);
	for (unsigned i = 0; i < segment->option_count; i++)
		len += write_option(&segment->options[i], tcp + len);
	len = (len + 3) & ~UINT32_C(3);
	CHECK(len <= 60);
	put_be16(tcp, segment->src_port);
	put_be16(tcp + 2, segment->dst_port);
	put_be32(tcp + 4, segment->seq);
	put_be32(tcp + 8, segment->ack);
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = segment->flags;
	put_be16(tcp + 14, segment->win);
	put_be16(tcp + 18, segment->urgent);
	if (segment->data != NULL)
		memcpy(tcp + len, segment->data, segment->len);
	else
		memset(tcp + len, 0, segment->len);
	return len + segment->len;
}

uint32_t wire_build(const struct wire_ends *ends,
		    const struct wire_segment *segment, uint8_t *packet)
{
	uint8_t *tcp = packet + ip_len(ends);
	uint32_t len = write_tcp(segment, tcp);

	put_be16(tcp + 16, transport_sum(ends, PROTO_TCP, tcp, len));
	write_ip(ends, PROTO_TCP, len, packet);
	return ip_len(ends) + len;
}

void wire_break_checksum(uint8_t *packet)
{
	packet[(packet[0] >> 4 == 4 ? 20 : 40) + 16] ^= 0x5a;
}

const char *wire_parse(const struct wire_ends *ends, const uint8_t *packet,
		       uint32_t len, struct wire_segment *ret_segment)
{
	const char *wrong = check_ip(ends, packet, len);
	uint32_t payload = len - ip_len(ends);
	const uint8_t *tcp = packet + ip_len(ends);
	uint32_t header;

	if (wrong != NULL)
		return wrong;
	header = payload < 20 ? 0 : (tcp[12] >> 4) * 4U;
	if (header < 20 || header > payload)
		return "TCP header length";
	if (transport_sum(ends, PROTO_TCP, tcp, payload) != 0)
		return "TCP checksum";
	if ((tcp[12] & 0x0f) != 0)
		return "reserved bits";
	*ret_segment = (struct wire_segment){
		.src_port = get_be16(tcp),
		.dst_port = get_be16(tcp + 2),
		.flags = tcp[13],
		.seq = get_be32(tcp + 4),
		.ack = get_be32(tcp + 8),
		.len = payload - header,
		.win = get_be16(tcp + 14),
		.urgent = get_be16(tcp + 18),
		.data = tcp + header,
	};
	return read_options(tcp + 20, header - 20, ret_segment);
}

/* ------------------------------------------------------------- ICMP */

static void write_icmp_type(bool v4, enum wire_icmp kind, uint32_t mtu,
			    uint8_t *icmp)
{
	static const uint8_t types[WIRE_ICMPS][2][2] = {
		[WIRE_PORT_UNREACHABLE] = {{3, 3}, {1, 4}},
		[WIRE_ADMIN_PROHIBITED] = {{3, 13}, {1, 1}},
		[WIRE_HOST_UNREACHABLE] = {{3, 1}, {1, 3}},
		[WIRE_TIME_EXCEEDED] = {{11, 0}, {3, 0}},
		[WIRE_TOO_BIG] = {{3, 4}, {2, 0}},
	};

	memset(icmp, 0, 8);
	memcpy(icmp, types[kind][v4 ? 0 : 1], 2);
	if (kind == WIRE_TOO_BIG)
		put_be32(icmp + 4, mtu);
}

uint32_t wire_build_icmp(const struct wire_ends *ends, enum wire_icmp kind,
			 uint32_t mtu, const struct wire_segment *quoted,
			 uint8_t *packet)
{
	bool v4 = ends->src.family == IP_V4;
	struct wire_ends back = {.src = ends->dst, .dst = ends->src};
	uint8_t *icmp = packet + ip_len(ends);
	uint32_t len;
	uint16_t sum;

	write_icmp_type(v4, kind, mtu, icmp);
	len = 8 + wire_build(&back, quoted, icmp + 8);
	if (len > 500) /* an error quotes what fits */
		len = 500;
	if (v4)
		sum = (uint16_t)~sum_bytes(0, icmp, len);
	else
		sum = transport_sum(ends, PROTO_ICMPV6, icmp, len);
	put_be16(icmp + 2, sum);
	write_ip(ends, v4 ? PROTO_ICMP : PROTO_ICMPV6, len, packet);
	return ip_len(ends) + len;
}

/* ------------------------------------------------------------- notation */

static const char flag_letters[8] = {'F', 'S', 'R', 'P', '.', 'U', 'E', 'W'};

int wire_flags(const char *text)
{
	int flags = 0;

	for (; *text != '\0'; text++) {
		const char *at = memchr(flag_letters, *text, 8);

		if (at == NULL)
			return -1;
		flags |= 1 << (at - flag_letters);
	}
	return flags;
}

struct text {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text,
						      const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text->at, text->room, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= text->room)
		len = (int)text->room - 1;
	text->at += len;
	text->room -= (size_t)len;
}

static void add_value(struct text *text, const char *name,
		      const struct wire_option *option, unsigned which)
{
	if (option->any[which])
		add(text, "%s *", name);
	else
		add(text, "%s %u", name, option->value[which]);
}

static void add_option(struct text *text, const struct wire_option *option)
{
	switch (option->kind) {
	case WIRE_EOL:
		add(text, "eol");
		break;
	case WIRE_NOP:
		add(text, "nop");
		break;
	case WIRE_MSS:
		add_value(text, "mss", option, 0);
		break;
	case WIRE_WSCALE:
		add_value(text, "wscale", option, 0);
		break;
	case WIRE_SACK_OK:
		add(text, "sackOK");
		break;
	case WIRE_TS:
		add_value(text, "TS val", option, 0);
		add_value(text, " ecr", option, 1);
		break;
	case WIRE_SACK:
		add(text, "sack");
		for (unsigned i = 0; i < option->sack_count; i++)
			add(text, " %u:%u", option->sacks[i][0],
			    option->sacks[i][1]);
		break;
	default:
		add(text, "unknown");
	}
}

char *wire_format(const struct wire_segment *segment, char text[WIRE_TEXT_CAP])
{
	struct text out = {.at = text, .room = WIRE_TEXT_CAP};

	for (unsigned i = 0; i < 8; i++) {
		static const char order[] = "SFRPUEW.";
		const char *bit = memchr(flag_letters, order[i], 8);

		if (segment->flags & 1 << (bit - flag_letters))
			add(&out, "%c", order[i]);
	}
	add(&out, " %u:%u(%u)", segment->seq, segment->seq + segment->len,
	    segment->len);
	if (segment->flags & WIRE_ACK)
		add(&out, " ack %u", segment->ack);
	add(&out, " win %u", segment->win);
	if (segment->urgent != 0)
		add(&out, " urg %u", segment->urgent);
	for (unsigned i = 0; i < segment->option_count; i++) {
		add(&out, i == 0 ? " <" : ",");
		add_option(&out, &segment->options[i]);
	}
	if (segment->option_count > 0)
		add(&out, ">");
	return text;
}
