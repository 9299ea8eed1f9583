/* SPDX-License-Identifier: ISC */
/*
 * A TCP/IP stack as a library: IPv4, IPv6, ICMP, UDP and TCP without I/O,
 * clock, randomness, callbacks or allocation.
 *
 * The contract of a core:
 *
 *   netstack_input()      take a batch of IP packets
 *   netstack_input_done() the batch's buffers are about to be reused
 *   netstack_next_path()  is there anything to send, and to which peer
 *   netstack_pull()       fill one run of packets for that peer
 *   netstack_next_event() what happened to a socket since
 *   netstack_deadline(), netstack_expire()
 *
 * now is nanoseconds of a clock that does not count time asleep, and never
 * decreases. Everything is single-threaded and non-blocking. Sockets are named
 * by handles that go stale, not by pointers that dangle: a call with a stale
 * handle returns -ERR_CLOSED.
 *
 * Nothing is dropped between TCP and the caller: what is not pulled stays in
 * the connection, where it is counted. A path (a WireGuard peer) that cannot
 * send is held; its connections wait without burning retransmissions, and
 * clocks of segments start when netstack_pull() hands them out.
 */
#ifndef NETSTACK_NETSTACK_H
#define NETSTACK_NETSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/addr.h"
#include "base/random.h"
#include "base/route.h"
#include "base/run.h"
#include "netstack/chunk.h"

struct netstack;

/* A socket: connection, listener or UDP socket. */
struct ns_handle {
	uint32_t index;
	uint32_t generation; /* 0 is never a live handle */
};

/* The least scale that lets a window reach the receive buffer. */
enum { NS_WINDOW_SCALE_AUTO = 255 };

/* Start-up knobs of TCP; netstack_tcp_defaults() fills them. */
struct ns_tcp_config {
	uint32_t recv_buffer_max; /* bytes; window scale follows from it */
	uint32_t send_buffer_max;
	uint32_t initial_window; /* segments, RFC 6928: 10 */
	/* Percent of segments that may be lost without a queue before it
	 * counts as congestion; 0: every loss does, as RFC 9438 has it. */
	uint32_t loss_tolerance;
	uint64_t delayed_ack_ns; /* 0: acknowledge at once */
	uint64_t rto_min_ns, rto_max_ns;
	uint64_t user_timeout_ns;   /* unacknowledged data for this long */
	uint64_t keepalive_idle_ns; /* 0: off */
	uint64_t keepalive_interval_ns;
	uint32_t keepalive_probes;
	uint64_t time_wait_ns, fin_wait2_ns;
	uint64_t rto_initial_ns; /* before there is a sample; RFC 6298: 1 s */
	/* Acknowledgements that are not delayed, at the start and after a
	 * pause: a slow start at the other end lives on them. */
	uint8_t quick_acks;
	uint8_t window_scale; /* to announce, at most 14 */
	bool pacing; /* bursts instead of whole windows, from 4 ms on */
	/* RFC 9438, and a slow start that ends with a queue. Off: RFC 5681,
	 * where nothing but a loss ends it and each takes a half. */
	bool cubic;
	bool nagle; /* RFC 9293 3.7.4; off: small segments leave at once */
	bool timestamps, sack, window_scaling;
	/* The tag of WireGuard covers a packet from the peer on; what lies
	 * behind the peer is only covered by TCP's own checksum. */
	bool verify_checksums;
};

struct ns_config {
	uint32_t connections_max; /* TCP control blocks, listeners included */
	uint32_t udp_max;         /* UDP sockets */
	uint32_t time_wait_max;   /* at most 64 bytes each; 0: 32768 */
	uint16_t mtu;
	uint32_t address_count;           /* at most TUNNEL_ADDRESSES_MAX */
	const struct ip_addr *addresses;  /* ours, copied */
	const struct route_table *routes; /* address -> path; must outlive us */
	struct chunk_pool *chunks;        /* may be shared by several stacks */
	struct random_source random;
	struct ns_tcp_config tcp;
};

void netstack_tcp_defaults(struct ns_tcp_config *tcp);

/* memory: zeroed, netstack_size() bytes, the caller's to free after fini. */
size_t netstack_size(const struct ns_config *config);
struct netstack *netstack_init(void *memory, const struct ns_config *config);
void netstack_fini(struct netstack *ns); /* gives every chunk back */

/* ---------------------------------------------------------------- packets */

/* Takes a batch. Payload in order is not copied: it is lent to the connection
 * until netstack_input_done(), which copies what nobody consumed. */
void netstack_input(struct netstack *ns, uint64_t now,
		    const struct packet *packets, size_t count);
void netstack_input_done(struct netstack *ns, uint64_t now);

/* Whether something wants to be sent, and the path it wants. The answer stays
 * the same until netstack_pull() or netstack_path_hold(). */
bool netstack_next_path(struct netstack *ns, uint16_t *ret_path);

/* Fills run->base with packets for the path just named: one connection's run
 * of data, or one other packet. run->base, cap and mtu are the caller's.
 * Returns the number of packets; 0 = nothing after all, ask again. */
size_t netstack_pull(struct netstack *ns, uint64_t now, struct run *run);

/* The path cannot send; everything for it waits until released. Releasing also
 * lets connections that had backed off try again at once. */
void netstack_path_hold(struct netstack *ns, uint16_t path);
void netstack_path_release(struct netstack *ns, uint64_t now, uint16_t path);

/* Tries up to count connections of the path that have backed off, whatever
 * their timers say: a path that is silent is asked whether it is back. Returns
 * how many have backed off. */
uint32_t netstack_path_probe(struct netstack *ns, uint64_t now, uint16_t path,
			     uint32_t count);

/* Packets to the path that are longer than mtu do not get through, or not in
 * one piece: old and new connections send shorter ones. After ten minutes the
 * tunnel's MTU is tried again. No value below 1280 is used. */
void netstack_path_mtu(struct netstack *ns, uint64_t now, uint16_t path,
		       uint16_t mtu);

uint64_t netstack_deadline(const struct netstack *ns);
void netstack_expire(struct netstack *ns, uint64_t now);

/* ---------------------------------------------------------------- events */

enum {
	NS_CONNECTED = 1 << 0, /* the handshake is complete */
	NS_READABLE = 1 << 1,  /* data, or the end of data, can be taken */
	NS_WRITABLE = 1 << 2,  /* send space has grown after it was too small */
	NS_ACCEPTABLE = 1 << 3, /* a listener has a connection to accept */
	NS_EOF = 1 << 4,        /* the peer's FIN arrived: the end is known */
	NS_SENT = 1 << 5,       /* our FIN was acknowledged: all is delivered */
	/* The connection is gone, see error; of a UDP socket: the datagram sent
	 * last was refused. */
	NS_FAILED = 1 << 6,
};

/* Bits of one socket since it was last reported, merged: the queue holds each
 * socket at most once and cannot overflow. */
struct ns_event {
	struct ns_handle handle;
	uint64_t user; /* the tag given at connect, listen or open */
	unsigned bits;
	int error; /* -ERR_*: REFUSED, RESET, TIMEOUT, UNREACHABLE */
};

bool netstack_next_event(struct netstack *ns, struct ns_event *ret_event);

/* Changes the tag of a socket that changes hands. 0 or -ERR_CLOSED. */
int netstack_set_user(struct netstack *ns, struct ns_handle handle,
		      uint64_t user);

/* ---------------------------------------------------------------- TCP */

/* Starts a connection from one of our addresses of the right family. 0 with a
 * handle; -ERR_NO_ROUTE, -ERR_UNREACHABLE (no address of that family),
 * -ERR_NO_PORT, -ERR_FULL. NS_CONNECTED or NS_FAILED follows. */
int tcp_connect(struct netstack *ns, uint64_t now, const struct endpoint *to,
		uint64_t user, struct ns_handle *ret_handle);

/* addr IP_NONE: all our addresses. -ERR_EXISTS when the port is taken. */
int tcp_listen(struct netstack *ns, const struct endpoint *local,
	       uint32_t backlog, uint64_t user, struct ns_handle *ret_handle);
/* From now on the listener holds: a SYN is answered only when the user says so.
 * tcp_accept() gives the connection as soon as its SYN is there, with nothing
 * sent yet; then tcp_answer() completes the handshake (NS_CONNECTED or
 * NS_FAILED follows), or tcp_abort() refuses with RST. -ERR_CLOSED. */
int tcp_hold(struct netstack *ns, struct ns_handle listener);
/* -ERR_STATE unless the connection is held. */
int tcp_answer(struct netstack *ns, struct ns_handle handle);
/* -ERR_AGAIN when there is none. */
int tcp_accept(struct netstack *ns, struct ns_handle listener, uint64_t user,
	       struct ns_handle *ret_handle, struct endpoint *ret_from);

/* Sending: ask for space, write into it, say how much. Returns the number of
 * iovecs filled (0: no space, NS_WRITABLE follows) or -ERR_*: STATE before the
 * connection is there and after tcp_shutdown(), the reason once it failed. The
 * space is good until the next call that takes now. */
int tcp_send_space(struct netstack *ns, struct ns_handle handle,
		   struct iovec *iov, int cap, size_t bytes_max);
int tcp_send_commit(struct netstack *ns, uint64_t now, struct ns_handle handle,
		    size_t len);
/* The same with a copy; returns how much was taken or -ERR_*. */
int tcp_send(struct netstack *ns, uint64_t now, struct ns_handle handle,
	     const void *data, size_t len);

/* Receiving: look at what there is, then say how much was taken. Returns the
 * number of iovecs (0: nothing now) or -ERR_*; after the last byte before FIN
 * -ERR_CLOSED says that there will be no more. What arrived before an orderly
 * end stays readable; a failure takes it away, so that a cut stream never looks
 * complete. */
int tcp_recv_space(struct netstack *ns, struct ns_handle handle,
		   struct iovec *iov, int cap);
int tcp_recv_consume(struct netstack *ns, uint64_t now, struct ns_handle handle,
		     size_t len);
int tcp_recv(struct netstack *ns, uint64_t now, struct ns_handle handle,
	     void *data, size_t cap);

/* Settings of a connection, or of a listener for those it will make; what is
 * not set is as in struct ns_tcp_config. */
enum tcp_option {
	TCP_OPTION_NO_DELAY,           /* 1: no Nagle */
	TCP_OPTION_KEEPALIVE_IDLE,     /* ns; 0: off */
	TCP_OPTION_KEEPALIVE_INTERVAL, /* ns */
	TCP_OPTION_KEEPALIVE_PROBES,
	TCP_OPTION_USER_TIMEOUT, /* ns; 0: none. RFC 5482, for us alone */
	/* 1: tcp_close() aborts, as SO_LINGER with 0 does. Other lingering is
	 * the caller's: tcp_shutdown(), then wait for NS_SENT. */
	TCP_OPTION_ABORT_ON_CLOSE,
	/* Bytes, options included: announced, and none longer is sent. The
	 * first needs it before the SYN leaves: on a listener, or right after
	 * tcp_connect(). */
	TCP_OPTION_MAX_SEGMENT,
	/* Bytes, at most. The window scale follows from the receive buffer that
	 * is set before the SYN leaves. */
	TCP_OPTION_SEND_BUFFER,
	TCP_OPTION_RECV_BUFFER,
	TCP_OPTIONS,
};

/* 0; -ERR_CLOSED, -ERR_INVALID for a value out of range, -ERR_FULL when there
 * are more than 63 different settings in use at once. */
int tcp_set_option(struct netstack *ns, uint64_t now, struct ns_handle handle,
		   enum tcp_option option, uint64_t value);
int tcp_get_option(const struct netstack *ns, struct ns_handle handle,
		   enum tcp_option option, uint64_t *ret_value);

/* What went wrong: a failure, as long as the handle lives; else the last ICMP
 * soft error, once. -ERR_* or 0. */
int tcp_error(struct netstack *ns, struct ns_handle handle);

/* FIN after everything committed; receiving goes on. */
int tcp_shutdown(struct netstack *ns, uint64_t now, struct ns_handle handle);
/* Nothing more is wanted: what waits and what comes is acknowledged and thrown
 * away, and tcp_recv() says -ERR_CLOSED. Sending goes on. -ERR_STATE before
 * the handshake is complete. */
int tcp_shutdown_receive(struct netstack *ns, uint64_t now,
			 struct ns_handle handle);
/* Gives the handle up. Data already committed is still delivered; unread data
 * turns the close into a reset (RFC 2525 2.17). */
int tcp_close(struct netstack *ns, uint64_t now, struct ns_handle handle);
/* Gives the handle up and sends RST. */
int tcp_abort(struct netstack *ns, uint64_t now, struct ns_handle handle);

/* TCPS_ as in BSD: <netinet/tcp.h> owns the names with TCP_. */
enum tcp_state {
	TCPS_CLOSED,
	TCPS_LISTEN,
	TCPS_SYN_SENT,
	TCPS_SYN_RECEIVED,
	TCPS_ESTABLISHED,
	TCPS_FIN_WAIT_1,
	TCPS_FIN_WAIT_2,
	TCPS_CLOSE_WAIT,
	TCPS_CLOSING,
	TCPS_LAST_ACK,
	TCPS_TIME_WAIT,
	TCPS_STATES,
};
extern const char *const tcp_state_name[TCPS_STATES];

struct ns_tcp_info {
	enum tcp_state state;
	struct endpoint local, remote;
	uint16_t path;
	uint16_t mss;            /* of segments we send, options subtracted */
	uint32_t cwnd, ssthresh; /* bytes */
	uint32_t snd_wnd, rcv_wnd;
	uint32_t unacked; /* bytes in flight */
	uint32_t send_queued, recv_queued;
	uint64_t srtt_ns, rttvar_ns, rto_ns;
	uint64_t bytes_sent, bytes_received;
	uint64_t segments_sent, segments_received;
	uint32_t retransmits; /* segments */
	/* Linux's view, in segments of mss */
	uint32_t cwnd_segments, sacked_segments, lost_segments;
	uint64_t min_rtt_ns;  /* 0: no sample yet */
	uint64_t pacing_rate; /* bytes per second; 0: not paced */
	uint8_t backoff;      /* doublings of rto */
	uint8_t keepalives;   /* not answered */
	bool reordering;      /* was seen */
	bool timestamps, sack, window_scaling;
	uint8_t snd_wscale, rcv_wscale;
	int soft_error; /* last ICMP soft error, -ERR_* or 0 */
};
int tcp_info(const struct netstack *ns, struct ns_handle handle,
	     struct ns_tcp_info *ret_info);

/* ---------------------------------------------------------------- UDP */

/* port 0: a random free one (RFC 6056). -ERR_EXISTS, -ERR_FULL. */
int udp_open(struct netstack *ns, uint16_t port, uint64_t user,
	     struct ns_handle *ret_handle);
/* Queues one datagram, at most MTU minus headers. Each socket holds one
 * unsent datagram; -ERR_AGAIN while it waits for its path. */
int udp_send(struct netstack *ns, struct ns_handle handle,
	     const struct endpoint *to, const void *data, size_t len);
/* Takes the oldest received datagram, cut to cap; -ERR_AGAIN when none. The
 * receive queue is bounded; what does not fit is dropped and counted. */
int udp_recv(struct netstack *ns, struct ns_handle handle, void *data,
	     size_t cap, struct endpoint *ret_from, size_t *ret_len);
/* For servers: answers the datagram taken last, from the address it was sent
 * to. The answer waits in a short ring with resets and the like, so that one
 * path that cannot send holds nobody up: for a held path it is dropped.
 * -ERR_FULL: the ring is full; -ERR_NO_ROUTE; -ERR_TOO_LONG: with its headers
 * longer than 1280 bytes; -ERR_STATE: nothing was taken yet. */
int udp_reply(struct netstack *ns, struct ns_handle handle, const void *data,
	      size_t len);
int udp_close(struct netstack *ns, struct ns_handle handle);

/* ---------------------------------------------------------------- counters */

#define NS_COUNTER_LIST(X)                            \
	X(RX_PACKETS, "rx_packets")                   \
	X(TX_PACKETS, "tx_packets")                   \
	X(DROP_MALFORMED, "malformed")                \
	X(DROP_FRAGMENT, "fragment")                  \
	X(DROP_NOT_OURS, "not_our_address")           \
	X(DROP_PROTOCOL, "unknown_protocol")          \
	X(DROP_CHECKSUM, "checksum")                  \
	X(DROP_NO_SOCKET, "no_socket")                \
	X(DROP_QUEUE, "queue_full")                   \
	X(DROP_MEMORY, "no_memory")                   \
	X(TCP_RETRANSMITS, "tcp_retransmits")         \
	X(TCP_TIMEOUTS, "tcp_timeouts")               \
	X(TCP_OUT_OF_ORDER, "tcp_out_of_order")       \
	X(TCP_DUPLICATES, "tcp_duplicates")           \
	X(TCP_OUT_OF_WINDOW, "tcp_out_of_window")     \
	X(TCP_RESETS_SENT, "tcp_resets_sent")         \
	X(TCP_RESETS_RECEIVED, "tcp_resets_received") \
	X(TCP_CHALLENGE_ACKS, "tcp_challenge_acks")   \
	X(TCP_ORPHANS_RESET, "tcp_orphans_reset")     \
	X(REASSEMBLED, "reassembled")                 \
	X(REASSEMBLY_TIMEOUTS, "reassembly_timeouts") \
	X(ICMP_RX, "icmp_rx")                         \
	X(ICMP_TX, "icmp_tx")

enum ns_counter {
#define X(name, text) NS_##name,
	NS_COUNTER_LIST(X)
#undef X
		NS_COUNTERS
};

uint64_t netstack_counter(const struct netstack *ns, enum ns_counter which);
/* TCP connections and listeners, those in TIME-WAIT included: for leak tests.
 */
uint32_t netstack_connection_count(const struct netstack *ns);

#endif
