/* SPDX-License-Identifier: ISC */
#include "netstack/check.h"

#include "base/check.h"
#include "netstack/tcp.h"
#include "netstack/tcp_seq.h"
#include "netstack/udp.h"

/* ------------------------------------------------------------- sending */

/* Sequence number of the send chain's first byte. */
static uint32_t send_base(const struct tcp_conn *conn)
{
	return conn->snd_una == conn->iss ? conn->iss + 1 : conn->snd_una;
}

static bool sends_stream(const struct tcp_conn *conn)
{
	return conn->state >= TCPS_SYN_RECEIVED &&
	       conn->state != TCPS_TIME_WAIT && conn->state != TCPS_FIN_WAIT_2;
}

static void check_sending(const struct netstack *ns,
			  const struct tcp_conn *conn)
{
	uint32_t end = send_base(conn) + conn->send.len + conn->fin_queued;

	CHECK(seq_le(conn->snd_una, conn->snd_nxt));
	if (!sends_stream(conn))
		return;
	tcp_board_check(&conn->board, ns->config.chunks, send_base(conn),
			seq_max(conn->snd_nxt, send_base(conn)));
	CHECK(seq_le(conn->snd_nxt, end));
	CHECK(conn->mss > 0);
	CHECK(conn->cc.recovering || conn->cc.cwnd >= conn->mss);
	CHECK(conn->rto <= ns->config.tcp.rto_max_ns);
	CHECK(conn->srtt == 0 || conn->rto >= ns->config.tcp.rto_min_ns);
}

/* ------------------------------------------------------------- receiving */

static void check_receiving(const struct netstack *ns,
			    const struct tcp_conn *conn)
{
	uint32_t lent = 0;

	if (conn->state < TCPS_SYN_RECEIVED)
		return;
	for (uint32_t i = conn->lent_head; i != SOCKET_NONE;
	     i = ns->lents[i].next)
		lent += ns->lents[i].len;
	CHECK(lent == conn->lent_len);
	CHECK(lent == 0 || conn->ooo.count == 0);
	/* FIN takes a number but no window. */
	CHECK(seq_le(conn->rcv_nxt - conn->fin_received, conn->rcv_adv));
	tcp_reasm_check(&conn->ooo, ns->config.chunks, conn->rcv_nxt,
			conn->rcv_adv);
}

/* ------------------------------------------------------------- timers */

static uint64_t earliest(const struct tcp_conn *conn)
{
	uint64_t at = NEVER;

	for (int i = 0; i < TCP_TIMERS; i++)
		at = time_min(at, conn->timers[i]);
	return at;
}

static bool is_armed(const struct tcp_conn *conn, enum tcp_timer timer)
{
	return conn->timers[timer] != NEVER;
}

/* I5: something will happen by itself. */
static void check_progress(const struct tcp_conn *conn)
{
	bool waits = sched_waits(&conn->sock.sched);
	uint32_t end = send_base(conn) + conn->send.len + conn->fin_queued;

	if (conn->state == TCPS_TIME_WAIT && conn->orphan)
		CHECK(is_armed(conn, TCP_TIMER_LINGER));
	if (conn->held)
		return; /* the user's turn */
	if (conn->state == TCPS_SYN_SENT || conn->state == TCPS_SYN_RECEIVED)
		CHECK(waits || is_armed(conn, TCP_TIMER_RETRANSMIT));
	if (conn->state == TCPS_SYN_SENT || !sends_stream(conn))
		return;
	if (conn->board.count > 0)
		CHECK(waits || is_armed(conn, TCP_TIMER_RETRANSMIT) ||
		      (conn->snd_wnd == 0 &&
		       is_armed(conn, TCP_TIMER_PERSIST)));
	else if (seq_lt(conn->snd_nxt, end) && conn->state != TCPS_SYN_RECEIVED)
		CHECK(waits || is_armed(conn, TCP_TIMER_PERSIST));
	if (conn->ack_later)
		CHECK(waits || is_armed(conn, TCP_TIMER_DELAYED_ACK));
}

/* I10: in the ready list if and only if there is something to send; what is
 * to be sent and cannot, for want of memory, waits for a timer. */
static void check_ready(const struct netstack *ns, const struct tcp_conn *conn)
{
	struct tcp_conn copy = *conn; /* looking moves marks */
	bool wants = tcp_wants_output(ns, &copy);
	bool memory = ns->config.chunks->used < ns->config.chunks->count;

	if (sched_waits(&conn->sock.sched))
		CHECK(wants);
	else
		CHECK(!wants || !memory);
}

static void check_timers(const struct netstack *ns, const struct tcp_conn *conn)
{
	uint64_t at = earliest(conn);

	CHECK(at == NEVER || timer_next(&ns->timers) <= at);
	CHECK(!conn->ack_now || sched_waits(&conn->sock.sched));
}

/* ------------------------------------------------------------- tables */

static uint32_t chunks_of(const struct tcp_conn *conn)
{
	return conn->send.chunks + conn->recv.chunks +
	       tcp_board_chunks(&conn->board) + (conn->ooo.chunk != CHUNK_NONE);
}

static void check_silent(const struct tcp_conn *conn)
{
	/* what was received before an orderly end may wait to be read */
	CHECK(chunks_of(conn) == conn->recv.chunks);
	CHECK(conn->recv.chunks == 0 || !conn->orphan);
	CHECK(!sched_waits(&conn->sock.sched));
	CHECK(earliest(conn) == NEVER);
	CHECK(!conn->in_flows);
}

static void check_flow(const struct netstack *ns, const struct tcp_conn *conn)
{
	struct flow_key key;

	if (!conn->in_flows)
		return;
	key = flow_key_make(&conn->local, &conn->remote);
	CHECK(flow_find(&ns->flows, &key) == conn->index);
}

static void check_conn(const struct netstack *ns, const struct tcp_conn *conn)
{
	check_flow(ns, conn);
	CHECK(!conn->touched);
	if (conn->state == TCPS_CLOSED || conn->state == TCPS_LISTEN) {
		check_silent(conn);
		return;
	}
	CHECK(conn->in_flows);
	check_sending(ns, conn);
	check_receiving(ns, conn);
	check_timers(ns, conn);
	check_progress(conn);
	check_ready(ns, conn);
}

static uint32_t udp_chunks(const struct netstack *ns)
{
	uint32_t count = 0;

	for (uint32_t i = ns->udp_used; i != SOCKET_NONE; i = ns->udp[i].next) {
		count += ns->udp[i].in_chunk != CHUNK_NONE;
		count += ns->udp[i].out_chunk != CHUNK_NONE;
	}
	return count;
}

uint32_t netstack_check(const struct netstack *ns)
{
	uint32_t chunks = 0, flows = 0, backed_off = 0, orphans = 0;

	for (uint32_t i = 0; i < ns->conn_fresh; i++) {
		const struct tcp_conn *conn = tcp_at(ns, i);

		check_conn(ns, conn);
		chunks += chunks_of(conn);
		flows += conn->in_flows;
		backed_off += conn->backoff != 0;
		orphans += conn->orphan;
	}
	reasm_check(ns->reasm);
	CHECK(flows == ns->flows.count);
	CHECK(backed_off == ns->backed_off);
	CHECK(orphans == ns->orphans);
	tcp_time_wait_check(ns);
	chunks += udp_chunks(ns);
	CHECK(chunks <= ns->config.chunks->used);
	return chunks;
}
