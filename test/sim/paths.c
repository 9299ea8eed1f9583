/* SPDX-License-Identifier: ISC */
#include "paths.h"

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
			      * until the first ends; 0: one stream */
};

#define MBIT UINT64_C(125000)
#define MIB  (UINT64_C(1) << 20)

static const struct path paths[] = {
	{"lan", 64 * MIB, 1000 * MBIT, 1 * NS_PER_MS, 256000, 0, 0, 0, 75,
	 false, 0},
	{"near", 32 * MIB, 100 * MBIT, 20 * NS_PER_MS, 256000, 0, 0, 0, 80,
	 false, 0},
	{"far", 64 * MIB, 200 * MBIT, 150 * NS_PER_MS, 1000000, 0, 0, 0, 45,
	 false, 0},
	/* a queue of a tenth of what is in flight */
	{"far, short queue", 32 * MIB, 100 * MBIT, 100 * NS_PER_MS, 125000, 0,
	 0, 0, 60, false, 0},
	/* WireGuard over several cores: much reordering by a little */
	{"reordering", 32 * MIB, 200 * MBIT, 66 * NS_PER_MS, 1000000, 0, 100000,
	 2 * NS_PER_MS, 50, false, 0},
	/* tailscale #20893 */
	{"reordering and loss", 64 * MIB, 250 * MBIT, 66 * NS_PER_MS, 1000000,
	 30, 100000, 2 * NS_PER_MS, 45, false, 0},
	{"much reordering", 16 * MIB, 100 * MBIT, 40 * NS_PER_MS, 1000000, 0,
	 300000, 30 * NS_PER_MS, 50, false, 0},
	{"wifi", 8 * MIB, 50 * MBIT, 20 * NS_PER_MS, 256000, 2000, 10000,
	 5 * NS_PER_MS, 75, false, 0},
	{"bad mobile", 2 * MIB, 10 * MBIT, 80 * NS_PER_MS, 256000, 10000, 0, 0,
	 50, false, 0},
	{"lossy", 32 * MIB, 200 * MBIT, 20 * NS_PER_MS, 500000, 10000, 0, 0, 75,
	 false, 0},
	{"wifi, no SACK", 8 * MIB, 50 * MBIT, 20 * NS_PER_MS, 256000, 2000, 0,
	 0, 20, true, 0},
	{"two streams", 128 * MIB, 100 * MBIT, 40 * NS_PER_MS, 500000, 0, 0, 0,
	 80, false, 60},
	{"two streams, lossy", 128 * MIB, 100 * MBIT, 40 * NS_PER_MS, 500000,
	 2000, 0, 0, 70, false, 60},
	{"two streams, short", 128 * MIB, 100 * MBIT, 40 * NS_PER_MS, 100000, 0,
	 0, 0, 70, false, 60},
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
	scenario->pair_count = path->share > 0 ? 2 : 1;
	for (unsigned i = 0; i < 2; i++) {
		netstack_tcp_defaults(&scenario->host[i].tcp);
		scenario->host[i].chunks = 4096;
		scenario->host[i].batch_max = 32;
		scenario->host[i].read_lent = true;
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

void paths_run(struct world *world, unsigned index)
{
	const struct path *path = &paths[index];
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
