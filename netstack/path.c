/* SPDX-License-Identifier: ISC */
/* What holds for all connections to one peer: whether it can be sent to, and
 * how long its packets may be. */
#include "base/check.h"
#include "netstack/stack.h"
#include "netstack/tcp.h"

/* RFC 8201 section 4: a larger one is tried again after ten minutes. */
#define PATH_MTU_LIFETIME (600 * NS_PER_S)

void netstack_path_hold(struct netstack *ns, uint16_t path)
{
	sched_hold(&ns->sched, path);
}

void netstack_path_release(struct netstack *ns, uint64_t now, uint16_t path)
{
	ns->now = now;
	sched_release(&ns->sched, path);
	for (uint32_t i = 0; i < ns->conn_fresh && ns->backed_off > 0; i++) {
		struct tcp_conn *conn = tcp_at(ns, i);

		if (conn->state > TCPS_LISTEN && conn->sock.sched.path == path)
			tcp_path_restored(ns, conn, now);
	}
}

uint32_t netstack_path_probe(struct netstack *ns, uint64_t now, uint16_t path,
			     uint32_t count)
{
	uint32_t backed_off = 0;

	ns->now = now;
	if (ns->backed_off == 0)
		return 0;
	for (uint32_t i = 0; i < ns->conn_fresh; i++) {
		struct tcp_conn *conn = tcp_at(ns, i);

		if (conn->state <= TCPS_LISTEN || conn->backoff == 0 ||
		    conn->sock.sched.path != path)
			continue;
		if (backed_off++ < count)
			tcp_retry_now(ns, conn, now);
	}
	return backed_off;
}

/* ------------------------------------------------------------- MTU */

uint16_t ns_path_mtu(const struct netstack *ns, uint16_t path)
{
	uint16_t mtu = ns->path_mtus[path].mtu;

	return mtu != 0 ? mtu : ns->config.mtu;
}

/* Connections of the path that use at least `from` use another one now. */
static void change_mtu(struct netstack *ns, uint16_t path, uint32_t from,
		       uint32_t to)
{
	for (uint32_t i = 0; i < ns->conn_fresh; i++) {
		struct tcp_conn *conn = tcp_at(ns, i);

		if (conn->state > TCPS_LISTEN &&
		    conn->sock.sched.path == path && conn->path_mtu >= from &&
		    conn->path_mtu != to)
			tcp_use_path_mtu(ns, conn, to);
	}
}

void ns_path_lowered(struct netstack *ns, uint16_t path)
{
	struct ns_path_mtu *limit = &ns->path_mtus[path];

	limit->until = ns->now + PATH_MTU_LIFETIME;
	if (ns->path_mtu_deadline == 0 || limit->until < ns->path_mtu_deadline)
		ns->path_mtu_deadline = limit->until;
}

void netstack_path_mtu(struct netstack *ns, uint64_t now, uint16_t path,
		       uint16_t mtu)
{
	if (mtu < MTU_MIN)
		mtu = MTU_MIN;
	ns->now = now;
	if (mtu >= ns_path_mtu(ns, path))
		return;
	ns->path_mtus[path].mtu = mtu;
	ns_path_lowered(ns, path);
	change_mtu(ns, path, mtu + 1U, mtu);
}

uint64_t ns_path_deadline(const struct netstack *ns)
{
	return ns->path_mtu_deadline != 0 ? ns->path_mtu_deadline : NEVER;
}

void ns_path_expire(struct netstack *ns, uint64_t now)
{
	uint64_t deadline = NEVER;

	if (ns_path_deadline(ns) > now)
		return;
	for (uint16_t path = 0; path < PEERS_MAX; path++) {
		struct ns_path_mtu *limit = &ns->path_mtus[path];

		if (limit->until == 0)
			continue;
		if (limit->until > now) {
			deadline = time_min(deadline, limit->until);
			continue;
		}
		*limit = (struct ns_path_mtu){.mtu = 0};
		change_mtu(ns, path, 0, ns->config.mtu);
	}
	ns->path_mtu_deadline = deadline != NEVER ? deadline : 0;
}
