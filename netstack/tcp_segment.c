/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_segment.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMPS = 8,
	WSCALE_MAX = 14, /* RFC 7323 section 2.3 */
};

static void parse_sacks(const uint8_t *data, uint32_t len,
			struct tcp_segment *segment)
{
	for (; len >= 8 && segment->sack_count < TCP_SACKS_MAX;
	     len -= 8, data += 8) {
		struct tcp_range *sack = &segment->sacks[segment->sack_count++];

		sack->start = get_be32(data);
		sack->end = get_be32(data + 4);
	}
}

static void parse_option(uint8_t kind, const uint8_t *data, uint32_t len,
			 struct tcp_segment *segment)
{
	if (kind == OPTION_MSS && len == 2) {
		segment->has_mss = true;
		segment->mss = get_be16(data);
	} else if (kind == OPTION_WSCALE && len == 1) {
		segment->has_wscale = true;
		segment->wscale = data[0] > WSCALE_MAX ? WSCALE_MAX : data[0];
	} else if (kind == OPTION_SACK_PERMITTED && len == 0) {
		segment->sack_permitted = true;
	} else if (kind == OPTION_SACK) {
		parse_sacks(data, len, segment);
	} else if (kind == OPTION_TIMESTAMPS && len == 8) {
		segment->has_timestamps = true;
		segment->ts_val = get_be32(data);
		segment->ts_ecr = get_be32(data + 4);
	}
}

static int parse_options(const uint8_t *data, uint32_t len,
			 struct tcp_segment *segment)
{
	while (len > 0 && data[0] != OPTION_END) {
		uint32_t option_len = 1;

		if (data[0] != OPTION_NOP) {
			if (len < 2 || data[1] < 2 || data[1] > len)
				return -ERR_INVALID;
			option_len = data[1];
			parse_option(data[0], data + 2, option_len - 2,
				     segment);
		}
		data += option_len;
		len -= option_len;
	}
	return 0;
}

int tcp_segment_parse(const uint8_t *data, uint32_t len,
		      struct tcp_segment *ret_segment)
{
	struct tcp_segment segment = {.data = data};
	uint32_t header_len;

	if (len < TCP_HEADER_LEN)
		return -ERR_INVALID;
	header_len = (data[12] >> 4) * 4U;
	if (header_len < TCP_HEADER_LEN || header_len > len)
		return -ERR_INVALID;
	segment.src_port = get_be16(data);
	segment.dst_port = get_be16(data + 2);
	segment.seq = get_be32(data + 4);
	segment.ack = get_be32(data + 8);
	segment.flags =
		data[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK);
	segment.wnd = get_be16(data + 14);
	segment.data = data + header_len;
	segment.len = len - header_len;
	if (parse_options(data + TCP_HEADER_LEN, header_len - TCP_HEADER_LEN,
			  &segment) != 0)
		return -ERR_INVALID;
	*ret_segment = segment;
	return 0;
}

static uint8_t *put_option(uint8_t *p, uint8_t kind, uint8_t len)
{
	p[0] = kind;
	p[1] = len;
	return p + 2;
}

static uint8_t *put_timestamps(uint8_t *p, const struct tcp_segment *segment)
{
	p = put_option(p, OPTION_TIMESTAMPS, 10);
	put_be32(p, segment->ts_val);
	put_be32(p + 4, segment->ts_ecr);
	return p + 8;
}

/* MSS, SACK permitted, timestamps, NOP, window scale: with everything on this
 * is 20 bytes without a byte of padding but one. */
static uint8_t *put_syn_options(uint8_t *p, const struct tcp_segment *segment)
{
	if (segment->has_mss) {
		p = put_option(p, OPTION_MSS, 4);
		put_be16(p, segment->mss);
		p += 2;
	}
	if (segment->sack_permitted && !segment->has_timestamps) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_NOP;
	}
	if (segment->sack_permitted)
		p = put_option(p, OPTION_SACK_PERMITTED, 2);
	if (segment->has_timestamps && !segment->sack_permitted) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_NOP;
	}
	if (segment->has_timestamps)
		p = put_timestamps(p, segment);
	if (segment->has_wscale) {
		*p++ = OPTION_NOP;
		p = put_option(p, OPTION_WSCALE, 3);
		*p++ = segment->wscale;
	}
	return p;
}

static uint8_t *put_sacks(uint8_t *p, const struct tcp_segment *segment)
{
	if (segment->sack_count == 0)
		return p;
	*p++ = OPTION_NOP;
	*p++ = OPTION_NOP;
	p = put_option(p, OPTION_SACK, (uint8_t)(2 + 8 * segment->sack_count));
	for (unsigned i = 0; i < segment->sack_count; i++, p += 8) {
		put_be32(p, segment->sacks[i].start);
		put_be32(p + 4, segment->sacks[i].end);
	}
	return p;
}

uint32_t tcp_segment_build(uint8_t *data, const struct tcp_segment *segment)
{
	uint8_t *p = data + TCP_HEADER_LEN;
	uint32_t len;

	put_be16(data, segment->src_port);
	put_be16(data + 2, segment->dst_port);
	put_be32(data + 4, segment->seq);
	put_be32(data + 8, segment->ack);
	put_be16(data + 14, segment->wnd);
	put_be32(data + 16, 0); /* checksum, urgent pointer */
	if (segment->flags & TCP_SYN) {
		p = put_syn_options(p, segment);
	} else if (segment->has_timestamps) {
		*p++ = OPTION_NOP;
		*p++ = OPTION_NOP;
		p = put_timestamps(p, segment);
	}
	p = put_sacks(p, segment);
	len = (uint32_t)(p - data);
	CHECK(len % 4 == 0 && len <= TCP_HEADER_MAX);
	data[12] = (uint8_t)(len / 4 << 4);
	data[13] = segment->flags;
	return len;
}
