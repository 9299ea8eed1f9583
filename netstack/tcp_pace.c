/* SPDX-License-Identifier: ISC */
/*
 * Pacing: bursts of what a millisecond carries, so often that the window goes
 * round once in a round trip. The timer of the stack ticks in milliseconds.
 */
#include "netstack/tcp.h"

enum { PACE_BURST_MIN = 2, PACE_CREDIT = 10 }; /* segments */
#define PACE_BURST_NS      NS_PER_MS
#define PACE_CREDIT_NS     (2 * NS_PER_MS)
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
	tcp_set_timer(ns, conn, TCP_TIMER_PACE, conn->pace_at);
	return false;
}

uint32_t tcp_pace_burst(const struct netstack *ns, const struct tcp_conn *conn,
			uint32_t len)
{
	uint64_t most;

	if (!is_paced(ns, conn))
		return len;
	most = tcp_cc_pace(&conn->cc, conn->srtt) * PACE_BURST_NS / NS_PER_S;
	most -= most % conn->mss;
	if (most < PACE_BURST_MIN * (uint64_t)conn->mss)
		most = PACE_BURST_MIN * (uint64_t)conn->mss;
	return len < most ? len : (uint32_t)most;
}

/* A timer that fires late, and a pause, leave some credit. */
void tcp_pace_sent(const struct netstack *ns, struct tcp_conn *conn,
		   uint64_t now, uint32_t len)
{
	uint64_t rate, credit;

	if (!is_paced(ns, conn))
		return;
	rate = tcp_cc_pace(&conn->cc, conn->srtt);
	credit = PACE_CREDIT * (uint64_t)conn->mss * NS_PER_S / rate;
	if (credit < PACE_CREDIT_NS)
		credit = PACE_CREDIT_NS;
	if (now > credit && conn->pace_at < now - credit)
		conn->pace_at = now - credit;
	conn->pace_at += len * NS_PER_S / rate;
}

uint64_t tcp_pace_rate(const struct netstack *ns, const struct tcp_conn *conn)
{
	return is_paced(ns, conn) ? tcp_cc_pace(&conn->cc, conn->srtt) : 0;
}
