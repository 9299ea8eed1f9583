/* SPDX-License-Identifier: ISC */
/* Birth, agreement and end of a control block. */
#include "netstack/tcp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"

const char *const tcp_state_name[TCPS_STATES] = {
	[TCPS_CLOSED] = "CLOSED",
	[TCPS_LISTEN] = "LISTEN",
	[TCPS_SYN_SENT] = "SYN-SENT",
	[TCPS_SYN_RECEIVED] = "SYN-RECEIVED",
	[TCPS_ESTABLISHED] = "ESTABLISHED",
	[TCPS_FIN_WAIT_1] = "FIN-WAIT-1",
	[TCPS_FIN_WAIT_2] = "FIN-WAIT-2",
	[TCPS_CLOSE_WAIT] = "CLOSE-WAIT",
	[TCPS_CLOSING] = "CLOSING",
	[TCPS_LAST_ACK] = "LAST-ACK",
	[TCPS_TIME_WAIT] = "TIME-WAIT",
};

#define TO(state) (1U << TCPS_##state)

/* RFC 9293 figure 5. Every state may end in CLOSED. */
static const uint16_t allowed_moves[TCPS_STATES] = {
	[TCPS_CLOSED] = TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RECEIVED),
	[TCPS_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED),
	[TCPS_SYN_RECEIVED] = TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(CLOSE_WAIT),
	[TCPS_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT),
	[TCPS_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT),
	[TCPS_FIN_WAIT_2] = TO(TIME_WAIT),
	[TCPS_CLOSE_WAIT] = TO(LAST_ACK),
	[TCPS_CLOSING] = TO(TIME_WAIT),
};

void tcp_set_state(struct tcp_conn *conn, enum tcp_state state)
{
	CHECK(state == TCPS_CLOSED ||
	      (allowed_moves[conn->state] & 1U << state) != 0);
	conn->state = (uint8_t)state;
}

/* ------------------------------------------------------------- memory */

static uint32_t take_index(struct netstack *ns)
{
	uint32_t index = ns->conn_free;

	if (index != SOCKET_NONE) {
		ns->conn_free = tcp_at(ns, index)->next;
		return index;
	}
	if (ns->conn_fresh < ns->config.connections_max)
		return ns->conn_fresh++;
	return SOCKET_NONE;
}

/* Nobody has a handle of it, and all it does is to wait: for a FIN, or for a
 * peer that is silent. */
static bool is_idle_orphan(const struct tcp_conn *conn)
{
	return conn->orphan &&
	       (conn->state == TCPS_FIN_WAIT_2 || conn->backoff > 0);
}

/* A full table makes room for a new connection. */
static void give_up_orphan(struct netstack *ns)
{
	for (uint32_t i = 0; i < ns->conn_fresh && ns->orphans > 0; i++) {
		uint32_t index = ns->orphan_next++ % ns->conn_fresh;
		struct tcp_conn *conn = tcp_at(ns, index);

		if (!is_idle_orphan(conn))
			continue;
		if (conn->state != TCPS_FIN_WAIT_2)
			tcp_send_reset(ns, conn);
		ns_count(ns, NS_TCP_ORPHANS_RESET);
		tcp_release(ns, conn);
		return;
	}
}

struct tcp_conn *tcp_alloc(struct netstack *ns)
{
	uint32_t index = take_index(ns);
	struct tcp_conn *conn, old;

	if (index == SOCKET_NONE) {
		give_up_orphan(ns);
		index = take_index(ns);
	}
	if (index == SOCKET_NONE)
		return NULL;
	conn = tcp_at(ns, index);
	old = *conn;
	memset(conn, 0, sizeof(*conn));
	/* A block that was freed within this batch stays on its lists. */
	conn->touched = old.touched;
	conn->touched_next = old.touched_next;
	conn->lending = old.lending;
	conn->lending_next = old.lending_next;
	conn->sock.generation = old.sock.generation;
	conn->sock.in_events = old.sock.in_events;
	conn->sock.event_next = old.sock.event_next;
	conn->sock.index = conn->index = index;
	conn->next = SOCKET_NONE;
	conn->parent = SOCKET_NONE;
	conn->accept_head = conn->accept_tail = SOCKET_NONE;
	conn->lent_head = conn->lent_tail = SOCKET_NONE;
	chain_init(&conn->send);
	chain_init(&conn->recv);
	tcp_board_init(&conn->board);
	tcp_reasm_init(&conn->ooo);
	conn->path_mtu = ns->config.mtu;
	conn->rto = ns->config.tcp.rto_initial_ns;
	conn->min_rtt = NEVER;
	conn->reorder_steps = 1;
	conn->rcv_buffer = TCP_RCV_BUFFER_INITIAL;
	if (conn->rcv_buffer > ns->config.tcp.recv_buffer_max)
		conn->rcv_buffer = ns->config.tcp.recv_buffer_max;
	for (unsigned i = 0; i < TCP_TIMERS; i++)
		conn->timers[i] = NEVER;
	ns->conn_count++;
	return conn;
}

void tcp_give_back(struct netstack *ns, struct tcp_conn *conn)
{
	tcp_end_back_off(ns, conn);
	tcp_drop_lent(conn);
	chain_clear(&conn->send, ns->config.chunks);
	chain_clear(&conn->recv, ns->config.chunks);
	tcp_board_clear(&conn->board, ns->config.chunks);
	tcp_reasm_clear(&conn->ooo, ns->config.chunks);
}

/* Everything but the block and its chunks: flow entry, timers, lists. */
static void detach(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->in_flows)
		flow_remove(&ns->flows, conn->index);
	conn->in_flows = false;
	for (unsigned i = 0; i < TCP_TIMERS; i++)
		conn->timers[i] = NEVER;
	timer_set(&ns->timers, conn->index, NEVER);
	sched_remove(&conn->sock.sched);
}

static void leave_parent(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->parent == SOCKET_NONE)
		return;
	CHECK(tcp_at(ns, conn->parent)->pending > 0);
	tcp_at(ns, conn->parent)->pending--;
	conn->parent = SOCKET_NONE;
}

void tcp_release(struct netstack *ns, struct tcp_conn *conn)
{
	detach(ns, conn);
	tcp_give_back(ns, conn);
	tcp_set_state(conn, TCPS_CLOSED);
	leave_parent(ns, conn);
	ns_forget_events(ns, &conn->sock);
	tcp_options_release(ns, conn);
	if (conn->sock.generation & 1)
		conn->sock.generation++;
	if (conn->orphan)
		ns->orphans--;
	conn->orphan = false;
	conn->next = ns->conn_free;
	ns->conn_free = conn->index;
	ns->conn_count--;
}

/* A connection that failed while it waited to be accepted must leave its
 * listener's queue; the queue is short and this is rare. */
static void leave_accept_queue(struct netstack *ns, struct tcp_conn *conn)
{
	struct tcp_conn *parent = tcp_at(ns, conn->parent);
	uint32_t previous = SOCKET_NONE;
	uint32_t index = parent->accept_head;

	while (index != SOCKET_NONE && index != conn->index) {
		previous = index;
		index = tcp_at(ns, index)->next;
	}
	if (index == SOCKET_NONE)
		return;
	if (previous == SOCKET_NONE)
		parent->accept_head = conn->next;
	else
		tcp_at(ns, previous)->next = conn->next;
	if (parent->accept_tail == conn->index)
		parent->accept_tail = previous;
}

void tcp_fail(struct netstack *ns, struct tcp_conn *conn, int err)
{
	if (conn->parent != SOCKET_NONE)
		leave_accept_queue(ns, conn);
	if (conn->orphan || conn->parent != SOCKET_NONE) {
		tcp_release(ns, conn);
		return;
	}
	detach(ns, conn);
	tcp_give_back(ns, conn);
	tcp_set_state(conn, TCPS_CLOSED);
	conn->sock.error = err;
	ns_notify(ns, &conn->sock, NS_FAILED);
}

void tcp_finish(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->orphan) {
		tcp_release(ns, conn);
		return;
	}
	detach(ns, conn);
	chain_clear(&conn->send, ns->config.chunks);
	tcp_board_clear(&conn->board, ns->config.chunks);
	tcp_set_state(conn, TCPS_CLOSED);
}

/* ------------------------------------------------------------- agreement */

/* Of a full segment: headers with the options every segment carries. */
void tcp_update_mss(struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t headers =
		ip_header_len(conn->local.addr.family) + TCP_HEADER_LEN;
	uint32_t mss = conn->path_mtu - headers;

	if (mss > conn->peer_mss)
		mss = conn->peer_mss;
	if (mss > tcp_option(ns, conn, TCP_OPTION_MAX_SEGMENT))
		mss = (uint32_t)tcp_option(ns, conn, TCP_OPTION_MAX_SEGMENT);
	if (conn->timestamps)
		mss -= TCP_TIMESTAMPS_LEN;
	if (conn->black_hole && mss > TCP_BLACK_HOLE_MSS)
		mss = TCP_BLACK_HOLE_MSS;
	conn->mss = (uint16_t)mss;
	tcp_cc_set_mss(&conn->cc, conn->mss);
}

uint16_t tcp_own_mss(const struct netstack *ns, const struct tcp_conn *conn)
{
	uint64_t most = tcp_option(ns, conn, TCP_OPTION_MAX_SEGMENT);
	uint32_t mss = ns_path_mtu(ns, conn->sock.sched.path) -
		       ip_header_len(conn->local.addr.family) - TCP_HEADER_LEN;

	return (uint16_t)(mss < most ? mss : most);
}

uint8_t tcp_own_wscale(const struct netstack *ns, const struct tcp_conn *conn)
{
	uint64_t buffer = tcp_option(ns, conn, TCP_OPTION_RECV_BUFFER);
	uint8_t scale = ns->config.tcp.window_scale;

	if (scale != NS_WINDOW_SCALE_AUTO)
		return ns->config.tcp.window_scaling ? scale : 0;
	scale = 0;
	while (ns->config.tcp.window_scaling && scale < 14 &&
	       (UINT64_C(0xffff) << scale) < buffer)
		scale++;
	return scale;
}

void tcp_agree(struct netstack *ns, struct tcp_conn *conn,
	       const struct tcp_segment *syn)
{
	const struct ns_tcp_config *config = &ns->config.tcp;
	/* RFC 9293 3.7.1: without the option */
	uint16_t mss = conn->local.addr.family == IP_V4 ? 536 : 1220;

	conn->timestamps = config->timestamps && syn->has_timestamps;
	conn->sack = config->sack && syn->sack_permitted;
	conn->window_scaling = config->window_scaling && syn->has_wscale;
	if (conn->window_scaling)
		conn->snd_wscale = syn->wscale;
	else
		conn->rcv_wscale = 0;
	if (syn->has_mss)
		mss = syn->mss;
	conn->peer_mss = mss < TCP_MSS_MIN ? TCP_MSS_MIN : mss;
	if (conn->path_mtu > ns_path_mtu(ns, conn->sock.sched.path))
		conn->path_mtu = ns_path_mtu(ns, conn->sock.sched.path);
	tcp_update_mss(ns, conn);
	if (conn->timestamps)
		conn->ts_recent = syn->ts_val;
	conn->irs = syn->seq;
	conn->rcv_nxt = syn->seq + 1;
	conn->rcv_adv = conn->rcv_nxt;
	if (conn->state == TCPS_SYN_SENT) /* our SYN announced this much */
		conn->rcv_adv += tcp_receive_window(conn) < 0xffff
					 ? tcp_receive_window(conn)
					 : 0xffff;
	conn->last_ack_sent = conn->rcv_nxt;
	conn->quick_acks = config->quick_acks;
	tcp_cc_init(&conn->cc, conn->mss, config->initial_window);
	/* The window of a SYN is never scaled (RFC 7323 2.2). */
	conn->snd_wnd = conn->snd_wnd_max = syn->wnd;
	conn->snd_wl1 = syn->seq;
	conn->snd_wl2 = syn->ack;
}

void tcp_set_path_mtu(struct netstack *ns, struct tcp_conn *conn, uint32_t mtu)
{
	uint32_t floor = conn->local.addr.family == IP_V4 ? 576 : 1280;

	if (mtu < floor)
		mtu = floor;
	if (mtu >= conn->path_mtu)
		return;
	conn->path_mtu = mtu;
	ns_path_lowered(ns, conn->sock.sched.path);
	if (conn->state < TCPS_SYN_RECEIVED)
		return; /* the peer's MSS is not known yet */
	tcp_update_mss(ns, conn);
	tcp_loss_mark_all(ns, conn);
	tcp_schedule(ns, conn);
}

void tcp_use_path_mtu(struct netstack *ns, struct tcp_conn *conn, uint32_t mtu)
{
	conn->path_mtu = mtu;
	if (conn->state < TCPS_SYN_RECEIVED)
		return;
	tcp_update_mss(ns, conn);
	tcp_schedule(ns, conn);
}

static uint64_t tuple_hash(const struct netstack *ns,
			   const struct tcp_conn *conn, uint8_t purpose)
{
	struct {
		struct flow_key key;
		uint8_t purpose;
	} input = {flow_key_make(&conn->local, &conn->remote), purpose};

	return siphash(&ns->secret, &input, sizeof(input));
}

/* RFC 6528: a clock of 64 ns steps plus a secret function of the tuple. */
uint32_t tcp_isn(const struct netstack *ns, const struct tcp_conn *conn,
		 uint64_t now)
{
	return (uint32_t)(now / 64) + (uint32_t)tuple_hash(ns, conn, 1);
}

/* Without the time, so that it grows from one connection of a tuple to the
 * next, which is what reuse of TIME-WAIT relies on (RFC 6191). */
uint32_t tcp_ts_offset(const struct netstack *ns, const struct tcp_conn *conn)
{
	return (uint32_t)tuple_hash(ns, conn, 2);
}

/* RFC 6056 3.3.3, with local port 0. */
uint32_t tcp_port_offset(const struct netstack *ns, const struct tcp_conn *conn)
{
	return (uint32_t)tuple_hash(ns, conn, 3);
}

/* ------------------------------------------------------------- TIME-WAIT */

void tcp_enter_time_wait(struct netstack *ns, struct tcp_conn *conn,
			 uint64_t now)
{
	for (unsigned i = 0; i < TCP_TIMERS; i++)
		conn->timers[i] = NEVER;
	tcp_board_clear(&conn->board, ns->config.chunks);
	chain_clear(&conn->send, ns->config.chunks);
	if (conn->state != TCPS_TIME_WAIT)
		tcp_set_state(conn, TCPS_TIME_WAIT);
	tcp_set_timer(ns, conn, TCP_TIMER_LINGER,
		      now + ns->config.tcp.time_wait_ns);
}
