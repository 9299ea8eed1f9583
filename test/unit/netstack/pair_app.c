/* SPDX-License-Identifier: ISC */
/* What the ends of a pair's connections do: write, read, compare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "pair.h"

static void app_write(struct pair *pair, struct pair_app *app)
{
	struct netstack *ns = pair->side[app->side].ns;
	struct iovec iov[16];

	while (app->sent < app->to_send) {
		size_t want = app->to_send - app->sent;
		size_t done = 0;
		int count;

		if (app->write_size != 0 && want > app->write_size)
			want = app->write_size;
		if (want > 200000)
			want = 200000;
		count = tcp_send_space(ns, app->handle, iov, 16, want);
		if (count <= 0) {
			if (count < 0)
				app->error = count;
			return;
		}
		for (int i = 0; i < count; i++) {
			uint8_t *p = iov[i].iov_base;

			for (size_t k = 0; k < iov[i].iov_len; k++, done++)
				p[k] = pair_pattern(app->stream,
						    app->sent + done);
		}
		assert_true(done <= want);
		assert_int_equal(
			tcp_send_commit(ns, pair->now, app->handle, done), 0);
		app->sent += done;
	}
	if (app->shut && !app->shut_done) {
		assert_int_equal(tcp_shutdown(ns, pair->now, app->handle), 0);
		app->shut_done = true;
	}
}

static void app_read(struct pair *pair, struct pair_app *app)
{
	struct netstack *ns = pair->side[app->side].ns;
	struct iovec iov[7];
	int count;

	while (app->received < app->read_limit && !app->ended) {
		size_t done = 0;

		count = tcp_recv_space(ns, app->handle, iov, 7);
		if (count == -ERR_CLOSED)
			app->ended = true;
		else if (count < 0)
			app->error = count;
		if (count <= 0)
			return;
		for (int i = 0; i < count; i++) {
			const uint8_t *p = iov[i].iov_base;
			size_t k = 0;

			for (; k < iov[i].iov_len &&
			       app->received + done < app->read_limit;
			     k++, done++) {
				uint8_t want = pair_pattern(
					app->stream_in, app->received + done);

				if (p[k] != want)
					fail_msg("stream %u differs at %llu",
						 app->stream_in,
						 (unsigned long long)
								 app->received +
							 done);
			}
		}
		assert_int_equal(
			tcp_recv_consume(ns, pair->now, app->handle, done), 0);
		app->received += done;
	}
	/* The end is read even at the limit. */
	if (app->received == app->read_limit && !app->ended &&
	    tcp_recv_space(ns, app->handle, iov, 1) == -ERR_CLOSED)
		app->ended = true;
}

void pair_serve_apps(struct pair *pair, int side)
{
	for (int i = 0; i < pair->app_count; i++) {
		struct pair_app *app = &pair->apps[i];

		if (app->side == side && app->error == 0)
			app_read(pair, app);
		if (app->side == side && app->error == 0)
			app_write(pair, app);
	}
}

static bool app_is_done(const struct pair_app *app)
{
	return app->error != 0 ||
	       (app->sent == app->to_send && app->shut == app->shut_done &&
		(app->ended || app->received >= app->read_limit));
}

bool pair_run_apps(struct pair *pair, uint64_t duration)
{
	uint64_t limit = pair->now + duration;

	for (;;) {
		bool done = true;

		for (int i = 0; i < pair->app_count; i++)
			done = done && app_is_done(&pair->apps[i]);
		if (done)
			return true;
		if (!pair_step(pair, limit))
			return false;
	}
}

/* ------------------------------------------------------------- connections */

enum { LISTEN_PORT = 5432 };

void pair_connect(struct pair *pair, uint8_t family, struct ns_handle *ret_c,
		  struct ns_handle *ret_s)
{
	struct endpoint to = pair_endpoint(1, family, LISTEN_PORT);
	struct endpoint own = pair_endpoint(0, family, 0);
	struct endpoint local = {.port = LISTEN_PORT};
	struct ns_handle listener;
	struct endpoint from;
	uint64_t limit = pair->now + 300 * NS_PER_S;
	int err;

	assert_int_equal(tcp_listen(pair->side[1].ns, &local, 16, 7, &listener),
			 0);
	assert_int_equal(
		tcp_connect(pair->side[0].ns, pair->now, &to, 8, ret_c), 0);
	do {
		err = tcp_accept(pair->side[1].ns, listener, 9, ret_s, &from);
	} while (err == -ERR_AGAIN && pair_step(pair, limit));
	assert_int_equal(err, 0);
	assert_true(ip_addr_equal(&from.addr, &own.addr));
	assert_int_equal(tcp_close(pair->side[1].ns, pair->now, listener), 0);
	pair_settle(pair);
}

void pair_connect_apps(struct pair *pair, uint8_t family,
		       struct pair_app apps[2])
{
	pair_connect(pair, family, &apps[0].handle, &apps[1].handle);
	for (int i = 0; i < 2; i++) {
		apps[i].side = (uint8_t)i;
		apps[i].stream = (uint8_t)(i + 1);
		apps[i].stream_in = (uint8_t)(2 - i);
		apps[i].read_limit = UINT64_MAX;
	}
	pair->apps = apps;
	pair->app_count = 2;
}
