/* SPDX-License-Identifier: ISC */
/*
 * The control block of a TCP connection, and what the tcp_*.c files offer each
 * other and netstack.c. Names are those of RFC 9293 section 3.3.1.
 *
 * Theory of operation
 *
 * A segment that arrives only changes state: tcp_arrival() in tcp_input.c, in
 * the order of RFC 9293 section 3.10.7, with acknowledgements in tcp_ack.c. At
 * the end of a batch each touched connection decides once whether it owes an
 * ACK. Whatever changed, tcp_schedule() puts the connection on the ready list
 * exactly when it has something to send. netstack_pull() then asks
 * tcp_pull() in tcp_output.c, the only place where segments are made: so every
 * segment carries the newest acknowledgement, window and timestamp.
 *
 * Nothing is retransmitted by going back: snd_nxt only grows. The scoreboard
 * (tcp_board.h) says what is in flight, what the peer has, and what is judged
 * lost; pulling sends lost ranges first, then new data, both within the window
 * of congestion control.
 */
#ifndef NETSTACK_TCP_H
#define NETSTACK_TCP_H

#include "netstack/chain.h"
#include "netstack/icmp.h"
#include "netstack/ip.h"
#include "netstack/stack.h"
#include "netstack/tcp_board.h"
#include "netstack/tcp_cc.h"
#include "netstack/tcp_reasm.h"
#include "netstack/tcp_segment.h"

enum tcp_timer {
	TCP_TIMER_RETRANSMIT, /* RFC 6298, also of SYN */
	TCP_TIMER_LOSS_PROBE, /* RFC 8985 section 7 */
	TCP_TIMER_REORDER,    /* RFC 8985 section 6.2 */
	TCP_TIMER_DELAYED_ACK,
	TCP_TIMER_PERSIST,
	TCP_TIMER_KEEPALIVE,
	TCP_TIMER_SPACE,  /* the user waits for memory */
	TCP_TIMER_LINGER, /* TIME-WAIT, FIN-WAIT-2, orphans */
	TCP_TIMER_PACE,   /* the next burst; data waits while it is armed */
	TCP_TIMERS,
};

enum {
	TCP_MSS_MIN = 216, /* smaller ones only multiply our work */
	TCP_RCV_BUFFER_INITIAL = 128 * 1024,
	TCP_UNSENT_MAX = 128 * 1024, /* beyond the congestion window */
	TCP_BLACK_HOLE_MSS = 1200,
	TCP_ROOM_WORTH = 16 * 1024, /* less is not worth a wake-up */
};

/* One control block. Owner: the netstack's array. Fields are grouped by who
 * writes them. */
struct tcp_conn {
	struct ns_socket sock;
	struct endpoint local, remote;
	uint32_t index;
	uint32_t next; /* free, accept or listener list */
	uint32_t touched_next, lending_next;
	uint32_t parent; /* of a passive connection until accepted */
	uint8_t state;   /* enum tcp_state, by tcp_set_state() only */
	bool touched, lending;
	bool in_flows;
	bool orphan;     /* the handle was given up */
	bool held;       /* its SYN, or a listener's, waits for tcp_answer() */
	bool black_hole; /* full segments seem to vanish: send smaller ones */
	uint8_t quick_acks;
	/* listeners */
	uint32_t accept_head, accept_tail;
	uint32_t backlog, pending; /* SYN-RECEIVED and not yet accepted */

	/* options agreed upon */
	bool timestamps, sack, window_scaling;
	uint8_t snd_wscale, rcv_wscale;
	uint8_t options;    /* set of them, tcp_option.h */
	uint16_t mss;       /* payload of a full segment we send */
	uint16_t peer_mss;  /* as announced */
	int16_t soft_error; /* last ICMP soft error, -ERR_* */
	uint32_t path_mtu;

	/* sending */
	uint32_t iss, snd_una, snd_nxt;
	uint32_t snd_wnd, snd_wl1, snd_wl2, snd_wnd_max;
	struct chain send; /* position 0 is the first unacknowledged byte */
	struct tcp_board board;
	struct tcp_cc cc;
	bool syn_pending;   /* a SYN must (again) be sent */
	bool fin_queued;    /* FIN follows the last byte of the chain */
	bool probe_pending; /* a window probe or loss probe may pass limits */
	bool keepalive_pending;
	bool wants_space;  /* NS_WRITABLE is owed */
	bool cwnd_limited; /* the window was what held us back */
	/* doublings of the timeout; probes not answered */
	uint8_t backoff, keepalives;
	uint64_t last_sent;     /* data */
	uint64_t stalled_since; /* no progress on outstanding data; 0 = none */

	/* round trips, RFC 6298 */
	uint64_t srtt, rttvar, rto, min_rtt;
	union {
		uint64_t syn_sent; /* before it is answered */
		uint64_t pace_at;  /* afterwards: the next burst is due */
	};

	/* loss detection */
	uint32_t recover;     /* snd_nxt when the last loss was found */
	uint32_t reno_sacked; /* bytes that duplicate ACKs stand for */
	uint64_t rack_sent, rack_rtt;
	uint32_t rack_end, rack_fack;
	uint8_t dupacks;       /* without SACK */
	uint8_t reorder_steps; /* of min_rtt / 4 */
	uint8_t reorder_persist;
	bool reordering;
	uint32_t dsack_round; /* snd_nxt at the last widening */
	uint32_t probe_end;   /* of a loss probe in flight */
	bool probe_in_flight, probe_was_new;
	/* was the last reduction needed? RFC 4015, 3708 */
	bool undo_possible;
	bool discards;      /* receiving was shut down */
	uint32_t undo_ts;   /* timestamp of the first retransmission */
	int32_t undo_bytes; /* retransmitted and not reported twice */

	/* receiving */
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv;      /* right edge announced: never moves left */
	uint32_t rcv_buffer;   /* what we are ready to hold */
	uint32_t rcv_consumed; /* since rcv_tuned, for autotuning */
	uint32_t last_ack_sent;
	uint64_t rcv_tuned;
	struct chain recv; /* position 0 is the first unconsumed byte */
	struct tcp_reasm ooo;
	uint32_t lent_head, lent_tail, lent_len;
	struct tcp_range dsack; /* to be reported; empty = none */
	uint32_t ooo_fin;       /* sequence number after an early FIN */
	bool has_ooo_fin;
	bool fin_received;
	bool ack_now, ack_later;
	uint32_t rcv_unacked_segments;
	uint32_t ts_recent, ts_offset;
	uint64_t ts_recent_at;
	uint64_t last_received;
	uint64_t challenge_at; /* no challenge ACK before */

	uint64_t timers[TCP_TIMERS];
	/* statistics */
	uint64_t bytes_sent, bytes_received;
	uint32_t segments_sent, segments_received, retransmits;
	bool pace_waits; /* there is data, and room, but it is not time */
};

/* Its share of the tables included, an idle connection costs at most 1 KiB. */
static_assert(sizeof(struct tcp_conn) + sizeof(struct flow_key) +
			      4 * sizeof(struct flow_entry) +
			      sizeof(struct timer_slot) +
			      sizeof(struct timer_node) <=
		      1024,
	      "an idle connection is small");

static inline struct tcp_conn *tcp_at(const struct netstack *ns, uint32_t index)
{
	return &ns->conns[index];
}

static inline uint64_t tcp_option(const struct netstack *ns,
				  const struct tcp_conn *conn,
				  enum tcp_option option)
{
	return ns->option_sets[conn->options].value[option];
}

/* ------------------------------------------------------------- tcp_conn.c */

/* A fresh block in CLOSED, or NULL. */
struct tcp_conn *tcp_alloc(struct netstack *ns);
void tcp_set_state(struct tcp_conn *conn, enum tcp_state state);
/* After SYN options are known: window scale, MSS, congestion control. */
void tcp_agree(struct netstack *ns, struct tcp_conn *conn,
	       const struct tcp_segment *syn);
void tcp_update_mss(struct netstack *ns, struct tcp_conn *conn);
/* ICMP said so: what is in flight was lost. */
void tcp_set_path_mtu(struct netstack *ns, struct tcp_conn *conn, uint32_t mtu);
/* From now on; what is in flight may have got through. */
void tcp_use_path_mtu(struct netstack *ns, struct tcp_conn *conn, uint32_t mtu);
/* The scale that lets a window reach the largest buffer. */
uint8_t tcp_own_wscale(const struct netstack *ns, const struct tcp_conn *conn);
/* The MSS to announce. */
uint16_t tcp_own_mss(const struct netstack *ns, const struct tcp_conn *conn);
uint32_t tcp_isn(const struct netstack *ns, const struct tcp_conn *conn,
		 uint64_t now);
uint32_t tcp_port_offset(const struct netstack *ns,
			 const struct tcp_conn *conn);
uint32_t tcp_ts_offset(const struct netstack *ns, const struct tcp_conn *conn);
/* Gives every chunk back; its timers do not matter any more. */
void tcp_give_back(struct netstack *ns, struct tcp_conn *conn);
/* The connection is over with an error. The block stays until its handle is
 * given up, then it goes at once. */
void tcp_fail(struct netstack *ns, struct tcp_conn *conn, int err);
/* The connection is over in order; what was received can still be read. */
void tcp_finish(struct netstack *ns, struct tcp_conn *conn);
void tcp_release(struct netstack *ns, struct tcp_conn *conn);
/* Until its handle is given up; then tcp_time_wait.h keeps what is needed. */
void tcp_enter_time_wait(struct netstack *ns, struct tcp_conn *conn,
			 uint64_t now);

/* RFC 6298 5.5 to 5.7. The stack counts those that have backed off. */
static inline void tcp_back_off(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->backoff == 0)
		ns->backed_off++;
	if (conn->backoff < UINT8_MAX)
		conn->backoff++;
}

static inline void tcp_end_back_off(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->backoff != 0)
		ns->backed_off--;
	conn->backoff = 0;
}

static inline bool tcp_synchronized(const struct tcp_conn *conn)
{
	return conn->state >= TCPS_ESTABLISHED;
}

/* ------------------------------------------------------------- tcp_input.c */

struct tcp_arrival {
	uint64_t now;
	const struct ip_packet *ip;
	const struct tcp_segment *segment;
	uint16_t path;
};

void tcp_arrive(struct netstack *ns, const struct tcp_arrival *arrival);
/* Where the segment's destination is listened on, or NULL. */
struct tcp_conn *tcp_find_listener(const struct netstack *ns,
				   const struct tcp_arrival *arrival);
/* An ACK that says where we are, at a bounded rate (RFC 5961 section 7). */
void tcp_challenge(struct netstack *ns, struct tcp_conn *conn, uint64_t now);
/* One decision for each connection of the batch. */
void tcp_batch_end(struct netstack *ns, uint64_t now);
void tcp_icmp(struct netstack *ns, const struct icmp_message *message);

/* ------------------------------------------------------------- tcp_recv.c */

/* Payload and FIN of an acceptable segment. */
void tcp_receive(struct netstack *ns, struct tcp_conn *conn,
		 const struct tcp_arrival *arrival);
/* The user took len bytes: the buffer may grow, the peer may be told. */
void tcp_window_opened(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		       uint32_t len);
/* Gives chunks back that hold nothing. */
void tcp_trim_received(struct netstack *ns, struct tcp_conn *conn);
void tcp_drop_lent(struct tcp_conn *conn);
/* Copies what is still lent into the chain. */
void tcp_stow(struct netstack *ns, struct tcp_conn *conn);
void tcp_stow_all(struct netstack *ns);
uint32_t tcp_receive_window(const struct tcp_conn *conn);
/* Bytes held for the application. */
static inline uint32_t tcp_recv_queued(const struct tcp_conn *conn)
{
	return conn->recv.len + conn->lent_len;
}

/* ------------------------------------------------------------- tcp_ack.c */

/* RFC 9293 3.10.7.4, fifth check. False: the segment is not to be used. */
bool tcp_acknowledge(struct netstack *ns, struct tcp_conn *conn,
		     const struct tcp_arrival *arrival);
void tcp_rtt_sample(struct netstack *ns, struct tcp_conn *conn, uint64_t rtt);
static inline uint32_t tcp_pipe(const struct tcp_conn *conn)
{
	uint32_t sent = conn->board.bytes[TCP_IN_FLIGHT];

	return sent > conn->reno_sacked ? sent - conn->reno_sacked : 0;
}

/* ------------------------------------------------------------- tcp_loss.c */

/* What one acknowledgement told, in bytes. */
struct tcp_progress {
	uint32_t acked;     /* snd_una moved by this */
	uint32_t delivered; /* newly acknowledged or SACKed */
	uint64_t rtt;       /* sample, 0 = none */
	uint32_t fack;      /* rack_fack before it */
};
/* A record was acknowledged or SACKed for the first time. fack: the highest
 * byte delivered before this ACK, whose blocks come in any order. */
void tcp_rack_update(struct tcp_conn *conn, const struct tcp_record *record,
		     uint64_t now, uint32_t fack);
/* Judges losses and drives congestion control. */
void tcp_loss_ack(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		  const struct tcp_progress *progress);
void tcp_loss_dsack(struct tcp_conn *conn, uint32_t bytes);
/* Acknowledged data carried this echo: was it the first transmission? */
void tcp_loss_eifel(struct netstack *ns, struct tcp_conn *conn,
		    uint32_t ts_ecr);
void tcp_loss_timeout(struct netstack *ns, struct tcp_conn *conn);
void tcp_loss_reorder_timeout(struct netstack *ns, struct tcp_conn *conn,
			      uint64_t now);
/* The first segment, or everything in flight, is to be sent again. */
void tcp_loss_mark_first(struct netstack *ns, struct tcp_conn *conn);
void tcp_loss_mark_all(struct netstack *ns, struct tcp_conn *conn);

/* ------------------------------------------------------------- tcp_output.c */

bool tcp_wants_output(const struct netstack *ns, struct tcp_conn *conn);
/* On the ready list exactly when there is something to send. */
void tcp_schedule(struct netstack *ns, struct tcp_conn *conn);
size_t tcp_pull(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		struct run *run);
/* Into the reply ring: a reset from a connection, or to a stranger. */
void tcp_send_reset(struct netstack *ns, const struct tcp_conn *conn);
void tcp_reply_reset(struct netstack *ns, const struct tcp_arrival *arrival);
/* Back to where the segment came from; ports and ts_val are filled in. */
void tcp_reply(struct netstack *ns, const struct tcp_arrival *arrival,
	       struct tcp_segment *segment);
/* NS_WRITABLE if it is owed and there is room. */
void tcp_tell_space(struct netstack *ns, struct tcp_conn *conn);
uint32_t tcp_timestamp(const struct tcp_conn *conn, uint64_t now);

/* ------------------------------------------------------------- tcp_pace.c */

/* Is the next burst due? If not, its timer is set. */
bool tcp_pace_allows(struct netstack *ns, struct tcp_conn *conn, uint64_t now);
/* How much of len may go at once. */
uint32_t tcp_pace_burst(const struct netstack *ns, const struct tcp_conn *conn,
			uint64_t now, uint32_t len);
void tcp_pace_sent(const struct netstack *ns, struct tcp_conn *conn,
		   uint64_t now, uint32_t len);
/* Bytes per second; 0: not paced. */
uint64_t tcp_pace_rate(const struct netstack *ns, const struct tcp_conn *conn);

/* ------------------------------------------------------------- tcp_api.c */

/* NULL when the handle is stale or of another kind. */
struct tcp_conn *tcp_find(const struct netstack *ns, struct ns_handle handle);
/* Takes what is there when nobody wants it. */
void tcp_discard(struct netstack *ns, struct tcp_conn *conn, uint64_t now);
/* How much more the application may give us now. */
uint32_t tcp_send_room(const struct netstack *ns, const struct tcp_conn *conn);

/* ------------------------------------------------------------- tcp_timer.c */

void tcp_set_timer(struct netstack *ns, struct tcp_conn *conn,
		   enum tcp_timer timer, uint64_t deadline);
static inline void tcp_stop_timer(struct netstack *ns, struct tcp_conn *conn,
				  enum tcp_timer timer)
{
	tcp_set_timer(ns, conn, timer, NEVER);
}
/* After anything was sent or acknowledged: retransmission, loss probe, persist
 * and keepalive, whichever applies. restart: progress was made. */
void tcp_arm_timers(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		    bool restart);
/* A timer that has backed off goes off with the next tcp_expire(). */
void tcp_retry_now(struct netstack *ns, struct tcp_conn *conn, uint64_t now);
/* The path carries packets again: what backed off tries at once. */
void tcp_path_restored(struct netstack *ns, struct tcp_conn *conn,
		       uint64_t now);
void tcp_expire(struct netstack *ns, struct tcp_conn *conn, uint64_t now);

#endif
