/* SPDX-License-Identifier: ISC */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/time.h"

enum { TINY_TOTAL_MAX = 20000, LONGER = 20, LONG_PAIRS = 8 };

/* Most seeds have few kinds of faults: a run with all of them hides what one
 * alone would show. */
static uint32_t fault(struct rng *rng, uint32_t likely, uint32_t max)
{
	return rng_chance(rng, likely)
		       ? (uint32_t)rng_scale(rng, max / 64 + 1, max)
		       : 0;
}

/* ------------------------------------------------------------- network */

static void make_link(struct rng *rng, bool clean, struct link_config *link)
{
	static const uint32_t queues[] = {16000, 64000, 256000, 0};

	memset(link, 0, sizeof(*link));
	link->latency_ns = rng_scale(rng, 50 * NS_PER_US, 150 * NS_PER_MS);
	if (rng_chance(rng, 600000))
		link->bytes_per_s = rng_scale(rng, 250000, 100000000);
	if (clean)
		return;
	link->queue_bytes = queues[rng_below(rng, ARRAY_SIZE(queues))];
	if (rng_chance(rng, 300000))
		link->jitter_ns = rng_below(rng, 20 * NS_PER_MS);
	link->loss = fault(rng, 500000, 120000);
	link->burst_start = fault(rng, 150000, 5000);
	link->burst_ns = rng_scale(rng, NS_PER_MS, 300 * NS_PER_MS);
	link->duplicate = fault(rng, 250000, 50000);
	link->reorder = fault(rng, 350000, 300000);
	link->reorder_ns = rng_scale(rng, 10 * NS_PER_US, 100 * NS_PER_MS);
	link->corrupt = fault(rng, 200000, 20000);
	if (rng_chance(rng, 150000)) {
		link->dark_from =
			SCENARIO_START + rng_below(rng, 10 * NS_PER_S);
		link->dark_to = link->dark_from + rng_below(rng, 8 * NS_PER_S);
	}
}

/* Somewhere the path is narrower than the tunnel says, from the start or from
 * some moment on. */
static void make_narrow(struct rng *rng, uint16_t mtu, struct link_config *link)
{
	if (mtu == MTU_MIN || !rng_chance(rng, 100000))
		return;
	link->narrow = (uint32_t)rng_range(rng, MTU_MIN, mtu - 1U);
	link->narrow_from = SCENARIO_START +
			    rng_below(rng, 5 * NS_PER_S) * rng_below(rng, 2);
	link->narrow_silent = rng_chance(rng, 500000);
}

/* ------------------------------------------------------------- hosts */

static void make_knobs(struct rng *rng, struct ns_tcp_config *tcp)
{
	netstack_tcp_defaults(tcp);
	tcp->timestamps = rng_chance(rng, 800000);
	tcp->sack = rng_chance(rng, 800000);
	tcp->window_scaling = rng_chance(rng, 800000);
	tcp->recv_buffer_max = (uint32_t)rng_scale(rng, 4096, 4 << 20);
	tcp->send_buffer_max = (uint32_t)rng_scale(rng, 4096, 4 << 20);
	tcp->initial_window = (uint32_t)rng_range(rng, 1, 10);
	tcp->delayed_ack_ns = rng_below(rng, 4) * 25 * NS_PER_MS;
	tcp->rto_max_ns = rng_range(rng, 5, 60) * NS_PER_S;
	tcp->time_wait_ns = rng_range(rng, 60, 120) * NS_PER_S;
	tcp->fin_wait2_ns = rng_range(rng, 60, 120) * NS_PER_S;
	tcp->keepalive_idle_ns = rng_range(rng, 5, 60) * NS_PER_S;
}

static void make_spans(struct rng *rng, uint32_t likely, uint64_t longest,
		       struct span spans[SCENARIO_WINDOWS])
{
	for (unsigned i = 0; i < SCENARIO_WINDOWS; i++) {
		if (!rng_chance(rng, likely))
			continue;
		spans[i].from = SCENARIO_START + rng_below(rng, 15 * NS_PER_S);
		spans[i].to =
			spans[i].from + rng_scale(rng, NS_PER_MS, longest);
	}
}

static void make_host(struct rng *rng, bool clean, struct host_plan *host)
{
	memset(host, 0, sizeof(*host));
	make_knobs(rng, &host->tcp);
	host->chunks = 2048;
	host->read_lent = rng_chance(rng, 500000);
	host->batch_max = (uint32_t)rng_scale(rng, 1, 64);
	if (clean)
		return;
	if (rng_chance(rng, 300000))
		host->turn_ns = rng_scale(rng, 10 * NS_PER_US, 2 * NS_PER_MS);
	if (rng_chance(rng, 100000)) /* memory is short */
		host->chunks =
			(uint32_t)rng_range(rng, 4 * SCENARIO_PAIRS_MAX, 512);
	make_spans(rng, 120000, 5 * NS_PER_S, host->hold);
	make_spans(rng, 120000, 3 * NS_PER_S, host->stall);
}

/* ------------------------------------------------------------- applications */

enum pattern {
	PATTERN_BULK,     /* one way */
	PATTERN_BOTH,     /* both ways at once */
	PATTERN_REQUESTS, /* request, response, again */
	PATTERN_SLOW_READER,
	PATTERN_PAUSE,       /* stops reading, then goes on */
	PATTERN_AFTER_EOF,   /* each end speaks alone, FIN first */
	PATTERN_CLOSE_EARLY, /* close instead of shutdown */
	PATTERN_ABORT,
	PATTERN_EMPTY, /* nothing is said */
	PATTERNS,
};

static void default_app(struct rng *rng, struct app_plan *app)
{
	*app = (struct app_plan){
		.write_max = (uint32_t)rng_scale(rng, 1000, 300000),
		.read_max = (uint32_t)rng_scale(rng, 1000, 300000),
		.pause_after = NEVER,
		.abort_after = NEVER,
	};
}

/* A few bytes now and then, mostly enough for loss to matter. */
static uint64_t stream_size(struct rng *rng, uint64_t max)
{
	if (rng_chance(rng, 150000))
		return rng_range(rng, 1, 5000);
	return rng_scale(rng, max / 32, max);
}

static void make_requests(struct rng *rng, struct app_plan end[2])
{
	uint64_t rounds = rng_range(rng, 1, 20);
	uint64_t request = rng_scale(rng, 1, 5000);
	uint64_t response = rng_scale(rng, 1, 60000);

	end[0].send_total = rounds * request;
	end[0].turn_first = request;
	end[0].turn_in = response;
	end[0].turn_out = request;
	end[1].send_total = rounds * response;
	end[1].turn_in = request;
	end[1].turn_out = response;
}

static void make_pattern(struct rng *rng, enum pattern pattern,
			 struct pair_plan *pair, uint64_t size_max)
{
	unsigned one = (unsigned)rng_below(rng, 2);
	struct app_plan *a = &pair->end[one];
	struct app_plan *b = &pair->end[!one];

	a->send_total = stream_size(rng, size_max);
	switch (pattern) {
	case PATTERN_REQUESTS:
		make_requests(rng, pair->end);
		break;
	case PATTERN_BOTH:
		b->send_total = stream_size(rng, size_max);
		break;
	case PATTERN_SLOW_READER: /* the whole takes 10 s at most */
		b->read_every_ns = rng_scale(rng, NS_PER_MS, 200 * NS_PER_MS);
		b->read_max = (uint32_t)(a->send_total * b->read_every_ns /
						 (10 * NS_PER_S) +
					 1);
		break;
	case PATTERN_PAUSE:
		b->pause_after = rng_below(rng, a->send_total);
		b->pause_ns = rng_scale(rng, 10 * NS_PER_MS, 20 * NS_PER_S);
		break;
	case PATTERN_AFTER_EOF:
		b->send_total = stream_size(rng, size_max);
		b->send_after_eof = true;
		break;
	case PATTERN_CLOSE_EARLY:
		a->close_early = true;
		break;
	case PATTERN_ABORT:
		b->send_total = stream_size(rng, size_max);
		b->abort_after = rng_below(rng, a->send_total);
		pair->may_fail = true;
		break;
	case PATTERN_EMPTY:
		a->send_total = 0;
		break;
	case PATTERN_BULK:
	case PATTERNS:
		break;
	}
}

/* Of what one end sends: the sum of all bounds a run's length. */
static uint64_t size_max(const struct scenario *scenario)
{
	if (scenario->tunnel)
		return 200000;
	return scenario->pair_count <= 2 ? 1500000 : 100000;
}

/* A loss probe goes after 10 ms at least: a queue that holds back a burst for
 * longer, or others' bursts, look like loss to it (RFC 8985 7.2). */
static void keep_queues_short(struct scenario *scenario)
{
	for (unsigned i = 0; i < 2; i++) {
		struct link_config *link = &scenario->link[i];
		uint64_t least = scenario->mtu * UINT64_C(2000);

		if (scenario->pair_count > 1)
			link->bytes_per_s = 0;
		else if (link->bytes_per_s != 0 && link->bytes_per_s < least)
			link->bytes_per_s = least;
	}
}

static void make_pairs(struct rng *rng, struct scenario *scenario)
{
	scenario->pair_count =
		rng_chance(rng, 600000)
			? 1
			: (unsigned)rng_range(rng, 2, SCENARIO_PAIRS_MAX);
	for (unsigned i = 0; i < scenario->pair_count; i++) {
		struct pair_plan *pair = &scenario->pairs[i];
		enum pattern pattern = (enum pattern)rng_below(
			rng, scenario->clean ? PATTERN_SLOW_READER : PATTERNS);

		memset(pair, 0, sizeof(*pair));
		pair->connector = (uint8_t)rng_below(rng, 2);
		pair->family = rng_chance(rng, 500000) ? IP_V4 : IP_V6;
		default_app(rng, &pair->end[0]);
		default_app(rng, &pair->end[1]);
		make_pattern(rng, pattern, pair, size_max(scenario));
		pair->end[0].start_at = SCENARIO_START;
		if (i > 0)
			pair->end[0].start_at += rng_below(rng, 5 * NS_PER_S);
	}
}

/* ------------------------------------------------------------- rarities */

static void make_quirk(struct rng *rng, struct scenario *scenario,
		       struct host_plan *host)
{
	host->quirk = (enum quirk_kind)rng_below(rng, QUIRKS);
	if (rng_chance(rng, 300000))
		host->tcp.delayed_ack_ns = 200 * NS_PER_MS;
	if (host->quirk != QUIRK_TINY)
		return;
	host->tcp.window_scaling = false; /* a window is what it says */
	for (unsigned i = 0; i < scenario->pair_count; i++)
		for (unsigned end = 0; end < 2; end++) {
			uint64_t *total =
				&scenario->pairs[i].end[end].send_total;

			if (scenario->pairs[i].end[end].turn_in == 0 &&
			    *total > TINY_TOTAL_MAX)
				*total = TINY_TOTAL_MAX;
		}
}

static void make_rarities(struct rng *rng, struct scenario *scenario)
{
	for (unsigned i = 0; i < 2; i++) {
		struct host_plan *host = &scenario->host[i];

		if (rng_chance(rng, 100000))
			scenario->link[i].loss =
				(uint32_t)rng_range(rng, 120000, 200000);
		if (rng_chance(rng, 200000))
			make_quirk(rng, scenario, host);
		if (rng_chance(rng, 100000)) {
			host->jump_at =
				SCENARIO_START + rng_below(rng, 15 * NS_PER_S);
			host->jump_ns =
				rng_scale(rng, NS_PER_MS, 60 * NS_PER_S);
		}
	}
}

/* ------------------------------------------------------------- the whole */

/* After the faults: three times the longest wait for a retransmission, and the
 * time the slowest link takes for all bytes, four times. */
static uint64_t time_limit(const struct scenario *scenario)
{
	uint64_t slowest = UINT64_MAX;
	uint64_t bytes = 0;
	uint64_t limit = 200 * NS_PER_S;

	for (unsigned i = 0; i < scenario->pair_count; i++)
		bytes += scenario->pairs[i].end[0].send_total +
			 scenario->pairs[i].end[1].send_total;
	for (unsigned i = 0; i < 2; i++) {
		if (scenario->link[i].bytes_per_s != 0)
			slowest = time_min(slowest,
					   scenario->link[i].bytes_per_s);
		limit += 3 * scenario->host[i].tcp.rto_max_ns;
	}
	return limit + (bytes * 4 / (slowest / 1000) + 1) * NS_PER_MS;
}

void scenario_make(struct scenario *scenario, uint64_t seed, bool tunnel)
{
	static const uint16_t mtus[] = {1280, 1420, 1420, 1500, 9000};
	struct rng rng = {.state = seed * 2 + (tunnel ? 1 : 0)};

	memset(scenario, 0, sizeof(*scenario));
	scenario->seed = seed;
	scenario->tunnel = tunnel;
	scenario->clean = rng_chance(&rng, 150000);
	scenario->mtu = mtus[rng_below(&rng, ARRAY_SIZE(mtus))];
	scenario->heal_at = SCENARIO_START + 30 * NS_PER_S;
	for (unsigned i = 0; i < 2; i++) {
		make_link(&rng, scenario->clean, &scenario->link[i]);
		make_host(&rng, scenario->clean, &scenario->host[i]);
	}
	make_pairs(&rng, scenario);
	for (unsigned i = 0; i < 2 && !scenario->clean && !tunnel; i++)
		make_narrow(&rng, scenario->mtu, &scenario->link[i]);
	if (!scenario->clean && !tunnel)
		make_rarities(&rng, scenario);
	if (scenario->clean)
		keep_queues_short(scenario);
	scenario->end_by = scenario->heal_at + time_limit(scenario);
}

static void move_later(uint64_t *at, uint64_t *end)
{
	uint64_t moved;

	if (*at < SCENARIO_START)
		return;
	moved = (*at - SCENARIO_START) * (LONGER - 1);
	*at += moved;
	if (end != NULL)
		*end += moved;
}

static void move_host(struct host_plan *host)
{
	for (unsigned i = 0; i < SCENARIO_WINDOWS; i++) {
		move_later(&host->hold[i].from, &host->hold[i].to);
		move_later(&host->stall[i].from, &host->stall[i].to);
	}
	move_later(&host->jump_at, NULL);
}

void scenario_lengthen(struct scenario *scenario)
{
	struct rng rng = {.state = scenario->seed};
	uint64_t longer = (scenario->heal_at - SCENARIO_START) * (LONGER - 1);

	scenario->lengthened = true;
	scenario->heal_at += longer;
	for (unsigned i = 0; i < 2; i++) {
		struct link_config *link = &scenario->link[i];

		move_host(&scenario->host[i]);
		move_later(&link->dark_from, &link->dark_to);
		move_later(&link->narrow_from, NULL);
	}
	for (unsigned i = scenario->pair_count; i < LONG_PAIRS; i++)
		scenario->pairs[i] = scenario->pairs[i % scenario->pair_count];
	if (scenario->pair_count < LONG_PAIRS)
		scenario->pair_count = LONG_PAIRS;
	for (unsigned i = 1; i < scenario->pair_count; i++)
		scenario->pairs[i].end[0].start_at =
			SCENARIO_START + rng_below(&rng, longer);
	scenario->end_by = scenario->heal_at + time_limit(scenario);
}

static void print_host(const struct host_plan *host)
{
	fprintf(stderr,
		"  host: ts %d sack %d ws %d rcv %u snd %u iw %u delack %.3f "
		"turn %.6f batch %u lent %d chunks %u\n",
		host->tcp.timestamps, host->tcp.sack, host->tcp.window_scaling,
		host->tcp.recv_buffer_max, host->tcp.send_buffer_max,
		host->tcp.initial_window,
		(double)host->tcp.delayed_ack_ns / 1e9,
		(double)host->turn_ns / 1e9, host->batch_max, host->read_lent,
		host->chunks);
	if (host->quirk != QUIRK_NONE || host->jump_ns != 0)
		fprintf(stderr, "   %s, jumps %.3f s at %.3f\n",
			quirk_name[host->quirk], (double)host->jump_ns / 1e9,
			(double)host->jump_at / 1e9);
	for (unsigned i = 0; i < SCENARIO_WINDOWS; i++)
		if (host->hold[i].to != 0 || host->stall[i].to != 0)
			fprintf(stderr, "    hold %.3f-%.3f stall %.3f-%.3f\n",
				(double)host->hold[i].from / 1e9,
				(double)host->hold[i].to / 1e9,
				(double)host->stall[i].from / 1e9,
				(double)host->stall[i].to / 1e9);
}

void scenario_print(const struct scenario *scenario)
{
	fprintf(stderr, "seed %llu%s%s%s mtu %u, %u connections\n",
		(unsigned long long)scenario->seed,
		scenario->tunnel ? " tunnel" : "",
		scenario->lengthened ? " long" : "",
		scenario->clean ? " clean" : "", scenario->mtu,
		scenario->pair_count);
	for (unsigned i = 0; i < 2; i++) {
		const struct link_config *link = &scenario->link[i];

		fprintf(stderr,
			"  link %u: %.3f ms +%.3f, %llu B/s queue %u, loss %u "
			"burst %u dup %u reorder %u (%.3f ms) corrupt %u "
			"dark %.3f-%.3f narrow %u%s\n",
			i, (double)link->latency_ns / 1e6,
			(double)link->jitter_ns / 1e6,
			(unsigned long long)link->bytes_per_s,
			link->queue_bytes, link->loss, link->burst_start,
			link->duplicate, link->reorder,
			(double)link->reorder_ns / 1e6, link->corrupt,
			(double)link->dark_from / 1e9,
			(double)link->dark_to / 1e9, link->narrow,
			link->narrow_silent ? " silent" : "");
		print_host(&scenario->host[i]);
	}
}
