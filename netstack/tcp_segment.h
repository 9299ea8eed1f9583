/* SPDX-License-Identifier: ISC */
/* The TCP header and its options on the wire (RFC 9293 3.1, 7323, 2018). */
#ifndef NETSTACK_TCP_SEGMENT_H
#define NETSTACK_TCP_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_HEADER_LEN = 20,
	TCP_HEADER_MAX = 60,
	TCP_SACKS_MAX = 4,
	TCP_TIMESTAMPS_LEN = 12, /* with two NOPs in front */
};

struct tcp_range {
	uint32_t start, end; /* [start, end) */
};

struct tcp_segment {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint16_t wnd; /* as on the wire */
	uint8_t flags;
	const uint8_t *data;
	uint32_t len; /* of data */
	/* options */
	bool has_mss, has_wscale, has_timestamps, sack_permitted;
	uint16_t mss;
	uint8_t wscale;
	uint8_t sack_count;
	uint32_t ts_val, ts_ecr;
	struct tcp_range sacks[TCP_SACKS_MAX];
};

/* Sequence space that a segment takes. */
static inline uint32_t tcp_segment_span(const struct tcp_segment *segment)
{
	return segment->len + ((segment->flags & TCP_SYN) != 0) +
	       ((segment->flags & TCP_FIN) != 0);
}

/* 0 or -ERR_INVALID for a header or an option that runs over the end. Unknown
 * options are skipped. The checksum is the caller's business. */
int tcp_segment_parse(const uint8_t *data, uint32_t len,
		      struct tcp_segment *ret_segment);

/* Writes header and options in the order Linux uses; checksum zero. Returns
 * the header's length, a multiple of 4. data and len are not looked at. */
uint32_t tcp_segment_build(uint8_t *data, const struct tcp_segment *segment);

#endif
