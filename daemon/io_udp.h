/* SPDX-License-Identifier: ISC */
/*
 * A tunnel's UDP sockets, one for each family, on our own descriptors: UDP_GRO
 * and UDP_SEGMENT, packet info and TOS need recvmsg() and sendmsg().
 *
 * Happy path: the poll callback marks the socket, io_udp_receive() takes up to
 * UDP_RECEIVE_BATCH super-datagrams with one recvmmsg(), io_udp_flush() pulls
 * runs and sends each with one sendmsg().
 *
 * Failure modes of sending:
 *   EAGAIN      the run stays in the buffer, nothing more is pulled until the
 *               socket is writable: unsent data waits in TCP
 *   EMSGSIZE    a segment is larger than the path MTU: this run goes one by
 *               one, where the system may fragment, and TCP is told
 *   EIO, EINVAL of a run: no segmentation offload on this route or system, off
 *               for the socket
 *   the source address is gone: the kernel chooses, one more try
 *   anything else is loss: counted, TCP repairs it
 */
#ifndef DAEMON_IO_UDP_H
#define DAEMON_IO_UDP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/io_bind.h"
#include "daemon/io_owner.h"
#include "daemon/tunnel.h"

/* What is received in one turn stays in the second-level cache until it has
 * been opened and written. */
enum { UDP_RECEIVE_BATCH = 8, UDP_RECEIVE_BYTES = 65536 };

struct io_loop;

struct io_udp_socket {
	int fd; /* -1: the family is not available */
	uv_poll_t poll;
	bool readable;
	bool segments; /* UDP_SEGMENT works */
};

struct io_udp {
	struct io_owner owner;
	struct io_loop *io;
	struct tunnel *tunnel;
	struct io_udp_socket sockets[2]; /* IPv4, IPv6 */
	uint16_t port;                   /* that both are bound to */
	char kept_as[KEPT_NAME_CAP];     /* as in struct io_bound */
	struct tunnel_output out; /* being sent, or waiting for the socket */
	uint32_t out_sent;        /* bytes of it that have left */
	bool blocked;
	uint64_t rx_truncated, tx_errors, tx_unsegmented;
};

/* Binds to the tunnel's listen port on both families, or takes over sockets
 * that the program was started with: they keep the port and with it a NAT's
 * mapping. NULL: logged. It frees itself after io_udp_close(). */
struct io_udp *io_udp_open(struct io_loop *io, struct tunnel *tunnel);
void io_udp_close(struct io_udp *udp);

/* used: how many of the loop's receive buffers this turn has lent already, to
 * whichever tunnel. Returns how many it has now. */
unsigned io_udp_receive(struct io_udp *udp, unsigned used);
void io_udp_flush(struct io_udp *udp);

#endif
