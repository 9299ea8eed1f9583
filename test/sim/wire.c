/* SPDX-License-Identifier: ISC */
#include "wire.h"

#include <string.h>

#include "app.h"
#include "base/bytes.h"
#include "base/check.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"
#include "netstack/tcp_segment.h"
#include "netstack/tcp_seq.h"

enum { HEADER_LEN = 20, WINDOW_SCALE = 3, NO_OPERATION = 1 };

struct view {
	uint8_t version, flags;
	uint16_t src, dst, window;
	uint32_t seq, end, ack;
	bool has_scale;
	uint8_t scale;
};

static void read_scale(const uint8_t *tcp, uint32_t header_len,
		       struct view *view)
{
	uint32_t at = HEADER_LEN;

	while (at + 1 < header_len && tcp[at] != 0) {
		if (tcp[at] == NO_OPERATION) {
			at++;
			continue;
		}
		if (tcp[at] == WINDOW_SCALE) {
			view->has_scale = true;
			view->scale = tcp[at + 2];
		}
		CHECK(tcp[at + 1] >= 2);
		at += tcp[at + 1];
	}
}

/* False: not a whole segment, or one that was changed on the way. */
static bool look(const uint8_t *data, uint32_t len, struct view *view)
{
	struct ip_packet ip;
	const uint8_t *tcp;
	uint32_t header_len, sum;

	if (ip_parse(data, len, &ip) != 0 || ip.fragment ||
	    ip.protocol != IP_PROTO_TCP || ip.payload_len < HEADER_LEN)
		return false;
	tcp = ip.payload;
	sum = checksum_pseudo(&ip.src, &ip.dst, IP_PROTO_TCP, ip.payload_len);
	if (checksum_finish(checksum_add(sum, tcp, ip.payload_len)) != 0)
		return false;
	header_len = (tcp[12] >> 4) * 4U;
	*view = (struct view){
		.version = data[0] >> 4,
		.flags = tcp[13],
		.src = get_be16(tcp),
		.dst = get_be16(tcp + 2),
		.window = get_be16(tcp + 14),
		.seq = get_be32(tcp + 4),
		.ack = get_be32(tcp + 8),
	};
	view->end = view->seq + ip.payload_len - header_len +
		    ((view->flags & TCP_FIN) != 0);
	if (view->flags & TCP_SYN)
		read_scale(tcp, header_len, view);
	return true;
}

static struct wire_flow *find_flow(struct wire *wire, uint8_t version,
				   uint16_t local, uint16_t remote)
{
	struct wire_flow *unused = NULL;

	for (unsigned i = 0; i < WIRE_FLOWS; i++) {
		struct wire_flow *flow = &wire->flows[i];

		if (flow->version == version && flow->local == local &&
		    flow->remote == remote)
			return flow;
		if (unused == NULL && flow->version == 0)
			unused = flow;
	}
	CHECK(unused != NULL);
	*unused = (struct wire_flow){
		.version = version, .local = local, .remote = remote};
	return unused;
}

/* The first one counts: one that is sent again may have no options. */
static void take_syn(struct wire_end *end, const struct view *view)
{
	if (end->opened && end->first == view->seq)
		return;
	*end = (struct wire_end){
		.opened = true,
		.first = view->seq,
		.has_scale = view->has_scale,
		.scale = view->scale,
		.next = view->seq + 1,
	};
	if (view->flags & TCP_ACK) {
		end->edge = view->ack + view->window;
		end->synchronized = true;
	}
}

static uint32_t edge_of(const struct wire_flow *flow,
			const struct wire_end *end, const struct view *view)
{
	bool scaled = flow->ours.has_scale && flow->theirs.has_scale;

	return view->ack +
	       ((uint32_t)view->window << (scaled ? end->scale : 0));
}

static void check_sent(struct wire_flow *flow, const struct view *view)
{
	struct wire_end *ours = &flow->ours;
	struct wire_end *theirs = &flow->theirs;
	uint32_t edge = edge_of(flow, ours, view);

	if (seq_lt(theirs->next, view->ack))
		sim_fail("port %u acknowledges %u, only %u came", view->src,
			 view->ack, theirs->next);
	if (ours->synchronized && seq_lt(edge, ours->edge))
		sim_fail("port %u: the right edge moves left by %u", view->src,
			 ours->edge - edge);
	ours->edge = edge;
	ours->synchronized = true;
	if (theirs->synchronized && view->end != view->seq &&
	    seq_lt(theirs->edge + 1, view->end))
		sim_fail("port %u: %u bytes beyond the window", view->src,
			 view->end - theirs->edge);
}

void wire_sent(struct wire *wire, const uint8_t *data, uint32_t len)
{
	struct wire_flow *flow;
	struct view view;

	if (!look(data, len, &view))
		return;
	flow = find_flow(wire, view.version, view.src, view.dst);
	if (view.flags & TCP_RST)
		flow->over = true;
	if (view.flags & TCP_SYN) {
		if (!(view.flags & TCP_ACK))
			flow->over = false;
		take_syn(&flow->ours, &view);
	} else if (!flow->over) {
		check_sent(flow, &view);
	}
}

void wire_received(struct wire *wire, const uint8_t *data, uint32_t len)
{
	struct wire_flow *flow;
	struct view view;
	uint32_t edge;

	if (!look(data, len, &view))
		return;
	flow = find_flow(wire, view.version, view.dst, view.src);
	if (view.flags & TCP_SYN) {
		if (!(view.flags & TCP_ACK))
			flow->over = false;
		take_syn(&flow->theirs, &view);
		return;
	}
	if (view.flags & (TCP_FIN | TCP_RST))
		flow->over = true;
	edge = edge_of(flow, &flow->theirs, &view);
	if (!flow->theirs.synchronized || seq_lt(flow->theirs.edge, edge))
		flow->theirs.edge = edge;
	flow->theirs.synchronized = true;
	if (seq_lt(flow->theirs.next, view.end))
		flow->theirs.next = view.end;
}
