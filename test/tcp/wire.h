/* SPDX-License-Identifier: ISC */
/*
 * TCP segments and ICMP errors as bytes and as packetdrill writes them. It
 * shares no code with netstack/: what the stack gets wrong, this must not.
 */
#ifndef TEST_TCP_WIRE_H
#define TEST_TCP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
	WIRE_OPTIONS_MAX = 40,
	WIRE_SACKS_MAX = 4,
	WIRE_PACKET_CAP = 65536,
	WIRE_TEXT_CAP = 512,
};

enum {
	WIRE_FIN = 0x01,
	WIRE_SYN = 0x02,
	WIRE_RST = 0x04,
	WIRE_PSH = 0x08,
	WIRE_ACK = 0x10,
	WIRE_URG = 0x20,
	WIRE_ECE = 0x40,
	WIRE_CWR = 0x80,
};

enum wire_kind {
	WIRE_EOL = 0,
	WIRE_NOP = 1,
	WIRE_MSS = 2,
	WIRE_WSCALE = 3,
	WIRE_SACK_OK = 4,
	WIRE_SACK = 5,
	WIRE_TS = 8,
	WIRE_UNKNOWN = 253, /* RFC 6994, four bytes long */
};

struct wire_option {
	uint8_t kind;
	bool any[2];       /* '*' in the notation: the value is not looked at */
	uint32_t value[2]; /* mss, wscale, TS val and ecr */
	uint8_t sack_count;
	uint32_t sacks[WIRE_SACKS_MAX][2];
};

struct wire_segment {
	uint16_t src_port, dst_port;
	uint8_t flags;
	uint32_t seq, ack;
	uint32_t len; /* of data */
	uint16_t win, urgent;
	uint8_t option_count;
	struct wire_option options[WIRE_OPTIONS_MAX];
	const uint8_t *data;
};

/* Addresses of a packet, as the one who builds it sees them. */
struct wire_ends {
	struct ip_addr src, dst;
};

/* Writes IP header, TCP header and data. data NULL: zeros. Returns the length
 * of the packet. */
uint32_t wire_build(const struct wire_ends *ends,
		    const struct wire_segment *segment, uint8_t *packet);
/* After a change of bytes behind the IP header. */
void wire_break_checksum(uint8_t *packet);

/* NULL, or what is wrong with the packet in a few words. Checks lengths and
 * checksums of both headers, and that the packet goes from src to dst. */
const char *wire_parse(const struct wire_ends *ends, const uint8_t *packet,
		       uint32_t len, struct wire_segment *ret_segment);

enum wire_icmp {
	WIRE_PORT_UNREACHABLE,
	WIRE_ADMIN_PROHIBITED,
	WIRE_HOST_UNREACHABLE,
	WIRE_TIME_EXCEEDED,
	WIRE_TOO_BIG,
	WIRE_ICMPS,
};
extern const char *const wire_icmp_name[WIRE_ICMPS];

/* An error about quoted, which went from ends->dst to ends->src. */
uint32_t wire_build_icmp(const struct wire_ends *ends, enum wire_icmp kind,
			 uint32_t mtu, const struct wire_segment *quoted,
			 uint8_t *packet);

/* In packetdrill's notation. */
char *wire_format(const struct wire_segment *segment, char text[WIRE_TEXT_CAP]);

/* "S.", "FP." and so on; -1 for an unknown letter. */
int wire_flags(const char *text);

#endif
