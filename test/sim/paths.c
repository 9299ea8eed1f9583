/* SPDX-License-Identifier: ISC */
#include "paths.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

struct path {
	const char *name;
	uint64_t bytes;
	uint64_t bytes_per_s;
	uint64_t rtt_ns;
	uint32_t queue_bytes;
	uint32_t loss;       /* per million */
	uint32_t reorder;    /* per million */
	uint64_t reorder_ns; /* at most */
	uint32_t floor;      /* percent of the rate */
	bool plain;          /* the receiver has no SACK and no timestamps */
	uint32_t share;      /* percent that a second, later stream comes to
			      * until the first ends; with a rival the most
			      * that we may take of its; 0: one stream */
	uint32_t seconds;    /* what came in so long; 0: until all did */
	uint64_t slot_ns;
	uint64_t tick_ns; /* of our timers */
	bool rival;       /* a kernel's stream is beside ours ... */
	bool trains;      /* ... that leaves in large packets */
};

enum { RIVAL_RUNS = 4 };
#define RIVAL_SETTLE    (5 * NS_PER_S)
#define RIVAL_SHARE_MIN 0.6

#define MBIT            UINT64_C(125000)
#define MIB             (UINT64_C(1) << 20)

static const struct path paths[] = {
	{.name = "lan",
	 .bytes = 64 * MIB,
	 .bytes_per_s = 1000 * MBIT,
	 .rtt_ns = 1 * NS_PER_MS,
	 .queue_bytes = 256000,
	 .floor = 75},
	{.name = "near",
	 .bytes = 32 * MIB,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 20 * NS_PER_MS,
	 .queue_bytes = 256000,
	 .floor = 80},
	{.name = "far",
	 .bytes = 64 * MIB,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 150 * NS_PER_MS,
	 .queue_bytes = 1000000,
	 .floor = 45},
	/* a queue of a tenth of what is in flight */
	{.name = "far, short queue",
	 .bytes = 32 * MIB,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 100 * NS_PER_MS,
	 .queue_bytes = 125000,
	 .floor = 60},
	/* WireGuard over several cores: much reordering by a little */
	{.name = "reordering",
	 .bytes = 32 * MIB,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 66 * NS_PER_MS,
	 .queue_bytes = 1000000,
	 .reorder = 100000,
	 .reorder_ns = 2 * NS_PER_MS,
	 .floor = 50},
	/* tailscale #20893 */
	{.name = "reordering and loss",
	 .bytes = 64 * MIB,
	 .bytes_per_s = 250 * MBIT,
	 .rtt_ns = 66 * NS_PER_MS,
	 .queue_bytes = 1000000,
	 .loss = 30,
	 .reorder = 100000,
	 .reorder_ns = 2 * NS_PER_MS,
	 .floor = 45},
	{.name = "much reordering",
	 .bytes = 16 * MIB,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 1000000,
	 .reorder = 300000,
	 .reorder_ns = 30 * NS_PER_MS,
	 .floor = 50},
	{.name = "wifi",
	 .bytes = 8 * MIB,
	 .bytes_per_s = 50 * MBIT,
	 .rtt_ns = 20 * NS_PER_MS,
	 .queue_bytes = 256000,
	 .loss = 2000,
	 .reorder = 10000,
	 .reorder_ns = 5 * NS_PER_MS,
	 .floor = 75},
	{.name = "bad mobile",
	 .bytes = 2 * MIB,
	 .bytes_per_s = 10 * MBIT,
	 .rtt_ns = 80 * NS_PER_MS,
	 .queue_bytes = 256000,
	 .loss = 10000,
	 .floor = 50},
	{.name = "lossy",
	 .bytes = 32 * MIB,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 20 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .loss = 10000,
	 .floor = 75},
	{.name = "wifi, no SACK",
	 .bytes = 8 * MIB,
	 .bytes_per_s = 50 * MBIT,
	 .rtt_ns = 20 * NS_PER_MS,
	 .queue_bytes = 256000,
	 .loss = 2000,
	 .floor = 20,
	 .plain = true},
	{.name = "two streams",
	 .bytes = 128 * MIB,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .floor = 80,
	 .share = 20},
	{.name = "two streams, lossy",
	 .bytes = 128 * MIB,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .loss = 2000,
	 .floor = 70,
	 .share = 20},
	{.name = "two streams, short",
	 .bytes = 128 * MIB,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 100000,
	 .floor = 70,
	 .share = 20},
	/* those of bench/paths.py, from the beginning */
	{.name = "100 ms",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 100 * NS_PER_MS,
	 .queue_bytes = 2500000,
	 .floor = 75,
	 .seconds = 10},
	{.name = "100 ms, busy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 100 * NS_PER_MS,
	 .queue_bytes = 2500000,
	 .floor = 70,
	 .seconds = 10,
	 .slot_ns = 10 * NS_PER_MS},
	{.name = "100 ms, very busy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 100 * NS_PER_MS,
	 .queue_bytes = 2500000,
	 .floor = 60,
	 .seconds = 10,
	 .slot_ns = 20 * NS_PER_MS},
	{.name = "100 ms, busy lossy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 100 * NS_PER_MS,
	 .queue_bytes = 2500000,
	 .floor = 50,
	 .loss = 30,
	 .seconds = 10,
	 .slot_ns = 20 * NS_PER_MS},
	{.name = "66 ms, lossy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 66 * NS_PER_MS,
	 .queue_bytes = 1650000,
	 .loss = 1000,
	 .reorder = 10000,
	 .reorder_ns = 2 * NS_PER_MS,
	 .floor = 75,
	 .seconds = 10},
	{.name = "66 ms, lossy, busy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 66 * NS_PER_MS,
	 .queue_bytes = 1650000,
	 .loss = 1000,
	 .reorder = 10000,
	 .reorder_ns = 2 * NS_PER_MS,
	 .floor = 70,
	 .seconds = 10,
	 .slot_ns = 10 * NS_PER_MS},
	{.name = "20 ms, lossy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 20 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .loss = 10000,
	 .floor = 80,
	 .seconds = 10},
	{.name = "20 ms, lossy, busy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 200 * MBIT,
	 .rtt_ns = 20 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .loss = 10000,
	 .floor = 55,
	 .seconds = 10,
	 .slot_ns = 10 * NS_PER_MS},
	{.name = "beside CUBIC",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .seconds = 25,
	 .share = 150,
	 .rival = true},
	{.name = "beside CUBIC, busy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .seconds = 25,
	 .slot_ns = 10 * NS_PER_MS,
	 .tick_ns = NS_PER_MS / 10,
	 .share = 150,
	 .rival = true},
	{.name = "beside CUBIC, trains",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .seconds = 25,
	 .slot_ns = 10 * NS_PER_MS,
	 .tick_ns = NS_PER_MS / 10,
	 .share = 150,
	 .rival = true,
	 .trains = true},
	{.name = "beside CUBIC, lossy",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 500000,
	 .seconds = 25,
	 .loss = 100,
	 .share = 200,
	 .rival = true},
	{.name = "beside CUBIC, short",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 40 * NS_PER_MS,
	 .queue_bytes = 125000,
	 .seconds = 25,
	 .share = 150,
	 .rival = true},
	{.name = "beside CUBIC, near",
	 .bytes = UINT64_MAX / 4,
	 .bytes_per_s = 100 * MBIT,
	 .rtt_ns = 10 * NS_PER_MS,
	 .queue_bytes = 125000,
	 .seconds = 25,
	 .share = 150,
	 .rival = true},
};

unsigned paths_count(void)
{
	return ARRAY_SIZE(paths);
}

const char *paths_name(unsigned index)
{
	return paths[index].name;
}

static void make_scenario(const struct path *path, struct scenario *scenario)
{
	struct link_config link = {
		.latency_ns = path->rtt_ns / 2,
		.bytes_per_s = path->bytes_per_s,
		.queue_bytes = path->queue_bytes,
		.loss = path->loss,
		.reorder = path->reorder,
		.reorder_ns = path->reorder_ns,
		.slot_ns = path->slot_ns,
	};
	struct app_plan app = {
		.start_at = SCENARIO_START,
		.write_max = 65536,
		.read_max = 1 << 20,
		.pause_after = NEVER,
		.abort_after = NEVER,
	};

	memset(scenario, 0, sizeof(*scenario));
	scenario->seed = 1;
	scenario->mtu = 1420;
	scenario->unchecked = true;
	scenario->heal_at = NEVER - 1;
	scenario->end_by = SCENARIO_START + 600 * NS_PER_S;
	if (path->seconds > 0)
		scenario->stop_at = SCENARIO_START + path->seconds * NS_PER_S;
	scenario->pair_count = path->share > 0 && !path->rival ? 2 : 1;
	for (unsigned i = 0; i < 2; i++) {
		netstack_tcp_defaults(&scenario->host[i].tcp);
		scenario->host[i].chunks = 4096;
		scenario->host[i].batch_max = 32;
		scenario->host[i].read_lent = true;
		scenario->host[i].tick_ns = path->tick_ns;
		scenario->link[i] = link;
		scenario->pairs[0].end[i] = scenario->pairs[1].end[i] = app;
	}
	scenario->host[1].tcp.sack = !path->plain;
	scenario->host[1].tcp.timestamps = !path->plain;
	for (unsigned i = 0; i < scenario->pair_count; i++) {
		scenario->pairs[i].family = IP_V6;
		scenario->pairs[i].end[0].send_total = path->bytes;
		scenario->pairs[i].end[0].start_at += i * 3 * NS_PER_S / 2;
	}
}

static void run_alone(struct world *world, const struct path *path)
{
	struct scenario scenario;
	struct world_stats stats;
	double percent, share;

	make_scenario(path, &scenario);
	(void)world_run(world, &scenario, &stats);
	percent = (double)stats.bytes / stats.seconds /
		  (double)path->bytes_per_s * 100;
	share = (double)stats.behind / (double)path->bytes * 100;
	printf("path %-20s %5.1f %% of %4u Mbit/s, %u resent, %u timeouts",
	       path->name, percent, (unsigned)(path->bytes_per_s / MBIT),
	       (unsigned)stats.counters[NS_TCP_RETRANSMITS],
	       (unsigned)stats.counters[NS_TCP_TIMEOUTS]);
	if (path->share > 0)
		printf(", shared by %.0f", share);
	putchar('\n');
	if (share < path->share)
		sim_fail("path '%s': the second stream has %.0f %%", path->name,
			 share);
	if (percent < path->floor)
		sim_fail("path '%s' below %u %%", path->name, path->floor);
}

/* Beside a rival; now the one comes first, now the other: whoever does keeps
 * more for long, and what counts is the mean of ratios. */
static void run_beside(struct world *world, const struct path *path)
{
	struct world_stats stats;
	double mean = 0, used = 0;

	printf("path %-20s", path->name);
	for (unsigned i = 0; i < RIVAL_RUNS; i++) {
		struct scenario scenario;
		double share;
		uint64_t later = NS_PER_S + i * 77 * NS_PER_MS;

		make_scenario(path, &scenario);
		scenario.seed = i + 1;
		scenario.rival_at = SCENARIO_START + (i % 2 == 0 ? later : 1);
		if (i % 2 == 1)
			scenario.pairs[0].end[0].start_at += later;
		scenario.rival_trains = path->trains;
		scenario.settled_at = SCENARIO_START + RIVAL_SETTLE;
		(void)world_run(world, &scenario, &stats);
		share = (double)stats.bytes / (double)stats.rival_bytes;
		mean += log(share);
		used += (double)(stats.bytes + stats.rival_bytes);
		printf(" %.2f", share);
		fflush(stdout);
	}
	used /= RIVAL_RUNS * (stats.seconds - (double)RIVAL_SETTLE / 1e9) *
		(double)path->bytes_per_s;
	mean = exp(mean / RIVAL_RUNS);
	printf(": mean %.2f, together %.1f %%\n", mean, used * 100);
	if (mean < RIVAL_SHARE_MIN || mean * 100 > path->share)
		sim_fail("path '%s': %.2f of the rival's share", path->name,
			 mean);
}

void paths_run(struct world *world, unsigned index)
{
	if (paths[index].rival)
		run_beside(world, &paths[index]);
	else
		run_alone(world, &paths[index]);
}
