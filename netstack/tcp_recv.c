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

/* Payload is not taken any more when this much of the budget is used: what was
 * lent must find room. */
static bool memory_is_tight(const struct netstack *ns)
{
	return ns->config.chunks->used >= ns->config.chunks->count / 16 * 15;
}

uint32_t tcp_receive_window(const struct tcp_conn *conn)
{
	uint32_t queued = tcp_recv_queued(conn);
	uint32_t max = UINT32_C(0xffff) << conn->rcv_wscale;
	uint32_t wnd =
		queued < conn->rcv_buffer ? conn->rcv_buffer - queued : 0;

	return wnd < max ? wnd : max;
}

/* ------------------------------------------------------------- lending */

static bool lend(struct netstack *ns, struct tcp_conn *conn,
		 const uint8_t *data, uint32_t len)
{
	uint32_t index = ns->lent_count;

	if (index == LENT_MAX)
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

void tcp_stow(struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t index = conn->lent_head;

	conn->lent_head = conn->lent_tail = SOCKET_NONE;
	conn->lent_len = 0;
	for (; index != SOCKET_NONE; index = ns->lents[index].next) {
		const struct lent *lent = &ns->lents[index];

		if (lent->len > 0 &&
		    append(ns, conn, lent->data, lent->len) != 0) {
			/* Acknowledged bytes cannot be forgotten silently. */
			ns_count(ns, NS_DROP_MEMORY);
			conn->sock.error = -ERR_NO_MEMORY;
			return;
		}
	}
}

void tcp_stow_all(struct netstack *ns)
{
	while (ns->lending != SOCKET_NONE) {
		struct tcp_conn *conn = tcp_at(ns, ns->lending);

		ns->lending = conn->lending_next;
		conn->lending = false;
		tcp_stow(ns, conn);
		if (conn->sock.error == -ERR_NO_MEMORY &&
		    conn->state != TCPS_CLOSED) {
			tcp_send_reset(ns, conn);
			tcp_fail(ns, conn, -ERR_NO_MEMORY);
		}
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

static void take_in_order(struct netstack *ns, struct tcp_conn *conn,
			  const struct tcp_arrival *arrival,
			  const uint8_t *data, uint32_t len)
{
	uint32_t complete;

	if (memory_is_tight(ns)) {
		ns_count(ns, NS_DROP_MEMORY);
		conn->ack_now = true;
		return;
	}
	if (!(arrival->lendable && conn->ooo.count == 0 &&
	      lend(ns, conn, data, len))) {
		tcp_stow(ns, conn);
		if (append(ns, conn, data, len) != 0) {
			ns_count(ns, NS_DROP_MEMORY);
			conn->ack_now = true;
			return;
		}
	}
	conn->rcv_nxt += len;
	complete = tcp_reasm_advance(&conn->ooo, conn->rcv_nxt);
	if (complete != conn->rcv_nxt) {
		chain_commit(&conn->recv, complete - conn->rcv_nxt);
		conn->rcv_nxt = complete;
		conn->ack_now = true; /* a hole was filled */
	}
	if (conn->ooo.count > 0)
		conn->ack_now = true;
	conn->rcv_unacked_segments++;
	conn->ack_later = true;
	ns_notify(ns, &conn->sock, NS_READABLE);
}

static void take_out_of_order(struct netstack *ns, struct tcp_conn *conn,
			      uint32_t seq, const uint8_t *data, uint32_t len)
{
	uint32_t position;

	ns_count(ns, NS_TCP_OUT_OF_ORDER);
	conn->ack_now = true; /* RFC 5681 4.2: at once, with SACK */
	tcp_stow(ns, conn);
	position = conn->recv.len + (seq - conn->rcv_nxt);
	if (memory_is_tight(ns) || conn->ooo.count == REASM_RANGES ||
	    chain_write(&conn->recv, ns->config.chunks, position, data, len) !=
		    0) {
		ns_count(ns, NS_DROP_MEMORY);
		return;
	}
	(void)tcp_reasm_add(&conn->ooo, seq, seq + len);
}

/* Cuts a segment to what is new and fits the window. */
static void take_payload(struct netstack *ns, struct tcp_conn *conn,
			 const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
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
		take_in_order(ns, conn, arrival, data, end - seq);
	else
		take_out_of_order(ns, conn, seq, data, end - seq);
}

/* ------------------------------------------------------------- FIN */

static void finish(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	conn->fin_received = true;
	conn->rcv_nxt++;
	conn->ack_now = true;
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
		take_payload(ns, conn, arrival);
	if (segment->flags & TCP_FIN) {
		conn->has_ooo_fin = true;
		conn->ooo_fin = end;
		conn->ack_now = true;
	}
	if (conn->has_ooo_fin && conn->ooo_fin == conn->rcv_nxt)
		finish(ns, conn, arrival->now);
}
