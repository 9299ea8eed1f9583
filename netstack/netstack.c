/* SPDX-License-Identifier: ISC */
/* The library's face: memory, packets in and out, events, time. */
#include "netstack/netstack.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/answer.h"
#include "netstack/checksum.h"
#include "netstack/icmp.h"
#include "netstack/ip.h"
#include "netstack/stack.h"
#include "netstack/tcp.h"
#include "netstack/udp.h"

/* ------------------------------------------------------------- memory */

void netstack_tcp_defaults(struct ns_tcp_config *tcp)
{
	*tcp = (struct ns_tcp_config){
		.recv_buffer_max = 8 << 20,
		.send_buffer_max = 8 << 20,
		.initial_window = 10,
		.loss_tolerance = 3,
		.delayed_ack_ns = 40 * NS_PER_MS,
		.rto_min_ns = 200 * NS_PER_MS,
		.rto_max_ns = 60 * NS_PER_S,
		.user_timeout_ns = 300 * NS_PER_S,
		.keepalive_idle_ns = 60 * NS_PER_S,
		.keepalive_interval_ns = 10 * NS_PER_S,
		.keepalive_probes = 6,
		.time_wait_ns = 60 * NS_PER_S,
		.fin_wait2_ns = 60 * NS_PER_S,
		.rto_initial_ns = NS_PER_S,
		.quick_acks = 16,
		.window_scale = NS_WINDOW_SCALE_AUTO,
		.pacing = true,
		.cubic = true,
		.timestamps = true,
		.sack = true,
		.window_scaling = true,
		.verify_checksums = true,
	};
}

static size_t aligned(size_t len)
{
	return (len + 63) & ~(size_t)63;
}

static uint32_t time_wait_cap(const struct ns_config *config)
{
	return config->time_wait_max != 0 ? config->time_wait_max
					  : TIME_WAIT_MAX_DEFAULT;
}

size_t netstack_size(const struct ns_config *config)
{
	uint32_t cap = config->connections_max;

	return aligned(sizeof(struct netstack)) +
	       aligned(cap * sizeof(struct tcp_conn)) +
	       aligned(config->udp_max * sizeof(struct udp_socket)) +
	       aligned(LENT_MAX * sizeof(struct lent)) +
	       aligned(flow_size(cap)) + aligned(timer_size(cap)) +
	       aligned(sizeof(struct reasm)) +
	       aligned(tcp_time_wait_size(time_wait_cap(config)));
}

static void *carve(uint8_t **memory, size_t len)
{
	void *part = *memory;

	*memory += aligned(len);
	return part;
}

struct netstack *netstack_init(void *memory, const struct ns_config *config)
{
	uint8_t *rest = memory;
	uint32_t cap = config->connections_max;
	struct netstack *ns = carve(&rest, sizeof(*ns));

	CHECK(config->address_count <= TUNNEL_ADDRESSES_MAX);
	ns->config = *config;
	memcpy(ns->addresses, config->addresses,
	       config->address_count * sizeof(ns->addresses[0]));
	ns->config.addresses = ns->addresses;
	random_fill(&config->random, &ns->secret, sizeof(ns->secret));
	ns->port_counter = random_u32(&config->random);
	ns->conns = carve(&rest, cap * sizeof(*ns->conns));
	ns->udp = carve(&rest, config->udp_max * sizeof(*ns->udp));
	ns->lents = carve(&rest, LENT_MAX * sizeof(*ns->lents));
	flow_init(&ns->flows, carve(&rest, flow_size(cap)), cap, &ns->secret);
	timer_init(&ns->timers, carve(&rest, timer_size(cap)), cap);
	ns->reasm = carve(&rest, sizeof(*ns->reasm));
	cap = time_wait_cap(config);
	tcp_time_wait_init(&ns->time_wait,
			   carve(&rest, tcp_time_wait_size(cap)), cap);
	ns->reasm->key = ns->secret;
	ns->conn_free = SOCKET_NONE;
	ns->listeners = SOCKET_NONE;
	ns->touched = ns->lending = SOCKET_NONE;
	udp_init(ns);
	tcp_options_init(ns);
	return ns;
}

void netstack_fini(struct netstack *ns)
{
	for (uint32_t i = 0; i < ns->conn_fresh; i++) {
		struct tcp_conn *conn = tcp_at(ns, i);

		tcp_give_back(ns, conn);
	}
	udp_fini(ns);
}

/* ------------------------------------------------------------- shared */

const struct ip_addr *ns_address(const struct netstack *ns, uint8_t family)
{
	for (uint32_t i = 0; i < ns->config.address_count; i++) {
		if (ns->addresses[i].family == family)
			return &ns->addresses[i];
	}
	return NULL;
}

bool ns_is_ours(const struct netstack *ns, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < ns->config.address_count; i++) {
		if (ip_addr_equal(&ns->addresses[i], addr))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------- events */

void ns_notify(struct netstack *ns, struct ns_socket *socket, unsigned bits)
{
	if ((socket->generation & 1) == 0)
		return;
	socket->events |= bits;
	if (socket->in_events)
		return;
	socket->in_events = true;
	socket->event_next = NULL;
	if (ns->events_tail != NULL)
		ns->events_tail->event_next = socket;
	else
		ns->events_head = socket;
	ns->events_tail = socket;
}

/* The socket stays in the queue with nothing to report; unlinking from a
 * singly linked queue would cost a walk. */
void ns_forget_events(struct netstack *ns, struct ns_socket *socket)
{
	(void)ns;
	socket->events = 0;
}

bool netstack_next_event(struct netstack *ns, struct ns_event *ret_event)
{
	struct ns_socket *socket;

	while ((socket = ns->events_head) != NULL) {
		ns->events_head = socket->event_next;
		if (ns->events_head == NULL)
			ns->events_tail = NULL;
		socket->in_events = false;
		if (socket->events == 0)
			continue;
		*ret_event = (struct ns_event){
			.handle = {.index = socket->index,
				   .generation = socket->generation},
			.user = socket->user,
			.bits = socket->events,
			.error = socket->error,
		};
		socket->events = 0;
		return true;
	}
	return false;
}

static struct ns_socket *find_socket(struct netstack *ns,
				     struct ns_handle handle)
{
	struct ns_socket *socket = NULL;
	uint32_t index = handle.index & ~UDP_BIT;

	if (handle.index != index && index < ns->udp_fresh)
		socket = &ns->udp[index].sock;
	else if (handle.index == index && index < ns->conn_fresh)
		socket = &ns->conns[index].sock;
	if (socket == NULL || !ns_handle_live(socket, handle))
		return NULL;
	return socket;
}

int netstack_set_user(struct netstack *ns, struct ns_handle handle,
		      uint64_t user)
{
	struct ns_socket *socket = find_socket(ns, handle);

	if (socket == NULL)
		return -ERR_CLOSED;
	socket->user = user;
	return 0;
}

/* ------------------------------------------------------------- input */

static void arrive_tcp(struct netstack *ns, uint64_t now, uint16_t path,
		       const struct ip_packet *ip)
{
	struct tcp_segment segment;
	struct tcp_arrival arrival = {
		.now = now,
		.ip = ip,
		.segment = &segment,
		.path = path,
	};
	uint32_t sum = 0;

	if (ns->config.tcp.verify_checksums) {
		sum = checksum_pseudo(&ip->src, &ip->dst, IP_PROTO_TCP,
				      ip->payload_len);
		sum = checksum_add(sum, ip->payload, ip->payload_len);
		if (checksum_finish(sum) != 0) {
			ns_count(ns, NS_DROP_CHECKSUM);
			return;
		}
	}
	if (tcp_segment_parse(ip->payload, ip->payload_len, &segment) != 0)
		ns_count(ns, NS_DROP_MALFORMED);
	else
		tcp_arrive(ns, &arrival);
}

static void arrive_icmp(struct netstack *ns, uint64_t now, uint16_t path,
			const struct ip_packet *ip)
{
	struct icmp_message message;

	ns_count(ns, NS_ICMP_RX);
	if (icmp_parse(ip, &message) != 0)
		ns_count(ns, NS_DROP_MALFORMED);
	else if (message.kind == ICMP_ECHO)
		answer_echo(ns, now, path, ip);
	else if (message.kind != ICMP_OTHER && message.protocol == IP_PROTO_TCP)
		tcp_icmp(ns, &message);
	else if (message.kind != ICMP_OTHER && message.protocol == IP_PROTO_UDP)
		udp_icmp(ns, &message);
}

static void refuse_protocol(struct netstack *ns, uint64_t now, uint16_t path,
			    const struct ip_packet *ip)
{
	ns_count(ns, NS_DROP_PROTOCOL);
	if (ip->protocol != IPV6_NO_NEXT_HEADER)
		answer_error(ns, now, path, ICMP_ERROR_PROTOCOL, ip);
}

static void arrive_whole(struct netstack *ns, uint64_t now, uint16_t path,
			 const struct ip_packet *ip)
{
	if (ip->protocol == IP_PROTO_TCP)
		arrive_tcp(ns, now, path, ip);
	else if (ip->protocol == IP_PROTO_UDP)
		udp_arrive(ns, now, path, ip);
	else if (ip->protocol ==
		 (ip->src.family == IP_V4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6))
		arrive_icmp(ns, now, path, ip);
	else
		refuse_protocol(ns, now, path, ip);
}

static void arrive_fragment(struct netstack *ns, uint64_t now, uint16_t path,
			    const struct ip_packet *fragment)
{
	struct ip_packet whole;

	switch (reasm_take(ns->reasm, now, path, fragment, &whole)) {
	case REASM_WAITS:
		break;
	case REASM_DROPPED:
		ns_count(ns, NS_DROP_FRAGMENT);
		break;
	case REASM_HIDDEN:
		ns_count(ns, NS_DROP_FRAGMENT);
		if (fragment->src.family == IP_V6)
			answer_error(ns, now, path, ICMP_ERROR_CHAIN, fragment);
		break;
	case REASM_WHOLE:
		ns_count(ns, NS_REASSEMBLED);
		arrive_whole(ns, now, path, &whole);
		tcp_stow_all(ns); /* its buffer is for the next one too */
		break;
	}
}

static void arrive(struct netstack *ns, uint64_t now,
		   const struct packet *packet)
{
	struct ip_packet ip;

	ns_count(ns, NS_RX_PACKETS);
	if (ip_parse(packet->data, packet->len, &ip) != 0)
		ns_count(ns, NS_DROP_MALFORMED);
	else if (!ns_is_ours(ns, &ip.dst))
		ns_count(ns, NS_DROP_NOT_OURS);
	else if (ip.fragment)
		arrive_fragment(ns, now, packet->path, &ip);
	else
		arrive_whole(ns, now, packet->path, &ip);
}

void netstack_input(struct netstack *ns, uint64_t now,
		    const struct packet *packets, size_t count)
{
	ns->now = now;
	for (size_t i = 0; i < count; i++)
		arrive(ns, now, &packets[i]);
	tcp_batch_end(ns, now);
}

void netstack_input_done(struct netstack *ns, uint64_t now)
{
	(void)now;
	tcp_stow_all(ns);
}

/* ------------------------------------------------------------- output */

bool netstack_next_path(struct netstack *ns, uint16_t *ret_path)
{
	const struct reply *reply;
	struct sched_node *node;

	while ((reply = reply_first(&ns->replies)) != NULL) {
		if (!ns->sched.paths[reply->path].held) {
			*ret_path = reply->path;
			return true;
		}
		reply_drop(&ns->replies);
		ns_count(ns, NS_DROP_QUEUE);
	}
	node = sched_first(&ns->sched);
	if (node == NULL)
		return false;
	*ret_path = node->path;
	return true;
}

static size_t give_packet(struct run *run, uint32_t len)
{
	run->count = 1;
	run->ip_len = run->last_len = (uint16_t)len;
	run->ecn = 0;
	return 1;
}

static size_t pull_reply(struct netstack *ns, struct run *run)
{
	const struct reply *reply = reply_first(&ns->replies);
	uint32_t len = reply->len;

	memcpy(run->base + RUN_HEAD, reply->data, len);
	reply_drop(&ns->replies);
	return give_packet(run, len);
}

static size_t pull_socket(struct netstack *ns, uint64_t now, struct run *run,
			  struct sched_node *node)
{
	struct ns_socket *socket = container_of(node, struct ns_socket, sched);
	struct tcp_conn *conn;
	size_t count;

	sched_remove(node);
	if (socket->index & UDP_BIT)
		return give_packet(
			run, udp_pull(ns, &ns->udp[socket->index & ~UDP_BIT],
				      run->base + RUN_HEAD));
	conn = tcp_at(ns, socket->index);
	count = tcp_pull(ns, conn, now, run);
	if (count > 0)
		tcp_schedule(ns, conn); /* behind the others */
	tcp_time_wait_settle(ns, conn);
	return count;
}

size_t netstack_pull(struct netstack *ns, uint64_t now, struct run *run)
{
	const struct reply *reply;
	size_t count;

	CHECK(run->mtu == ns->config.mtu);
	ns->now = now;
	if (!netstack_next_path(ns, &run->path))
		return 0;
	reply = reply_first(&ns->replies);
	if (reply != NULL)
		count = pull_reply(ns, run);
	else
		count = pull_socket(ns, now, run, sched_first(&ns->sched));
	ns->counters[NS_TX_PACKETS] += count;
	return count;
}

/* ------------------------------------------------------------- time */

uint64_t netstack_deadline(const struct netstack *ns)
{
	uint64_t deadline = timer_next(&ns->timers);

	deadline = time_min(deadline, reasm_deadline(ns->reasm));
	deadline = time_min(deadline, ns_path_deadline(ns));
	return time_min(deadline, tcp_time_wait_deadline(ns));
}

static void expire_fragments(struct netstack *ns, uint64_t now)
{
	struct reasm_expired expired;

	while (reasm_expire(ns->reasm, now, &expired)) {
		ns_count(ns, NS_REASSEMBLY_TIMEOUTS);
		if (expired.has_first)
			answer_error(ns, now, expired.path,
				     ICMP_ERROR_REASSEMBLY, &expired.packet);
	}
}

void netstack_expire(struct netstack *ns, uint64_t now)
{
	uint32_t index;

	ns->now = now;
	while (timer_pop(&ns->timers, now, &index))
		tcp_expire(ns, tcp_at(ns, index), now);
	tcp_time_wait_expire(ns, now);
	expire_fragments(ns, now);
	ns_path_expire(ns, now);
}

/* ------------------------------------------------------------- counters */

uint64_t netstack_counter(const struct netstack *ns, enum ns_counter which)
{
	CHECK(which < NS_COUNTERS);
	return ns->counters[which];
}

uint32_t netstack_connection_count(const struct netstack *ns)
{
	return ns->conn_count + tcp_time_wait_count(ns);
}
