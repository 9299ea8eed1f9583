/* SPDX-License-Identifier: ISC */
/*
 * A local socket and a connection through the tunnel, without I/O: of a forward
 * the accepted client and its target, of an expose the target and a client that
 * came out of the tunnel.
 *
 * The relay owns no buffer. Bytes from the client are read into the
 * connection's send chain, bytes for the client are written from where the
 * netstack keeps or was lent them. The edge asks what is possible (iovecs),
 * does the system call, and says what happened; the relay decides what that
 * means for the other side:
 *
 *   client FIN       -> FIN upstream after all its bytes
 *   upstream FIN     -> FIN to the client after all its bytes
 *   both             -> done
 *   client reset     -> RST upstream
 *   upstream failure -> RST to the client: a cut stream never looks complete
 *
 * and the same for an expose, whose local socket is the target: for the bytes
 * it makes no difference. Here "client" is the local socket and "upstream" the
 * tunnel.
 *
 * States: DIALING (no connection yet, the client is not read), OPEN, DOOMED
 * (the edge closes the socket at the end of the turn and calls relay_fini). A
 * held relay is DIALING until the edge has connected its local socket.
 */
#ifndef DAEMON_RELAY_H
#define DAEMON_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "daemon/clock.h"
#include "daemon/reason.h"
#include "daemon/tunnel.h"

enum relay_state { RELAY_FREE, RELAY_DIALING, RELAY_OPEN, RELAY_DOOMED };

struct relay {
	uint64_t id; /* never given twice */
	struct tunnel *tunnel;
	uint32_t forward; /* index in the proxy's forwards */
	enum relay_state state;
	bool held;                 /* of an expose */
	bool unopened;             /* held, and the edge has no socket yet */
	bool opening;              /* held, and the client is not there yet */
	uint16_t peer;             /* of a held one */
	uint32_t dial;             /* DIALING, not held */
	struct ns_handle upstream; /* OPEN, or held */
	enum reason reason;        /* DOOMED */
	bool client_ended;         /* its FIN was passed on */
	bool upstream_ended;       /* its FIN was passed on */
	bool send_full; /* wait for NS_WRITABLE before reading again */
	struct endpoint client, target;
	uint64_t started;   /* awake time */
	uint64_t connected; /* awake time, 0 = never */
	/* Into the tunnel, and out of it. */
	uint64_t bytes_up, bytes_down;
};

/* Starts to dial. user is the relay's tag in netstack and dialer events. */
void relay_init(struct relay *relay, const struct clock *now,
		struct tunnel *tunnel, const struct dial_request *request);

/* The client's SYN is held: the edge connects the local target. */
void relay_init_held(struct relay *relay, const struct clock *now,
		     struct tunnel *tunnel, struct ns_handle upstream,
		     uint16_t peer);
/* The client may come in; a target that fails is doomed instead. */
void relay_local_connected(struct relay *relay, const struct clock *now);
/* The local socket failed, or its other side reset it. */
void relay_local_gone(struct relay *relay, const struct clock *now);

/* The dial's result. */
void relay_connected(struct relay *relay, const struct clock *now,
		     struct ns_handle upstream, const struct endpoint *target,
		     uint64_t user);
void relay_dial_failed(struct relay *relay, enum reason reason);

/* NS_* bits of the connection. */
void relay_upstream_event(struct relay *relay, const struct clock *now,
			  unsigned bits, int error);

/* Bytes for the client: the number of iovecs, 0 = none now, -ERR_CLOSED = the
 * stream has ended and all of it is written. Then the edge shuts the client's
 * write side down and says so with relay_client_shut(). */
int relay_downstream(struct relay *relay, struct iovec *iov, int cap);
void relay_client_shut(struct relay *relay, const struct clock *now);
void relay_written(struct relay *relay, const struct clock *now, size_t len);

/* Space for the client's bytes. 0 = do not read now. */
int relay_upstream_space(struct relay *relay, struct iovec *iov, int cap,
			 size_t bytes_max);
/* len = 0: nothing could be read after all. */
void relay_read(struct relay *relay, const struct clock *now, size_t len);
void relay_client_eof(struct relay *relay, const struct clock *now);

/* Whether reading the client makes sense at all. */
static inline bool relay_wants_client(const struct relay *relay)
{
	return relay->state == RELAY_OPEN && !relay->client_ended &&
	       !relay->send_full;
}

/* The one exit: gives up the upstream side, gracefully only for REASON_DONE.
 * Idempotent; the first reason stays. */
void relay_doom(struct relay *relay, const struct clock *now,
		enum reason reason);

/* Whether the client's socket must be reset rather than closed. */
static inline bool relay_resets_client(const struct relay *relay)
{
	return relay->reason != REASON_DONE;
}

#endif
