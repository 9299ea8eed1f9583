/* SPDX-License-Identifier: ISC */
#include "world.h"

#include <string.h>

#include "base/check.h"
#include "base/time.h"

/* Turns at one moment: more is a loop without end. */
enum { TURNS_MAX = 1000 };

/* ------------------------------------------------------------- open, close */

static void open_apps(struct world *world)
{
	const struct scenario *scenario = &world->scenario;

	world->app_count = 2 * scenario->pair_count;
	for (unsigned i = 0; i < world->app_count; i++) {
		const struct pair_plan *pair = &scenario->pairs[i / 2];
		unsigned host = i % 2 == 0 ? pair->connector : !pair->connector;

		world->apps[i] = (struct app){
			.plan = &pair->end[i % 2],
			.peer = &world->apps[i ^ 1],
			.ns = world->host[host].ns,
			.trace = &world->trace,
			.number = i,
			.may_fail = pair->may_fail,
		};
	}
}

static void open_world(struct world *world, const struct scenario *scenario)
{
	memset(world, 0, sizeof(*world));
	world->scenario = *scenario;
	trace_init(&world->trace);
	world->rng.state = scenario->seed;
	world->now = SCENARIO_START;
	for (unsigned i = 0; i < 2; i++)
		link_open(&world->link[i], &world->scenario.link[i],
			  &world->rng);
	for (unsigned i = 0; i < 2; i++) {
		struct host *host = &world->host[i];

		host->index = i;
		host->trace = &world->trace;
		host->rival = &world->rival;
		host->out = &world->link[i];
		host->in = &world->link[!i];
		host_open(host, &world->scenario, &world->rng);
	}
	rival_init(&world->rival, &world->link[0], &world->link[1],
		   scenario->rival_at != 0 ? scenario->rival_at : NEVER,
		   scenario->rival_trains);
	open_apps(world);
	for (unsigned i = 0; i < 2; i++) {
		world->host[i].apps = world->apps;
		world->host[i].app_count = world->app_count;
	}
}

static void close_world(struct world *world)
{
	for (unsigned i = 0; i < 2; i++) {
		host_close(&world->host[i]);
		link_close(&world->link[i]);
	}
}

/* ------------------------------------------------------------- running */

static void heal(struct world *world)
{
	trace_add(&world->trace, world->now, "the network heals");
	link_heal(&world->link[0]);
	link_heal(&world->link[1]);
	world->healed = true;
}

/* Goes to the next moment at which something happens, at most to limit. */
static bool step(struct world *world, uint64_t limit)
{
	uint64_t wake[2] = {host_wake(&world->host[0]),
			    host_wake(&world->host[1])};
	uint64_t at = time_min(time_min(wake[0], wake[1]),
			       rival_deadline(&world->rival));

	if (!world->healed && world->scenario.heal_at <= at) {
		world->now = world->scenario.heal_at;
		heal(world);
		return true;
	}
	if (at > limit) {
		world->now = limit;
		return false;
	}
	if (at > world->now) {
		world->now = at;
		world->turns_at_now = 0;
	} else if (++world->turns_at_now > TURNS_MAX) {
		sim_fail("turns without end at one moment");
	}
	if (rival_deadline(&world->rival) <= world->now)
		rival_expire(&world->rival, world->now);
	for (unsigned i = 0; i < 2; i++)
		if (wake[i] <= world->now)
			host_turn(&world->host[i], world->now);
	return true;
}

/* ------------------------------------------------------------- oracles */

/* A connection that was aborted early may never be accepted. */
static bool all_over(const struct world *world)
{
	for (unsigned i = 0; i < world->app_count; i++)
		if (!app_over(&world->apps[i]) &&
		    !(world->apps[i].may_fail &&
		      world->apps[i].state == APP_WAITING &&
		      app_over(world->apps[i].peer)))
			return false;
	return true;
}

static void fail_unfinished(const struct world *world)
{
	for (unsigned i = 0; i < world->app_count; i++) {
		const struct app *app = &world->apps[i];

		if (!app_over(app))
			sim_fail("app %u is not done: state %d, %llu of %llu "
				 "sent, %llu of %llu received, fin %d eof %d "
				 "acked %d",
				 app->number, app->state,
				 (unsigned long long)app->sent,
				 (unsigned long long)app->plan->send_total,
				 (unsigned long long)app->received,
				 (unsigned long long)app->peer->sent,
				 app->fin_sent, app->eof, app->acked);
	}
}

static void check_streams(const struct world *world)
{
	for (unsigned i = 0; i < world->app_count; i++) {
		const struct app *app = &world->apps[i];

		if (app->may_fail)
			continue;
		if (app->sent != app->plan->send_total ||
		    (!app->plan->close_early &&
		     app->received != app->peer->sent))
			sim_fail("app %u: stream incomplete", app->number);
	}
}

static uint64_t counter(const struct world *world, enum ns_counter which)
{
	return netstack_counter(world->host[0].ns, which) +
	       netstack_counter(world->host[1].ns, which);
}

/* Without faults nothing is sent twice, reset or thrown away. */
static void check_clean(const struct world *world)
{
	static const enum ns_counter none[] = {
		NS_TCP_RETRANSMITS,    NS_TCP_TIMEOUTS,      NS_TCP_RESETS_SENT,
		NS_TCP_OUT_OF_ORDER,   NS_TCP_OUT_OF_WINDOW, NS_TCP_DUPLICATES,
		NS_DROP_MALFORMED,     NS_DROP_CHECKSUM,     NS_DROP_MEMORY,
		NS_TCP_CHALLENGE_ACKS,
	};
	static const char *const names[NS_COUNTERS] = {
#define X(name, text) text,
		NS_COUNTER_LIST(X)
#undef X
	};

	for (unsigned i = 0; world->scenario.clean && i < ARRAY_SIZE(none); i++)
		if (counter(world, none[i]) != 0)
			sim_fail("%s is %llu in a run without faults",
				 names[none[i]],
				 (unsigned long long)counter(world, none[i]));
}

/* TIME-WAIT and orphans end by themselves, then nothing is held. */
static void check_empty(struct world *world)
{
	uint64_t limit = world->now + 600 * NS_PER_S;

	for (unsigned i = 0; i < 2; i++)
		host_stop(&world->host[i], world->now);
	while (step(world, limit))
		;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t left = netstack_connection_count(world->host[i].ns);

		if (left != 0)
			sim_fail("host %u: %u connections left", i, left);
		if (world->host[i].pool.used != 0)
			sim_fail("host %u: %u chunks left", i,
				 world->host[i].pool.used);
	}
}

/* When the first stream is complete: how far the slowest has come. */
static void note_first(struct world *world)
{
	uint64_t least = UINT64_MAX;
	bool complete = false;

	for (unsigned i = 0; i < world->app_count; i++) {
		const struct app *app = &world->apps[i];
		uint64_t all = app->peer->plan->send_total;

		if (all == 0)
			continue;
		complete = complete || app->received == all;
		if (app->received < least)
			least = app->received;
	}
	if (complete)
		world->behind = least;
}

static uint64_t received(const struct world *world)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < world->app_count; i++)
		bytes += world->apps[i].received;
	return bytes;
}

static void note_settled(struct world *world)
{
	if (world->settled != 0 || world->now < world->scenario.settled_at)
		return;
	world->settled = received(world);
	world->rival_settled = world->rival.received * RIVAL_MSS;
}

static void collect_stats(const struct world *world, struct world_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->seconds = (double)(world->now - SCENARIO_START) / 1e9;
	for (unsigned i = 0; i < 2; i++) {
		stats->packets += world->link[i].sent;
		stats->lost += world->link[i].lost;
		stats->corrupted += world->link[i].corrupted;
	}
	stats->behind = world->behind;
	stats->bytes = received(world) - world->settled;
	stats->rival_bytes =
		world->rival.received * RIVAL_MSS - world->rival_settled;
	for (unsigned i = 0; i < NS_COUNTERS; i++)
		stats->counters[i] = counter(world, (enum ns_counter)i);
}

uint64_t world_run(struct world *world, const struct scenario *scenario,
		   struct world_stats *ret_stats)
{
	uint64_t limit =
		scenario->stop_at != 0 ? scenario->stop_at : scenario->end_by;

	open_world(world, scenario);
	while (!all_over(world)) {
		if (!step(world, limit)) {
			if (scenario->stop_at == 0)
				fail_unfinished(world);
			collect_stats(world, ret_stats);
			close_world(world);
			return world->trace.hash;
		}
		if (scenario->settled_at != 0)
			note_settled(world);
		if (scenario->unchecked && world->behind == 0)
			note_first(world);
	}
	check_streams(world);
	check_clean(world);
	collect_stats(world, ret_stats);
	check_empty(world);
	close_world(world);
	return world->trace.hash;
}
