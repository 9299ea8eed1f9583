/* SPDX-License-Identifier: ISC */
/*
 * The receiving side: payload, FIN, window.
 *
 * Payload in order is lent from the packet's buffer until the end of the batch;
 * what nobody took by then is copied into the chain. Payload out of order goes
 * to its final place in the chain at once. The two never mix: while ranges wait
 * out of order, nothing is lent.
 */
#include "netstack/tcp.h"

#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp_seq.h"

/* When no round trip could be measured, because the SYN was lost. */
#define RTT_GUESS_NS (100 * NS_PER_MS)

uint32_t tcp_receive_window(const struct tcp_conn *conn)
{
	uint32_t queued = tcp_recv_queued(conn);
	uint32_t max = UINT32_C(0xffff) << conn->rcv_wscale;
	uint32_t wnd =
		queued < conn->rcv_buffer ? conn->rcv_buffer - queued : 0;

	return wnd < max ? wnd : max;
}

/* The buffer doubles while the user takes half of it within two round trips:
 * then the window, not the path, may be the limit. */
static void tune_buffer(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now, uint32_t len)
{
	uint64_t rtt = conn->srtt != 0 ? conn->srtt : RTT_GUESS_NS;

	conn->rcv_consumed += len;
	if (now - conn->rcv_tuned > 2 * rtt) {
		conn->rcv_consumed = len;
		conn->rcv_tuned = now;
	}
	if (conn->rcv_consumed < conn->rcv_buffer / 2)
		return;
	conn->rcv_consumed = 0;
	conn->rcv_tuned = now;
	if (chunk_pressure(ns->config.chunks))
		return;
	conn->rcv_buffer *= 2;
	if (conn->rcv_buffer > tcp_option(ns, conn, TCP_OPTION_RECV_BUFFER))
		conn->rcv_buffer =
			(uint32_t)tcp_option(ns, conn, TCP_OPTION_RECV_BUFFER);
}

/* MUST-39 of the receiver: a window that has become worth it is told. */
void tcp_window_opened(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		       uint32_t len)
{
	uint32_t held = seq_lt(conn->rcv_nxt, conn->rcv_adv)
				? conn->rcv_adv - conn->rcv_nxt
				: 0;
	uint32_t step = conn->rcv_buffer / 2;

	tune_buffer(ns, conn, now, len);
	if (step > 2 * (uint32_t)conn->mss)
		step = 2 * (uint32_t)conn->mss;
	if (!conn->fin_received && conn->state != TCPS_CLOSED &&
	    tcp_receive_window(conn) >= held + step)
		conn->ack_now = true;
}

/* ------------------------------------------------------------- lending */

/* Room to keep what is lent is taken at once, so that keeping cannot fail:
 * these bytes are going to be acknowledged. */
static bool lend(struct netstack *ns, struct tcp_conn *conn,
		 const uint8_t *data, uint32_t len)
{
	uint32_t index = ns->lent_count;

	if (index == LENT_MAX || chain_reserve(&conn->recv, ns->config.chunks,
					       conn->lent_len + len) != 0)
		return false;
	ns->lent_count++;
	ns->lents[index] = (struct lent){
		/* the packet was ours to change: struct packet has no const */
		.data = (uint8_t *)(uintptr_t)data,
		.len = len,
		.next = SOCKET_NONE,
	};
	if (conn->lent_tail == SOCKET_NONE)
		conn->lent_head = index;
	else
		ns->lents[conn->lent_tail].next = index;
	conn->lent_tail = index;
	conn->lent_len += len;
	if (!conn->lending) {
		conn->lending = true;
		conn->lending_next = ns->lending;
		ns->lending = conn->index;
	}
	return true;
}

static int append(struct netstack *ns, struct tcp_conn *conn,
		  const uint8_t *data, uint32_t len)
{
	int err = chain_write(&conn->recv, ns->config.chunks, conn->recv.len,
			      data, len);

	if (err == 0)
		chain_commit(&conn->recv, len);
	return err;
}

void tcp_drop_lent(struct tcp_conn *conn)
{
	conn->lent_head = conn->lent_tail = SOCKET_NONE;
	conn->lent_len = 0;
}

void tcp_trim_received(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->ooo.count == 0 && conn->lent_len == 0)
		chain_trim(&conn->recv, ns->config.chunks);
}

void tcp_stow(struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t index = conn->lent_head;

	tcp_drop_lent(conn);
	for (; index != SOCKET_NONE; index = ns->lents[index].next)
		CHECK(append(ns, conn, ns->lents[index].data,
			     ns->lents[index].len) == 0);
}

void tcp_stow_all(struct netstack *ns)
{
	while (ns->lending != SOCKET_NONE) {
		struct tcp_conn *conn = tcp_at(ns, ns->lending);

		ns->lending = conn->lending_next;
		conn->lending = false;
		tcp_stow(ns, conn);
		tcp_trim_received(ns, conn);
	}
	ns->lent_count = 0;
}

/* ------------------------------------------------------------- payload */

/* RFC 2883: says which bytes came twice. */
static void note_duplicate(struct netstack *ns, struct tcp_conn *conn,
			   uint32_t start, uint32_t end)
{
	ns_count(ns, NS_TCP_DUPLICATES);
	conn->dsack = (struct tcp_range){.start = start, .end = end};
	conn->ack_now = true;
}

static bool keep(struct netstack *ns, struct tcp_conn *conn,
		 const uint8_t *data, uint32_t len)
{
	if (conn->ooo.count == 0 && lend(ns, conn, data, len))
		return true;
	tcp_stow(ns, conn);
	return append(ns, conn, data, len) == 0;
}

static void take_in_order(struct netstack *ns, struct tcp_conn *conn,
			  const uint8_t *data, uint32_t len)
{
	uint32_t complete;

	if (!keep(ns, conn, data, len)) {
		ns_count(ns, NS_DROP_MEMORY);
		conn->ack_now = true;
		return;
	}
	conn->rcv_nxt += len;
	if (conn->ooo.count > 0) {
		complete = tcp_reasm_advance(&conn->ooo, ns->config.chunks,
					     conn->rcv_nxt);
		chain_commit(&conn->recv, complete - conn->rcv_nxt);
		conn->rcv_nxt = complete;
		conn->ack_now = true; /* RFC 5681 4.2: a hole is being filled */
	}
	conn->rcv_unacked_segments++;
	conn->ack_later = true;
	ns_notify(ns, &conn->sock, NS_READABLE);
}

/* Under memory pressure only what is in order is kept: it can leave again. */
static void take_out_of_order(struct netstack *ns, struct tcp_conn *conn,
			      struct tcp_range range, const uint8_t *data)
{
	struct chunk_pool *pool = ns->config.chunks;
	uint32_t position;

	ns_count(ns, NS_TCP_OUT_OF_ORDER);
	conn->ack_now = true; /* RFC 5681 4.2: at once, with SACK */
	tcp_stow(ns, conn);
	if (tcp_reasm_contains(&conn->ooo, pool, range))
		note_duplicate(ns, conn, range.start, range.end);
	position = conn->recv.len + (range.start - conn->rcv_nxt);
	if (chunk_pressure(pool) || !tcp_reasm_ready(&conn->ooo, pool) ||
	    chain_write(&conn->recv, pool, position, data,
			range.end - range.start) != 0) {
		ns_count(ns, NS_DROP_MEMORY);
		tcp_trim_received(ns, conn);
		return;
	}
	tcp_reasm_insert(&conn->ooo, pool, range);
}

/* Cuts a segment to what is new and fits the window. */
static void take_payload(struct netstack *ns, struct tcp_conn *conn,
			 const struct tcp_segment *segment)
{
	uint32_t seq = segment->seq;
	uint32_t end = seq + segment->len;
	const uint8_t *data = segment->data;

	if (seq_lt(seq, conn->rcv_nxt)) {
		note_duplicate(ns, conn, seq, seq_min(end, conn->rcv_nxt));
		if (seq_le(end, conn->rcv_nxt))
			return;
		data += conn->rcv_nxt - seq;
		seq = conn->rcv_nxt;
	}
	if (seq_lt(conn->rcv_adv, end))
		end = conn->rcv_adv;
	if (!seq_lt(seq, end))
		return;
	if (seq == conn->rcv_nxt)
		take_in_order(ns, conn, data, end - seq);
	else
		take_out_of_order(ns, conn,
				  (struct tcp_range){.start = seq, .end = end},
				  data);
}

/* ------------------------------------------------------------- FIN */

static void finish(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	conn->fin_received = true;
	conn->rcv_nxt++;
	conn->ack_now = true;
	/* Only a liar has sent anything beyond. */
	tcp_reasm_clear(&conn->ooo, ns->config.chunks);
	chain_trim(&conn->recv, ns->config.chunks);
	ns_notify(ns, &conn->sock, NS_READABLE | NS_EOF);
	switch ((enum tcp_state)conn->state) {
	case TCPS_SYN_RECEIVED:
	case TCPS_ESTABLISHED:
		tcp_set_state(conn, TCPS_CLOSE_WAIT);
		break;
	case TCPS_FIN_WAIT_1:
		/* Had our FIN been acknowledged, this were FIN-WAIT-2. */
		tcp_set_state(conn, TCPS_CLOSING);
		break;
	case TCPS_FIN_WAIT_2:
		tcp_enter_time_wait(ns, conn, now);
		break;
	case TCPS_CLOSED:
	case TCPS_LISTEN:
	case TCPS_SYN_SENT:
	case TCPS_CLOSE_WAIT:
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
	case TCPS_TIME_WAIT:
	case TCPS_STATES:
		break;
	}
}

void tcp_receive(struct netstack *ns, struct tcp_conn *conn,
		 const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	uint32_t end = segment->seq + segment->len;

	if (conn->fin_received) {
		if (tcp_segment_span(segment) > 0)
			conn->ack_now = true; /* all of it came before */
		return;
	}
	if (segment->len > 0)
		take_payload(ns, conn, segment);
	if (segment->flags & TCP_FIN) {
		conn->has_ooo_fin = true;
		conn->ooo_fin = end;
		conn->ack_now = true;
	}
	if (conn->has_ooo_fin && conn->ooo_fin == conn->rcv_nxt)
		finish(ns, conn, arrival->now);
}
