/* SPDX-License-Identifier: ISC */
/* Segment arrival, in the order of RFC 9293 section 3.10.7. */
#include "netstack/tcp.h"

#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp_seq.h"

/* One challenge ACK per connection in this time (RFC 5961 section 7). */
#define CHALLENGE_NS (500 * NS_PER_MS)
/* Timestamps are compared within half their space, 2^31 ms (RFC 7323 5.5). */
#define PAWS_NS (UINT64_C(24) * 86400 * NS_PER_S)
/* A segment that a retransmission has overtaken is that much older, in ticks of
 * the peer's clock, and still good: no path wraps the numbers in 250 ms. */
enum { PAWS_REORDER = 250 };

static void touch(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->touched)
		return;
	conn->touched = true;
	conn->touched_next = ns->touched;
	ns->touched = conn->index;
}

void tcp_challenge(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	if (now < conn->challenge_at)
		return;
	conn->challenge_at = now + CHALLENGE_NS;
	conn->ack_now = true;
	ns_count(ns, NS_TCP_CHALLENGE_ACKS);
}

/* ------------------------------------------------------------- LISTEN */

struct tcp_conn *tcp_find_listener(const struct netstack *ns,
				   const struct tcp_arrival *arrival)
{
	uint32_t index = ns->listeners;

	for (; index != SOCKET_NONE; index = tcp_at(ns, index)->next) {
		struct tcp_conn *conn = tcp_at(ns, index);

		if (conn->local.port == arrival->segment->dst_port &&
		    (conn->local.addr.family == IP_NONE ||
		     ip_addr_equal(&conn->local.addr, &arrival->ip->dst)))
			return conn;
	}
	return NULL;
}

static void queue_for_accept(struct netstack *ns, struct tcp_conn *listener,
			     struct tcp_conn *conn)
{
	conn->next = SOCKET_NONE;
	if (listener->accept_tail == SOCKET_NONE)
		listener->accept_head = conn->index;
	else
		tcp_at(ns, listener->accept_tail)->next = conn->index;
	listener->accept_tail = conn->index;
	ns_notify(ns, &listener->sock, NS_ACCEPTABLE);
}

static void open_passive(struct netstack *ns, struct tcp_conn *listener,
			 const struct tcp_arrival *arrival)
{
	const struct tcp_segment *syn = arrival->segment;
	struct tcp_conn *conn;
	struct flow_key key;

	if (listener->pending >= listener->backlog)
		return; /* the peer tries again */
	conn = tcp_alloc(ns);
	if (conn == NULL)
		return;
	conn->local = (struct endpoint){.addr = arrival->ip->dst,
					.port = syn->dst_port};
	conn->remote = (struct endpoint){.addr = arrival->ip->src,
					 .port = syn->src_port};
	conn->parent = listener->index;
	listener->pending++;
	conn->sock.sched.path = arrival->path;
	tcp_options_inherit(ns, conn, listener);
	conn->rcv_wscale = tcp_own_wscale(ns, conn);
	if (conn->rcv_buffer > tcp_option(ns, conn, TCP_OPTION_RECV_BUFFER))
		conn->rcv_buffer =
			(uint32_t)tcp_option(ns, conn, TCP_OPTION_RECV_BUFFER);
	conn->iss = tcp_isn(ns, conn, arrival->now);
	conn->snd_una = conn->snd_nxt = conn->recover = conn->iss;
	conn->ts_offset = tcp_ts_offset(ns, conn);
	tcp_agree(ns, conn, syn);
	tcp_set_state(conn, TCPS_SYN_RECEIVED);
	key = flow_key_make(&conn->local, &conn->remote);
	flow_insert(&ns->flows, &key, conn->index);
	conn->in_flows = true;
	conn->last_received = arrival->now;
	conn->held = listener->held;
	conn->syn_pending = !conn->held;
	touch(ns, conn);
	if (conn->held)
		queue_for_accept(ns, listener, conn);
}

static void arrive_listen(struct netstack *ns, struct tcp_conn *listener,
			  const struct tcp_arrival *arrival)
{
	uint8_t flags = arrival->segment->flags;

	if (flags & TCP_RST)
		return;
	if (flags & TCP_ACK)
		tcp_reply_reset(ns, arrival);
	else if ((flags & (TCP_SYN | TCP_FIN)) == TCP_SYN)
		open_passive(ns, listener, arrival);
}

/* ------------------------------------------------------------- SYN-SENT */

static void established(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now)
{
	conn->snd_una = conn->recover = conn->iss + 1;
	if (conn->backoff == 0)
		tcp_rtt_sample(ns, conn, now - conn->syn_sent);
	else /* RFC 6298 5.7: the SYN was lost, be careful */
		conn->rto = 3 * NS_PER_S;
	tcp_end_back_off(ns, conn);
	conn->rack_fack = conn->rack_end = conn->dsack_round = conn->snd_una;
	conn->cc.round_end = conn->snd_una;
	conn->rcv_tuned = now;
	conn->stalled_since = 0;
	tcp_set_state(conn, TCPS_ESTABLISHED);
	tcp_arm_timers(ns, conn, now, true);
}

static void syn_sent_reset(struct netstack *ns, struct tcp_conn *conn,
			   bool acceptable)
{
	if (!acceptable)
		return;
	ns_count(ns, NS_TCP_RESETS_RECEIVED);
	tcp_fail(ns, conn, -ERR_REFUSED);
}

static void arrive_syn_sent(struct netstack *ns, struct tcp_conn *conn,
			    const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	bool has_ack = (segment->flags & TCP_ACK) != 0;
	bool acceptable = has_ack && conn->snd_nxt != conn->iss &&
			  segment->ack == conn->snd_nxt;

	if (has_ack && !acceptable) {
		tcp_reply_reset(ns, arrival);
		return;
	}
	if (segment->flags & TCP_RST) {
		syn_sent_reset(ns, conn, acceptable);
		return;
	}
	if (!(segment->flags & TCP_SYN))
		return;
	tcp_agree(ns, conn, segment);
	conn->last_received = arrival->now;
	conn->syn_pending = false;
	if (!has_ack) { /* simultaneous open, MUST-10 */
		tcp_set_state(conn, TCPS_SYN_RECEIVED);
		conn->syn_pending = true;
		return;
	}
	established(ns, conn, arrival->now);
	conn->ack_now = true;
	ns_notify(ns, &conn->sock, NS_CONNECTED | NS_WRITABLE);
	if (segment->len > 0 || (segment->flags & TCP_FIN)) {
		struct tcp_segment rest = *segment;
		struct tcp_arrival again = *arrival;

		rest.seq++;
		rest.flags &= (uint8_t)~TCP_SYN;
		again.segment = &rest;
		tcp_receive(ns, conn, &again);
	}
}

/* ------------------------------------------------------------- the others */

/* RFC 9293 table 6. */
static bool in_window(const struct tcp_conn *conn,
		      const struct tcp_segment *segment)
{
	uint32_t wnd = seq_lt(conn->rcv_nxt, conn->rcv_adv)
			       ? conn->rcv_adv - conn->rcv_nxt
			       : 0;
	uint32_t span = tcp_segment_span(segment);
	uint32_t last = segment->seq + span - 1;

	if (span == 0 && wnd == 0)
		return segment->seq == conn->rcv_nxt;
	if (span == 0)
		return segment->seq - conn->rcv_nxt < wnd;
	if (wnd == 0)
		return false;
	return segment->seq - conn->rcv_nxt < wnd || last - conn->rcv_nxt < wnd;
}

/* RFC 7323 section 5; a missing timestamp is forgiven, because middleboxes
 * take it away. After 24 days of silence nothing is known (5.5). */
static bool paws_rejects(const struct tcp_conn *conn,
			 const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;

	return conn->timestamps && segment->has_timestamps &&
	       seq_lt(segment->ts_val + PAWS_REORDER, conn->ts_recent) &&
	       arrival->now - conn->ts_recent_at < PAWS_NS &&
	       !(segment->flags & TCP_RST);
}

/* RFC 7323 4.3. */
static void update_ts_recent(struct tcp_conn *conn,
			     const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;

	if (!conn->timestamps || !segment->has_timestamps ||
	    seq_lt(conn->last_ack_sent, segment->seq))
		return;
	if (seq_lt(segment->ts_val, conn->ts_recent) &&
	    arrival->now - conn->ts_recent_at < PAWS_NS)
		return; /* overtaken */
	conn->ts_recent = segment->ts_val;
	conn->ts_recent_at = arrival->now;
}

/* The peer repeats what it sent before, or probes a window that is closed: it
 * may not have heard of us, but we hear what it says of our data. */
static bool is_recent(const struct tcp_conn *conn,
		      const struct tcp_segment *segment)
{
	uint32_t age = conn->rcv_nxt - segment->seq;

	return (segment->flags & (TCP_ACK | TCP_SYN)) == TCP_ACK &&
	       tcp_synchronized(conn) && age <= conn->rcv_buffer;
}

/* First check. Unacceptable segments are answered, but those without data only
 * at the pace of challenge ACKs: two such peers must not talk for ever. */
static bool check_sequence(struct netstack *ns, struct tcp_conn *conn,
			   const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	bool old = paws_rejects(conn, arrival);

	if (!old && in_window(conn, segment))
		return true;
	ns_count(ns, NS_TCP_OUT_OF_WINDOW);
	if (segment->flags & TCP_RST)
		return false;
	if (!old && segment->len > 0 && seq_lt(segment->seq, conn->rcv_nxt))
		conn->dsack = (struct tcp_range){
			.start = segment->seq,
			.end = seq_min(segment->seq + segment->len,
				       conn->rcv_nxt)};
	if (segment->len > 0 || (segment->flags & TCP_FIN))
		conn->ack_now = true;
	else
		tcp_challenge(ns, conn, arrival->now);
	if (!old && is_recent(conn, segment))
		(void)tcp_acknowledge(ns, conn, arrival);
	/* The FIN again: our last ACK was lost, 2 MSL begin anew. */
	if (conn->state == TCPS_TIME_WAIT && (segment->flags & TCP_FIN))
		tcp_enter_time_wait(ns, conn, arrival->now);
	return false;
}

/* Second check, RFC 5961 section 3: only the exact number resets. */
static void arrive_reset(struct netstack *ns, struct tcp_conn *conn,
			 const struct tcp_arrival *arrival)
{
	if (arrival->segment->seq != conn->rcv_nxt) {
		tcp_challenge(ns, conn, arrival->now);
		return;
	}
	ns_count(ns, NS_TCP_RESETS_RECEIVED);
	if (conn->state == TCPS_TIME_WAIT)
		tcp_finish(ns, conn);
	else
		tcp_fail(ns, conn,
			 conn->state == TCPS_SYN_RECEIVED ? -ERR_REFUSED
							  : -ERR_RESET);
}

/* Fifth check in SYN-RECEIVED. */
static bool complete_handshake(struct netstack *ns, struct tcp_conn *conn,
			       const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;

	if (conn->snd_nxt == conn->iss || segment->ack != conn->snd_nxt) {
		tcp_reply_reset(ns, arrival);
		return false;
	}
	established(ns, conn, arrival->now);
	conn->snd_wnd = (uint32_t)segment->wnd << conn->snd_wscale;
	conn->snd_wnd_max = conn->snd_wnd;
	if (conn->parent == SOCKET_NONE) {
		ns_notify(ns, &conn->sock, NS_CONNECTED | NS_WRITABLE);
		return true;
	}
	queue_for_accept(ns, tcp_at(ns, conn->parent), conn);
	return true;
}

/* The peer's SYN again: our SYN-ACK was lost. Or, when both sides opened at
 * once, its SYN-ACK, which differs from the SYN only by acknowledging ours. */
static bool arrive_second_syn(struct netstack *ns, struct tcp_conn *conn,
			      const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	uint8_t flags = segment->flags & (TCP_SYN | TCP_ACK | TCP_RST);

	if (segment->seq != conn->irs || !(flags & TCP_SYN) ||
	    (flags & TCP_RST))
		return false;
	if (flags == TCP_SYN) {
		conn->syn_pending = !conn->held;
	} else if (conn->parent == SOCKET_NONE &&
		   segment->ack == conn->snd_nxt) {
		complete_handshake(ns, conn, arrival);
		conn->ack_now = true;
	} else {
		tcp_challenge(ns, conn, arrival->now);
	}
	return true;
}

static void arrive_synchronized(struct netstack *ns, struct tcp_conn *conn,
				const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;

	if (conn->state == TCPS_SYN_RECEIVED &&
	    arrive_second_syn(ns, conn, arrival))
		return;
	if (!check_sequence(ns, conn, arrival))
		return;
	if (segment->flags & TCP_RST) {
		arrive_reset(ns, conn, arrival);
		return;
	}
	if (segment->flags & TCP_SYN) { /* RFC 5961 section 4 */
		tcp_challenge(ns, conn, arrival->now);
		return;
	}
	if (!(segment->flags & TCP_ACK))
		return;
	update_ts_recent(conn, arrival);
	if (conn->state == TCPS_SYN_RECEIVED) {
		if (!complete_handshake(ns, conn, arrival))
			return;
	} else if (!tcp_acknowledge(ns, conn, arrival)) {
		return;
	}
	if (conn->state == TCPS_LAST_ACK && !conn->fin_queued) {
		tcp_finish(ns, conn);
		return;
	}
	/* Data for a handle that was given up can reach nobody. */
	if (conn->orphan && segment->len > 0 && !conn->fin_received &&
	    seq_lt(conn->rcv_nxt, segment->seq + segment->len)) {
		tcp_send_reset(ns, conn);
		tcp_fail(ns, conn, -ERR_RESET);
		return;
	}
	tcp_receive(ns, conn, arrival);
}

void tcp_arrive(struct netstack *ns, const struct tcp_arrival *arrival)
{
	struct endpoint local = {.addr = arrival->ip->dst,
				 .port = arrival->segment->dst_port};
	struct endpoint remote = {.addr = arrival->ip->src,
				  .port = arrival->segment->src_port};
	struct flow_key key = flow_key_make(&local, &remote);
	uint32_t index = flow_find(&ns->flows, &key);
	struct tcp_conn *conn = NULL;

	if (index != FLOW_NONE) {
		flow_expect(&ns->flows, index);
		conn = tcp_at(ns, index);
	}
	if (conn == NULL && tcp_time_wait_arrive(ns, arrival))
		return;
	if (conn == NULL) {
		conn = tcp_find_listener(ns, arrival);
		if (conn == NULL) {
			ns_count(ns, NS_DROP_NO_SOCKET);
			tcp_reply_reset(ns, arrival);
		} else {
			arrive_listen(ns, conn, arrival);
		}
		return;
	}
	conn->segments_received++;
	touch(ns, conn);
	if (conn->state == TCPS_SYN_SENT) {
		arrive_syn_sent(ns, conn, arrival);
		return;
	}
	conn->last_received = arrival->now;
	arrive_synchronized(ns, conn, arrival);
}

/* ------------------------------------------------------------- batch end */

/* MUST-58, SHLD-18: every second segment, or after the delay; the first few at
 * once, so that the peer's window opens quickly. */
static void decide_ack(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	if (!conn->ack_later || conn->ack_now)
		return;
	if (conn->quick_acks > 0) {
		uint32_t count = conn->rcv_unacked_segments;

		conn->quick_acks -= count < conn->quick_acks ? (uint8_t)count
							     : conn->quick_acks;
		conn->ack_now = true;
	} else if (conn->rcv_unacked_segments >= 2 ||
		   ns->config.tcp.delayed_ack_ns == 0) {
		conn->ack_now = true;
	} else if (conn->timers[TCP_TIMER_DELAYED_ACK] == NEVER) {
		tcp_set_timer(ns, conn, TCP_TIMER_DELAYED_ACK,
			      now + ns->config.tcp.delayed_ack_ns);
	}
}

void tcp_batch_end(struct netstack *ns, uint64_t now)
{
	while (ns->touched != SOCKET_NONE) {
		struct tcp_conn *conn = tcp_at(ns, ns->touched);

		ns->touched = conn->touched_next;
		conn->touched = false;
		if (conn->state == TCPS_CLOSED)
			continue;
		if (conn->discards)
			tcp_discard(ns, conn, now);
		decide_ack(ns, conn, now);
		tcp_schedule(ns, conn);
		tcp_time_wait_settle(ns, conn);
	}
}

/* ------------------------------------------------------------- ICMP */

/* RFC 5927: an error counts only when it quotes something in flight. RFC 5461:
 * hard errors abort only a connection that is not synchronized yet. */
void tcp_icmp(struct netstack *ns, const struct icmp_message *message)
{
	struct endpoint local = {.addr = message->local,
				 .port = message->local_port};
	struct endpoint remote = {.addr = message->remote,
				  .port = message->remote_port};
	struct flow_key key = flow_key_make(&local, &remote);
	uint32_t index = flow_find(&ns->flows, &key);
	struct tcp_conn *conn;

	if (index == FLOW_NONE)
		return;
	conn = tcp_at(ns, index);
	if (seq_lt(message->seq, conn->snd_una) ||
	    !seq_lt(message->seq, conn->snd_nxt))
		return;
	if (message->kind == ICMP_TOO_BIG)
		tcp_set_path_mtu(ns, conn, message->mtu);
	else if (message->kind == ICMP_HARD && !tcp_synchronized(conn))
		tcp_fail(ns, conn, message->error);
	else
		conn->soft_error = (int16_t)message->error;
}
