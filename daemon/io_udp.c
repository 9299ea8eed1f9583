/* SPDX-License-Identifier: ISC */
#include "daemon/io_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	SOCKET_BUFFER_BYTES = 4 * 1024 * 1024,
	FLUSH_RUNS_MAX = 64, /* per turn */
	CONTROL_CAP = 256,
};

/* ------------------------------------------------------------- open, close */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct io_owner *owner = handle->data;
	struct io_udp *udp = container_of(owner, struct io_udp, owner);
	struct io_udp_socket *socket =
		container_of(handle, struct io_udp_socket, poll);

	if (owner->closing)
		return;
	/* An error waits on the socket; the next system call takes it. */
	if (status < 0)
		uv_poll_start(handle, UV_READABLE, on_poll);
	if (status < 0 || (events & UV_READABLE))
		socket->readable = true;
	if (status < 0 || (events & UV_WRITABLE))
		udp->blocked = false;
}

static void set_options(int fd, int family)
{
	io_socket_hint(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
	io_socket_hint(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
	io_socket_hint(fd, SOL_UDP, UDP_GRO, 1);
	if (family == AF_INET6) {
		io_socket_hint(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
		io_socket_hint(fd, SOL_IPV6, IPV6_RECVTCLASS, 1);
		io_socket_hint(fd, SOL_IPV6, IPV6_MTU_DISCOVER,
			       IPV6_PMTUDISC_DONT);
	} else {
		io_socket_hint(fd, SOL_IP, IP_PKTINFO, 1);
		io_socket_hint(fd, SOL_IP, IP_RECVTOS, 1);
		io_socket_hint(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	}
}

/* *port: wanted, 0 = any; then what it is. */
static int bind_socket(int family, uint16_t *port)
{
	struct endpoint local = {
		.addr.family = family == AF_INET ? IP_V4 : IP_V6,
		.port = *port,
	};
	struct sockaddr_storage sockaddr;
	socklen_t len = io_sockaddr(&local, &sockaddr);
	int fd = io_socket(family, SOCK_DGRAM);

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		io_socket_hint(fd, SOL_IPV6, IPV6_V6ONLY, 1);
	if (bind(fd, (struct sockaddr *)&sockaddr, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sockaddr, &len) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	*port = io_endpoint(&sockaddr).port;
	return fd;
}

static int take_socket(struct io_udp *udp, int family, uint16_t *port)
{
	char name[KEPT_NAME_CAP];
	struct io_wanted wanted = {
		.kind = INHERITED_DATAGRAM,
		.name = name,
		.local.addr.family = family == AF_INET ? IP_V4 : IP_V6,
		.local.port = *port,
	};

	io_service_name(KEPT_TUNNEL, udp->tunnel->name, name);
	return io_inherit_take(&udp->io->service.inherit, &wanted, port);
}

static void open_socket(struct io_udp *udp, unsigned index, int family,
			uint16_t *port)
{
	struct io_udp_socket *socket = &udp->sockets[index];

	socket->fd = take_socket(udp, family, port);
	if (socket->fd < 0)
		socket->fd = bind_socket(family, port);
	if (socket->fd < 0)
		return;
	set_options(socket->fd, family);
	socket->segments = true;
	CHECK(uv_poll_init(&udp->io->uv, &socket->poll, socket->fd) == 0);
	io_owner_track(&udp->owner, (uv_handle_t *)&socket->poll);
	uv_poll_start(&socket->poll, UV_READABLE, on_poll);
}

static void on_gone(struct io_owner *owner)
{
	struct io_udp *udp = container_of(owner, struct io_udp, owner);

	free(udp->out.data);
	free(udp);
}

struct io_udp *io_udp_open(struct io_loop *io, struct tunnel *tunnel)
{
	struct io_udp *udp = calloc(1, sizeof(*udp));
	uint16_t port = tunnel->listen_port;

	if (udp == NULL)
		return NULL;
	udp->io = io;
	udp->tunnel = tunnel;
	udp->sockets[0].fd = udp->sockets[1].fd = -1;
	io_owner_init(&udp->owner, on_gone);
	udp->out.cap = RUN_BYTES_MAX;
	udp->out.data = malloc(RUN_BYTES_MAX);
	if (udp->out.data == NULL) {
		free(udp);
		return NULL;
	}
	open_socket(udp, 0, AF_INET, &port);
	open_socket(udp, 1, AF_INET6, &port);
	if (udp->sockets[0].fd < 0 && udp->sockets[1].fd < 0) {
		log_error("event=udp_failed tunnel=%s port=%u text=\"%s\"",
			  tunnel->name, (unsigned)port, strerror(errno));
		io_udp_close(udp);
		return NULL;
	}
	log_info("event=udp_open tunnel=%s port=%u ipv6=%s", tunnel->name,
		 (unsigned)port, udp->sockets[1].fd < 0 ? "no" : "yes");
	udp->port = port;
	io->service.keep_due = true;
	return udp;
}

void io_udp_close(struct io_udp *udp)
{
	if (udp->owner.closing)
		return;
	io_service_let_go(udp->io, udp->kept_as);
	for (unsigned i = 0; i < 2; i++) {
		if (udp->sockets[i].fd < 0)
			continue;
		io_owner_close(&udp->owner,
			       (uv_handle_t *)&udp->sockets[i].poll);
		close(udp->sockets[i].fd);
		udp->sockets[i].fd = -1;
	}
	io_owner_finish(&udp->owner);
}

/* ------------------------------------------------------------- receive */

struct receive_slot {
	struct iovec iov;
	struct sockaddr_storage from;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_CAP];
};

static void read_control(struct msghdr *msg, struct wg_datagram *datagram)
{
	struct cmsghdr *c;
	int value;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		const uint8_t *data = CMSG_DATA(c);

		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&value, data, sizeof(value));
			datagram->segment = (uint32_t)value;
		} else if (c->cmsg_level == SOL_IP &&
			   c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			uint8_t bytes[4];

			memcpy(&info, data, sizeof(info));
			memcpy(bytes, &info.ipi_addr, sizeof(bytes));
			datagram->local = ip_addr_v4(bytes);
			datagram->ifindex = (uint32_t)info.ipi_ifindex;
		} else if (c->cmsg_level == SOL_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, data, sizeof(info));
			datagram->local = ip_addr_v6(info.ipi6_addr.s6_addr);
			datagram->ifindex = info.ipi6_ifindex;
		} else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_TOS) {
			datagram->tos = data[0];
		} else if (c->cmsg_level == SOL_IPV6 &&
			   c->cmsg_type == IPV6_TCLASS) {
			memcpy(&value, data, sizeof(value));
			datagram->tos = (uint8_t)value;
		}
	}
}

static void take_datagram(struct io_udp *udp, struct mmsghdr *msg,
			  const struct receive_slot *slot)
{
	struct wg_datagram datagram = {
		.data = slot->iov.iov_base,
		.len = msg->msg_len,
		.from = io_endpoint(&slot->from),
	};

	if (msg->msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		udp->rx_truncated++;
		return;
	}
	read_control(&msg->msg_hdr, &datagram);
	tunnel_input(udp->tunnel, &udp->io->now, &datagram);
}

/* The buffers are the loop's and are lent to the netstack until the end of the
 * turn, so first says which of them the turn has used already. */
static unsigned receive_socket(struct io_udp *udp, struct io_udp_socket *socket,
			       unsigned first)
{
	struct mmsghdr msgs[UDP_RECEIVE_BATCH];
	struct receive_slot slots[UDP_RECEIVE_BATCH];
	unsigned room = UDP_RECEIVE_BATCH - first;
	int count;

	memset(msgs, 0, room * sizeof(msgs[0]));
	for (unsigned i = 0; i < room; i++) {
		struct msghdr *hdr = &msgs[i].msg_hdr;

		slots[i].iov.iov_base = udp->io->receive_buffers +
					(size_t)(first + i) * UDP_RECEIVE_BYTES;
		slots[i].iov.iov_len = UDP_RECEIVE_BYTES;
		hdr->msg_iov = &slots[i].iov;
		hdr->msg_iovlen = 1;
		hdr->msg_name = &slots[i].from;
		hdr->msg_namelen = sizeof(slots[i].from);
		hdr->msg_control = slots[i].control;
		hdr->msg_controllen = sizeof(slots[i].control);
	}
	count = recvmmsg(socket->fd, msgs, room, MSG_DONTWAIT, NULL);
	if (count < 0) {
		/* An asynchronous error was taken; data may be behind it. */
		socket->readable = errno != EAGAIN && errno != EINTR;
		return 0;
	}
	for (int i = 0; i < count; i++)
		take_datagram(udp, &msgs[i], &slots[i]);
	socket->readable = (unsigned)count == room;
	return (unsigned)count;
}

unsigned io_udp_receive(struct io_udp *udp, unsigned used)
{
	for (unsigned i = 0; i < 2; i++) {
		struct io_udp_socket *socket = &udp->sockets[i];

		if (socket->fd < 0 || !socket->readable)
			continue;
		if (used < UDP_RECEIVE_BATCH)
			used += receive_socket(udp, socket, used);
		if (socket->readable)
			udp->io->again = true;
	}
	return used;
}

/* ------------------------------------------------------------- send */

static void put_control(struct msghdr *msg, int level, int type,
			const void *value, size_t len)
{
	struct cmsghdr *c =
		(struct cmsghdr *)(void *)((uint8_t *)msg->msg_control +
					   msg->msg_controllen);

	CHECK(msg->msg_controllen + CMSG_SPACE(len) <= CONTROL_CAP);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void put_source(struct msghdr *msg, const struct wg_destination *to)
{
	if (to->source.family == IP_V4) {
		struct in_pktinfo info = {.ipi_ifindex = (int)to->ifindex};

		memcpy(&info.ipi_spec_dst, to->source.bytes, 4);
		put_control(msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (to->source.family == IP_V6) {
		struct in6_pktinfo info = {.ipi6_ifindex = to->ifindex};

		memcpy(&info.ipi6_addr, to->source.bytes, 16);
		put_control(msg, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

/* One system call for the next len bytes, in segments. 0 or -errno. */
static int send_some(const struct io_udp *udp, uint32_t len)
{
	const struct tunnel_output *out = &udp->out;
	bool v6 = out->to.to.addr.family == IP_V6;
	int fd = udp->sockets[v6].fd;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_CAP] = {0};
	struct sockaddr_storage to;
	struct iovec iov = {.iov_base = out->data + udp->out_sent,
			    .iov_len = len};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = io_sockaddr(&out->to.to, &to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
	};

	if (fd < 0)
		return -EAFNOSUPPORT;
	put_source(&msg, &out->to);
	if (out->to.tos != 0) {
		int tos = out->to.tos;

		put_control(&msg, v6 ? SOL_IPV6 : SOL_IP,
			    v6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
	}
	if (len > out->segment) {
		uint16_t segment = (uint16_t)out->segment;

		put_control(&msg, SOL_UDP, UDP_SEGMENT, &segment,
			    sizeof(segment));
	}
	if (msg.msg_controllen == 0)
		msg.msg_control = NULL;
	return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The address we would send from may have left this machine. */
static bool source_may_be_gone(const struct io_udp *udp, int err)
{
	if (udp->out.to.source.family == IP_NONE)
		return false;
	return err == -EINVAL || err == -EADDRNOTAVAIL || err == -ENODEV ||
	       err == -ENETUNREACH;
}

static int send_from_any(struct io_udp *udp, uint32_t len)
{
	wg_device_source_gone(udp->tunnel->wg, &udp->out.to.source);
	udp->out.to.source.family = IP_NONE;
	udp->out.to.ifindex = 0;
	return send_some(udp, len);
}

/* Sends the run in the buffer. Returns false when the socket is full. */
static bool send_run(struct io_udp *udp)
{
	struct io_udp_socket *socket =
		&udp->sockets[udp->out.to.to.addr.family == IP_V6];
	bool whole = socket->segments;

	while (udp->out_sent < udp->out.len) {
		uint32_t len = udp->out.len - udp->out_sent;
		bool run = whole && len > udp->out.segment;
		int err;

		if (!run && len > udp->out.segment)
			len = udp->out.segment;
		err = send_some(udp, len);
		if (source_may_be_gone(udp, err))
			err = send_from_any(udp, len);
		if (err == -EAGAIN)
			return false;
		if (err == -EMSGSIZE)
			tunnel_output_too_long(udp->tunnel, &udp->io->now,
					       &udp->out);
		if (run &&
		    (err == -EMSGSIZE || err == -EIO || err == -EINVAL)) {
			whole = false;
			socket->segments = err == -EMSGSIZE;
			udp->tx_unsegmented++;
			continue;
		}
		udp->tx_errors += err != 0;
		udp->out_sent += len;
	}
	udp->out.len = 0;
	return true;
}

static void wait_writable(struct io_udp *udp)
{
	struct io_udp_socket *socket =
		&udp->sockets[udp->out.to.to.addr.family == IP_V6];

	udp->blocked = true;
	uv_poll_start(&socket->poll, UV_READABLE | UV_WRITABLE, on_poll);
}

void io_udp_flush(struct io_udp *udp)
{
	bool was_blocked = udp->out.len > 0;

	if (udp->blocked || udp->owner.closing)
		return;
	for (unsigned runs = 0; runs < FLUSH_RUNS_MAX; runs++) {
		if (udp->out.len == 0) {
			udp->out_sent = 0;
			if (!tunnel_output(udp->tunnel, &udp->io->now,
					   &udp->out))
				goto idle;
		}
		if (!send_run(udp)) {
			wait_writable(udp);
			return;
		}
	}
	udp->io->again = true;
idle:
	for (unsigned i = 0; was_blocked && i < 2; i++) {
		if (udp->sockets[i].fd >= 0)
			uv_poll_start(&udp->sockets[i].poll, UV_READABLE,
				      on_poll);
	}
}
