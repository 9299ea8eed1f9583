/* SPDX-License-Identifier: ISC */
/*
 * What to send next, and the only place where segments are made. A pull gives,
 * in this order: SYN, lost ranges, new data and FIN, a probe, a bare ACK.
 */
#include "netstack/tcp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "netstack/checksum.h"
#include "netstack/tcp_seq.h"

uint32_t tcp_timestamp(const struct tcp_conn *conn, uint64_t now)
{
	return (uint32_t)(now / NS_PER_MS) + conn->ts_offset;
}

/* ------------------------------------------------------------- decisions */

/* Where the stream of bytes ends that were given to us, FIN included. */
static uint32_t stream_end(const struct tcp_conn *conn)
{
	uint32_t first =
		conn->snd_una == conn->iss ? conn->iss + 1 : conn->snd_una;

	return first + conn->send.len + (conn->fin_queued ? 1 : 0);
}

static uint32_t unsent(const struct tcp_conn *conn)
{
	return stream_end(conn) - conn->snd_nxt;
}

static uint32_t cwnd_room(const struct tcp_conn *conn)
{
	uint32_t pipe = tcp_pipe(conn);

	return conn->cc.cwnd > pipe ? conn->cc.cwnd - pipe : 0;
}

static uint32_t window_room(const struct tcp_conn *conn)
{
	uint32_t edge = conn->snd_una + conn->snd_wnd;

	return seq_lt(conn->snd_nxt, edge) ? edge - conn->snd_nxt : 0;
}

/* A probe passes the congestion window, and the peer's window by one byte when
 * that is closed and nothing is in flight (RFC 9293 3.8.6.1). */
static uint32_t probe_len(const struct tcp_conn *conn)
{
	uint32_t len = unsent(conn);
	uint32_t room = window_room(conn);

	if (room == 0 && conn->board.count == 0)
		room = 1;
	if (len > room)
		len = room;
	return len < conn->mss ? len : conn->mss;
}

/* Nagle's: a small segment waits while something is on its way, unless it is
 * the last (RFC 9293 3.7.4). */
static uint32_t without_tail(const struct netstack *ns,
			     const struct tcp_conn *conn, uint32_t len)
{
	if (conn->board.count == 0 || conn->fin_queued ||
	    tcp_option(ns, conn, TCP_OPTION_NO_DELAY) != 0)
		return len;
	return len - len % conn->mss;
}

/* How much new data may go now. Small pieces wait for the rest of a segment
 * when a window, not the application, made them small (RFC 9293 3.8.6.2). */
static uint32_t sendable(const struct netstack *ns, const struct tcp_conn *conn)
{
	uint32_t all, len;

	if (conn->state < TCPS_ESTABLISHED || conn->state == TCPS_TIME_WAIT)
		return 0;
	if (conn->probe_pending)
		return probe_len(conn);
	len = all = unsent(conn);
	if (len > cwnd_room(conn))
		len = cwnd_room(conn);
	if (len > window_room(conn))
		len = window_room(conn);
	if (len == all)
		return without_tail(ns, conn, len);
	if (len >= conn->mss)
		return len - len % conn->mss;
	/* half of the largest window ever seen is worth a small segment */
	if (len == window_room(conn) && len >= conn->snd_wnd_max / 2)
		return len;
	return 0;
}

/* The first lost range as far as the peer's window goes: a window that shrank
 * holds retransmissions back as well (SHLD-15), all but one byte of a probe. */
static struct tcp_range lost_range(const struct netstack *ns,
				   struct tcp_conn *conn)
{
	uint32_t edge = conn->snd_una + conn->snd_wnd;
	const struct tcp_record *record = tcp_board_at(
		&conn->board, ns->config.chunks,
		tcp_board_first_lost(&conn->board, ns->config.chunks));

	if (record->seq == conn->snd_una && conn->snd_wnd == 0 &&
	    conn->probe_pending)
		edge = conn->snd_una + 1;
	return (struct tcp_range){
		.start = record->seq,
		.end = seq_max(record->seq, seq_min(edge, record->end))};
}

/* A lost range may go when the window of congestion control has room, and
 * always when nothing else is in flight that could bring an ACK. */
static uint32_t resendable(const struct netstack *ns, struct tcp_conn *conn,
			   uint32_t *ret_seq)
{
	struct tcp_range range;
	uint32_t room = cwnd_room(conn);

	if (conn->board.bytes[TCP_LOST] == 0)
		return 0;
	if (room < conn->mss) {
		if (!conn->probe_pending && tcp_pipe(conn) > 0)
			return 0;
		room = conn->mss;
	}
	range = lost_range(ns, conn);
	*ret_seq = range.start;
	if (range.end - range.start <= room)
		return range.end - range.start;
	return room - room % conn->mss;
}

static bool wants_data(const struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t seq;

	return resendable(ns, conn, &seq) > 0 || sendable(ns, conn) > 0;
}

bool tcp_wants_output(const struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->state == TCPS_CLOSED || conn->state == TCPS_LISTEN)
		return false;
	if (conn->syn_pending || conn->ack_now || conn->keepalive_pending ||
	    conn->probe_pending)
		return true;
	return conn->timers[TCP_TIMER_PACE] == NEVER && wants_data(ns, conn);
}

void tcp_schedule(struct netstack *ns, struct tcp_conn *conn)
{
	if (tcp_wants_output(ns, conn))
		sched_add(&ns->sched, &conn->sock.sched);
	else
		sched_remove(&conn->sock.sched);
}

/* ------------------------------------------------------------- segments */

/* RFC 9293 3.8.6.2.2: the edge moves only by a worthwhile step, and never to
 * the left, scale rounding included. */
static uint16_t announce_window(struct tcp_conn *conn, bool syn)
{
	uint32_t held = conn->rcv_adv - conn->rcv_nxt;
	uint32_t wnd = tcp_receive_window(conn);
	uint8_t scale = syn ? 0 : conn->rcv_wscale;
	uint32_t step = conn->rcv_buffer / 2;

	if (seq_lt(conn->rcv_adv, conn->rcv_nxt))
		held = 0;
	if (step > conn->mss)
		step = conn->mss;
	if (wnd < held + step)
		wnd = held;
	if (wnd > UINT32_C(0xffff) << scale)
		wnd = UINT32_C(0xffff) << scale;
	/* Round down, but not below what was announced before. */
	if (((wnd >> scale) << scale) < held)
		wnd = held + (UINT32_C(1) << scale) - 1;
	wnd >>= scale;
	if (wnd > 0xffff)
		wnd = 0xffff;
	conn->rcv_adv = seq_max(conn->rcv_adv, conn->rcv_nxt + (wnd << scale));
	return (uint16_t)wnd;
}

static void fill_sacks(const struct tcp_conn *conn,
		       const struct chunk_pool *pool,
		       struct tcp_segment *segment)
{
	unsigned cap = conn->timestamps ? 3 : 4;

	if (conn->dsack.start != conn->dsack.end)
		segment->sacks[segment->sack_count++] = conn->dsack;
	segment->sack_count += (uint8_t)tcp_reasm_sack(
		&conn->ooo, pool, segment->sacks + segment->sack_count,
		cap - segment->sack_count);
}

/* The one place that fills acknowledgement, window and options. */
static void fill_header(const struct netstack *ns, struct tcp_conn *conn,
			uint64_t now, struct tcp_segment *segment)
{
	bool syn = (segment->flags & TCP_SYN) != 0;

	segment->src_port = conn->local.port;
	segment->dst_port = conn->remote.port;
	if (conn->state != TCPS_SYN_SENT) {
		segment->flags |= TCP_ACK;
		segment->ack = conn->rcv_nxt;
	}
	segment->wnd = announce_window(conn, syn);
	if (conn->timestamps ||
	    (syn && conn->state == TCPS_SYN_SENT && segment->has_timestamps)) {
		segment->has_timestamps = true;
		segment->ts_val = tcp_timestamp(conn, now);
		segment->ts_ecr = conn->ts_recent;
	}
	if (conn->sack && segment->len == 0 && !syn)
		fill_sacks(conn, ns->config.chunks, segment);
}

/* The peer has our newest acknowledgement now. */
static void acknowledged(struct netstack *ns, struct tcp_conn *conn,
			 const struct tcp_segment *segment)
{
	bool sacks_due =
		conn->sack && segment->sack_count == 0 &&
		(conn->ooo.count > 0 || conn->dsack.start != conn->dsack.end);

	if (segment->len > 0 && sacks_due && conn->ack_now)
		return; /* data carries no SACK: the bare ACK follows */
	conn->ack_now = conn->ack_later = false;
	conn->rcv_unacked_segments = 0;
	conn->last_ack_sent = conn->rcv_nxt;
	conn->dsack = (struct tcp_range){.start = 0, .end = 0};
	tcp_stop_timer(ns, conn, TCP_TIMER_DELAYED_ACK);
}

static uint32_t write_ip(struct netstack *ns, const struct tcp_conn *conn,
			 uint8_t *data, uint32_t payload_len)
{
	struct ip_build build = {
		.src = &conn->local.addr,
		.dst = &conn->remote.addr,
		.payload_len = payload_len,
		.id = ns->ip_id++,
		.protocol = IP_PROTO_TCP,
	};

	return ip_build(data, &build);
}

/* Writes a whole packet without payload; returns its length. */
static uint32_t write_bare(struct netstack *ns, const struct tcp_conn *conn,
			   const struct tcp_segment *segment, uint8_t *data)
{
	uint8_t *tcp = data + ip_header_len(conn->local.addr.family);
	uint32_t len = tcp_segment_build(tcp, segment);
	uint32_t sum = checksum_pseudo(&conn->local.addr, &conn->remote.addr,
				       IP_PROTO_TCP, len);

	put_be16(tcp + 16, checksum_finish(checksum_add(sum, tcp, len)));
	return write_ip(ns, conn, data, len) + len;
}

static size_t give_one(struct run *run, uint32_t len)
{
	run->count = 1;
	run->ip_len = run->last_len = (uint16_t)len;
	run->ecn = 0;
	return 1;
}

static size_t pull_bare(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now, struct run *run, uint32_t seq)
{
	struct tcp_segment segment = {.seq = seq};

	fill_header(ns, conn, now, &segment);
	acknowledged(ns, conn, &segment);
	conn->segments_sent++;
	return give_one(run,
			write_bare(ns, conn, &segment, run->base + RUN_HEAD));
}

static size_t pull_syn(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		       struct run *run)
{
	const struct ns_tcp_config *config = &ns->config.tcp;
	bool reply = conn->state == TCPS_SYN_RECEIVED;
	/* A middle box may choke on options: after two losses do without. */
	bool plain = !reply && conn->backoff > 2;
	struct tcp_segment segment = {
		.seq = conn->iss,
		.flags = TCP_SYN,
		.has_mss = true,
		.mss = tcp_own_mss(ns, conn),
		.sack_permitted = reply ? conn->sack : config->sack && !plain,
		.has_timestamps =
			reply ? conn->timestamps : config->timestamps && !plain,
		.has_wscale = reply ? conn->window_scaling
				    : config->window_scaling && !plain,
		.wscale = conn->rcv_wscale,
	};

	conn->syn_pending = false;
	if (conn->snd_nxt != conn->iss)
		conn->retransmits++;
	conn->snd_nxt = conn->iss + 1;
	conn->syn_sent = now;
	if (conn->stalled_since == 0)
		conn->stalled_since = now;
	fill_header(ns, conn, now, &segment);
	acknowledged(ns, conn, &segment);
	conn->segments_sent++;
	tcp_arm_timers(ns, conn, now, true);
	return give_one(run,
			write_bare(ns, conn, &segment, run->base + RUN_HEAD));
}

/* ------------------------------------------------------------- data */

/* A run of segments over [seq, seq + len): one header, copied and patched. */
struct burst {
	uint32_t seq, len; /* FIN counts in len */
	bool fin;
	uint8_t header[IPV6_HEADER_LEN + TCP_HEADER_MAX];
	uint32_t ip_len, tcp_len; /* of the headers */
	uint32_t sum;             /* of pseudo header and TCP header */
};

static void prepare(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		    struct burst *burst)
{
	struct tcp_segment segment = {.len = burst->len};
	uint8_t *tcp;

	fill_header(ns, conn, now, &segment);
	acknowledged(ns, conn, &segment);
	burst->ip_len = ip_header_len(conn->local.addr.family);
	tcp = burst->header + burst->ip_len;
	burst->tcp_len = tcp_segment_build(tcp, &segment);
	burst->sum = checksum_add(checksum_pseudo(&conn->local.addr,
						  &conn->remote.addr,
						  IP_PROTO_TCP, 0),
				  tcp, burst->tcp_len);
}

static void write_segment(struct netstack *ns, struct tcp_conn *conn,
			  const struct burst *burst, uint8_t *data,
			  uint32_t seq, uint32_t len, bool fin)
{
	uint8_t *tcp = data + burst->ip_len;
	uint8_t *payload = tcp + burst->tcp_len;
	uint8_t flags = TCP_ACK;
	uint32_t sum = burst->sum;

	if (fin)
		flags |= TCP_FIN;
	if (seq + len == burst->seq + burst->len - (burst->fin ? 1 : 0))
		flags |= TCP_PSH;
	write_ip(ns, conn, data, burst->tcp_len + len);
	memcpy(tcp, burst->header + burst->ip_len, burst->tcp_len);
	put_be32(tcp + 4, seq);
	tcp[13] = flags;
	sum += (seq >> 16) + (seq & 0xffff) + burst->tcp_len + len;
	sum += flags ^ TCP_ACK; /* the template's sum has ACK already */
	if (len > 0)
		sum += chain_read_sum(&conn->send, ns->config.chunks,
				      seq - conn->snd_una, payload, len);
	put_be16(tcp + 16, checksum_finish(sum));
}

static void write_burst(struct netstack *ns, struct tcp_conn *conn,
			const struct burst *burst, struct run *run)
{
	uint32_t data_len = burst->len - (burst->fin ? 1 : 0);
	uint32_t headers = burst->ip_len + burst->tcp_len;
	uint32_t full = headers + conn->mss;
	uint32_t at = 0;

	run->count = 0;
	run->ip_len = (uint16_t)full;
	do {
		uint32_t len = data_len - at;
		bool last = len <= conn->mss;

		if (!last)
			len = conn->mss;
		run->last_len = (uint16_t)(headers + len);
		write_segment(ns, conn, burst, run_ip(run, full, run->count),
			      burst->seq + at, len, last && burst->fin);
		run->count++;
		at += len;
	} while (at < data_len);
	if (run->count == 1)
		run->ip_len = run->last_len;
	run->ecn = 0;
	conn->segments_sent += run->count;
}

/* The most that fits one run. */
static uint32_t burst_max(const struct tcp_conn *conn, const struct run *run)
{
	uint32_t full = ip_header_len(conn->local.addr.family) +
			TCP_HEADER_LEN + conn->mss +
			(conn->timestamps ? TCP_TIMESTAMPS_LEN : 0);

	return run_room(run, full) * conn->mss;
}

static size_t send_burst(struct netstack *ns, struct tcp_conn *conn,
			 uint64_t now, struct run *run, struct burst *burst)
{
	burst->fin =
		conn->fin_queued && burst->seq + burst->len == stream_end(conn);
	prepare(ns, conn, now, burst);
	write_burst(ns, conn, burst, run);
	tcp_cc_sent(&conn->cc, burst->len);
	tcp_pace_sent(ns, conn, now, burst->len);
	conn->last_sent = now;
	conn->probe_pending = false;
	return run->count;
}

static size_t pull_lost(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now, struct run *run)
{
	struct chunk_pool *pool = ns->config.chunks;
	struct burst burst = {.len = 0};
	uint32_t end;
	uint16_t lost;

	burst.len = resendable(ns, conn, &burst.seq);
	if (burst.len == 0)
		return 0;
	burst.len = tcp_pace_burst(ns, conn, now, burst.len);
	if (burst.len > burst_max(conn, run))
		burst.len = burst_max(conn, run);
	end = burst.seq + burst.len;
	lost = tcp_board_first_lost(&conn->board, pool);
	/* Without a record to split with, wait for an ACK to free some. */
	if (seq_lt(end, tcp_board_at(&conn->board, pool, lost)->end) &&
	    tcp_board_split(&conn->board, pool, lost, end) == TCP_RECORD_NONE)
		return 0;
	if (conn->undo_possible && conn->undo_bytes == 0)
		conn->undo_ts = tcp_timestamp(conn, now);
	conn->undo_bytes += (int32_t)burst.len;
	tcp_board_set_resent(&conn->board, pool, lost, now);
	send_burst(ns, conn, now, run, &burst);
	conn->cwnd_limited = cwnd_room(conn) < conn->mss;
	conn->retransmits += run->count;
	ns->counters[NS_TCP_RETRANSMITS] += run->count;
	tcp_arm_timers(ns, conn, now, false);
	return run->count;
}

static void restart_after_idle(struct netstack *ns, struct tcp_conn *conn,
			       uint64_t now)
{
	if (conn->board.count == 0 && conn->last_sent != 0 &&
	    now - conn->last_sent > conn->rto)
		tcp_cc_idle(&conn->cc, ns->config.tcp.initial_window,
			    (now - conn->last_sent) / conn->rto);
}

static size_t pull_new(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		       struct run *run)
{
	struct burst burst = {.seq = conn->snd_nxt};
	bool was_empty = conn->board.count == 0;

	restart_after_idle(ns, conn, now);
	burst.len = sendable(ns, conn);
	if (burst.len == 0 || !tcp_board_ready(&conn->board, ns->config.chunks))
		return 0;
	burst.len = tcp_pace_burst(ns, conn, now, burst.len);
	if (burst.len > burst_max(conn, run))
		burst.len = burst_max(conn, run);
	send_burst(ns, conn, now, run, &burst);
	conn->snd_nxt += burst.len;
	tcp_tell_space(ns, conn); /* in recovery nothing else makes room */
	tcp_board_append(&conn->board, ns->config.chunks, burst.seq,
			 conn->snd_nxt, now);
	conn->cwnd_limited = cwnd_room(conn) < conn->mss;
	if (was_empty)
		conn->stalled_since = now;
	tcp_arm_timers(ns, conn, now, was_empty);
	return run->count;
}

static size_t pull_data(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now, struct run *run)
{
	size_t count = pull_lost(ns, conn, now, run);

	if (count == 0 && sendable(ns, conn) > 0)
		count = pull_new(ns, conn, now, run);
	return count;
}

size_t tcp_pull(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		struct run *run)
{
	size_t count = 0;

	if (conn->syn_pending)
		count = pull_syn(ns, conn, now, run);
	else if (wants_data(ns, conn) && tcp_pace_allows(ns, conn, now))
		count = pull_data(ns, conn, now, run);
	if (conn->pace_waits)
		conn->pace_waits = wants_data(ns, conn);
	if (count > 0)
		return count;
	conn->probe_pending = false;
	if (conn->keepalive_pending) {
		conn->keepalive_pending = false;
		return pull_bare(ns, conn, now, run, conn->snd_una - 1);
	}
	if (conn->ack_now)
		return pull_bare(ns, conn, now, run, conn->snd_nxt);
	return 0;
}

/* ------------------------------------------------------------- resets */

void tcp_send_reset(struct netstack *ns, const struct tcp_conn *conn)
{
	struct tcp_segment segment = {
		.src_port = conn->local.port,
		.dst_port = conn->remote.port,
		.seq = conn->snd_nxt,
		.ack = conn->rcv_nxt,
		.flags = TCP_RST | TCP_ACK,
	};
	struct reply *reply;

	if (conn->state < TCPS_SYN_RECEIVED || conn->state == TCPS_TIME_WAIT)
		return;
	reply = reply_reserve(&ns->replies, conn->sock.sched.path);
	if (reply == NULL)
		return;
	reply->len = (uint16_t)write_bare(ns, conn, &segment, reply->data);
	reply_commit(&ns->replies);
	ns_count(ns, NS_TCP_RESETS_SENT);
}

void tcp_reply(struct netstack *ns, const struct tcp_arrival *arrival,
	       struct tcp_segment *segment)
{
	struct tcp_conn conn = {
		.local = {.addr = arrival->ip->dst,
			  .port = arrival->segment->dst_port},
		.remote = {.addr = arrival->ip->src,
			   .port = arrival->segment->src_port},
	};
	struct reply *reply = reply_reserve(&ns->replies, arrival->path);

	if (reply == NULL)
		return;
	segment->src_port = conn.local.port;
	segment->dst_port = conn.remote.port;
	conn.ts_offset = tcp_ts_offset(ns, &conn);
	segment->ts_val = tcp_timestamp(&conn, arrival->now);
	reply->len = (uint16_t)write_bare(ns, &conn, segment, reply->data);
	reply_commit(&ns->replies);
}

/* RFC 9293 3.10.7.1: no reset answers a reset; the sequence number is one the
 * sender must accept. */
void tcp_reply_reset(struct netstack *ns, const struct tcp_arrival *arrival)
{
	const struct tcp_segment *in = arrival->segment;
	struct tcp_segment segment = {.flags = TCP_RST};

	if ((in->flags & TCP_RST) || !ns_may_reply(ns, arrival->now, 1))
		return;
	if (in->flags & TCP_ACK) {
		segment.seq = in->ack;
	} else {
		segment.ack = in->seq + tcp_segment_span(in);
		segment.flags |= TCP_ACK;
	}
	tcp_reply(ns, arrival, &segment);
	ns_count(ns, NS_TCP_RESETS_SENT);
}
