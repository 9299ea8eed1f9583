/* SPDX-License-Identifier: ISC */
/*
 * One end of a connection, and the oracle of its stream: each byte is known,
 * the end comes once and after the last byte. An application acts only on
 * events and its own clock, so an event that is missing shows as a stall.
 */
#ifndef TEST_SIM_APP_H
#define TEST_SIM_APP_H

#include "scenario.h"
#include "trace.h"

enum app_state {
	APP_WAITING, /* to connect or to be accepted */
	APP_CONNECTING,
	APP_OPEN,
	APP_CLOSED, /* the handle was given up */
	APP_FAILED,
};

/* Owner: the world. */
struct app {
	const struct app_plan *plan;
	struct app *peer;
	struct netstack *ns;
	struct trace *trace;
	unsigned number; /* two for each connection; also its stream */
	enum app_state state;
	bool may_fail;
	struct ns_handle handle;
	struct endpoint local; /* of the connecting end */
	bool readable, writable, eof, fin_sent, acked, aborted, pause_done;
	unsigned eof_events;
	uint64_t sent, received;
	uint64_t read_at; /* no reading before */
	int error;
};

void app_connect(struct app *app, uint64_t now, const struct endpoint *to);
void app_accepted(struct app *app, uint64_t now, struct ns_handle handle);
void app_event(struct app *app, uint64_t now, const struct ns_event *event);

/* Does what can be done now. */
void app_run(struct app *app, uint64_t now);
/* When it wants to run without an event; NEVER. */
uint64_t app_deadline(const struct app *app);

/* What it was to do is done. */
static inline bool app_over(const struct app *app)
{
	return app->state == APP_CLOSED || app->state == APP_FAILED;
}

/* Prints what went wrong and aborts; the signal's handler prints the trace. */
_Noreturn void sim_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
