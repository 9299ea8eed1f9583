/* SPDX-License-Identifier: ISC */
/*
 * Runs a parsed script against a netstack: packets are injected and expected,
 * calls are made, time is virtual.
 */
#ifndef TEST_TCP_RUNNER_H
#define TEST_TCP_RUNNER_H

#include "script.h"
#include "world.h"

/* A connection as the script sees it: where its numbers count from. */
struct flow {
	uint32_t peer_isn, our_isn;
	bool knows_our_isn;
	uint16_t peer_port, our_port; /* our_port 0: taken from our SYN */
	bool knows_timestamp;
	uint32_t timestamp_base, last_timestamp; /* of the stack */
	uint32_t peer_next;                      /* relative, for feed() */
};

/* A descriptor of the script. */
struct script_fd {
	bool open;
	bool listener;
	struct ns_handle handle;
	unsigned events; /* since event() was called last */
	int error;
	uint64_t written, read;
};

/* Owner: runner_run(). */
struct runner {
	const struct script *script;
	const struct script_event *event; /* the current one */
	struct world world;
	struct flow flows[SCRIPT_FLOWS_MAX];
	struct script_fd fds[SCRIPT_FDS_MAX];
	int last_fd; /* the one that assertions look at */
	uint64_t last_time;
	uint32_t first_iss; /* what the stack chose first */
	bool knows_iss;
	bool quiet;
	bool failed;
};

/* Runs the script once. start is the clock's beginning; ret_iss the first
 * initial sequence number of the stack, if there was one. True when all was as
 * expected; else the first difference was printed, unless quiet. */
bool runner_run(const struct script *script, uint8_t family, uint64_t start,
		bool quiet, uint32_t *ret_iss);

/* Says that the current event failed, and returns false. */
bool runner_fail(struct runner *runner, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* packets.c */
bool packets_inject(struct runner *runner);
bool packets_inject_icmp(struct runner *runner);
bool packets_expect(struct runner *runner);
/* Fails when the stack sent something that no line expects. */
bool packets_none(struct runner *runner);
/* One segment of data from the peer on flow 1, in order. */
void packets_feed(struct runner *runner, uint32_t len);
/* What both sides fill their streams with, by relative sequence number. */
uint8_t packets_pattern(uint32_t seq);

/* calls.c */
bool calls_run(struct runner *runner);
/* Notes what happened to the descriptors. */
void calls_take_events(struct runner *runner);
/* asserts.c */
bool asserts_run(struct runner *runner);

#endif
