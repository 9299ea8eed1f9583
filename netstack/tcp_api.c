/* SPDX-License-Identifier: ISC */
/* The calls of netstack.h on connections and listeners. */
#include "netstack/tcp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp_seq.h"

enum {
	PORT_MIN = 16384,
	PORT_COUNT = 65536 - PORT_MIN,
};

struct tcp_conn *tcp_find(const struct netstack *ns, struct ns_handle handle)
{
	struct tcp_conn *conn;

	if (handle.index >= ns->conn_fresh)
		return NULL;
	conn = tcp_at(ns, handle.index);
	return ns_handle_live(&conn->sock, handle) ? conn : NULL;
}

static struct ns_handle give_handle(struct tcp_conn *conn, uint64_t user)
{
	CHECK((conn->sock.generation & 1) == 0);
	conn->sock.generation++;
	conn->sock.user = user;
	return (struct ns_handle){.index = conn->index,
				  .generation = conn->sock.generation};
}

static void take_handle(struct netstack *ns, struct tcp_conn *conn)
{
	ns_forget_events(ns, &conn->sock);
	conn->sock.generation++;
	conn->orphan = true;
	ns->orphans++;
}

/* ------------------------------------------------------------- open */

/* RFC 6056 algorithm 3: a secret start for each destination, then upwards. */
static int choose_port(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	uint32_t start = tcp_port_offset(ns, conn) + ns->port_counter++;
	struct flow_key key;

	for (uint32_t i = 0; i < PORT_COUNT; i++) {
		conn->local.port =
			(uint16_t)(PORT_MIN + (start + i) % PORT_COUNT);
		key = flow_key_make(&conn->local, &conn->remote);
		if (flow_find(&ns->flows, &key) != FLOW_NONE ||
		    !tcp_time_wait_yields(ns, &conn->local, &conn->remote, now))
			continue;
		flow_insert(&ns->flows, &key, conn->index);
		conn->in_flows = true;
		ns->port_counter += i;
		return 0;
	}
	return -ERR_NO_PORT;
}

int tcp_connect(struct netstack *ns, uint64_t now, const struct endpoint *to,
		uint64_t user, struct ns_handle *ret_handle)
{
	const struct ip_addr *local = ns_address(ns, to->addr.family);
	uint16_t path = route_lookup(ns->config.routes, &to->addr);
	struct tcp_conn *conn;

	if (local == NULL)
		return -ERR_UNREACHABLE;
	if (path == ROUTE_NONE)
		return -ERR_NO_ROUTE;
	conn = tcp_alloc(ns);
	if (conn == NULL)
		return -ERR_FULL;
	conn->local.addr = *local;
	conn->remote = *to;
	if (choose_port(ns, conn, now) != 0) {
		tcp_release(ns, conn);
		return -ERR_NO_PORT;
	}
	conn->sock.sched.path = path;
	conn->rcv_wscale = tcp_own_wscale(ns, conn);
	conn->iss = tcp_isn(ns, conn, now);
	conn->snd_una = conn->snd_nxt = conn->recover = conn->iss;
	conn->ts_offset = tcp_ts_offset(ns, conn);
	conn->last_received = now;
	conn->mss = TCP_MSS_MIN; /* until the peer has said */
	conn->syn_pending = true;
	tcp_set_state(conn, TCPS_SYN_SENT);
	*ret_handle = give_handle(conn, user);
	tcp_schedule(ns, conn);
	return 0;
}

static bool overlap(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port &&
	       (a->addr.family == IP_NONE || b->addr.family == IP_NONE ||
		ip_addr_equal(&a->addr, &b->addr));
}

int tcp_listen(struct netstack *ns, const struct endpoint *local,
	       uint32_t backlog, uint64_t user, struct ns_handle *ret_handle)
{
	struct tcp_conn *conn;

	for (uint32_t i = ns->listeners; i != SOCKET_NONE;
	     i = tcp_at(ns, i)->next) {
		if (overlap(&tcp_at(ns, i)->local, local))
			return -ERR_EXISTS;
	}
	conn = tcp_alloc(ns);
	if (conn == NULL)
		return -ERR_FULL;
	conn->local = *local;
	conn->backlog = backlog > 0 ? backlog : 1;
	tcp_set_state(conn, TCPS_LISTEN);
	conn->next = ns->listeners;
	ns->listeners = conn->index;
	*ret_handle = give_handle(conn, user);
	return 0;
}

int tcp_hold(struct netstack *ns, struct ns_handle handle)
{
	struct tcp_conn *listener = tcp_find(ns, handle);

	if (listener == NULL || listener->state != TCPS_LISTEN)
		return -ERR_CLOSED;
	listener->held = true;
	return 0;
}

int tcp_answer(struct netstack *ns, struct ns_handle handle)
{
	struct tcp_conn *conn = tcp_find(ns, handle);

	if (conn == NULL)
		return -ERR_CLOSED;
	if (conn->state != TCPS_SYN_RECEIVED || !conn->held)
		return -ERR_STATE;
	conn->held = false;
	conn->syn_pending = true;
	tcp_schedule(ns, conn);
	return 0;
}

int tcp_accept(struct netstack *ns, struct ns_handle handle, uint64_t user,
	       struct ns_handle *ret_handle, struct endpoint *ret_from)
{
	struct tcp_conn *listener = tcp_find(ns, handle);
	struct tcp_conn *conn;

	if (listener == NULL || listener->state != TCPS_LISTEN)
		return -ERR_CLOSED;
	if (listener->accept_head == SOCKET_NONE)
		return -ERR_AGAIN;
	conn = tcp_at(ns, listener->accept_head);
	listener->accept_head = conn->next;
	if (listener->accept_head == SOCKET_NONE)
		listener->accept_tail = SOCKET_NONE;
	else
		ns_notify(ns, &listener->sock, NS_ACCEPTABLE);
	listener->pending--;
	conn->parent = SOCKET_NONE;
	conn->next = SOCKET_NONE;
	*ret_handle = give_handle(conn, user);
	*ret_from = conn->remote;
	if (tcp_recv_queued(conn) > 0)
		ns_notify(ns, &conn->sock, NS_READABLE);
	if (conn->fin_received)
		ns_notify(ns, &conn->sock, NS_READABLE | NS_EOF);
	return 0;
}

/* ------------------------------------------------------------- send */

/* What cwnd takes and a little more. In recovery more than cwnd is outstanding,
 * as what was SACKed waits for its acknowledgement; the rest must not wait for
 * that, or all of it leaves in one burst afterwards. */
uint32_t tcp_send_room(const struct netstack *ns, const struct tcp_conn *conn)
{
	uint32_t outstanding = conn->snd_nxt - conn->snd_una;
	uint32_t limit =
		conn->cc.cwnd > outstanding ? conn->cc.cwnd : outstanding;

	limit += TCP_UNSENT_MAX;
	if (chunk_pressure(ns->config.chunks))
		limit = TCP_UNSENT_MAX;
	if (limit > tcp_option(ns, conn, TCP_OPTION_SEND_BUFFER))
		limit = (uint32_t)tcp_option(ns, conn, TCP_OPTION_SEND_BUFFER);
	return conn->send.len < limit ? limit - conn->send.len : 0;
}

void tcp_tell_space(struct netstack *ns, struct tcp_conn *conn)
{
	const struct chunk_pool *chunks = ns->config.chunks;
	uint32_t worth =
		(uint32_t)tcp_option(ns, conn, TCP_OPTION_SEND_BUFFER) / 2;

	if (worth > TCP_ROOM_WORTH)
		worth = TCP_ROOM_WORTH;
	if (!conn->wants_space || tcp_send_room(ns, conn) < worth ||
	    chunks->used == chunks->count)
		return;
	conn->wants_space = false;
	tcp_stop_timer(ns, conn, TCP_TIMER_SPACE);
	ns_notify(ns, &conn->sock, NS_WRITABLE);
}

static int check_sendable(const struct tcp_conn *conn)
{
	if (conn == NULL)
		return -ERR_CLOSED;
	if (conn->state == TCPS_CLOSED)
		return conn->sock.error != 0 ? conn->sock.error : -ERR_CLOSED;
	if (conn->state != TCPS_ESTABLISHED && conn->state != TCPS_CLOSE_WAIT)
		return -ERR_STATE;
	return 0;
}

int tcp_send_space(struct netstack *ns, struct ns_handle handle,
		   struct iovec *iov, int cap, size_t bytes_max)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	int err = check_sendable(conn);
	uint32_t room;
	int count;

	if (err != 0)
		return err;
	room = tcp_send_room(ns, conn);
	if (room > bytes_max)
		room = (uint32_t)bytes_max;
	count = chain_space(&conn->send, ns->config.chunks, iov, cap, room);
	conn->wants_space = count == 0 && bytes_max > 0;
	if (conn->wants_space && room > 0) /* no memory: others have it */
		tcp_set_timer(ns, conn, TCP_TIMER_SPACE, ns->now);
	return count;
}

int tcp_send_commit(struct netstack *ns, uint64_t now, struct ns_handle handle,
		    size_t len)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	int err = check_sendable(conn);

	if (err != 0)
		return err;
	chain_commit(&conn->send, len);
	chain_trim(&conn->send, ns->config.chunks);
	if (len > 0) {
		tcp_schedule(ns, conn);
		tcp_arm_timers(ns, conn, now, false);
	}
	return 0;
}

int tcp_send(struct netstack *ns, uint64_t now, struct ns_handle handle,
	     const void *data, size_t len)
{
	const uint8_t *p = data;
	struct iovec iov[8];
	int count = tcp_send_space(ns, handle, iov, 8, len);
	size_t done = 0;
	int err;

	if (count <= 0)
		return count;
	for (int i = 0; i < count; i++) {
		memcpy(iov[i].iov_base, p + done, iov[i].iov_len);
		done += iov[i].iov_len;
	}
	err = tcp_send_commit(ns, now, handle, done);
	return err != 0 ? err : (int)done;
}

/* ------------------------------------------------------------- receive */

static int check_receivable(const struct tcp_conn *conn)
{
	if (conn == NULL)
		return -ERR_CLOSED;
	if (conn->state == TCPS_CLOSED && conn->sock.error != 0)
		return conn->sock.error;
	if (conn->discards ||
	    (conn->fin_received && tcp_recv_queued(conn) == 0))
		return -ERR_CLOSED;
	return 0;
}

int tcp_recv_space(struct netstack *ns, struct ns_handle handle,
		   struct iovec *iov, int cap)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	int err = check_receivable(conn);
	uint32_t index;
	int count;

	if (err != 0)
		return err;
	count = chain_iov(&conn->recv, ns->config.chunks, iov, cap);
	index = conn->lent_head;
	for (; index != SOCKET_NONE && count < cap;
	     index = ns->lents[index].next) {
		const struct lent *lent = &ns->lents[index];

		iov[count].iov_base = lent->data;
		iov[count].iov_len = lent->len;
		count++;
	}
	return count;
}

static void consume_lent(struct netstack *ns, struct tcp_conn *conn, size_t len)
{
	conn->lent_len -= (uint32_t)len;
	while (len > 0) {
		struct lent *lent = &ns->lents[conn->lent_head];

		if (len < lent->len) {
			lent->data += len;
			lent->len -= (uint32_t)len;
			return;
		}
		len -= lent->len;
		conn->lent_head = lent->next;
	}
	if (conn->lent_head == SOCKET_NONE)
		conn->lent_tail = SOCKET_NONE;
}

static void consume(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		    size_t len)
{
	size_t kept = len < conn->recv.len ? len : conn->recv.len;

	chain_consume(&conn->recv, ns->config.chunks, kept);
	consume_lent(ns, conn, len - kept);
	tcp_trim_received(ns, conn);
	conn->bytes_received += len;
	tcp_window_opened(ns, conn, now, (uint32_t)len);
}

int tcp_recv_consume(struct netstack *ns, uint64_t now, struct ns_handle handle,
		     size_t len)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	int err = check_receivable(conn);

	if (err != 0)
		return err;
	CHECK(len <= tcp_recv_queued(conn));
	consume(ns, conn, now, len);
	tcp_schedule(ns, conn);
	return 0;
}

void tcp_discard(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	if (tcp_recv_queued(conn) > 0)
		consume(ns, conn, now, tcp_recv_queued(conn));
}

int tcp_recv(struct netstack *ns, uint64_t now, struct ns_handle handle,
	     void *data, size_t cap)
{
	uint8_t *p = data;
	struct iovec iov[16];
	int count = tcp_recv_space(ns, handle, iov, 16);
	size_t done = 0;

	if (count <= 0)
		return count;
	for (int i = 0; i < count && done < cap; i++) {
		size_t len = iov[i].iov_len;

		if (len > cap - done)
			len = cap - done;
		memcpy(p + done, iov[i].iov_base, len);
		done += len;
	}
	count = tcp_recv_consume(ns, now, handle, done);
	return count != 0 ? count : (int)done;
}

/* ------------------------------------------------------------- close */

static void queue_fin(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	conn->fin_queued = true;
	tcp_set_state(conn, conn->state == TCPS_CLOSE_WAIT ? TCPS_LAST_ACK
							   : TCPS_FIN_WAIT_1);
	tcp_schedule(ns, conn);
	tcp_arm_timers(ns, conn, now, false);
}

int tcp_shutdown(struct netstack *ns, uint64_t now, struct ns_handle handle)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	int err = check_sendable(conn);

	if (err == 0)
		queue_fin(ns, conn, now);
	return err;
}

int tcp_shutdown_receive(struct netstack *ns, uint64_t now,
			 struct ns_handle handle)
{
	struct tcp_conn *conn = tcp_find(ns, handle);

	if (conn == NULL)
		return -ERR_CLOSED;
	if (!tcp_synchronized(conn))
		return -ERR_STATE;
	conn->discards = true;
	tcp_discard(ns, conn, now);
	tcp_schedule(ns, conn);
	return 0;
}

int tcp_error(struct netstack *ns, struct ns_handle handle)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	int err;

	if (conn == NULL)
		return -ERR_CLOSED;
	err = conn->sock.error != 0 ? conn->sock.error : conn->soft_error;
	conn->soft_error = 0;
	return err;
}

static void close_listener(struct netstack *ns, struct tcp_conn *listener)
{
	uint32_t *link = &ns->listeners;

	for (uint32_t i = 0; i < ns->conn_fresh; i++) {
		struct tcp_conn *conn = tcp_at(ns, i);

		if (conn->state == TCPS_CLOSED ||
		    conn->parent != listener->index)
			continue;
		tcp_send_reset(ns, conn);
		tcp_release(ns, conn);
	}
	while (*link != listener->index)
		link = &tcp_at(ns, *link)->next;
	*link = listener->next;
	tcp_release(ns, listener);
}

static void abort_now(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->state == TCPS_LISTEN) {
		close_listener(ns, conn);
		return;
	}
	if (conn->state != TCPS_CLOSED)
		tcp_send_reset(ns, conn);
	tcp_release(ns, conn);
}

static void linger(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	take_handle(ns, conn);
	if (conn->state == TCPS_ESTABLISHED || conn->state == TCPS_CLOSE_WAIT)
		queue_fin(ns, conn, now);
	else if (conn->state == TCPS_FIN_WAIT_2)
		tcp_set_timer(ns, conn, TCP_TIMER_LINGER,
			      now + ns->config.tcp.fin_wait2_ns);
	else if (conn->state == TCPS_TIME_WAIT &&
		 conn->timers[TCP_TIMER_LINGER] == NEVER)
		tcp_release(ns, conn); /* 2 MSL have passed already */
	else
		tcp_time_wait_settle(ns, conn);
}

int tcp_close(struct netstack *ns, uint64_t now, struct ns_handle handle)
{
	struct tcp_conn *conn = tcp_find(ns, handle);

	if (conn == NULL)
		return -ERR_CLOSED;
	if (conn->state < TCPS_ESTABLISHED || tcp_recv_queued(conn) > 0 ||
	    tcp_option(ns, conn, TCP_OPTION_ABORT_ON_CLOSE) != 0)
		abort_now(ns, conn);
	else
		linger(ns, conn, now);
	return 0;
}

int tcp_abort(struct netstack *ns, uint64_t now, struct ns_handle handle)
{
	struct tcp_conn *conn = tcp_find(ns, handle);

	(void)now;
	if (conn == NULL)
		return -ERR_CLOSED;
	abort_now(ns, conn);
	return 0;
}
