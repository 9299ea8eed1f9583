/* SPDX-License-Identifier: ISC */
/*
 * Pacing: small bursts, so often that the window goes round once in a round
 * trip. Who fills a drop-tail queue together with others and comes in lumps is
 * the one whose packets find it full.
 */
#include "netstack/tcp.h"

enum { PACE_BURST_MIN = 2, PACE_CREDIT = 10 }; /* segments */
#define PACE_BURST_NS      (NS_PER_MS / 2)
#define PACE_SLACK_NS      (NS_PER_MS / 10) /* timers are not exact */
#define PACE_LATE_NS       (2 * NS_PER_MS)
#define PACE_ROUND_TRIP_NS (4 * NS_PER_MS)

/* A window sent in one piece overruns a short queue. On a path so short that
 * its acknowledgements come about as often as our timer fires, they are pace
 * enough. */
static bool is_paced(const struct netstack *ns, const struct tcp_conn *conn)
{
	return ns->config.tcp.pacing && conn->srtt != 0 &&
	       conn->min_rtt >= PACE_ROUND_TRIP_NS;
}

bool tcp_pace_allows(struct netstack *ns, struct tcp_conn *conn, uint64_t now)
{
	if (conn->pace_at <= now || conn->probe_pending || !is_paced(ns, conn))
		return true;
	conn->cwnd_limited = true; /* the pace follows from the window */
	conn->pace_waits = true;
	tcp_set_timer(ns, conn, TCP_TIMER_PACE, conn->pace_at);
	return false;
}

/* Bytes per second. */
static uint64_t pace(const struct tcp_conn *conn)
{
	return tcp_cc_pace(&conn->cc, conn->srtt, tcp_pipe(conn));
}

/* What a timer that fires late has kept back may follow at once, and so may
 * some segments after a pause. While the window is full, time in which it, and
 * not the timer, kept data back is no credit: to make up for it is a burst. */
static uint64_t credit(const struct tcp_conn *conn, uint64_t rate)
{
	if (conn->pace_waits)
		return PACE_LATE_NS;
	if (tcp_cc_is_filled(&conn->cc, tcp_pipe(conn)))
		return PACE_SLACK_NS;
	return time_max(PACE_LATE_NS,
			PACE_CREDIT * (uint64_t)conn->mss * NS_PER_S / rate);
}

/* Since when it is time to send. */
static uint64_t due_since(const struct tcp_conn *conn, uint64_t now,
			  uint64_t rate)
{
	uint64_t earliest = now - time_min(now, credit(conn, rate));

	return time_max(conn->pace_at, earliest);
}

/* All that is due, and one step ahead. */
uint32_t tcp_pace_burst(const struct netstack *ns, const struct tcp_conn *conn,
			uint64_t now, uint32_t len)
{
	uint64_t rate, since, most;

	if (!is_paced(ns, conn))
		return len;
	rate = pace(conn);
	since = due_since(conn, now, rate);
	most = PACE_BURST_NS + (now > since ? now - since : 0);
	most = rate * most / NS_PER_S;
	most -= most % conn->mss;
	if (most < PACE_BURST_MIN * (uint64_t)conn->mss)
		most = PACE_BURST_MIN * (uint64_t)conn->mss;
	return len < most ? len : (uint32_t)most;
}

void tcp_pace_sent(const struct netstack *ns, struct tcp_conn *conn,
		   uint64_t now, uint32_t len)
{
	uint64_t rate;

	if (!is_paced(ns, conn))
		return;
	rate = pace(conn);
	conn->pace_at = due_since(conn, now, rate) + len * NS_PER_S / rate;
}

uint64_t tcp_pace_rate(const struct netstack *ns, const struct tcp_conn *conn)
{
	return is_paced(ns, conn) ? pace(conn) : 0;
}
