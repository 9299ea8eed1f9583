/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_time_wait.h"

#include <string.h>

#include "base/bytes.h"
#include "netstack/tcp.h"
#include "netstack/tcp_seq.h"

/* A tuple may be used again after this time when timestamps prove the order. */
enum { REUSE_AFTER_MS = 1000 };

/* What finds an entry; without padding. */
struct tuple {
	uint8_t ports[4];
	uint8_t remote[16];
	uint8_t family, local;
};

static uint32_t ms_of(uint64_t now)
{
	return (uint32_t)(now / NS_PER_MS);
}

static uint32_t bucket_count(uint32_t cap)
{
	uint32_t count = 16;

	while (count < cap)
		count *= 2;
	return count;
}

size_t tcp_time_wait_size(uint32_t cap)
{
	return cap * sizeof(struct tcp_time_wait) +
	       bucket_count(cap) * sizeof(uint32_t);
}

void tcp_time_wait_init(struct tcp_time_wait_table *table, void *memory,
			uint32_t cap)
{
	*table = (struct tcp_time_wait_table){
		.entries = memory,
		.cap = cap,
		.mask = bucket_count(cap) - 1,
	};
	table->buckets = (uint32_t *)(void *)(table->entries + cap);
}

/* ------------------------------------------------------------- table */

static bool tuple_make(const struct netstack *ns, const struct endpoint *local,
		       const struct endpoint *remote, struct tuple *ret_tuple)
{
	uint8_t i = 0;

	while (i < ns->config.address_count &&
	       !ip_addr_equal(&ns->addresses[i], &local->addr))
		i++;
	if (i == ns->config.address_count)
		return false;
	*ret_tuple = (struct tuple){.family = remote->addr.family, .local = i};
	put_be16(ret_tuple->ports, local->port);
	put_be16(ret_tuple->ports + 2, remote->port);
	memcpy(ret_tuple->remote, remote->addr.bytes,
	       remote->addr.family == IP_V4 ? 4 : 16);
	return true;
}

static struct tuple tuple_of(const struct tcp_time_wait *entry)
{
	struct tuple tuple = {.family = entry->family, .local = entry->local};

	memcpy(tuple.ports, entry->ports, sizeof(tuple.ports));
	memcpy(tuple.remote, entry->remote, sizeof(tuple.remote));
	return tuple;
}

static uint32_t *bucket_of(const struct netstack *ns, const struct tuple *tuple)
{
	return &ns->time_wait
			.buckets[siphash(&ns->secret, tuple, sizeof(*tuple)) &
				 ns->time_wait.mask];
}

static bool is_over(const struct netstack *ns,
		    const struct tcp_time_wait *entry, uint64_t now)
{
	return ms_of(now) - entry->since_ms >=
	       ns->config.tcp.time_wait_ns / NS_PER_MS;
}

static void take_away(struct netstack *ns, struct tcp_time_wait *entry)
{
	struct tcp_time_wait_table *table = &ns->time_wait;
	struct tuple tuple = tuple_of(entry);
	uint32_t *link = bucket_of(ns, &tuple);
	uint32_t self = (uint32_t)(entry - table->entries) + 1;

	while (*link != self)
		link = &table->entries[*link - 1].next;
	*link = entry->next;
	entry->family = IP_NONE;
	table->count--;
}

/* Those at the old end of the ring that are gone or over. */
static void trim(struct netstack *ns, uint64_t now)
{
	struct tcp_time_wait_table *table = &ns->time_wait;

	while (table->used > 0) {
		struct tcp_time_wait *entry = &table->entries[table->head];

		if (entry->family != IP_NONE && !is_over(ns, entry, now))
			return;
		if (entry->family != IP_NONE)
			take_away(ns, entry);
		table->head = (table->head + 1) % table->cap;
		table->used--;
	}
}

static struct tcp_time_wait *find(struct netstack *ns,
				  const struct tuple *tuple, uint64_t now)
{
	struct tcp_time_wait_table *table = &ns->time_wait;
	uint32_t i;

	if (table->count == 0)
		return NULL;
	for (i = *bucket_of(ns, tuple); i != 0;
	     i = table->entries[i - 1].next) {
		struct tuple other = tuple_of(&table->entries[i - 1]);

		if (memcmp(&other, tuple, sizeof(other)) == 0)
			break;
	}
	if (i == 0)
		return NULL;
	if (!is_over(ns, &table->entries[i - 1], now))
		return &table->entries[i - 1];
	take_away(ns, &table->entries[i - 1]);
	return NULL;
}

static void add(struct netstack *ns, const struct tcp_time_wait *entry,
		const struct tuple *tuple)
{
	struct tcp_time_wait_table *table = &ns->time_wait;
	uint32_t *bucket = bucket_of(ns, tuple);
	uint32_t slot;

	if (table->used == table->cap) {
		if (table->entries[table->head].family != IP_NONE)
			take_away(ns, &table->entries[table->head]);
		table->head = (table->head + 1) % table->cap;
		table->used--;
	}
	slot = (table->head + table->used) % table->cap;
	table->entries[slot] = *entry;
	table->entries[slot].next = *bucket;
	*bucket = slot + 1;
	if (table->count == 0 ||
	    (int32_t)(entry->since_ms - table->latest_ms) > 0)
		table->latest_ms = entry->since_ms;
	table->used++;
	table->count++;
}

/* ------------------------------------------------------------- connections */

/* When it entered TIME-WAIT: its timer says. */
static uint32_t since(const struct netstack *ns, const struct tcp_conn *conn)
{
	return ms_of(conn->timers[TCP_TIMER_LINGER] -
		     ns->config.tcp.time_wait_ns);
}

void tcp_time_wait_settle(struct netstack *ns, struct tcp_conn *conn)
{
	uint32_t wnd;
	struct tuple tuple;
	struct tcp_time_wait entry;

	if (conn->state != TCPS_TIME_WAIT || !conn->orphan ||
	    tcp_wants_output(ns, conn) ||
	    !tuple_make(ns, &conn->local, &conn->remote, &tuple))
		return;
	trim(ns, ns->now);
	wnd = tcp_receive_window(conn) >> conn->rcv_wscale;
	entry = (struct tcp_time_wait){
		.since_ms = since(ns, conn),
		.snd_nxt = conn->snd_nxt,
		.rcv_nxt = conn->rcv_nxt,
		.ts_recent = conn->ts_recent,
		.path = conn->sock.sched.path,
		.wnd = (uint16_t)(wnd < 0xffff ? wnd : 0xffff),
		.family = tuple.family,
		.local = tuple.local,
		.timestamps = conn->timestamps,
	};
	memcpy(entry.ports, tuple.ports, sizeof(entry.ports));
	memcpy(entry.remote, tuple.remote, sizeof(entry.remote));
	tcp_release(ns, conn);
	add(ns, &entry, &tuple);
}

bool tcp_time_wait_yields(struct netstack *ns, const struct endpoint *local,
			  const struct endpoint *remote, uint64_t now)
{
	struct tcp_time_wait *entry = NULL;
	struct tuple tuple;

	if (tuple_make(ns, local, remote, &tuple))
		entry = find(ns, &tuple, now);
	if (entry == NULL)
		return true;
	if (!entry->timestamps || ms_of(now) - entry->since_ms < REUSE_AFTER_MS)
		return false;
	take_away(ns, entry);
	return true;
}

/* ------------------------------------------------------------- segments */

/* A new SYN may open the next connection when its sequence number or its
 * timestamp is beyond the old (RFC 9293 MAY-2, RFC 6191). */
static bool reopens(const struct netstack *ns,
		    const struct tcp_time_wait *entry,
		    const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;

	if ((segment->flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_SYN ||
	    tcp_find_listener(ns, arrival) == NULL)
		return false;
	return seq_lt(entry->rcv_nxt, segment->seq) ||
	       (entry->timestamps && segment->has_timestamps &&
		seq_lt(entry->ts_recent, segment->ts_val));
}

static void answer(struct netstack *ns, const struct tcp_time_wait *entry,
		   const struct tcp_arrival *arrival)
{
	struct tcp_segment segment = {
		.seq = entry->snd_nxt,
		.ack = entry->rcv_nxt,
		.flags = TCP_ACK,
		.wnd = entry->wnd,
		.has_timestamps = entry->timestamps,
		.ts_ecr = entry->ts_recent,
	};

	tcp_reply(ns, arrival, &segment);
}

/* In the order of RFC 9293 3.10.7.4. True: 2 MSL begin anew. */
static bool judge(struct netstack *ns, struct tcp_time_wait *entry,
		  const struct tcp_arrival *arrival)
{
	const struct tcp_segment *segment = arrival->segment;
	uint32_t offset = segment->seq - entry->rcv_nxt;
	bool old = entry->timestamps && segment->has_timestamps &&
		   seq_lt(segment->ts_val, entry->ts_recent);

	if (segment->flags & TCP_RST) {
		if (offset == 0) /* RFC 5961 3 */
			take_away(ns, entry);
		else if (offset < 0xffff && ns_may_reply(ns, arrival->now, 1))
			answer(ns, entry, arrival);
		return false;
	}
	if (!old && entry->timestamps && segment->has_timestamps &&
	    seq_le(segment->seq, entry->rcv_nxt))
		entry->ts_recent = segment->ts_val;
	if (segment->flags & TCP_FIN || segment->len > 0) {
		answer(ns, entry, arrival);
	} else if ((old || offset != 0 || segment->flags & TCP_SYN) &&
		   ns_may_reply(ns, arrival->now, 1)) {
		ns_count(ns, NS_TCP_CHALLENGE_ACKS);
		answer(ns, entry, arrival);
	}
	return (segment->flags & TCP_FIN) != 0;
}

bool tcp_time_wait_arrive(struct netstack *ns,
			  const struct tcp_arrival *arrival)
{
	struct endpoint local = {.addr = arrival->ip->dst,
				 .port = arrival->segment->dst_port};
	struct endpoint remote = {.addr = arrival->ip->src,
				  .port = arrival->segment->src_port};
	struct tcp_time_wait *entry = NULL;
	struct tcp_time_wait again;
	struct tuple tuple;

	if (tuple_make(ns, &local, &remote, &tuple))
		entry = find(ns, &tuple, arrival->now);
	if (entry == NULL)
		return false;
	if (reopens(ns, entry, arrival)) {
		take_away(ns, entry);
		return false;
	}
	if (judge(ns, entry, arrival)) {
		again = *entry;
		again.since_ms = ms_of(arrival->now);
		take_away(ns, entry);
		add(ns, &again, &tuple);
	}
	return true;
}

/* ------------------------------------------------------------- time */

uint32_t tcp_time_wait_count(const struct netstack *ns)
{
	const struct tcp_time_wait_table *table = &ns->time_wait;
	uint32_t count = 0;

	for (uint32_t i = 0; i < table->used; i++) {
		const struct tcp_time_wait *entry =
			&table->entries[(table->head + i) % table->cap];

		count += entry->family != IP_NONE &&
			 !is_over(ns, entry, ns->now);
	}
	return count;
}

uint64_t tcp_time_wait_deadline(const struct netstack *ns)
{
	uint32_t age = ms_of(ns->now) - ns->time_wait.latest_ms;
	uint64_t all = ns->config.tcp.time_wait_ns / NS_PER_MS;

	if (ns->time_wait.count == 0)
		return NEVER;
	return age >= all ? ns->now : ns->now + (all - age) * NS_PER_MS;
}

void tcp_time_wait_expire(struct netstack *ns, uint64_t now)
{
	if (ns->time_wait.count > 0)
		trim(ns, now);
}

void tcp_time_wait_check(const struct netstack *ns)
{
	const struct tcp_time_wait_table *table = &ns->time_wait;
	uint32_t ring = 0, chained = 0;

	for (uint32_t i = 0; i < table->used; i++)
		ring += table->entries[(table->head + i) % table->cap].family !=
			IP_NONE;
	for (uint32_t i = 0; i <= table->mask && table->count > 0; i++) {
		for (uint32_t at = table->buckets[i]; at != 0;
		     at = table->entries[at - 1].next) {
			CHECK(table->entries[at - 1].family != IP_NONE);
			CHECK(++chained <= table->cap);
		}
	}
	CHECK(ring == table->count && chained == table->count);
}
