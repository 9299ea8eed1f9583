/* SPDX-License-Identifier: ISC */
/* Between the script's relative numbers and what is on the wire. */
#include "runner.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

uint8_t packets_pattern(uint32_t seq)
{
	return (uint8_t)(seq * 7 + (seq >> 8) * 13 + (seq >> 16));
}

static struct flow *current_flow(struct runner *runner)
{
	return &runner->flows[runner->event->flow - 1];
}

static void fill_pattern(uint8_t *data, uint32_t seq, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = packets_pattern(seq + i);
}

/* ------------------------------------------------------------- injecting */

static void option_to_wire(const struct flow *flow, struct wire_option *option)
{
	if (option->kind == WIRE_TS) {
		if (option->any[1]) /* the newest of theirs */
			option->value[1] = flow->last_timestamp;
		else if (flow->knows_timestamp)
			option->value[1] += flow->timestamp_base;
	}
	for (unsigned i = 0; i < option->sack_count; i++) {
		option->sacks[i][0] += flow->our_isn;
		option->sacks[i][1] += flow->our_isn;
	}
}

static struct wire_segment from_peer(const struct flow *flow,
				     const struct wire_segment *relative)
{
	struct wire_segment segment = *relative;

	segment.src_port = flow->peer_port;
	segment.dst_port = flow->our_port;
	segment.seq += flow->peer_isn;
	if (segment.flags & WIRE_ACK)
		segment.ack += flow->our_isn;
	for (unsigned i = 0; i < segment.option_count; i++)
		option_to_wire(flow, &segment.options[i]);
	return segment;
}

static void inject(struct runner *runner, const struct flow *flow,
		   const struct script_packet *packet)
{
	static uint8_t bytes[WIRE_PACKET_CAP];
	static uint8_t data[WIRE_PACKET_CAP];
	struct world *world = &runner->world;
	struct wire_ends ends = {.src = world->peers, .dst = world->ours};
	struct wire_segment segment = from_peer(flow, &packet->segment);
	uint32_t len;

	fill_pattern(data,
		     packet->segment.seq +
			     ((packet->segment.flags & WIRE_SYN) != 0),
		     segment.len);
	segment.data = data;
	len = wire_build(&ends, &segment, bytes);
	if (packet->bad_checksum)
		wire_break_checksum(bytes);
	world_inject(world, bytes, len, packet->more);
}

bool packets_inject(struct runner *runner)
{
	inject(runner, current_flow(runner), &runner->event->packet);
	return true;
}

void packets_feed(struct runner *runner, uint32_t len)
{
	struct flow *flow = &runner->flows[0];
	struct script_packet packet = {
		.segment = {.flags = WIRE_ACK | WIRE_PSH,
			    .seq = flow->peer_next,
			    .ack = 1,
			    .win = 0xffff,
			    .len = len},
	};

	if (flow->knows_timestamp) {
		packet.segment.option_count = 1;
		packet.segment.options[0] = (struct wire_option){
			.kind = WIRE_TS,
			.any = {false, true},
			.value = {(uint32_t)(runner->world.now / NS_PER_MS), 0},
		};
	}
	inject(runner, flow, &packet);
	flow->peer_next += len;
}

bool packets_inject_icmp(struct runner *runner)
{
	static uint8_t bytes[WIRE_PACKET_CAP];
	const struct script_icmp *icmp = &runner->event->icmp;
	const struct flow *flow = current_flow(runner);
	struct world *world = &runner->world;
	struct wire_ends ends = {.src = world->peers, .dst = world->ours};
	struct wire_segment quoted = {
		.src_port = flow->our_port,
		.dst_port = flow->peer_port,
		.flags = WIRE_ACK,
		.seq = icmp->seq + flow->our_isn,
		.len = icmp->len,
	};
	uint32_t mtu = icmp->mtu + (world->family == IP_V4 ? 0 : 20);

	for (enum wire_icmp kind = 0; kind < WIRE_ICMPS; kind++) {
		if (strcmp(wire_icmp_name[kind], icmp->kind) != 0)
			continue;
		world_inject(world, bytes,
			     wire_build_icmp(&ends, kind, mtu, &quoted, bytes),
			     false);
		return true;
	}
	return runner_fail(runner, "unknown icmp kind '%s'", icmp->kind);
}

/* ------------------------------------------------------------- expecting */

/* A first SYN of the stack tells its port and initial sequence number. */
static void learn(struct runner *runner, struct flow *flow,
		  const struct wire_segment *segment)
{
	if (flow->our_port == 0)
		flow->our_port = segment->src_port;
	if (segment->flags & WIRE_SYN && !flow->knows_our_isn) {
		flow->knows_our_isn = true;
		flow->our_isn = segment->seq;
		if (!runner->knows_iss)
			runner->first_iss = segment->seq;
		runner->knows_iss = true;
	}
}

static void learn_timestamp(struct flow *flow,
			    const struct wire_option *expected,
			    const struct wire_option *live)
{
	if (!expected->any[0] && !flow->knows_timestamp) {
		flow->knows_timestamp = true;
		flow->timestamp_base = live->value[0] - expected->value[0];
	}
}

static const struct wire_option *
find_timestamp(const struct wire_segment *segment)
{
	for (unsigned i = 0; i < segment->option_count; i++)
		if (segment->options[i].kind == WIRE_TS)
			return &segment->options[i];
	return NULL;
}

static void to_relative(const struct flow *flow, struct wire_segment *segment)
{
	segment->seq -= flow->our_isn;
	if (segment->flags & WIRE_ACK)
		segment->ack -= flow->peer_isn;
	for (unsigned i = 0; i < segment->option_count; i++) {
		struct wire_option *option = &segment->options[i];

		if (option->kind == WIRE_TS && flow->knows_timestamp)
			option->value[0] -= flow->timestamp_base;
		for (unsigned k = 0; k < option->sack_count; k++) {
			option->sacks[k][0] -= flow->peer_isn;
			option->sacks[k][1] -= flow->peer_isn;
		}
	}
}

static bool options_agree(const struct wire_segment *want,
			  const struct wire_segment *got)
{
	if (want->option_count != got->option_count)
		return false;
	for (unsigned i = 0; i < want->option_count; i++) {
		const struct wire_option *w = &want->options[i];
		const struct wire_option *g = &got->options[i];

		if (w->kind != g->kind || w->sack_count != g->sack_count ||
		    memcmp(w->sacks, g->sacks, sizeof(w->sacks)) != 0)
			return false;
		for (unsigned k = 0; k < 2; k++)
			if (!w->any[k] && w->value[k] != g->value[k])
				return false;
	}
	return true;
}

static bool win_agrees(const struct script_packet *want, uint16_t win)
{
	switch (want->win_op) {
	case '=':
		return win == want->segment.win;
	case '>':
		return win > want->segment.win;
	case '<':
		return win < want->segment.win;
	default:
		return true;
	}
}

/* PSH is left to the sender (RFC 9293 SHLD-27 only asks for one at the end of
 * the buffer). A long expectation stands for several segments: seq is where
 * the next of them must begin, left how much is missing. */
static bool agrees(const struct script_packet *want,
		   const struct wire_segment *got, uint32_t seq, uint32_t left)
{
	uint8_t flags = want->segment.flags & (uint8_t)~WIRE_PSH;
	bool last = got->len == left;

	if (!last)
		flags &= (uint8_t)~WIRE_FIN;
	return (got->flags & (uint8_t)~WIRE_PSH) == flags && got->seq == seq &&
	       got->len <= left && (last || got->len > 0) &&
	       (!(flags & WIRE_ACK) || got->ack == want->segment.ack) &&
	       got->urgent == want->segment.urgent &&
	       win_agrees(want, got->win) &&
	       (want->any_options || options_agree(&want->segment, got));
}

static bool data_agrees(const struct wire_segment *got)
{
	for (uint32_t i = 0; i < got->len; i++)
		if (got->data[i] != packets_pattern(got->seq + i))
			return false;
	return true;
}

static double seconds(const struct runner *runner, uint64_t at)
{
	return (double)(at - runner->world.start) / 1e9;
}

static bool differs(struct runner *runner, const struct wire_segment *got,
		    uint64_t at)
{
	char want_text[WIRE_TEXT_CAP], got_text[WIRE_TEXT_CAP];

	return runner_fail(
		runner, "expected > %s\n    got      > %s   (at %.6f)",
		wire_format(&runner->event->packet.segment, want_text),
		wire_format(got, got_text), seconds(runner, at));
}

/* The oldest captured packet, with relative numbers. */
static bool decode(struct runner *runner, struct flow *flow,
		   const struct wire_option *timestamp,
		   struct wire_segment *ret_got)
{
	struct world *world = &runner->world;
	const struct captured *first = world_first(world);
	struct wire_ends ends = {.src = world->ours, .dst = world->peers};
	const char *wrong = wire_parse(&ends, first->data, first->len, ret_got);
	const struct wire_option *live;

	if (wrong != NULL)
		return runner_fail(runner, "bad packet from the stack: %s",
				   wrong);
	learn(runner, flow, ret_got);
	live = find_timestamp(ret_got);
	if (live != NULL)
		flow->last_timestamp = live->value[0];
	if (live != NULL && timestamp != NULL)
		learn_timestamp(flow, timestamp, live);
	if (ret_got->src_port != flow->our_port ||
	    ret_got->dst_port != flow->peer_port)
		return runner_fail(runner, "packet from port %u to %u",
				   ret_got->src_port, ret_got->dst_port);
	to_relative(flow, ret_got);
	return true;
}

/* The time in which the event may happen, as a range of the clock. */
static void expected_time(const struct runner *runner, uint64_t *ret_from,
			  uint64_t *ret_to)
{
	const struct script_event *event = runner->event;
	uint64_t tolerance = runner->script->options.tolerance;
	uint64_t base = event->time == TIME_ABSOLUTE ? runner->world.start
						     : runner->last_time;

	*ret_from = 0;
	*ret_to = runner->world.now + 3600 * NS_PER_S;
	if (event->time == TIME_ANY)
		return;
	*ret_from =
		base + event->from - time_min(base + event->from, tolerance);
	*ret_to = base + event->to + tolerance;
}

/* Runs until the stack sent something, and checks when that was. */
static bool wait_packet(struct runner *runner)
{
	struct world *world = &runner->world;
	char text[WIRE_TEXT_CAP];
	uint64_t from, to;

	expected_time(runner, &from, &to);
	world_run(world, to, true);
	calls_take_events(runner);
	if (world_first(world) == NULL)
		return runner_fail(
			runner, "expected > %s\n    got      nothing",
			wire_format(&runner->event->packet.segment, text));
	if (world_first(world)->at < from)
		return runner_fail(
			runner,
			"expected > %s\n    got      a packet %.6f s "
			"too early, at %.6f",
			wire_format(&runner->event->packet.segment, text),
			(double)(from - world_first(world)->at) / 1e9,
			seconds(runner, world_first(world)->at));
	return true;
}

bool packets_expect(struct runner *runner)
{
	const struct script_packet *want = &runner->event->packet;
	struct flow *flow = current_flow(runner);
	uint32_t seq = want->segment.seq;
	uint32_t left = want->segment.len;
	struct wire_segment got;

	do {
		uint64_t at;

		if (!wait_packet(runner))
			return false;
		at = world_first(&runner->world)->at;
		if (!decode(runner, flow, find_timestamp(&want->segment), &got))
			return false;
		if (!agrees(want, &got, seq, left))
			return differs(runner, &got, at);
		if (!data_agrees(&got))
			return runner_fail(runner, "wrong bytes in %u:%u",
					   got.seq, got.seq + got.len);
		seq += got.len;
		left -= got.len;
		runner->last_time = at;
		world_drop(&runner->world);
	} while (left > 0);
	return true;
}

bool packets_none(struct runner *runner)
{
	const struct captured *first = world_first(&runner->world);
	char text[WIRE_TEXT_CAP];
	struct wire_segment got;
	uint64_t at;

	if (first == NULL)
		return true;
	at = first->at;
	if (!decode(runner, &runner->flows[0], NULL, &got))
		return false;
	return runner_fail(runner,
			   "expected no packet\n"
			   "    got      > %s   (at %.6f)",
			   wire_format(&got, text), seconds(runner, at));
}
