/* SPDX-License-Identifier: ISC */
/*
 * What is lost, and what was thought lost and is not: RACK-TLP (RFC 8985) with
 * a reordering window that DSACK widens, duplicate ACKs where the peer has no
 * SACK (RFC 6582), undo by Eifel (RFC 4015) and DSACK (RFC 3708).
 */
#include "netstack/tcp.h"

#include "base/check.h"
#include "netstack/tcp_seq.h"

enum {
	DUPLICATES = 3,
	REORDER_STEPS_MAX = 16,
	REORDER_PERSIST = 16, /* recoveries */
};

/* ------------------------------------------------------------- RACK */

static bool sent_after(uint64_t sent_a, uint32_t end_a, uint64_t sent_b,
		       uint32_t end_b)
{
	return sent_a > sent_b || (sent_a == sent_b && seq_lt(end_b, end_a));
}

void tcp_rack_update(struct tcp_conn *conn, const struct tcp_record *record,
		     uint64_t now, uint32_t fack)
{
	uint64_t rtt = now - record->sent;

	/* An ACK sooner than the path allows is for the first transmission. */
	if (record->retransmitted && rtt < conn->min_rtt)
		return;
	if (!record->retransmitted && seq_lt(record->end, fack))
		conn->reordering = true;
	if (seq_lt(conn->rack_fack, record->end))
		conn->rack_fack = record->end;
	conn->rack_rtt = rtt;
	if (sent_after(record->sent, record->end, conn->rack_sent,
		       conn->rack_end)) {
		conn->rack_sent = record->sent;
		conn->rack_end = record->end;
	}
}

static uint64_t reorder_window(const struct tcp_conn *conn)
{
	uint64_t window;

	if (!conn->reordering &&
	    (conn->cc.recovering ||
	     conn->board.bytes[TCP_SACKED] >= DUPLICATES * (uint32_t)conn->mss))
		return 0;
	if (conn->min_rtt == NEVER)
		return 0;
	window = conn->min_rtt / 4 * conn->reorder_steps;
	return time_min(window, conn->srtt);
}

/* RFC 8985 section 6.2 step 5, oldest first, until one is not yet due. Returns
 * whether something new was lost; notes when the next record would be. */
static bool rack_detect(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now)
{
	struct chunk_pool *pool = ns->config.chunks;
	uint64_t wait = conn->rack_rtt + reorder_window(conn);
	uint64_t next = NEVER;
	bool lost = false;

	while (conn->board.oldest != TCP_RECORD_NONE) {
		const struct tcp_record *record =
			tcp_board_at(&conn->board, pool, conn->board.oldest);

		if (!sent_after(conn->rack_sent, conn->rack_end, record->sent,
				record->end))
			break;
		if (record->sent + wait > now) {
			next = record->sent + wait;
			break;
		}
		tcp_cc_learn(&conn->cc, 0, 0, record->end - record->seq);
		tcp_board_set_lost(&conn->board, pool, conn->board.oldest);
		lost = true;
	}
	tcp_set_timer(ns, conn, TCP_TIMER_REORDER, next);
	return lost;
}

/* The first segment outstanding as a record of its own. */
static uint16_t first_segment(struct netstack *ns, struct tcp_conn *conn)
{
	struct chunk_pool *pool = ns->config.chunks;
	uint16_t head = conn->board.head;
	uint32_t end = conn->snd_una + conn->mss;

	if (head != TCP_RECORD_NONE &&
	    seq_lt(end, tcp_board_at(&conn->board, pool, head)->end))
		(void)tcp_board_split(&conn->board, pool, head, end);
	return head;
}

void tcp_loss_mark_first(struct netstack *ns, struct tcp_conn *conn)
{
	uint16_t head = first_segment(ns, conn);

	if (head != TCP_RECORD_NONE &&
	    tcp_board_at(&conn->board, ns->config.chunks, head)->state ==
		    TCP_IN_FLIGHT)
		tcp_board_set_lost(&conn->board, ns->config.chunks, head);
}

/* RFC 6582: the third duplicate, and every partial acknowledgement, mean that
 * the first segment is missing. */
static bool reno_detect(struct netstack *ns, struct tcp_conn *conn,
			const struct tcp_progress *progress)
{
	bool partial = conn->cc.recovering && progress->acked > 0 &&
		       seq_lt(conn->snd_una, conn->recover);

	if (!partial && conn->dupacks != DUPLICATES)
		return false;
	tcp_loss_mark_first(ns, conn);
	if (conn->board.bytes[TCP_LOST] == 0)
		return false;
	/* Whatever the window says: more behind it may be lost as well. */
	conn->probe_pending = true;
	return true;
}

/* ------------------------------------------------------------- undo */

static void forget_undo(struct tcp_conn *conn)
{
	conn->undo_possible = false;
	conn->undo_bytes = 0;
}

static void undo(struct netstack *ns, struct tcp_conn *conn)
{
	tcp_cc_undo(&conn->cc);
	tcp_board_find_all(&conn->board, ns->config.chunks);
	conn->recover = conn->snd_una;
	forget_undo(conn);
}

void tcp_loss_eifel(struct netstack *ns, struct tcp_conn *conn, uint32_t ts_ecr)
{
	if (conn->undo_possible && conn->undo_bytes > 0 &&
	    seq_lt(ts_ecr, conn->undo_ts))
		undo(ns, conn);
}

void tcp_loss_dsack(struct tcp_conn *conn, uint32_t bytes)
{
	/* Below zero: more than we ever sent twice; no undo. */
	if (conn->undo_bytes >= 0)
		conn->undo_bytes -= (int32_t)bytes;
	if (conn->probe_in_flight) { /* it was not needed, and says no more */
		conn->probe_in_flight = false;
		return;
	}
	conn->reordering = true;
	/* RFC 8985 6.2 step 4: wider, once per round trip. */
	if (seq_le(conn->dsack_round, conn->snd_una)) {
		conn->dsack_round = conn->snd_nxt;
		if (conn->reorder_steps < REORDER_STEPS_MAX)
			conn->reorder_steps++;
		conn->reorder_persist = REORDER_PERSIST;
	}
}

/* ------------------------------------------------------------- recovery */

static uint32_t outstanding(const struct tcp_conn *conn)
{
	return conn->snd_nxt - conn->snd_una;
}

/* Percent of the window that congestion leaves. */
static unsigned usual_keep(const struct netstack *ns)
{
	return ns->config.tcp.cubic ? TCP_CC_KEEP : TCP_CC_KEEP_RENO;
}

/* The same for a loss that may be none of congestion's. Without SACK there is
 * nothing to judge by. */
static unsigned judge(const struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t percent = ns->config.tcp.loss_tolerance;

	if (percent == 0 || !conn->sack || !ns->config.tcp.cubic)
		return usual_keep(ns);
	return tcp_cc_judge(&conn->cc, conn->min_rtt, percent);
}

/* One reduction for one window of data. */
static void enter_recovery(const struct netstack *ns, struct tcp_conn *conn)
{
	unsigned keep;

	if (seq_lt(conn->snd_una, conn->recover))
		return;
	keep = judge(ns, conn);
	if (keep == 100)
		return;
	conn->recover = conn->snd_nxt;
	/* What was sent again before would be taken for this loss. */
	conn->undo_possible = conn->cc.tolerated == 0;
	conn->undo_bytes = 0;
	tcp_cc_congestion(&conn->cc, outstanding(conn), keep);
	if (conn->reorder_persist > 0 && --conn->reorder_persist == 0)
		conn->reorder_steps = 1;
}

static void leave_recovery(struct tcp_conn *conn)
{
	if (conn->cc.recovering && seq_le(conn->recover, conn->snd_una)) {
		tcp_cc_recovered(&conn->cc);
		if (conn->undo_bytes <= 0)
			forget_undo(conn);
	}
}

/* A loss probe that repaired a loss nobody else saw must reduce the window like
 * any loss (RFC 8985 7.4.2). An ACK for just what was probed may be for the
 * first transmission: then a DSACK or a bare duplicate follows, and if instead
 * more is acknowledged first, the probe was needed. */
static void judge_probe(const struct netstack *ns, struct tcp_conn *conn,
			const struct tcp_progress *progress)
{
	unsigned keep;

	if (!conn->probe_in_flight || seq_lt(conn->snd_una, conn->probe_end))
		return;
	if (conn->probe_was_new || conn->cc.recovering ||
	    (progress->acked == 0 && progress->delivered == 0)) {
		conn->probe_in_flight = false;
	} else if (seq_lt(conn->probe_end, conn->snd_una)) {
		conn->probe_in_flight = false;
		keep = judge(ns, conn);
		if (keep == 100)
			return;
		tcp_cc_congestion(&conn->cc, outstanding(conn), keep);
		tcp_cc_recovered(&conn->cc);
	}
}

void tcp_loss_ack(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		  const struct tcp_progress *progress)
{
	bool lost = conn->sack ? rack_detect(ns, conn, now)
			       : reno_detect(ns, conn, progress);
	uint32_t delivered = progress->delivered;

	tcp_cc_learn(&conn->cc, progress->rtt, delivered, 0);
	/* All that was thought lost arrived: by itself, before it was sent
	 * again, or twice, as DSACK says. */
	if (conn->undo_possible && conn->undo_bytes == 0 &&
	    conn->board.bytes[TCP_LOST] == 0)
		undo(ns, conn);
	judge_probe(ns, conn, progress);
	leave_recovery(conn);
	if (lost)
		enter_recovery(ns, conn);
	if (!conn->sack && conn->dupacks > 0 && progress->acked == 0)
		delivered = conn->mss;
	if (conn->cc.recovering) {
		tcp_cc_recovery_ack(&conn->cc, delivered, tcp_pipe(conn),
				    progress->acked > 0 && !lost);
	} else if (delivered > 0) {
		struct tcp_cc_ack ack = {
			.now = now,
			.rtt = progress->rtt,
			.srtt = conn->srtt,
			.min_rtt = conn->min_rtt,
			.acked = delivered,
			.snd_una = seq_max(conn->snd_una, conn->rack_fack),
			.snd_nxt = conn->snd_nxt,
			.limited = conn->cwnd_limited,
			.reno = !ns->config.tcp.cubic,
		};

		tcp_cc_ack(&conn->cc, &ack);
	}
}

void tcp_loss_reorder_timeout(struct netstack *ns, struct tcp_conn *conn,
			      uint64_t now)
{
	if (rack_detect(ns, conn, now)) {
		enter_recovery(ns, conn);
		if (conn->cc.recovering)
			tcp_cc_recovery_ack(&conn->cc, 0, tcp_pipe(conn),
					    false);
	}
}

void tcp_loss_mark_all(struct netstack *ns, struct tcp_conn *conn)
{
	tcp_board_lose_all(&conn->board, ns->config.chunks, false);
	conn->reno_sacked = 0;
}

/* A peer that has SACKed the first byte and does not acknowledge it has thrown
 * it away again (RFC 2018 section 8). */
static bool has_reneged(struct netstack *ns, struct tcp_conn *conn)
{
	uint16_t head = conn->board.head;

	return head != TCP_RECORD_NONE &&
	       tcp_board_at(&conn->board, ns->config.chunks, head)->state ==
		       TCP_SACKED;
}

void tcp_loss_timeout(struct netstack *ns, struct tcp_conn *conn)
{
	bool again = seq_lt(conn->snd_una, conn->recover);

	tcp_board_lose_all(&conn->board, ns->config.chunks,
			   has_reneged(ns, conn));
	conn->reno_sacked = 0;
	if (!again) { /* else an undo goes back to before the first time */
		conn->undo_possible = true;
		conn->undo_bytes = 0;
	}
	conn->recover = conn->snd_nxt;
	conn->dupacks = 0;
	conn->probe_in_flight = false;
	tcp_stop_timer(ns, conn, TCP_TIMER_REORDER);
	tcp_cc_timeout(&conn->cc, usual_keep(ns), again);
}
