/* SPDX-License-Identifier: ISC */
#include "app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/time.h"

void sim_fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "FAILED: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static uint8_t pattern(unsigned stream, uint64_t position)
{
	return (uint8_t)(position * 5 + (position >> 7) * 3 + (position >> 15) +
			 stream * 31);
}

/* ------------------------------------------------------------- opening */

void app_connect(struct app *app, uint64_t now, const struct endpoint *to)
{
	struct ns_tcp_info info;
	int err = tcp_connect(app->ns, now, to, app->number, &app->handle);

	if (err != 0)
		sim_fail("app %u: connect: %s", app->number, error_text(err));
	CHECK(tcp_info(app->ns, app->handle, &info) == 0);
	app->local = info.local;
	app->state = APP_CONNECTING;
	trace_add(app->trace, now, "app %u connects from port %u", app->number,
		  info.local.port);
}

static void opened(struct app *app, uint64_t now)
{
	app->state = APP_OPEN;
	app->readable = app->writable = true;
	trace_add(app->trace, now, "app %u open", app->number);
}

void app_accepted(struct app *app, uint64_t now, struct ns_handle handle)
{
	if (app->state != APP_WAITING)
		sim_fail("app %u: accepted twice", app->number);
	app->handle = handle;
	opened(app, now);
}

/* ------------------------------------------------------------- events */

static void failed(struct app *app, uint64_t now, int error)
{
	trace_add(app->trace, now, "app %u failed: %s", app->number,
		  error_name(error));
	if (!app->may_fail)
		sim_fail("app %u: %s after %llu sent, %llu received",
			 app->number, error_text(error),
			 (unsigned long long)app->sent,
			 (unsigned long long)app->received);
	(void)tcp_close(app->ns, now, app->handle);
	app->state = APP_FAILED;
	app->error = error;
}

/* Our FIN was acknowledged, so the peer's stack has all of it. */
static void all_acked(struct app *app)
{
	if (!app->fin_sent || app->acked)
		sim_fail("app %u: NS_SENT without FIN or twice", app->number);
	app->acked = true;
}

void app_event(struct app *app, uint64_t now, const struct ns_event *event)
{
	if (app_over(app))
		sim_fail("app %u: event %#x for a closed handle", app->number,
			 event->bits);
	trace_add(app->trace, now, "app %u event %#x", app->number,
		  event->bits);
	if (event->bits & NS_CONNECTED) {
		if (app->state != APP_CONNECTING)
			sim_fail("app %u: connected twice", app->number);
		opened(app, now);
	}
	if (event->bits & NS_READABLE)
		app->readable = true;
	if (event->bits & NS_WRITABLE)
		app->writable = true;
	if (event->bits & NS_EOF && ++app->eof_events > 1)
		sim_fail("app %u: a second NS_EOF", app->number);
	if (event->bits & NS_SENT)
		all_acked(app);
	if (event->bits & NS_FAILED)
		failed(app, now, event->error);
}

/* ------------------------------------------------------------- reading */

static void stream_ended(struct app *app, uint64_t now)
{
	trace_add(app->trace, now, "app %u reads the end", app->number);
	if (!app->peer->fin_sent)
		sim_fail("app %u: an end that was not sent", app->number);
	if (app->received != app->peer->sent)
		sim_fail("app %u: the end after %llu of %llu bytes",
			 app->number, (unsigned long long)app->received,
			 (unsigned long long)app->peer->sent);
	app->eof = true;
	app->readable = false;
}

static size_t check_bytes(struct app *app, const struct iovec *iov, int count,
			  size_t max)
{
	size_t done = 0;

	for (int i = 0; i < count; i++) {
		const uint8_t *p = iov[i].iov_base;

		for (size_t k = 0; k < iov[i].iov_len && done < max; k++) {
			uint64_t position = app->received + done++;

			if (p[k] != pattern(app->peer->number, position))
				sim_fail("app %u: wrong byte at %llu",
					 app->number,
					 (unsigned long long)position);
		}
	}
	return done;
}

static size_t read_max(const struct app *app)
{
	uint64_t before_pause = app->plan->pause_after - app->received;

	if (app->pause_done || before_pause > app->plan->read_max)
		return app->plan->read_max;
	return (size_t)before_pause;
}

/* One read; false when there is no more to read now. */
static bool read_once(struct app *app, uint64_t now)
{
	struct iovec iov[5];
	size_t max = read_max(app);
	int count;

	if (max == 0) {
		app->pause_done = true;
		app->read_at = now + app->plan->pause_ns;
		return false;
	}
	count = tcp_recv_space(app->ns, app->handle, iov, 5);
	if (count == -ERR_CLOSED) {
		stream_ended(app, now);
		return false;
	}
	if (count < 0) {
		failed(app, now, count);
		return false;
	}
	if (count == 0) {
		app->readable = false;
		return false;
	}
	max = check_bytes(app, iov, count, max);
	if (max == 0)
		sim_fail("app %u: empty data to read", app->number);
	CHECK(tcp_recv_consume(app->ns, now, app->handle, max) == 0);
	app->received += max;
	if (app->received > app->peer->sent)
		sim_fail("app %u: more bytes than were sent", app->number);
	app->read_at = now + app->plan->read_every_ns;
	return app->plan->read_every_ns == 0;
}

static void run_reader(struct app *app, uint64_t now)
{
	while (app->state == APP_OPEN && app->readable && now >= app->read_at &&
	       app->received < app->plan->abort_after)
		if (!read_once(app, now))
			break;
}

/* ------------------------------------------------------------- writing */

static uint64_t allowed(const struct app *app)
{
	const struct app_plan *plan = app->plan;
	uint64_t total = plan->send_total;

	if (plan->send_after_eof && !app->eof)
		return 0;
	if (plan->turn_in != 0)
		total = time_min(total, plan->turn_first +
						app->received / plan->turn_in *
							plan->turn_out);
	return total;
}

/* One write; false when there is no room now. */
static bool write_once(struct app *app, uint64_t now)
{
	uint64_t want =
		time_min(allowed(app) - app->sent, app->plan->write_max);
	struct iovec iov[5];
	size_t done = 0;
	int count = tcp_send_space(app->ns, app->handle, iov, 5, (size_t)want);

	if (count < 0) {
		failed(app, now, count);
		return false;
	}
	for (int i = 0; i < count; i++) {
		uint8_t *p = iov[i].iov_base;

		for (size_t k = 0; k < iov[i].iov_len; k++, done++)
			p[k] = pattern(app->number, app->sent + done);
	}
	if (done > want || (count > 0 && done == 0))
		sim_fail("app %u: %zu bytes of space for %llu", app->number,
			 done, (unsigned long long)want);
	app->writable = count > 0;
	if (count > 0)
		CHECK(tcp_send_commit(app->ns, now, app->handle, done) == 0);
	app->sent += done;
	return count > 0;
}

static void end_stream(struct app *app, uint64_t now)
{
	int err;

	trace_add(app->trace, now, "app %u ends its stream", app->number);
	app->fin_sent = true;
	if (app->plan->close_early) {
		CHECK(tcp_close(app->ns, now, app->handle) == 0);
		app->state = APP_CLOSED;
		return;
	}
	err = tcp_shutdown(app->ns, now, app->handle);
	if (err != 0)
		failed(app, now, err);
}

static void run_writer(struct app *app, uint64_t now)
{
	while (app->state == APP_OPEN && app->writable &&
	       app->sent < allowed(app))
		if (!write_once(app, now))
			break;
	if (app->state == APP_OPEN && !app->fin_sent &&
	    app->sent == app->plan->send_total &&
	    (app->eof || !app->plan->send_after_eof))
		end_stream(app, now);
}

/* ------------------------------------------------------------- running */

static void run_end(struct app *app, uint64_t now)
{
	bool patient = app->number % 4 < 2; /* wants to know of delivery */

	if (app->state != APP_OPEN)
		return;
	if (app->received >= app->plan->abort_after) {
		trace_add(app->trace, now, "app %u aborts", app->number);
		app->aborted = true;
		CHECK(tcp_abort(app->ns, now, app->handle) == 0);
		app->state = APP_CLOSED;
	} else if (app->eof && app->fin_sent && (app->acked || !patient)) {
		trace_add(app->trace, now, "app %u closes", app->number);
		CHECK(tcp_close(app->ns, now, app->handle) == 0);
		app->state = APP_CLOSED;
	}
}

void app_run(struct app *app, uint64_t now)
{
	run_reader(app, now);
	run_writer(app, now);
	run_end(app, now);
}

uint64_t app_deadline(const struct app *app)
{
	if (app->state == APP_OPEN && app->readable)
		return app->read_at;
	return NEVER;
}
