/* SPDX-License-Identifier: ISC */
/* Acknowledgements: window, scoreboard, round trips (RFC 9293 3.10.7.4). */
#include "netstack/tcp.h"

#include "base/check.h"
#include "netstack/tcp_seq.h"

void tcp_rtt_sample(struct netstack *ns, struct tcp_conn *conn, uint64_t rtt)
{
	const struct ns_tcp_config *config = &ns->config.tcp;
	uint64_t margin;

	if (rtt == 0)
		rtt = 1;
	tcp_end_back_off(ns,
			 conn); /* Karn: not before there is a measurement */
	conn->min_rtt = time_min(conn->min_rtt, rtt);
	if (conn->srtt == 0) {
		conn->srtt = rtt;
		conn->rttvar = rtt / 2;
	} else {
		uint64_t error =
			rtt > conn->srtt ? rtt - conn->srtt : conn->srtt - rtt;

		conn->rttvar = (3 * conn->rttvar + error) / 4;
		conn->srtt = (7 * conn->srtt + rtt) / 8;
	}
	/* The floor is on the margin, as elsewhere: a delayed ACK of 200 ms
	 * on a path of 180 ms must not fire it. */
	margin = 4 * conn->rttvar;
	if (margin < config->rto_min_ns)
		margin = config->rto_min_ns;
	conn->rto = time_min(conn->srtt + margin, config->rto_max_ns);
}

/* RFC 9293: only a segment at least as new may change the window. One that
 * acknowledges more is newer, whatever it sends again: the old window from
 * there on would reach beyond what the peer said. */
static void update_window(struct tcp_conn *conn,
			  const struct tcp_segment *segment)
{
	uint32_t wnd = (uint32_t)segment->wnd << conn->snd_wscale;

	if (!seq_lt(conn->snd_una, segment->ack) &&
	    !seq_lt(conn->snd_wl1, segment->seq) &&
	    !(conn->snd_wl1 == segment->seq &&
	      seq_le(conn->snd_wl2, segment->ack)))
		return;
	conn->snd_wnd = wnd;
	conn->snd_wl1 = segment->seq;
	conn->snd_wl2 = segment->ack;
	if (wnd > conn->snd_wnd_max)
		conn->snd_wnd_max = wnd;
}

/* What probed the closed window was most likely not taken: send it again now,
 * without the back-off that the probes had come to. */
static void window_opened(struct netstack *ns, struct tcp_conn *conn)
{
	tcp_end_back_off(ns, conn);
	tcp_stop_timer(ns, conn, TCP_TIMER_PERSIST);
	tcp_loss_mark_all(ns, conn);
}

/* ------------------------------------------------------------- scoreboard */

/* Bytes of a record up to end arrived. */
static void note_delivered(struct tcp_conn *conn,
			   const struct tcp_record *record, uint32_t end,
			   uint64_t now, struct tcp_progress *progress)
{
	struct tcp_record part = *record;

	if (record->state == TCP_SACKED)
		return;
	part.end = end;
	progress->delivered += end - record->seq;
	tcp_rack_update(conn, &part, now, progress->fack);
	if (!record->retransmitted)
		progress->rtt = now > record->sent ? now - record->sent : 1;
}

/* What waited behind a hole is acknowledged when the hole is filled: its time
 * tells nothing of the path (Karn, MUST-18). */
static void take_cumulative(struct netstack *ns, struct tcp_conn *conn,
			    uint32_t ack, uint64_t now,
			    struct tcp_progress *progress)
{
	struct chunk_pool *pool = ns->config.chunks;
	bool resent = false;

	while (conn->board.count > 0) {
		struct tcp_record *head =
			tcp_board_at(&conn->board, pool, conn->board.head);

		if (seq_le(ack, head->seq))
			break;
		resent = resent || head->retransmitted;
		note_delivered(conn, head, seq_min(ack, head->end), now,
			       progress);
		tcp_board_remove_head(&conn->board, pool, ack);
	}
	if (resent)
		progress->rtt = 0;
}

/* The record becomes one that lies inside the block; NONE when it must be split
 * for that and cannot. */
static uint16_t cut_to(struct netstack *ns, struct tcp_conn *conn,
		       uint16_t index, const struct tcp_range *sack)
{
	struct chunk_pool *pool = ns->config.chunks;
	struct tcp_record *record = tcp_board_at(&conn->board, pool, index);

	if (record->state == TCP_SACKED)
		return index;
	if (seq_lt(record->seq, sack->start)) {
		index = tcp_board_split(&conn->board, pool, index, sack->start);
		if (index == TCP_RECORD_NONE)
			return index;
		record = tcp_board_at(&conn->board, pool, index);
	}
	if (seq_lt(sack->end, record->end) &&
	    tcp_board_split(&conn->board, pool, index, sack->end) ==
		    TCP_RECORD_NONE)
		return TCP_RECORD_NONE;
	return index;
}

static void take_sack(struct netstack *ns, struct tcp_conn *conn,
		      const struct tcp_range *sack, uint64_t now,
		      struct tcp_progress *progress)
{
	struct chunk_pool *pool = ns->config.chunks;
	uint16_t index = tcp_board_find(&conn->board, pool, sack->start);

	while (index != TCP_RECORD_NONE) {
		struct tcp_record *record =
			tcp_board_at(&conn->board, pool, index);

		if (seq_le(sack->end, record->seq))
			break;
		index = cut_to(ns, conn, index, sack);
		if (index == TCP_RECORD_NONE)
			break;
		record = tcp_board_at(&conn->board, pool, index);
		if (record->state != TCP_SACKED) {
			note_delivered(conn, record, record->end, now,
				       progress);
			index = tcp_board_set_sacked(&conn->board, pool, index);
			record = tcp_board_at(&conn->board, pool, index);
		}
		index = record->next;
	}
}

/* A block of what is in flight. By distances: three comparisons of sequence
 * numbers may agree about a block that goes round the circle. */
static bool in_flight(const struct tcp_conn *conn, uint32_t ack,
		      const struct tcp_range *sack)
{
	uint32_t start = sack->start - ack;
	uint32_t end = sack->end - ack;

	return start > 0 && start < end && end <= conn->snd_nxt - ack;
}

/* RFC 2883: the first block lies before the ACK or inside the second block. */
static bool is_dsack(const struct tcp_conn *conn,
		     const struct tcp_segment *segment)
{
	const struct tcp_range *first = &segment->sacks[0];
	const struct tcp_range *second = &segment->sacks[1];
	uint32_t ack = segment->ack;

	if (ack - first->start <= conn->snd_wnd_max)
		return ack - first->end < ack - first->start;
	return segment->sack_count > 1 && in_flight(conn, ack, first) &&
	       in_flight(conn, ack, second) &&
	       seq_le(second->start, first->start) &&
	       seq_le(first->end, second->end);
}

static void take_sacks(struct netstack *ns, struct tcp_conn *conn,
		       const struct tcp_segment *segment, uint64_t now,
		       struct tcp_progress *progress)
{
	for (unsigned i = 0; i < segment->sack_count; i++) {
		const struct tcp_range *sack = &segment->sacks[i];

		if (i == 0 && is_dsack(conn, segment)) {
			tcp_loss_dsack(conn, sack->end - sack->start);
			continue;
		}
		if (in_flight(conn, segment->ack, sack) &&
		    !tcp_board_scarce(&conn->board, ns->config.chunks))
			take_sack(ns, conn, sack, now, progress);
	}
}

/* ------------------------------------------------------------- progress */

/* SYN and FIN take sequence numbers but no place in the chain. */
static uint32_t payload_acked(const struct tcp_conn *conn, uint32_t ack)
{
	uint32_t bytes = ack - conn->snd_una;

	return bytes < conn->send.len ? bytes : conn->send.len;
}

static void fin_acked(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	ns_notify(ns, &conn->sock, NS_SENT);
	if (conn->state == TCPS_FIN_WAIT_1)
		tcp_set_state(conn, TCPS_FIN_WAIT_2);
	else if (conn->state == TCPS_CLOSING)
		tcp_enter_time_wait(ns, conn, now);
	if (conn->state == TCPS_FIN_WAIT_2 && conn->orphan)
		tcp_set_timer(ns, conn, TCP_TIMER_LINGER,
			      now + ns->config.tcp.fin_wait2_ns);
}

/* A mark in the past that nobody moves would be in the future 2 GiB later. */
static void keep_up(uint32_t *mark, uint32_t ack)
{
	*mark = seq_max(*mark, ack);
}

static void advance(struct netstack *ns, struct tcp_conn *conn,
		    const struct tcp_arrival *arrival,
		    struct tcp_progress *progress)
{
	uint32_t ack = arrival->segment->ack;
	bool all = conn->fin_queued && ack == conn->snd_nxt &&
		   ack - conn->snd_una == conn->send.len + 1;

	progress->acked = ack - conn->snd_una;
	take_cumulative(ns, conn, ack, arrival->now, progress);
	chain_consume(&conn->send, ns->config.chunks, payload_acked(conn, ack));
	if (conn->send.len == 0)
		chain_clear(&conn->send, ns->config.chunks);
	conn->bytes_sent += progress->acked;
	conn->snd_una = ack;
	keep_up(&conn->recover, ack);
	keep_up(&conn->dsack_round, ack);
	conn->dupacks = 0;
	conn->reno_sacked = 0;
	tcp_tell_space(ns, conn);
	if (all) {
		conn->fin_queued = false; /* nothing of the stream is left */
		fin_acked(ns, conn, arrival->now);
	}
}

/* Without SACK a duplicate ACK is all there is (RFC 5681 section 2). */
static void count_duplicate(struct tcp_conn *conn,
			    const struct tcp_segment *segment,
			    uint32_t wnd_before)
{
	if (conn->sack || segment->len > 0 || conn->board.count == 0 ||
	    (segment->flags & TCP_FIN) || conn->snd_wnd != wnd_before)
		return;
	if (conn->dupacks < UINT8_MAX)
		conn->dupacks++;
	conn->reno_sacked += conn->mss;
}

/* Timestamps tell which transmission was acknowledged: so retransmitted ones
 * may be measured with them (RFC 7323 4.1); never too short, for min_rtt. */
static uint64_t echoed_rtt(const struct tcp_conn *conn,
			   const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	uint32_t ticks = tcp_timestamp(conn, arrival->now) - segment->ts_ecr;

	if (!conn->timestamps || !segment->has_timestamps ||
	    segment->ts_ecr == 0 || ticks > INT32_MAX)
		return 0;
	return (ticks + UINT64_C(1)) * NS_PER_MS;
}

bool tcp_acknowledge(struct netstack *ns, struct tcp_conn *conn,
		     const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	struct tcp_progress progress = {.fack = conn->rack_fack};
	uint32_t wnd_before = conn->snd_wnd;
	uint64_t now = arrival->now;

	if (seq_lt(conn->snd_nxt, segment->ack)) { /* not sent yet */
		tcp_challenge(ns, conn, now);
		return false;
	}
	if (seq_lt(segment->ack, conn->snd_una)) {
		/* RFC 5961 section 5: too old to be from this peer */
		if (seq_lt(segment->ack, conn->snd_una - conn->snd_wnd_max)) {
			tcp_challenge(ns, conn, now);
			return false;
		}
		return true;
	}
	update_window(conn, segment);
	if (segment->ack != conn->snd_una)
		advance(ns, conn, arrival, &progress);
	else
		count_duplicate(conn, segment, wnd_before);
	if (conn->sack)
		take_sacks(ns, conn, segment, now, &progress);
	if (wnd_before == 0 && conn->snd_wnd > 0)
		window_opened(ns, conn);
	if (conn->board.count == 0)
		conn->stalled_since = 0;
	else if (progress.acked > 0 || (conn->snd_wnd == 0 && !conn->orphan))
		conn->stalled_since = now; /* MUST-37: answered is alive */
	if (conn->state == TCPS_TIME_WAIT)
		return true;
	if (progress.rtt == 0 && progress.acked > 0)
		progress.rtt = echoed_rtt(conn, arrival);
	if (progress.rtt != 0)
		tcp_rtt_sample(ns, conn, progress.rtt);
	if (progress.acked > 0 && conn->timestamps && segment->has_timestamps)
		tcp_loss_eifel(ns, conn, segment->ts_ecr);
	tcp_loss_ack(ns, conn, now, &progress);
	tcp_arm_timers(ns, conn, now, progress.acked > 0);
	return true;
}
