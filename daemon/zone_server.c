/* SPDX-License-Identifier: ISC */
#include "daemon/zone_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "netstack/tag.h"

enum {
	/* Names of exposes, of the table, and those above them. */
	NAMES_MAX = 4096,
	BACKLOG = 32,
	LENGTH_LEN = 2, /* in front of each message by TCP */
	MESSAGES_PER_TURN = 16,
};

/* What a tag's index says. */
enum { INDEX_UDP, INDEX_LISTENER, INDEX_CLIENT };

struct zone_client {
	bool used;
	bool unfinished; /* its messages of a turn are used up */
	struct ns_handle handle;
	uint64_t deadline;
	size_t in_len;
	size_t out_len, out_done;
	uint8_t in[LENGTH_LEN + ZONE_QUERY_MAX];
	uint8_t out[LENGTH_LEN + ZONE_ANSWER_MAX];
};

static_assert(FORWARDS_MAX + ZONE_NAMES_MAX < NAMES_MAX,
	      "exposes, names and some above them");

/* ------------------------------------------------------------- open, close */

static int open_sockets(struct zone_server *server)
{
	struct endpoint any = {.port = ZONE_PORT};
	int err = udp_open(server->ns, ZONE_PORT, tag_make(TAG_ZONE, INDEX_UDP),
			   &server->udp);

	if (err != 0)
		return err;
	err = tcp_listen(server->ns, &any, BACKLOG,
			 tag_make(TAG_ZONE, INDEX_LISTENER), &server->listener);
	if (err != 0)
		(void)udp_close(server->ns, server->udp);
	return err;
}

void zone_server_free(struct zone_server *server)
{
	free(server->zone);
	free(server->clients);
	memset(server, 0, sizeof(*server));
}

int zone_server_open(struct zone_server *server, struct netstack *ns,
		     const char *origin)
{
	void *memory = calloc(1, zone_size(NAMES_MAX));
	int err = -ERR_NO_MEMORY;

	CHECK(server->ns == NULL);
	server->clients = calloc(ZONE_CLIENTS_MAX, sizeof(*server->clients));
	if (memory != NULL && server->clients != NULL) {
		server->zone = zone_init(memory, origin, NAMES_MAX);
		err = server->zone == NULL ? -ERR_INVALID : 0;
	}
	server->ns = ns;
	if (err == 0)
		err = open_sockets(server);
	if (err == 0)
		return 0;
	if (server->zone == NULL)
		free(memory);
	zone_server_free(server);
	return err;
}

/* The handle is given up. */
static void forget(struct zone_server *server, struct zone_client *client)
{
	server->unfinished -= client->unfinished;
	client->unfinished = false;
	client->used = false;
	server->client_count--;
}

static void cut(struct zone_server *server, uint64_t now,
		struct zone_client *client)
{
	(void)tcp_abort(server->ns, now, client->handle);
	forget(server, client);
}

void zone_server_close(struct zone_server *server, uint64_t now)
{
	if (server->ns == NULL)
		return;
	for (uint32_t i = 0; i < ZONE_CLIENTS_MAX; i++) {
		if (server->clients[i].used)
			cut(server, now, &server->clients[i]);
	}
	(void)udp_close(server->ns, server->udp);
	(void)tcp_close(server->ns, now, server->listener);
	zone_server_free(server);
}

/* ------------------------------------------------------------- UDP */

/* The netstack's queue is the bound. */
static void serve_udp(struct zone_server *server)
{
	uint8_t query[ZONE_QUERY_MAX], answer[ZONE_ANSWER_MAX];
	struct endpoint from;
	size_t len;

	while (udp_recv(server->ns, server->udp, query, sizeof(query), &from,
			&len) == 0) {
		len = zone_answer(server->zone, ZONE_UDP, query, len, answer);
		if (len > 0) /* else it is lost, and asked again */
			(void)udp_reply(server->ns, server->udp, answer, len);
	}
}

/* ------------------------------------------------------------- TCP */

/* 0: all of it has left; -ERR_AGAIN: NS_WRITABLE follows. */
static int flush(struct zone_server *server, uint64_t now,
		 struct zone_client *client)
{
	while (client->out_done < client->out_len) {
		int len = tcp_send(server->ns, now, client->handle,
				   client->out + client->out_done,
				   client->out_len - client->out_done);

		if (len <= 0)
			return len == 0 ? -ERR_AGAIN : len;
		client->out_done += (size_t)len;
	}
	return 0;
}

/* How long what is being read will be, as far as that is known. */
static size_t wanted(const struct zone_client *client)
{
	if (client->in_len < LENGTH_LEN)
		return LENGTH_LEN;
	return LENGTH_LEN + (size_t)get_be16(client->in);
}

/* 0: a message is complete; -ERR_AGAIN: NS_READABLE follows; -ERR_CLOSED: the
 * end, between messages or not. */
static int fill(struct zone_server *server, uint64_t now,
		struct zone_client *client)
{
	while (client->in_len < wanted(client)) {
		int len;

		if (wanted(client) > sizeof(client->in))
			return -ERR_TOO_LONG;
		len = tcp_recv(server->ns, now, client->handle,
			       client->in + client->in_len,
			       wanted(client) - client->in_len);
		if (len <= 0)
			return len == 0 ? -ERR_AGAIN : len;
		client->in_len += (size_t)len;
	}
	return 0;
}

/* 0, or -ERR_INVALID: this is no question. */
static int answer(struct zone_server *server, uint64_t now,
		  struct zone_client *client)
{
	size_t len = zone_answer(
		server->zone, ZONE_TCP, client->in + LENGTH_LEN,
		client->in_len - LENGTH_LEN, client->out + LENGTH_LEN);

	if (len == 0)
		return -ERR_INVALID;
	put_be16(client->out, (uint16_t)len);
	client->out_len = LENGTH_LEN + len;
	client->out_done = 0;
	client->in_len = 0;
	client->deadline = now + ZONE_IDLE_NS;
	return 0;
}

/* Nothing is read before the last answer has left, so that a client which does
 * not read its answers cannot send more questions either. */
static void serve_client(struct zone_server *server, uint64_t now,
			 struct zone_client *client)
{
	unsigned budget = MESSAGES_PER_TURN;
	int err = 0;

	server->unfinished -= client->unfinished;
	client->unfinished = false;
	while (err == 0 && budget-- > 0) {
		err = flush(server, now, client);
		if (err == 0)
			err = fill(server, now, client);
		if (err == 0)
			err = answer(server, now, client);
	}
	if (err == 0) {
		client->unfinished = true;
		server->unfinished++;
	} else if (err == -ERR_CLOSED && client->in_len == 0) {
		(void)tcp_close(server->ns, now, client->handle);
		forget(server, client);
	} else if (err != -ERR_AGAIN) {
		cut(server, now, client);
	}
}

static struct zone_client *find_place(struct zone_server *server, uint64_t now)
{
	struct zone_client *oldest = &server->clients[0];

	for (uint32_t i = 0; i < ZONE_CLIENTS_MAX; i++) {
		struct zone_client *client = &server->clients[i];

		if (!client->used)
			return client;
		if (client->deadline < oldest->deadline)
			oldest = client;
	}
	cut(server, now, oldest);
	return oldest;
}

static void accept_clients(struct zone_server *server, uint64_t now)
{
	struct ns_handle handle;
	struct endpoint from;

	while (tcp_accept(server->ns, server->listener, 0, &handle, &from) ==
	       0) {
		struct zone_client *client = find_place(server, now);
		uint32_t index = (uint32_t)(client - server->clients);

		client->used = true;
		client->handle = handle;
		client->deadline = now + ZONE_IDLE_NS;
		client->in_len = client->out_len = client->out_done = 0;
		server->client_count++;
		server->accepted++;
		(void)netstack_set_user(
			server->ns, handle,
			tag_make(TAG_ZONE, INDEX_CLIENT + index));
	}
}

void zone_server_event(struct zone_server *server, uint64_t now,
		       const struct ns_event *event)
{
	uint32_t index = tag_index(event->user);
	struct zone_client *client;

	if (server->ns == NULL) /* closed since */
		return;
	if (index == INDEX_UDP) {
		serve_udp(server);
		return;
	}
	if (index == INDEX_LISTENER) {
		accept_clients(server, now);
		return;
	}
	client = &server->clients[index - INDEX_CLIENT];
	if (client->used && client->handle.index == event->handle.index &&
	    client->handle.generation == event->handle.generation)
		serve_client(server, now, client);
}

/* ------------------------------------------------------------- time */

uint64_t zone_server_deadline(const struct zone_server *server)
{
	uint64_t deadline = NEVER;

	if (server->unfinished > 0)
		return 0;
	for (uint32_t i = 0; server->client_count > 0 && i < ZONE_CLIENTS_MAX;
	     i++) {
		if (server->clients[i].used)
			deadline =
				time_min(deadline, server->clients[i].deadline);
	}
	return deadline;
}

void zone_server_expire(struct zone_server *server, uint64_t now)
{
	for (uint32_t i = 0; server->client_count > 0 && i < ZONE_CLIENTS_MAX;
	     i++) {
		struct zone_client *client = &server->clients[i];

		if (!client->used)
			continue;
		if (client->deadline <= now)
			cut(server, now, client);
		else if (client->unfinished)
			serve_client(server, now, client);
	}
}
