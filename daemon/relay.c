/* SPDX-License-Identifier: ISC */
#include "daemon/relay.h"

#include "base/check.h"
#include "base/error.h"

void relay_init(struct relay *relay, const struct clock *now,
		struct tunnel *tunnel, const struct dial_request *request)
{
	CHECK(relay->state == RELAY_FREE);
	relay->tunnel = tunnel;
	relay->state = RELAY_DIALING;
	relay->started = now->awake;
	int err = dial_start(tunnel->dialer, now->awake, request, &relay->dial);

	if (err != 0)
		relay_dial_failed(relay, reason_of_dial(err));
}

void relay_init_held(struct relay *relay, const struct clock *now,
		     struct tunnel *tunnel, struct ns_handle upstream,
		     uint16_t peer)
{
	CHECK(relay->state == RELAY_FREE);
	relay->tunnel = tunnel;
	relay->state = RELAY_DIALING;
	relay->held = relay->unopened = relay->opening = true;
	relay->peer = peer;
	tunnel->peers[peer].opening++;
	relay->upstream = upstream;
	relay->started = now->awake;
}

static void opened(struct relay *relay)
{
	struct tunnel_peer *peer = &relay->tunnel->peers[relay->peer];

	/* The place may have been given to another peer since. */
	if (relay->opening && peer->opening > 0)
		peer->opening--;
	relay->opening = false;
}

void relay_local_connected(struct relay *relay, const struct clock *now)
{
	CHECK(relay->state == RELAY_DIALING && relay->held);
	relay->state = RELAY_OPEN;
	relay->connected = now->awake;
	tcp_answer(relay->tunnel->ns, relay->upstream);
}

void relay_local_gone(struct relay *relay, const struct clock *now)
{
	relay_doom(relay, now,
		   relay->held ? REASON_UPSTREAM_RESET : REASON_CLIENT_RESET);
}

void relay_connected(struct relay *relay, const struct clock *now,
		     struct ns_handle upstream, const struct endpoint *target,
		     uint64_t user)
{
	CHECK(relay->state == RELAY_DIALING);
	relay->state = RELAY_OPEN;
	relay->upstream = upstream;
	relay->target = *target;
	relay->connected = now->awake;
	netstack_set_user(relay->tunnel->ns, upstream, user);
}

void relay_dial_failed(struct relay *relay, enum reason reason)
{
	CHECK(relay->state == RELAY_DIALING);
	relay->state = RELAY_DOOMED;
	relay->reason = reason;
}

void relay_upstream_event(struct relay *relay, const struct clock *now,
			  unsigned bits, int error)
{
	if (relay->state != RELAY_OPEN && !relay->held)
		return;
	if (bits & NS_CONNECTED)
		opened(relay);
	if (bits & NS_FAILED)
		relay_doom(relay, now,
			   relay->held ? reason_of_peer(error)
				       : reason_of_upstream(error));
	else if (bits & NS_WRITABLE)
		relay->send_full = false;
}

/* Both FINs were passed on; what is still on its way upstream is delivered by
 * the netstack without us. */
static void finish_if_ended(struct relay *relay, const struct clock *now)
{
	if (relay->client_ended && relay->upstream_ended)
		relay_doom(relay, now, REASON_DONE);
}

int relay_downstream(struct relay *relay, struct iovec *iov, int cap)
{
	if (relay->state != RELAY_OPEN || relay->upstream_ended)
		return 0;
	return tcp_recv_space(relay->tunnel->ns, relay->upstream, iov, cap);
}

void relay_written(struct relay *relay, const struct clock *now, size_t len)
{
	CHECK(relay->state == RELAY_OPEN);
	tcp_recv_consume(relay->tunnel->ns, now->awake, relay->upstream, len);
	relay->bytes_down += len;
}

void relay_client_shut(struct relay *relay, const struct clock *now)
{
	CHECK(relay->state == RELAY_OPEN && !relay->upstream_ended);
	relay->upstream_ended = true;
	finish_if_ended(relay, now);
}

int relay_upstream_space(struct relay *relay, struct iovec *iov, int cap,
			 size_t bytes_max)
{
	int count;

	if (!relay_wants_client(relay))
		return 0;
	count = tcp_send_space(relay->tunnel->ns, relay->upstream, iov, cap,
			       bytes_max);
	if (count <= 0) {
		relay->send_full = true; /* NS_WRITABLE ends it */
		return 0;
	}
	return count;
}

void relay_read(struct relay *relay, const struct clock *now, size_t len)
{
	CHECK(relay->state == RELAY_OPEN);
	tcp_send_commit(relay->tunnel->ns, now->awake, relay->upstream, len);
	relay->bytes_up += len;
}

void relay_client_eof(struct relay *relay, const struct clock *now)
{
	CHECK(relay->state == RELAY_OPEN && !relay->client_ended);
	relay->client_ended = true;
	tcp_shutdown(relay->tunnel->ns, now->awake, relay->upstream);
	finish_if_ended(relay, now);
}

void relay_doom(struct relay *relay, const struct clock *now,
		enum reason reason)
{
	struct netstack *ns = relay->tunnel->ns;

	if (relay->state == RELAY_DIALING && relay->held)
		tcp_abort(ns, now->awake, relay->upstream);
	else if (relay->state == RELAY_DIALING)
		dial_cancel(relay->tunnel->dialer, now->awake, relay->dial);
	else if (relay->state == RELAY_OPEN && reason == REASON_DONE)
		tcp_close(ns, now->awake, relay->upstream);
	else if (relay->state == RELAY_OPEN)
		tcp_abort(ns, now->awake, relay->upstream);
	else
		return;
	opened(relay);
	relay->state = RELAY_DOOMED;
	relay->reason = reason;
}
