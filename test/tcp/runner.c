/* SPDX-License-Identifier: ISC */
#include "runner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/time.h"

enum { SERVER_PORT = 8080, PEER_PORT = 40000 };

bool runner_fail(struct runner *runner, const char *format, ...)
{
	va_list args;

	if (runner->failed)
		return false;
	runner->failed = true;
	if (runner->quiet)
		return false;
	fprintf(stderr, "%s:%u: %s: ", runner->script->file,
		runner->event->line,
		runner->world.family == IP_V4 ? "ipv4" : "ipv6");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

/* Time goes on to the event's. What the stack sends on the way should have been
 * expected by an earlier line. */
static bool advance(struct runner *runner)
{
	const struct script_event *event = runner->event;
	struct world *world = &runner->world;
	uint64_t base =
		event->time == TIME_ABSOLUTE ? world->start : runner->last_time;
	uint64_t at = event->time == TIME_ANY ? world->now : base + event->from;

	if (at < world->now)
		return runner_fail(runner, "the time has passed");
	world_run(world, at, true);
	calls_take_events(runner);
	if (!packets_none(runner))
		return false;
	runner->last_time = at;
	return true;
}

static bool run_event(struct runner *runner)
{
	bool done = false;

	if (runner->event->kind == SCRIPT_EXPECT)
		return packets_expect(runner);
	if (!advance(runner))
		return false;
	switch (runner->event->kind) {
	case SCRIPT_INJECT:
		done = packets_inject(runner);
		break;
	case SCRIPT_ICMP:
		done = packets_inject_icmp(runner);
		break;
	case SCRIPT_CALL:
		done = calls_run(runner);
		break;
	case SCRIPT_ASSERT:
		done = asserts_run(runner);
		break;
	case SCRIPT_EXPECT:
		UNREACHABLE();
	}
	calls_take_events(runner);
	return done && !runner->failed;
}

static void open_flows(struct runner *runner)
{
	for (unsigned i = 0; i < SCRIPT_FLOWS_MAX; i++)
		runner->flows[i] = (struct flow){
			.peer_isn = runner->script->options.isn,
			.peer_port = (uint16_t)(PEER_PORT + i),
			.our_port = SERVER_PORT,
			.peer_next = 1,
		};
}

bool runner_run(const struct script *script, uint8_t family, uint64_t start,
		bool quiet, uint32_t *ret_iss)
{
	struct runner *runner = calloc(1, sizeof(*runner));
	bool passed = true;
	uint32_t left;

	CHECK(runner != NULL);
	runner->script = script;
	runner->quiet = quiet;
	runner->last_time = start;
	open_flows(runner);
	world_open(&runner->world, &script->options, family, start);
	for (unsigned i = 0; passed && i < script->count; i++) {
		runner->event = &script->events[i];
		passed = run_event(runner);
	}
	if (passed)
		passed = packets_none(runner);
	left = world_close(&runner->world);
	if (passed && left > 0)
		passed = runner_fail(runner, "%u chunks were not given back",
				     left);
	if (runner->knows_iss)
		*ret_iss = runner->first_iss;
	free(runner);
	return passed;
}
