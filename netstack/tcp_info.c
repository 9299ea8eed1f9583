/* SPDX-License-Identifier: ISC */
/* What a connection says of itself. */
#include "base/error.h"
#include "netstack/tcp.h"

static uint32_t segments(const struct tcp_conn *conn, uint32_t bytes)
{
	return conn->mss == 0 ? 0 : (bytes + conn->mss - 1) / conn->mss;
}

static void tell_path(const struct netstack *ns, const struct tcp_conn *conn,
		      struct ns_tcp_info *info)
{
	info->srtt_ns = conn->srtt;
	info->rttvar_ns = conn->rttvar;
	info->min_rtt_ns = conn->min_rtt == NEVER ? 0 : conn->min_rtt;
	info->rto_ns = conn->rto;
	info->backoff = conn->backoff;
	info->cwnd = conn->cc.cwnd;
	info->ssthresh = conn->cc.ssthresh;
	info->cwnd_segments = segments(conn, conn->cc.cwnd);
	info->sacked_segments = segments(conn, conn->board.bytes[TCP_SACKED]);
	info->lost_segments = segments(conn, conn->board.bytes[TCP_LOST]);
	info->pacing_rate = tcp_pace_rate(ns, conn);
	info->reordering = conn->reordering;
	info->soft_error = conn->soft_error;
}

static void tell_counts(const struct tcp_conn *conn, struct ns_tcp_info *info)
{
	info->snd_wnd = conn->snd_wnd;
	info->rcv_wnd = tcp_receive_window(conn);
	info->unacked = conn->snd_nxt - conn->snd_una;
	info->send_queued = conn->send.len;
	info->recv_queued = tcp_recv_queued(conn);
	info->bytes_sent = conn->bytes_sent;
	info->bytes_received = conn->bytes_received;
	info->segments_sent = conn->segments_sent;
	info->segments_received = conn->segments_received;
	info->retransmits = conn->retransmits;
	info->keepalives = conn->keepalives;
}

int tcp_info(const struct netstack *ns, struct ns_handle handle,
	     struct ns_tcp_info *ret_info)
{
	const struct tcp_conn *conn = tcp_find(ns, handle);

	if (conn == NULL)
		return -ERR_CLOSED;
	*ret_info = (struct ns_tcp_info){
		.state = (enum tcp_state)conn->state,
		.local = conn->local,
		.remote = conn->remote,
		.path = conn->sock.sched.path,
		.mss = conn->mss,
		.timestamps = conn->timestamps,
		.sack = conn->sack,
		.window_scaling = conn->window_scaling,
		.snd_wscale = conn->snd_wscale,
		.rcv_wscale = conn->rcv_wscale,
	};
	tell_path(ns, conn, ret_info);
	tell_counts(conn, ret_info);
	return 0;
}
