/* SPDX-License-Identifier: ISC */
#include "netstack/udp.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "netstack/answer.h"
#include "netstack/checksum.h"

enum {
	UDP_HEADER_LEN = 8,
	PORT_MIN = 16384,
	PORT_COUNT = 65536 - PORT_MIN,
	PORT_TRIES = 64,
};

void udp_init(struct netstack *ns)
{
	ns->udp_used = SOCKET_NONE;
	ns->udp_free = SOCKET_NONE;
}

static void give_back(struct netstack *ns, uint32_t *chunk)
{
	if (*chunk != CHUNK_NONE)
		chunk_put(ns->config.chunks, *chunk);
	*chunk = CHUNK_NONE;
}

void udp_fini(struct netstack *ns)
{
	for (uint32_t i = ns->udp_used; i != SOCKET_NONE; i = ns->udp[i].next) {
		give_back(ns, &ns->udp[i].out_chunk);
		give_back(ns, &ns->udp[i].in_chunk);
	}
}

static struct udp_socket *find(const struct netstack *ns,
			       struct ns_handle handle)
{
	uint32_t index = handle.index & ~UDP_BIT;
	struct udp_socket *socket;

	if (!(handle.index & UDP_BIT) || index >= ns->udp_fresh)
		return NULL;
	socket = &ns->udp[index];
	return ns_handle_live(&socket->sock, handle) ? socket : NULL;
}

static struct udp_socket *find_port(const struct netstack *ns, uint16_t port)
{
	for (uint32_t i = ns->udp_used; i != SOCKET_NONE; i = ns->udp[i].next) {
		if (ns->udp[i].port == port)
			return &ns->udp[i];
	}
	return NULL;
}

static uint16_t random_port(struct netstack *ns)
{
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		uint16_t port =
			(uint16_t)(PORT_MIN + random_below(&ns->config.random,
							   PORT_COUNT));

		if (find_port(ns, port) == NULL)
			return port;
	}
	return 0;
}

static struct udp_socket *take_socket(struct netstack *ns)
{
	uint32_t index = ns->udp_free;

	if (index != SOCKET_NONE)
		ns->udp_free = ns->udp[index].next;
	else if (ns->udp_fresh < ns->config.udp_max)
		index = ns->udp_fresh++;
	else
		return NULL;
	ns->udp[index].sock.index = index | UDP_BIT;
	ns->udp[index].next = ns->udp_used;
	ns->udp_used = index;
	return &ns->udp[index];
}

int udp_open(struct netstack *ns, uint16_t port, uint64_t user,
	     struct ns_handle *ret_handle)
{
	struct udp_socket *socket;

	if (port != 0 && find_port(ns, port) != NULL)
		return -ERR_EXISTS;
	if (port == 0)
		port = random_port(ns);
	if (port == 0)
		return -ERR_NO_PORT;
	socket = take_socket(ns);
	if (socket == NULL)
		return -ERR_FULL;
	socket->port = port;
	socket->out_chunk = socket->in_chunk = CHUNK_NONE;
	socket->in_used = socket->in_first = socket->in_count = 0;
	socket->asker.addr.family = IP_NONE;
	socket->to.addr.family = IP_NONE;
	socket->sock.generation++;
	socket->sock.user = user;
	*ret_handle = (struct ns_handle){
		.index = socket->sock.index,
		.generation = socket->sock.generation,
	};
	return 0;
}

int udp_close(struct netstack *ns, struct ns_handle handle)
{
	struct udp_socket *socket = find(ns, handle);
	uint32_t *link = &ns->udp_used;
	uint32_t index = handle.index & ~UDP_BIT;

	if (socket == NULL)
		return -ERR_CLOSED;
	give_back(ns, &socket->out_chunk);
	give_back(ns, &socket->in_chunk);
	sched_remove(&socket->sock.sched);
	ns_forget_events(ns, &socket->sock);
	socket->sock.generation++;
	socket->port = 0;
	while (*link != index)
		link = &ns->udp[*link].next;
	*link = socket->next;
	socket->next = ns->udp_free;
	ns->udp_free = index;
	return 0;
}

/* ------------------------------------------------------------- send */

int udp_send(struct netstack *ns, struct ns_handle handle,
	     const struct endpoint *to, const void *data, size_t len)
{
	struct udp_socket *socket = find(ns, handle);
	uint16_t path = route_lookup(ns->config.routes, &to->addr);
	uint32_t headers = ip_header_len(to->addr.family) + UDP_HEADER_LEN;

	if (socket == NULL)
		return -ERR_CLOSED;
	if (path == ROUTE_NONE)
		return -ERR_NO_ROUTE;
	if (ns_address(ns, to->addr.family) == NULL)
		return -ERR_UNREACHABLE;
	if (len > ns->config.mtu - headers)
		return -ERR_TOO_LONG;
	if (socket->out_chunk != CHUNK_NONE)
		return -ERR_AGAIN;
	socket->out_chunk = chunk_get(ns->config.chunks);
	if (socket->out_chunk == CHUNK_NONE)
		return -ERR_NO_MEMORY;
	memcpy(chunk_data(ns->config.chunks, socket->out_chunk), data, len);
	socket->out_len = (uint32_t)len;
	socket->to = *to;
	socket->sock.sched.path = path;
	sched_add(&ns->sched, &socket->sock.sched);
	return 0;
}

struct datagram {
	struct ip_addr from;
	uint16_t from_port;
	struct endpoint to;
	const void *data;
	uint32_t len;
};

/* Returns the length of the packet. */
static uint32_t build(struct netstack *ns, const struct datagram *datagram,
		      uint8_t *data)
{
	const struct ip_addr *from = &datagram->from;
	const struct ip_addr *to = &datagram->to.addr;
	uint32_t len = UDP_HEADER_LEN + datagram->len;
	struct ip_build build = {
		.src = from,
		.dst = to,
		.payload_len = len,
		.id = ns->ip_id++,
		.protocol = IP_PROTO_UDP,
	};
	uint8_t *udp = data + ip_build(data, &build);
	uint32_t sum;
	uint16_t checksum;

	put_be16(udp, datagram->from_port);
	put_be16(udp + 2, datagram->to.port);
	put_be16(udp + 4, (uint16_t)len);
	put_be16(udp + 6, 0);
	sum = checksum_pseudo(from, to, IP_PROTO_UDP, len);
	sum = checksum_add(sum, udp, UDP_HEADER_LEN);
	sum = checksum_copy(sum, udp + UDP_HEADER_LEN, datagram->data,
			    datagram->len);
	checksum = checksum_finish(sum);
	put_be16(udp + 6, checksum != 0 ? checksum : 0xffff);
	return (uint32_t)(udp - data) + len;
}

uint32_t udp_pull(struct netstack *ns, struct udp_socket *socket, uint8_t *data)
{
	struct datagram datagram = {
		.from = *ns_address(ns, socket->to.addr.family),
		.from_port = socket->port,
		.to = socket->to,
		.len = socket->out_len,
	};
	uint32_t len;

	CHECK(socket->out_chunk != CHUNK_NONE);
	datagram.data = chunk_data(ns->config.chunks, socket->out_chunk);
	len = build(ns, &datagram, data);
	give_back(ns, &socket->out_chunk);
	return len;
}

int udp_reply(struct netstack *ns, struct ns_handle handle, const void *data,
	      size_t len)
{
	struct udp_socket *socket = find(ns, handle);
	struct datagram datagram = {.data = data, .len = (uint32_t)len};
	struct reply *reply;
	uint16_t path;

	if (socket == NULL)
		return -ERR_CLOSED;
	if (socket->asker.addr.family == IP_NONE)
		return -ERR_STATE;
	datagram.from = socket->asked;
	datagram.from_port = socket->port;
	datagram.to = socket->asker;
	if (ip_header_len(datagram.to.addr.family) + UDP_HEADER_LEN + len >
	    MTU_MIN)
		return -ERR_TOO_LONG;
	path = route_lookup(ns->config.routes, &datagram.to.addr);
	if (path == ROUTE_NONE)
		return -ERR_NO_ROUTE;
	reply = reply_reserve(&ns->replies, path);
	if (reply == NULL) {
		ns_count(ns, NS_DROP_QUEUE);
		return -ERR_FULL;
	}
	reply->len = (uint16_t)build(ns, &datagram, reply->data);
	reply_commit(&ns->replies);
	return 0;
}

/* ------------------------------------------------------------- receive */

static void keep(struct netstack *ns, struct udp_socket *socket,
		 const struct ip_packet *ip, uint32_t len)
{
	unsigned slot = (socket->in_first + socket->in_count) % UDP_QUEUE_MAX;
	const uint8_t *udp = ip->payload;

	if (socket->in_chunk == CHUNK_NONE && len <= CHUNK_BYTES) {
		socket->in_chunk = chunk_get(ns->config.chunks);
		socket->in_used = 0;
	}
	if (socket->in_chunk == CHUNK_NONE ||
	    socket->in_count == UDP_QUEUE_MAX ||
	    len > CHUNK_BYTES - socket->in_used) {
		ns_count(ns, NS_DROP_QUEUE);
		return;
	}
	memcpy(chunk_data(ns->config.chunks, socket->in_chunk) +
		       socket->in_used,
	       udp + UDP_HEADER_LEN, len);
	socket->in[slot].from = (struct endpoint){
		.addr = ip->src,
		.port = get_be16(udp),
	};
	socket->in[slot].to = ip->dst;
	socket->in[slot].offset = socket->in_used;
	socket->in[slot].len = len;
	socket->in_used += len;
	socket->in_count++;
	ns_notify(ns, &socket->sock, NS_READABLE);
}

void udp_arrive(struct netstack *ns, uint64_t now, uint16_t path,
		const struct ip_packet *ip)
{
	const uint8_t *udp = ip->payload;
	struct udp_socket *socket;
	uint32_t len;

	if (ip->payload_len < UDP_HEADER_LEN) {
		ns_count(ns, NS_DROP_MALFORMED);
		return;
	}
	len = get_be16(udp + 4);
	if (len < UDP_HEADER_LEN || len > ip->payload_len) {
		ns_count(ns, NS_DROP_MALFORMED);
		return;
	}
	/* Without a checksum only on IPv4 (RFC 8200 section 8.1). */
	if ((get_be16(udp + 6) != 0 || ip->src.family == IP_V6) &&
	    checksum_finish(checksum_add(
		    checksum_pseudo(&ip->src, &ip->dst, IP_PROTO_UDP, len), udp,
		    len)) != 0) {
		ns_count(ns, NS_DROP_CHECKSUM);
		return;
	}
	socket = find_port(ns, get_be16(udp + 2));
	if (socket == NULL) {
		ns_count(ns, NS_DROP_NO_SOCKET);
		answer_error(ns, now, path, ICMP_ERROR_PORT, ip);
		return;
	}
	keep(ns, socket, ip, len - UDP_HEADER_LEN);
}

int udp_recv(struct netstack *ns, struct ns_handle handle, void *data,
	     size_t cap, struct endpoint *ret_from, size_t *ret_len)
{
	struct udp_socket *socket = find(ns, handle);
	uint32_t len;

	if (socket == NULL)
		return -ERR_CLOSED;
	if (socket->in_count == 0)
		return -ERR_AGAIN;
	len = socket->in[socket->in_first].len;
	socket->asker = socket->in[socket->in_first].from;
	socket->asked = socket->in[socket->in_first].to;
	*ret_from = socket->asker;
	*ret_len = len < cap ? len : cap;
	memcpy(data,
	       chunk_data(ns->config.chunks, socket->in_chunk) +
		       socket->in[socket->in_first].offset,
	       *ret_len);
	socket->in_first = (uint8_t)((socket->in_first + 1) % UDP_QUEUE_MAX);
	if (--socket->in_count == 0)
		give_back(ns, &socket->in_chunk);
	return 0;
}

/* Only about what went where the socket has sent last (RFC 5927). */
void udp_icmp(struct netstack *ns, const struct icmp_message *message)
{
	struct udp_socket *socket = find_port(ns, message->local_port);
	struct endpoint remote = {.addr = message->remote,
				  .port = message->remote_port};

	if (socket == NULL || message->kind != ICMP_HARD ||
	    socket->out_chunk != CHUNK_NONE ||
	    !ns_is_ours(ns, &message->local) ||
	    !endpoint_equal(&socket->to, &remote))
		return;
	socket->sock.error = message->error;
	ns_notify(ns, &socket->sock, NS_FAILED);
}
