/* SPDX-License-Identifier: ISC */
/*
 * Two netstacks with a wire between them, in virtual time: what the tests of
 * TCP are driven with. After each event both stacks are walked by
 * netstack_check(), and every byte an application receives is compared with
 * what the other one sent.
 */
#ifndef TEST_NETSTACK_PAIR_H
#define TEST_NETSTACK_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/route.h"
#include "base/time.h"
#include "netstack/chunk.h"
#include "netstack/netstack.h"

enum {
	PAIR_PATH = 3,      /* of either stack to the other */
	PAIR_CHUNKS = 2048, /* 32 MiB for each stack */
	PAIR_CONNS = 64,
	PAIR_IN_FLIGHT = 65536,
	PAIR_ROUTES = 8,
};

/* A packet on the wire. */
struct pair_packet {
	uint64_t at;     /* arrival */
	uint64_t number; /* order of sending: equal times keep it */
	uint8_t *data;
	uint32_t len;
	uint8_t from; /* the stack that sent it */
};

/* What is left of the TCP header when a fault decides. */
struct pair_segment {
	uint8_t family;
	uint8_t flags;
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint16_t wnd;
	uint32_t len;    /* payload */
	uint32_t ts_val; /* 0 without the option, or in a SYN */
};

struct pair;

/* What happens to a packet: how often it arrives (0 = lost), and how much later
 * than the latency says. */
struct pair_fate {
	unsigned copies;
	uint64_t delay;
};
typedef struct pair_fate (*pair_fault)(struct pair *pair,
				       const struct pair_packet *packet);

struct pair_side {
	struct netstack *ns;
	void *memory;
	struct chunk_pool pool;
	uint8_t *chunk_memory;
	uint32_t *chunk_links;
	struct route_table routes;
	struct route_node nodes[PAIR_ROUTES];
	uint64_t random_state;
	uint32_t chunks_taken; /* by a test, from the pool */
	uint64_t pulled;       /* packets */
	uint64_t pulled_bytes;
	unsigned bits[PAIR_CONNS]; /* events so far, by handle index */
	int error[PAIR_CONNS];
	uint64_t blocked_until; /* the path is held */
};

struct pair {
	uint64_t now;
	struct pair_side side[2];
	struct pair_packet *wire;
	uint32_t wire_count;
	uint64_t numbers;
	uint64_t latency;        /* one way */
	uint64_t bytes_per_s[2]; /* 0 = no limit */
	uint64_t link_free[2];   /* when the sender's link is idle again */
	uint32_t queue_max;      /* bytes, with bytes_per_s; 0 = no limit */
	pair_fault fault;
	uint64_t seed; /* for pair_chance() */
	uint64_t fault_state[4];
	uint64_t fault_param;
	uint64_t lost;
	bool read_while_lent; /* applications read before input_done */
	struct pair_app *apps;
	int app_count;
	bool unchecked; /* for long runs: not after each event */
};

/* One end of a connection and what its application does. */
struct pair_app {
	struct ns_handle handle;
	uint8_t side;
	uint8_t stream;    /* pattern of what it sends */
	uint8_t stream_in; /* pattern of what it receives */
	uint64_t to_send;  /* all in all; then FIN if shut is set */
	uint64_t sent, received;
	uint64_t read_limit; /* stops reading there */
	uint32_t write_size; /* 0: as much as fits */
	bool shut;           /* FIN after to_send */
	bool shut_done;
	bool ended; /* received the end of the stream */
	int error;
};

typedef void (*pair_tweak)(struct ns_config *config, int side);

void pair_open(struct pair *pair, pair_tweak tweak);
/* Every chunk must be back. */
void pair_close(struct pair *pair);

/* The address of a side. */
struct endpoint pair_endpoint(int side, uint8_t family, uint16_t port);

/* Everything that can happen now happens; then time goes to the next event, at
 * most to limit, and that happens. False when limit was reached instead. */
bool pair_step(struct pair *pair, uint64_t limit);
void pair_run(struct pair *pair, uint64_t duration);
/* Until all apps have sent, received and ended as told, or the time is over.
 * expect: bytes each app must receive, by position. */
bool pair_run_apps(struct pair *pair, uint64_t duration);

/* Side 0 connects to a listener on side 1. */
void pair_connect(struct pair *pair, uint8_t family, struct ns_handle *ret_c,
		  struct ns_handle *ret_s);
/* The same for apps[0] and apps[1]; what they send goes both ways. */
void pair_connect_apps(struct pair *pair, uint8_t family,
		       struct pair_app apps[2]);

struct ns_tcp_info pair_info(struct pair *pair, int side,
			     struct ns_handle handle);
enum tcp_state pair_state(struct pair *pair, int side, struct ns_handle handle);

struct pair_segment pair_segment_of(const struct pair_packet *packet);
uint8_t pair_pattern(uint8_t stream, uint64_t position);

/* Pseudo-random, from pair->seed: true once in n times. */
bool pair_chance(struct pair *pair, uint32_t per_million);
uint32_t pair_random(struct pair *pair, uint32_t below);

/* Takes the packets waiting in one stack off it, without sending. */
uint64_t pair_drain(struct pair *pair, int side);
/* Puts a packet made by hand on the wire for a side. */
void pair_inject(struct pair *pair, int to, const uint8_t *data, uint32_t len);
void pair_settle(struct pair *pair);
/* The applications of one side read and write what they can. */
void pair_serve_apps(struct pair *pair, int side);

#endif
