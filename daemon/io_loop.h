/* SPDX-License-Identifier: ISC */
/*
 * The loop, and the turn: every libuv callback only stores what it learned;
 * one function, run once per iteration, draws all consequences in a fixed
 * order with one reading of the clocks (doc/architecture.md has the picture).
 */
#ifndef DAEMON_IO_LOOP_H
#define DAEMON_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "config/config.h"
#include "daemon/clock.h"
#include "daemon/io_control.h"
#include "daemon/io_memory.h"
#include "daemon/io_metrics.h"
#include "daemon/io_owner.h"
#include "daemon/io_service.h"
#include "daemon/io_timer.h"
#include "daemon/io_tunnel.h"
#include "daemon/proxy.h"
#include "daemon/state.h"

struct io_client;
struct io_http;
struct options;
struct io_listener;

enum { IO_SIGNALS = 3 };

/* Owner: main. */
struct io_loop {
	uv_loop_t uv;
	struct io_owner owner; /* of the handles below */
	uv_prepare_t prepare;
	struct io_timer timer;
	uv_signal_t signals[IO_SIGNALS];
	struct proxy proxy;
	struct config *config; /* in force, without keys; main's memory */
	struct clock now;      /* of this turn */
	struct io_memory memory;
	bool again;  /* a budget ran out: no sleep before the next turn */
	bool reload; /* SIGHUP came */
	bool stopping;
	bool closed;         /* every handle is closing */
	bool impatient;      /* a second signal: cut at once */
	uint64_t stop_since; /* awake time */
	struct io_tunnel tunnels[TUNNEL_SLOTS];
	/* One for each active forward, same slot. */
	struct io_listener *listeners[FORWARD_SLOTS];
	struct io_listener *accepting; /* those with clients waiting */
	uint64_t listen_retry;         /* awake time; NEVER: all listen */
	uint64_t accept_pause;         /* awake time; 0: no pause */
	bool accepts;                  /* listeners are polled */
	unsigned lookups;              /* of the host's resolver, under way */
	struct io_client *clients;     /* one for each relay, same index */
	uint8_t *receive_buffers;
	uint32_t receive_first; /* slot of the tunnel that reads first */
	struct io_service service;
	struct io_control control;
	struct io_metrics metrics;
	struct io_http *http;                  /* NULL: not open */
	uint64_t http_retry;                   /* awake time */
	const struct options *options;         /* what a reload reads again */
	uint64_t started;                      /* awake time */
	uint64_t config_loaded;                /* wall time */
	char config_error[CONFIG_MESSAGE_CAP]; /* of the last reload */
	bool draining;        /* ends when the last client has gone */
	uint64_t drain_next;  /* awake time of the next forward to cut; NEVER */
	uint64_t drain_until; /* awake time; NEVER */
	struct state state;
	uint64_t stamps_noted[TUNNEL_SLOTS];
	bool stamps_due;    /* to be written */
	uint64_t stamps_at; /* awake time: not before */
};

/* All of it stays the caller's memory. 0; or -ERR_*, logged, with nothing left
 * to close. */
int io_loop_open(struct io_loop *io, struct config *config,
		 const struct options *options, const struct aead *aead);

/* Runs until SIGTERM or SIGINT, then closes everything. */
void io_loop_run(struct io_loop *io);

void io_clock_read(struct clock *ret_clock);

#endif
