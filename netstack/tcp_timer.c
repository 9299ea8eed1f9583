/* SPDX-License-Identifier: ISC */
/*
 * The timers of a connection: a few deadlines, the earliest of them in the
 * netstack's heap. While the path is held nothing is retransmitted, so nothing
 * backs off either; only the user timeout counts on.
 */
#include "netstack/tcp.h"

#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp_seq.h"

/* RFC 8985 section 7.2: twice the round trip, and time for a delayed ACK when
 * only one segment is out. */
#define LOSS_PROBE_MIN_NS (10 * NS_PER_MS)
/* A SYN is tried for three minutes (MUST-23), unless the user has less
 * patience; what asked us to open, or what a closed handle left behind, is
 * waited for not as long. */
#define SYN_NS       (180 * NS_PER_S)
#define HALF_OPEN_NS (120 * NS_PER_S)
#define CROWDED_NS   (3 * NS_PER_S)
#define ORPHAN_NS    (120 * NS_PER_S)
enum { BLACK_HOLE_RETRIES = 2 };
#define SPACE_RETRY_NS   (20 * NS_PER_MS)
#define ACK_DELAY_MAX_NS (200 * NS_PER_MS)

void tcp_set_timer(struct netstack *ns, struct tcp_conn *conn,
		   enum tcp_timer timer, uint64_t deadline)
{
	uint64_t earliest = NEVER;

	if (conn->timers[timer] == deadline)
		return;
	conn->timers[timer] = deadline;
	for (unsigned i = 0; i < TCP_TIMERS; i++)
		earliest = time_min(earliest, conn->timers[i]);
	timer_set(&ns->timers, conn->index, earliest);
}

static uint64_t backed_off(const struct netstack *ns,
			   const struct tcp_conn *conn)
{
	uint64_t max = ns->config.tcp.rto_max_ns;

	if (conn->backoff >= 16 || conn->rto > max >> conn->backoff)
		return max;
	return conn->rto << conn->backoff;
}

static bool in_handshake(const struct tcp_conn *conn)
{
	return conn->state == TCPS_SYN_SENT || conn->state == TCPS_SYN_RECEIVED;
}

/* What asked us to open has less time while its listener is half full of such:
 * a flood of SYNs must not keep others out for minutes. */
static uint64_t half_open_patience(const struct netstack *ns,
				   const struct tcp_conn *conn)
{
	const struct tcp_conn *listener;

	if (conn->parent == SOCKET_NONE)
		return HALF_OPEN_NS;
	listener = tcp_at(ns, conn->parent);
	return 2 * listener->pending > listener->backlog ? CROWDED_NS
							 : HALF_OPEN_NS;
}

/* When to give up: so long after the last progress, or after the first SYN. */
static uint64_t patience(const struct netstack *ns, const struct tcp_conn *conn)
{
	uint64_t user = tcp_option(ns, conn, TCP_OPTION_USER_TIMEOUT);

	if (user == 0)
		user = NEVER;
	if (in_handshake(conn))
		return time_min(user, conn->state == TCPS_SYN_SENT
					      ? SYN_NS
					      : half_open_patience(ns, conn));
	return conn->orphan ? time_min(user, ORPHAN_NS) : user;
}

static bool is_hopeless(const struct netstack *ns, const struct tcp_conn *conn,
			uint64_t now)
{
	return conn->stalled_since != 0 &&
	       now - conn->stalled_since >= patience(ns, conn);
}

/* The moment to give up is looked at when another timer fires: none may sleep
 * past it. */
static uint64_t retransmit_at(const struct netstack *ns,
			      const struct tcp_conn *conn, uint64_t now)
{
	uint64_t at = now + backed_off(ns, conn);
	uint64_t patient = patience(ns, conn);

	if (conn->stalled_since != 0 && patient != NEVER)
		at = time_min(at, conn->stalled_since + patient);
	return at > now ? at : now + 1;
}

static bool data_waits(const struct tcp_conn *conn)
{
	return conn->send.len > conn->snd_nxt - conn->snd_una ||
	       (conn->fin_queued && conn->board.count == 0);
}

static void arm_loss_probe(struct netstack *ns, struct tcp_conn *conn,
			   uint64_t now)
{
	uint64_t wait = 2 * conn->srtt;
	bool useful = conn->sack && conn->srtt != 0 && !conn->cc.recovering &&
		      !conn->probe_in_flight && conn->backoff == 0 &&
		      conn->board.bytes[TCP_IN_FLIGHT] > 0 &&
		      conn->board.bytes[TCP_LOST] == 0 &&
		      conn->board.bytes[TCP_SACKED] == 0;

	if (conn->snd_nxt - conn->snd_una <= conn->mss)
		wait += ACK_DELAY_MAX_NS;
	if (wait < LOSS_PROBE_MIN_NS)
		wait = LOSS_PROBE_MIN_NS;
	tcp_set_timer(ns, conn, TCP_TIMER_LOSS_PROBE,
		      useful && now + wait < conn->timers[TCP_TIMER_RETRANSMIT]
			      ? now + wait
			      : NEVER);
}

static void arm_retransmit(struct netstack *ns, struct tcp_conn *conn,
			   uint64_t now, bool restart)
{
	bool handshake = in_handshake(conn);
	bool outstanding =
		handshake ? conn->snd_nxt != conn->iss : conn->board.count > 0;

	if (!outstanding || (conn->snd_wnd == 0 && !handshake))
		tcp_stop_timer(ns, conn, TCP_TIMER_RETRANSMIT);
	else if (restart || conn->timers[TCP_TIMER_RETRANSMIT] == NEVER)
		tcp_set_timer(ns, conn, TCP_TIMER_RETRANSMIT,
			      retransmit_at(ns, conn, now));
}

/* Persist: data waits, and no acknowledgement will come to free it: either
 * nothing is in flight, or only a probe beyond a closed window. */
static void arm_persist(struct netstack *ns, struct tcp_conn *conn,
			uint64_t now)
{
	bool closed = conn->snd_wnd == 0 && conn->board.count > 0;
	bool waits = tcp_synchronized(conn) && data_waits(conn) &&
		     conn->board.count == 0 && !conn->syn_pending;

	if (!closed && !waits)
		tcp_stop_timer(ns, conn, TCP_TIMER_PERSIST);
	else if (conn->timers[TCP_TIMER_PERSIST] == NEVER)
		tcp_set_timer(ns, conn, TCP_TIMER_PERSIST,
			      retransmit_at(ns, conn, now));
}

static void arm_keepalive(struct netstack *ns, struct tcp_conn *conn,
			  uint64_t now)
{
	uint64_t idle = tcp_option(ns, conn, TCP_OPTION_KEEPALIVE_IDLE);

	if (idle == 0 || !tcp_synchronized(conn) ||
	    conn->state == TCPS_TIME_WAIT)
		return;
	if (conn->timers[TCP_TIMER_KEEPALIVE] == NEVER)
		tcp_set_timer(ns, conn, TCP_TIMER_KEEPALIVE, now + idle);
}

void tcp_arm_timers(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		    bool restart)
{
	arm_retransmit(ns, conn, now, restart);
	arm_loss_probe(ns, conn, now);
	arm_persist(ns, conn, now);
	arm_keepalive(ns, conn, now);
}

/* ------------------------------------------------------------- expiry */

static bool path_is_held(const struct netstack *ns, const struct tcp_conn *conn)
{
	return ns->sched.paths[conn->sock.sched.path].held;
}

static void give_up(struct netstack *ns, struct tcp_conn *conn)
{
	tcp_send_reset(ns, conn);
	tcp_fail(ns, conn,
		 conn->soft_error != 0 ? conn->soft_error : -ERR_TIMEOUT);
}

/* Sends its first segment as soon as the path is released: what was in flight
 * when it closed may be lost. */
static void ask_on_release(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->board.bytes[TCP_LOST] == 0)
		tcp_loss_mark_first(ns, conn);
	conn->probe_pending = true;
}

/* The tunnel may be narrower somewhere than anybody says: when large segments
 * do not get through twice, try smaller ones, and when those do not either,
 * large ones again, in turn (RFC 4821, FreeBSD's values). */
static void suspect_black_hole(struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t flight = conn->snd_nxt - conn->snd_una;

	if (conn->backoff % BLACK_HOLE_RETRIES != 0)
		return;
	if (!conn->black_hole &&
	    (conn->mss <= TCP_BLACK_HOLE_MSS || flight <= TCP_BLACK_HOLE_MSS))
		return;
	conn->black_hole = !conn->black_hole;
	tcp_update_mss(ns, conn);
}

static void retransmit_expired(struct netstack *ns, struct tcp_conn *conn,
			       uint64_t now)
{
	bool handshake = in_handshake(conn);

	if (is_hopeless(ns, conn, now)) {
		give_up(ns, conn);
		return;
	}
	if (path_is_held(ns, conn)) {
		if (!handshake)
			ask_on_release(ns, conn);
	} else {
		ns_count(ns, NS_TCP_TIMEOUTS);
		tcp_back_off(ns, conn);
		if (handshake)
			conn->syn_pending = true;
		else {
			suspect_black_hole(ns, conn);
			tcp_loss_timeout(ns, conn);
		}
	}
	tcp_arm_timers(ns, conn, now, true);
}

/* The last segment outstanding is to be sent again. */
static bool mark_last_segment(struct netstack *ns, struct tcp_conn *conn)
{
	struct chunk_pool *pool = ns->config.chunks;
	uint16_t last = conn->board.tail;
	uint32_t start = conn->snd_nxt - conn->mss;

	if (seq_lt(tcp_board_at(&conn->board, pool, last)->seq, start))
		last = tcp_board_split(&conn->board, pool, last, start);
	if (last == TCP_RECORD_NONE)
		return false;
	tcp_board_set_lost(&conn->board, pool, last);
	return true;
}

/* New data if there is some, else the last segment again. */
static void loss_probe_expired(struct netstack *ns, struct tcp_conn *conn)
{
	if (path_is_held(ns, conn))
		return;
	conn->probe_in_flight = true;
	conn->probe_was_new =
		data_waits(conn) &&
		seq_lt(conn->snd_nxt, conn->snd_una + conn->snd_wnd);
	conn->probe_end = conn->snd_nxt;
	conn->probe_pending = true;
	if (conn->probe_was_new)
		return;
	if (!mark_last_segment(ns, conn))
		conn->probe_pending = false;
}

static void persist_expired(struct netstack *ns, struct tcp_conn *conn,
			    uint64_t now)
{
	if (is_hopeless(ns, conn, now)) {
		give_up(ns, conn);
		return;
	}
	if (!path_is_held(ns, conn)) {
		if (conn->stalled_since == 0)
			conn->stalled_since = now;
		tcp_back_off(ns, conn);
		if (conn->board.count > 0)
			tcp_loss_mark_all(ns, conn); /* the probe itself */
		conn->probe_pending = true;
	}
	arm_persist(ns, conn, now);
}

static void keepalive_expired(struct netstack *ns, struct tcp_conn *conn,
			      uint64_t now)
{
	uint64_t idle = tcp_option(ns, conn, TCP_OPTION_KEEPALIVE_IDLE);
	uint64_t wait = tcp_option(ns, conn, TCP_OPTION_KEEPALIVE_INTERVAL);

	if (now - conn->last_received < idle) {
		conn->keepalives = 0;
		wait = conn->last_received + idle - now;
	} else if (conn->board.count > 0 || data_waits(conn)) {
		conn->keepalives = 0; /* data probes by itself */
	} else if (conn->keepalives >=
		   tcp_option(ns, conn, TCP_OPTION_KEEPALIVE_PROBES)) {
		give_up(ns, conn);
		return;
	} else if (!path_is_held(ns, conn)) {
		conn->keepalives++;
		conn->keepalive_pending = true;
	}
	tcp_set_timer(ns, conn, TCP_TIMER_KEEPALIVE, now + wait);
}

static void space_expired(struct netstack *ns, struct tcp_conn *conn,
			  uint64_t now)
{
	tcp_tell_space(ns, conn);
	if (conn->wants_space)
		tcp_set_timer(ns, conn, TCP_TIMER_SPACE, now + SPACE_RETRY_NS);
}

static void linger_expired(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->orphan)
		tcp_release(ns, conn);
	/* else TIME-WAIT lasts until the handle is given up */
}

static void delayed_ack_expired(struct tcp_conn *conn)
{
	conn->ack_now = conn->ack_now || conn->ack_later;
}

static void run_timer(struct netstack *ns, struct tcp_conn *conn,
		      enum tcp_timer timer, uint64_t now)
{
	switch (timer) {
	case TCP_TIMER_RETRANSMIT:
		retransmit_expired(ns, conn, now);
		break;
	case TCP_TIMER_LOSS_PROBE:
		loss_probe_expired(ns, conn);
		break;
	case TCP_TIMER_REORDER:
		tcp_loss_reorder_timeout(ns, conn, now);
		break;
	case TCP_TIMER_DELAYED_ACK:
		delayed_ack_expired(conn);
		break;
	case TCP_TIMER_PERSIST:
		persist_expired(ns, conn, now);
		break;
	case TCP_TIMER_KEEPALIVE:
		keepalive_expired(ns, conn, now);
		break;
	case TCP_TIMER_SPACE:
		space_expired(ns, conn, now);
		break;
	case TCP_TIMER_LINGER:
		linger_expired(ns, conn);
		break;
	case TCP_TIMER_PACE:
		break; /* that it is over is all */
	case TCP_TIMERS:
		UNREACHABLE();
	}
}

void tcp_expire(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	uint64_t earliest = NEVER;

	for (unsigned i = 0; i < TCP_TIMERS; i++) {
		if (conn->timers[i] > now)
			continue;
		conn->timers[i] = NEVER;
		run_timer(ns, conn, (enum tcp_timer)i, now);
		if (conn->state == TCPS_CLOSED)
			return;
	}
	for (unsigned i = 0; i < TCP_TIMERS; i++)
		earliest = time_min(earliest, conn->timers[i]);
	timer_set(&ns->timers, conn->index, earliest);
	tcp_schedule(ns, conn);
}

void tcp_retry_now(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	static const enum tcp_timer timers[] = {TCP_TIMER_RETRANSMIT,
						TCP_TIMER_PERSIST};

	for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
		if (conn->timers[timers[i]] != NEVER)
			tcp_set_timer(ns, conn, timers[i], now);
	}
}

void tcp_path_restored(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	if (conn->backoff == 0)
		return;
	tcp_end_back_off(ns, conn);
	if (conn->state == TCPS_SYN_SENT || conn->state == TCPS_SYN_RECEIVED)
		conn->syn_pending = true;
	else
		tcp_loss_mark_all(ns, conn);
	tcp_arm_timers(ns, conn, now, true);
	tcp_schedule(ns, conn);
}
