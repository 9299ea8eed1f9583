/* SPDX-License-Identifier: ISC */
/* Between the server (io_http.c) and its answers (io_http_answer.c). */
#ifndef DAEMON_IO_HTTP_ANSWER_H
#define DAEMON_IO_HTTP_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io_bind.h"
#include "daemon/io_http_library.h"
#include "daemon/io_loop.h"

enum { HTTP_CONNECTIONS_MAX = 16 };

/* A request that waits for the probe of a target; its connection is suspended
 * meanwhile. */
struct http_wait {
	struct MHD_Connection *connection; /* NULL: free */
	uint32_t probe;
	bool suspended;
	char forward[LABEL_CAP];
};

/* One listening socket. */
struct http_server {
	struct MHD_Daemon *mhd; /* NULL: not open */
	uv_poll_t poll;
	bool ready; /* it should run */
	bool full;  /* of connections, when it last ran */
	unsigned cap;
	uint64_t deadline; /* awake time */
};

/* Owner: the loop; released by the last close callback. */
struct io_http {
	struct io_owner owner;
	struct io_loop *io;
	struct mhd mhd;
	struct listen_spec spec;
	struct io_bound bound;
	struct http_server servers[2];
	struct http_wait waits[HTTP_CONNECTIONS_MAX];
	struct MHD_Response *text; /* the last metrics */
	uint64_t text_until;       /* awake time */
};

/* The library's callbacks; context is the struct io_http. */
enum MHD_Result io_http_on_request(void *context,
				   struct MHD_Connection *connection,
				   const char *path, const char *method,
				   const char *version, const char *body,
				   size_t *body_len, void **state);
void io_http_on_completed(void *context, struct MHD_Connection *connection,
			  void **state, enum MHD_RequestTerminationCode code);

/* Requests whose target has answered go on; all of them, when it closes. */
void io_http_resume(struct io_http *http, bool all);

void io_http_forget_text(struct io_http *http);

#endif
