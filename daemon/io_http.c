/* SPDX-License-Identifier: ISC */
#include "daemon/io_http.h"

#ifdef HAVE_MICROHTTPD

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/io_http_answer.h"

enum {
	TIMEOUT_S = 5,
	REQUEST_BYTES_MAX = 8192, /* line and headers */
};

#define RETRY_NS (10 * NS_PER_S)

/* ------------------------------------------------------------- servers */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct io_owner *owner = handle->data;

	(void)status, (void)events;
	if (!owner->closing)
		container_of(handle, struct http_server, poll)->ready = true;
}

static unsigned connections(const struct io_http *http, struct MHD_Daemon *mhd)
{
	const union MHD_DaemonInfo *info = http->mhd.get_daemon_info(
		mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	CHECK(info != NULL);
	return info->num_connections;
}

static void run_server(struct io_http *http, struct http_server *server)
{
	bool was_full;
	uint64_t now = http->io->now.awake;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (!server->ready && now < server->deadline)
		return;
	server->ready = false;
	(void)http->mhd.run(server->mhd);
	/* A full server does not listen, and takes that up again only when it
	 * runs once more after somebody left. */
	was_full = server->full;
	server->full = connections(http, server->mhd) >= server->cap;
	if (was_full && !server->full) {
		server->ready = true;
		http->io->again = true;
	}
	server->deadline = NEVER;
	if (http->mhd.get_timeout(server->mhd, &wait_ms) == MHD_YES)
		server->deadline = now + wait_ms * NS_PER_MS;
}

static int open_server(struct io_http *http, unsigned index, unsigned cap)
{
	struct http_server *server = &http->servers[index];
	const union MHD_DaemonInfo *info;

	/* Each of a flood may keep its place for TIMEOUT_S, so that few may
	 * wait before a good request. */
	(void)listen(http->bound.fds[index], HTTP_CONNECTIONS_MAX);
	server->mhd = http->mhd.start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		io_http_on_request, http, MHD_OPTION_LISTEN_SOCKET,
		http->bound.fds[index], MHD_OPTION_CONNECTION_LIMIT, cap,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX,
		MHD_OPTION_NOTIFY_COMPLETED, io_http_on_completed, http,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (server->mhd == NULL)
		return -ENOMEM;
	info = http->mhd.get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	CHECK(info != NULL);
	CHECK(uv_poll_init(&http->io->uv, &server->poll, info->epoll_fd) == 0);
	server->cap = cap;
	io_owner_track(&http->owner, (uv_handle_t *)&server->poll);
	uv_poll_start(&server->poll, UV_READABLE, on_poll);
	server->ready = true;
	return 0;
}

static void close_server(struct io_http *http, struct http_server *server)
{
	if (server->mhd == NULL)
		return;
	io_owner_close(&http->owner, (uv_handle_t *)&server->poll);
	/* The socket stays ours, to be closed with its path. */
	(void)http->mhd.quiesce_daemon(server->mhd);
	http->mhd.stop_daemon(server->mhd);
	server->mhd = NULL;
}

static int open_servers(struct io_http *http)
{
	struct io_bind_source source = {.inherit = &http->io->service.inherit,
					.name = "metrics"};
	unsigned sockets;
	int err = -ELIBACC;

	if (mhd_load(&http->mhd))
		err = io_bind(&http->spec, &source, &http->bound);
	if (err != 0)
		return err;
	sockets = http->bound.fds[1] >= 0 ? 2 : 1;
	for (unsigned i = 0; i < 2 && err == 0; i++) {
		if (http->bound.fds[i] >= 0)
			err = open_server(http, i,
					  HTTP_CONNECTIONS_MAX / sockets);
	}
	return err;
}

static void on_gone(struct io_owner *owner)
{
	free(container_of(owner, struct io_http, owner));
}

static void close_http(struct io_http *http)
{
	io_http_resume(http, true);
	for (unsigned i = 0; i < 2; i++)
		close_server(http, &http->servers[i]);
	io_bound_close(&http->bound, &http->spec);
	io_http_forget_text(http);
	io_owner_finish(&http->owner);
}

void io_http_close(struct io_loop *io)
{
	if (io->http != NULL)
		close_http(io->http);
	io->http = NULL;
}

static void open_http(struct io_loop *io)
{
	struct io_http *http = calloc(1, sizeof(*http));
	char text[SOCKET_PATH_CAP + 64];
	int err = -ENOMEM;

	if (http != NULL) {
		http->io = io;
		http->spec = io->config->metrics.listen;
		http->bound.fds[0] = http->bound.fds[1] = -1;
		io_owner_init(&http->owner, on_gone);
		err = open_servers(http);
		if (err != 0)
			close_http(http);
	}
	if (err == 0) {
		struct listen_spec spec = http->spec;

		io->http = http;
		io_metrics_add_library(&io->metrics, "libmicrohttpd",
				       http->mhd.get_version());
		spec.port = http->bound.port;
		log_notice("event=metrics_listening local=%s",
			   listen_spec_format(&spec, text, sizeof(text)));
		return;
	}
	io->http_retry = io->now.awake + RETRY_NS;
	log_error("event=metrics_listen_failed local=%s text=\"%s\" retry_s=%u",
		  listen_spec_format(&io->config->metrics.listen, text,
				     sizeof(text)),
		  strerror(-err), (unsigned)(RETRY_NS / NS_PER_S));
}

/* ------------------------------------------------------------- turn */

void io_http_turn(struct io_loop *io)
{
	const struct config_metrics *config = &io->config->metrics;

	if (io->http != NULL &&
	    (!config->enabled ||
	     !listen_spec_equal(&io->http->spec, &config->listen))) {
		io_http_close(io);
		io->http_retry = 0;
	}
	if (io->http == NULL && config->enabled && !io->stopping &&
	    io->now.awake >= io->http_retry)
		open_http(io);
	if (io->http == NULL)
		return;
	io_http_resume(io->http, false);
	for (unsigned i = 0; i < 2; i++) {
		if (io->http->servers[i].mhd != NULL)
			run_server(io->http, &io->http->servers[i]);
	}
}

uint64_t io_http_deadline(const struct io_loop *io)
{
	uint64_t deadline = NEVER;

	if (!io->config->metrics.enabled)
		return NEVER;
	if (io->http == NULL)
		return io->stopping ? NEVER : io->http_retry;
	for (unsigned i = 0; i < 2; i++) {
		if (io->http->servers[i].mhd != NULL)
			deadline = time_min(deadline,
					    io->http->servers[i].deadline);
	}
	return deadline;
}

#endif
