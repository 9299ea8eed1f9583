/* SPDX-License-Identifier: ISC */
/*
 * Two WireGuard devices in virtual time and the network between them. The seed
 * decides everything. A broken rule prints the scenario, the last events and
 * how to run it again, and ends the program.
 */
#ifndef TEST_WGSIM_WORLD_H
#define TEST_WGSIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "crypto/wg_device.h"
#include "test/sim/rng.h"

enum {
	SIDES = 2,
	MTU = 1420,
	DATAGRAM_CAP = 512,
	FLIGHT_MAX = 512,
	OLD_MAX = 32,
	SESSIONS_MAX = 1024,
	PACKETS_MAX = 16384,
	NOTES_MAX = 64,
};

/* Chances per million; times in nanoseconds. */
struct scenario {
	uint32_t loss, duplicate, corrupt, replay, slow;
	uint64_t delay, gap;
	bool psk, roams, restarts, jumps, holes;
	uint16_t keepalive_s[SIDES];
};

struct side {
	struct wg_device *dev;
	void *memory, *secret;
	struct key key;
	struct endpoint addr;
	unsigned life; /* counts from 1 */
	int64_t wall;  /* to be added to the time */
	uint64_t last_initiation;
	uint64_t hole_until; /* nothing leaves it before */
	uint64_t expiries;
	bool waiting; /* a session was asked for and has not come */
};

/* A datagram once sent; copies of it have the same number. */
struct datagram {
	uint64_t due; /* NEVER: the place is free */
	uint32_t number;
	uint32_t len;
	unsigned to; /* side */
	bool corrupt;
	struct endpoint from, dest;
	uint8_t data[DATAGRAM_CAP];
};

/* What a response on the wire has made. */
struct session {
	unsigned responder;
	uint32_t index[SIDES]; /* by side: the one it receives at */
	uint64_t birth[SIDES]; /* 0: not derived there */
	unsigned life[SIDES];
	uint64_t next[SIDES]; /* counter of the next data */
};

struct sent {
	unsigned from;
	uint32_t len;
	bool delivered;
};

struct note {
	uint64_t now;
	const char *what;
	uint64_t a, b;
};

struct world {
	uint64_t seed, now, start;
	struct rng rng, device_rng;
	struct scenario scenario;
	struct side side[SIDES];
	struct key psk;
	struct datagram flight[FLIGHT_MAX], old[OLD_MAX];
	uint32_t datagrams;
	unsigned accepted[1 << 16]; /* by number: life that took it */
	struct session sessions[SESSIONS_MAX];
	unsigned session_count;
	struct sent packets[PACKETS_MAX];
	uint32_t packet_count, delivered;
	struct note notes[NOTES_MAX];
	uint64_t note_count, hash;
	bool faults, trace;
};

/* ---- world.c */
void world_note(struct world *world, const char *what, uint64_t a, uint64_t b);
_Noreturn void world_fail(struct world *world, const char *why);
uint64_t world_run(struct world *world, uint64_t seed);

/* ---- device.c */
void side_open(struct world *world, unsigned index, bool first);
void side_close(struct side *side);
void side_send(struct world *world, unsigned index);
void side_take(struct world *world, const struct datagram *copy);
void side_turn(struct world *world, unsigned index);

/* ---- rules.c: what is true of every datagram that leaves or was taken */
void rules_leaving(struct world *world, unsigned from, const uint8_t *data,
		   uint32_t len);
void rules_taken(struct world *world, const struct datagram *copy);

/* ---- network.c */
void network_init(struct world *world);
void network_send(struct world *world, unsigned from, const uint8_t *data,
		  uint32_t len, const struct endpoint *dest);
uint64_t network_due(const struct world *world);
void network_deliver(struct world *world);

#endif
