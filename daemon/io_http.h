/* SPDX-License-Identifier: ISC */
/*
 * Metrics and health over HTTP, where the configuration asks for it:
 *
 *   /metrics              Prometheus text
 *   /livez                200 while the loop turns
 *   /readyz               200 or 503, see daemon/health.h
 *   /readyz?target=NAME   200 or 503: a connection to the forward's target was
 *                         tried, for two seconds at most
 *
 * libmicrohttpd speaks HTTP, without threads: it runs in the turn, when its
 * descriptor or its time says so. What it may hold is bounded, so that whoever
 * floods it takes nothing from the forwards: GET and HEAD without a body, 16
 * connections, 5 s each without a request.
 */
#ifndef DAEMON_IO_HTTP_H
#define DAEMON_IO_HTTP_H

#include <stdint.h>

#include "base/time.h"

struct io_loop;
struct io_http;

/* Its descriptors at most. */
enum { IO_HTTP_DESCRIPTORS = 24 };

#ifdef HAVE_MICROHTTPD

/* Opens, closes and changes what the configuration in force says, and serves.
 */
void io_http_turn(struct io_loop *io);
void io_http_close(struct io_loop *io);
uint64_t io_http_deadline(const struct io_loop *io); /* awake time */

#else /* the configuration's check says so */

static inline void io_http_turn(struct io_loop *io)
{
	(void)io;
}

static inline void io_http_close(struct io_loop *io)
{
	(void)io;
}

static inline uint64_t io_http_deadline(const struct io_loop *io)
{
	(void)io;
	return NEVER;
}

#endif

#endif
