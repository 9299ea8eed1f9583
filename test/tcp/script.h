/* SPDX-License-Identifier: ISC */
/*
 * A TCP script in packetdrill's notation, parsed. The notation is described in
 * test/README.md. Numbers in packets are relative to the initial sequence
 * numbers of the flow, as in packetdrill.
 */
#ifndef TEST_TCP_SCRIPT_H
#define TEST_TCP_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/netstack.h"
#include "wire.h"

enum {
	SCRIPT_EVENTS_MAX = 512,
	SCRIPT_FLOWS_MAX = 8,
	SCRIPT_FDS_MAX = 16,
	SCRIPT_ARGS_MAX = 3,
	SCRIPT_TEXT_CAP = 160,
};

/* What "--name=value" lines set. */
struct script_options {
	struct ns_tcp_config tcp;
	uint16_t mtu; /* of IPv4; IPv6 gets 20 more, so that the MSS agrees */
	uint32_t isn; /* of the peer */
	uint32_t iss; /* of the stack, reached by moving the clock */
	uint64_t tolerance;
	uint32_t connections;
	uint32_t chunks; /* of CHUNK_BYTES, the memory of the stack */
	bool ipv4, ipv6; /* families to run in */
};

enum script_time { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY };

enum script_kind {
	SCRIPT_INJECT, /* < */
	SCRIPT_EXPECT, /* > */
	SCRIPT_ICMP,   /* < [seq:end(len)] icmp ... */
	SCRIPT_CALL,   /* name(args) = result */
	SCRIPT_ASSERT, /* %{ terms }% */
};

struct script_packet {
	struct wire_segment segment; /* relative numbers */
	char win_op;                 /* '=', '>', '<'; 0 = not looked at */
	bool any_options;
	bool bad_checksum;
	bool more; /* "<&": one batch with the next injected packet */
};

struct script_icmp {
	char kind[24];
	uint32_t seq, len; /* of the quoted segment */
	uint32_t mtu;
};

struct script_call {
	char name[16];
	int64_t args[SCRIPT_ARGS_MAX];
	unsigned count;
	char want[SCRIPT_TEXT_CAP]; /* what stands right of '=', or empty */
};

struct script_event {
	unsigned line;
	enum script_time time;
	uint64_t from, to; /* nanoseconds; equal without '~' */
	enum script_kind kind;
	unsigned flow; /* from 1 */
	struct script_packet packet;
	struct script_icmp icmp;
	struct script_call call;
	char text[SCRIPT_TEXT_CAP]; /* of an assertion */
};

/* Owner: main(). */
struct script {
	const char *file;
	struct script_options options;
	struct script_event events[SCRIPT_EVENTS_MAX];
	unsigned count;
};

/* Prints "file:line: what" and returns false when the file is no script. */
bool script_parse(const char *file, struct script *ret_script);

/* 0, or -1 for an unknown name or a bad value. */
int script_option(struct script_options *options, const char *name,
		  const char *value);

#endif
