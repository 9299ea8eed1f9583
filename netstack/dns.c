/* SPDX-License-Identifier: ISC */
#include "netstack/dns.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "base/time.h"
#include "netstack/dns_codec.h"
#include "netstack/tag.h"

enum {
	ENTRIES_MAX = 256,
	TRIES = 3,
	MISMATCHES_MAX = 16,
	DNS_PORT = 53,
	TCP_LEN = 2, /* length in front of a message */
	MESSAGE_MAX = 65535,
};

#define TRY_NS      (2 * NS_PER_S)
#define TTL_MIN_NS  (1 * NS_PER_S)
#define TTL_MAX_NS  (300 * NS_PER_S)
#define NEGATIVE_NS (5 * NS_PER_S)
#define STALE_NS    (3600 * NS_PER_S)
#define RECHECK_NS  (30 * NS_PER_S) /* of failed servers, RFC 8767 */

enum query_state { QUERY_DONE, QUERY_UDP, QUERY_TCP };

/* One question of an entry. */
struct query {
	enum query_state state;
	struct ns_handle socket;
	uint16_t id;
	uint8_t mismatches;
	bool answered;
	struct dns_reply reply;
};

enum { FAMILIES = 2 }; /* AAAA, A: the order of the addresses */
static const enum dns_type types[FAMILIES] = {DNS_AAAA, DNS_A};

struct entry {
	char name[NAME_CAP]; /* as asked for; "" = free */
	bool asking;
	uint8_t tries;
	uint8_t suffix; /* search domain in use; search_count = none */
	struct query queries[FAMILIES];
	uint64_t started;
	uint64_t retry_at;
	/* the result */
	int error;
	uint64_t expires, stale_until;
	struct dns_answer answer;
};

struct resolver {
	struct resolver_config config;
	struct ip_addr servers[DNS_SERVERS_MAX];
	char search[DNS_SEARCH_MAX][NAME_CAP];
	uint64_t generation;
	uint32_t used; /* entries ever taken */
	uint32_t asking;
	struct resolver_stats stats;
	struct entry entries[ENTRIES_MAX];
	uint8_t message[MESSAGE_MAX]; /* of a TCP answer */
};

size_t resolver_size(void)
{
	return sizeof(struct resolver);
}

static void take_servers(struct resolver *resolver,
			 const struct resolver_config *config)
{
	CHECK(config->server_count <= DNS_SERVERS_MAX);
	CHECK(config->search_count <= DNS_SEARCH_MAX);
	memcpy(resolver->servers, config->servers,
	       config->server_count * sizeof(resolver->servers[0]));
	memcpy(resolver->search, config->search,
	       config->search_count * sizeof(resolver->search[0]));
	resolver->config.server_count = config->server_count;
	resolver->config.search_count = config->search_count;
}

struct resolver *resolver_init(void *memory,
			       const struct resolver_config *config)
{
	struct resolver *resolver = memory;

	resolver->config = *config;
	take_servers(resolver, config);
	return resolver;
}

uint64_t resolver_generation(const struct resolver *resolver)
{
	return resolver->generation;
}

const struct resolver_stats *resolver_stats(const struct resolver *resolver)
{
	return &resolver->stats;
}

/* ------------------------------------------------------------- questions */

static void close_query(struct resolver *resolver, uint64_t now,
			struct query *query)
{
	if (query->state == QUERY_UDP)
		(void)udp_close(resolver->config.ns, query->socket);
	else if (query->state == QUERY_TCP)
		(void)tcp_abort(resolver->config.ns, now, query->socket);
	query->state = QUERY_DONE;
}

void resolver_change(struct resolver *resolver, uint64_t now,
		     const struct resolver_config *config)
{
	for (uint32_t i = 0; i < resolver->used; i++) {
		struct entry *entry = &resolver->entries[i];

		if (entry->asking) {
			for (unsigned f = 0; f < FAMILIES; f++)
				close_query(resolver, now, &entry->queries[f]);
			resolver->asking--;
		}
		memset(entry, 0, sizeof(*entry));
	}
	resolver->used = 0;
	take_servers(resolver, config);
	resolver->generation++; /* whoever waits asks again */
}

/* The name that is asked for now. */
static void question(const struct resolver *resolver, const struct entry *entry,
		     char name[2 * NAME_CAP])
{
	if (entry->suffix < resolver->config.search_count)
		snprintf(name, 2 * NAME_CAP, "%s.%s", entry->name,
			 resolver->search[entry->suffix]);
	else
		snprintf(name, 2 * NAME_CAP, "%s", entry->name);
}

static struct endpoint server_of(const struct resolver *resolver,
				 const struct entry *entry)
{
	uint32_t index = entry->tries % resolver->config.server_count;

	return (struct endpoint){.addr = resolver->servers[index],
				 .port = DNS_PORT};
}

static uint64_t tag_of(const struct resolver *resolver,
		       const struct entry *entry, unsigned family)
{
	uint32_t index = (uint32_t)(entry - resolver->entries);

	return tag_make(TAG_RESOLVER, index * FAMILIES + family);
}

static void ask_udp(struct resolver *resolver, struct entry *entry,
		    unsigned family)
{
	struct query *query = &entry->queries[family];
	struct endpoint server = server_of(resolver, entry);
	uint8_t message[DNS_QUERY_CAP];
	char name[2 * NAME_CAP];
	int len;

	question(resolver, entry, name);
	query->id = (uint16_t)random_u32(&resolver->config.random);
	query->mismatches = 0;
	len = dns_build_query(name, types[family], query->id, message);
	if (len < 0) {
		query->answered = true;
		query->reply = (struct dns_reply){.error = -ERR_NO_NAME};
		return;
	}
	if (udp_open(resolver->config.ns, 0, tag_of(resolver, entry, family),
		     &query->socket) != 0)
		return; /* the retry comes */
	query->state = QUERY_UDP;
	(void)udp_send(resolver->config.ns, query->socket, &server, message,
		       (size_t)len);
}

static void ask_tcp(struct resolver *resolver, uint64_t now,
		    struct entry *entry, unsigned family)
{
	struct query *query = &entry->queries[family];
	struct endpoint server = server_of(resolver, entry);

	close_query(resolver, now, query);
	if (tcp_connect(resolver->config.ns, now, &server,
			tag_of(resolver, entry, family), &query->socket) == 0)
		query->state = QUERY_TCP;
}

/* Asks for what has no answer yet. */
static void ask(struct resolver *resolver, uint64_t now, struct entry *entry)
{
	bool wanted[FAMILIES] = {resolver->config.want_v6,
				 resolver->config.want_v4};

	for (unsigned i = 0; i < FAMILIES; i++) {
		struct query *query = &entry->queries[i];

		close_query(resolver, now, query);
		if (!wanted[i]) {
			query->answered = true;
			query->reply =
				(struct dns_reply){.error = -ERR_NO_ADDRESS};
		} else if (!query->answered) {
			ask_udp(resolver, entry, i);
		}
	}
	entry->retry_at = now + TRY_NS;
}

static void begin(struct resolver *resolver, uint64_t now, struct entry *entry,
		  uint8_t suffix)
{
	entry->suffix = suffix;
	entry->tries = 0;
	for (unsigned i = 0; i < FAMILIES; i++)
		entry->queries[i].answered = false;
	ask(resolver, now, entry);
}

/* ------------------------------------------------------------- answers */

/* The families in turn, so that a long list of one leaves room for the other.
 */
static void collect(const struct entry *entry, struct dns_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->complete =
		entry->queries[0].answered && entry->queries[1].answered;
	for (uint32_t i = 0; i < NAME_ADDRESSES_MAX * FAMILIES; i++) {
		const struct query *query = &entry->queries[i % FAMILIES];
		uint32_t index = i / FAMILIES;

		if (query->answered && index < query->reply.count &&
		    answer->count < NAME_ADDRESSES_MAX)
			answer->addresses[answer->count++] =
				query->reply.addresses[index];
	}
}

static uint64_t lifetime(const struct entry *entry)
{
	uint64_t ttl = TTL_MAX_NS;

	for (unsigned i = 0; i < FAMILIES; i++) {
		const struct dns_reply *reply = &entry->queries[i].reply;

		if (reply->count > 0)
			ttl = time_min(ttl, reply->ttl_s * NS_PER_S);
	}
	return ttl > TTL_MIN_NS ? ttl : TTL_MIN_NS;
}

/* Why there is no address: the server's word before silence. */
static int failure(const struct resolver *resolver, const struct entry *entry)
{
	int first = resolver->config.want_v6 ? entry->queries[0].reply.error
					     : -ERR_NO_ADDRESS;
	int second = resolver->config.want_v4 ? entry->queries[1].reply.error
					      : -ERR_NO_ADDRESS;

	if (!entry->queries[0].answered || !entry->queries[1].answered)
		return -ERR_NAME_TIMEOUT;
	if (first == -ERR_NO_NAME || second == -ERR_NO_NAME)
		return -ERR_NO_NAME;
	if (first == -ERR_NAME_SERVER || second == -ERR_NAME_SERVER)
		return -ERR_NAME_SERVER;
	return -ERR_NO_ADDRESS;
}

static enum dns_result result_of(int error)
{
	switch (-error) {
	case 0:
		return DNS_RESULT_OK;
	case ERR_NO_NAME:
		return DNS_RESULT_NO_NAME;
	case ERR_NO_ADDRESS:
		return DNS_RESULT_NO_ADDRESS;
	case ERR_NAME_TIMEOUT:
		return DNS_RESULT_TIMEOUT;
	default:
		return DNS_RESULT_SERVER;
	}
}

static void settle(struct resolver *resolver, uint64_t now, struct entry *entry)
{
	struct dns_answer answer;
	int error = 0;

	collect(entry, &answer);
	if (answer.count == 0)
		error = failure(resolver, entry);
	if (error != 0 && error != -ERR_NAME_TIMEOUT &&
	    entry->suffix < resolver->config.search_count) {
		begin(resolver, now, entry, entry->suffix + 1);
		return;
	}
	for (unsigned i = 0; i < FAMILIES; i++)
		close_query(resolver, now, &entry->queries[i]);
	entry->asking = false;
	resolver->asking--;
	resolver->generation++;
	resolver->stats.lookups[result_of(error)]++;
	histogram_add(&resolver->stats.took, now - entry->started);
	if (error == 0) {
		answer.complete = true;
		entry->answer = answer;
		entry->error = 0;
		entry->expires = now + lifetime(entry);
		entry->stale_until = now + STALE_NS;
	} else if ((error == -ERR_NAME_TIMEOUT || error == -ERR_NAME_SERVER) &&
		   now < entry->stale_until) {
		entry->error = 0; /* the old answer is better than none */
		entry->expires = now + RECHECK_NS;
	} else {
		/* Silence is not an answer to keep. */
		entry->error = error;
		entry->answer.count = 0;
		entry->expires =
			error == -ERR_NAME_TIMEOUT ? now : now + NEGATIVE_NS;
	}
}

static void take_reply(struct resolver *resolver, uint64_t now,
		       struct entry *entry, unsigned family,
		       const struct dns_reply *reply)
{
	struct query *query = &entry->queries[family];

	if (reply->truncated && query->state == QUERY_UDP) {
		ask_tcp(resolver, now, entry, family);
		return;
	}
	/* A server that fails is worth a second one. */
	if (reply->error == -ERR_NAME_SERVER && entry->tries + 1 < TRIES) {
		entry->retry_at = now;
		return;
	}
	close_query(resolver, now, query);
	query->answered = true;
	query->reply = *reply;
	resolver->generation++;
	if (entry->queries[0].answered && entry->queries[1].answered)
		settle(resolver, now, entry);
}

/* ------------------------------------------------------------- sockets */

static void read_udp(struct resolver *resolver, uint64_t now,
		     struct entry *entry, unsigned family)
{
	struct query *query = &entry->queries[family];
	struct endpoint server = server_of(resolver, entry);
	uint8_t data[MTU_MAX];
	struct dns_reply reply;
	struct endpoint from;
	char name[2 * NAME_CAP];
	size_t len;

	question(resolver, entry, name);
	while (query->state == QUERY_UDP &&
	       udp_recv(resolver->config.ns, query->socket, data, sizeof(data),
			&from, &len) == 0) {
		if (endpoint_equal(&from, &server) &&
		    dns_parse_reply(data, len, name, types[family], query->id,
				    &reply) == 0) {
			take_reply(resolver, now, entry, family, &reply);
			return;
		}
		if (++query->mismatches > MISMATCHES_MAX)
			close_query(resolver, now, query);
	}
}

static void write_tcp(struct resolver *resolver, uint64_t now,
		      struct entry *entry, unsigned family)
{
	struct query *query = &entry->queries[family];
	uint8_t message[TCP_LEN + DNS_QUERY_CAP];
	char name[2 * NAME_CAP];
	int len;

	question(resolver, entry, name);
	len = dns_build_query(name, types[family], query->id,
			      message + TCP_LEN);
	CHECK(len > 0);
	put_be16(message, (uint16_t)len);
	(void)tcp_send(resolver->config.ns, now, query->socket, message,
		       TCP_LEN + (size_t)len);
}

/* The length in front of the message, however it is cut. */
static bool peek_len(struct resolver *resolver, const struct query *query,
		     uint32_t *ret_len)
{
	struct iovec iov[TCP_LEN] = {{.iov_len = 0}};
	const uint8_t *first, *second;

	if (tcp_recv_space(resolver->config.ns, query->socket, iov, TCP_LEN) <=
	    0)
		return false;
	first = iov[0].iov_base;
	second = iov[0].iov_len > 1 ? first + 1 : iov[1].iov_base;
	if (second != NULL)
		*ret_len = (uint32_t)*first << 8 | *second;
	return second != NULL;
}

/* The whole message lies in the connection before any of it is taken. */
static void read_tcp(struct resolver *resolver, uint64_t now,
		     struct entry *entry, unsigned family)
{
	struct query *query = &entry->queries[family];
	struct ns_tcp_info info;
	struct dns_reply reply;
	char name[2 * NAME_CAP];
	uint8_t prefix[TCP_LEN];
	uint32_t len;

	if (tcp_info(resolver->config.ns, query->socket, &info) != 0 ||
	    !peek_len(resolver, query, &len) ||
	    info.recv_queued < TCP_LEN + len)
		return;
	(void)tcp_recv(resolver->config.ns, now, query->socket, prefix,
		       TCP_LEN);
	(void)tcp_recv(resolver->config.ns, now, query->socket,
		       resolver->message, len);
	question(resolver, entry, name);
	if (dns_parse_reply(resolver->message, len, name, types[family],
			    query->id, &reply) != 0)
		reply = (struct dns_reply){.error = -ERR_NAME_SERVER};
	take_reply(resolver, now, entry, family, &reply);
}

void resolver_event(struct resolver *resolver, uint64_t now,
		    const struct ns_event *event)
{
	uint32_t index = tag_index(event->user) / FAMILIES;
	unsigned family = tag_index(event->user) % FAMILIES;
	struct entry *entry = &resolver->entries[index];
	struct query *query = &entry->queries[family];

	CHECK(index < resolver->used);
	if (query->state != QUERY_DONE && (event->bits & NS_FAILED)) {
		close_query(resolver, now, query);
		if (entry->tries + 1U < resolver->config.server_count)
			entry->retry_at = now; /* another may be there */
	} else if (query->state == QUERY_UDP) {
		read_udp(resolver, now, entry, family);
	} else if (query->state == QUERY_TCP) {
		if (event->bits & NS_CONNECTED)
			write_tcp(resolver, now, entry, family);
		if (event->bits & NS_READABLE)
			read_tcp(resolver, now, entry, family);
	}
}

/* ------------------------------------------------------------- lookups */

static struct entry *find(struct resolver *resolver, const char *name)
{
	for (uint32_t i = 0; i < resolver->used; i++) {
		if (strcmp(resolver->entries[i].name, name) == 0)
			return &resolver->entries[i];
	}
	return NULL;
}

/* A new place, or that of the answer that ran out first. */
static struct entry *take_entry(struct resolver *resolver)
{
	struct entry *oldest = NULL;

	if (resolver->used < ENTRIES_MAX)
		return &resolver->entries[resolver->used++];
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		struct entry *entry = &resolver->entries[i];

		if (!entry->asking &&
		    (oldest == NULL || entry->expires < oldest->expires))
			oldest = entry;
	}
	if (oldest != NULL)
		memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

/* Lower case, without the final dot. */
static int normalise(const char *name, char out[NAME_CAP])
{
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= NAME_CAP)
		return -ERR_INVALID;
	for (size_t i = 0; i < len; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[len] = '\0';
	return 0;
}

static void start(struct resolver *resolver, uint64_t now, struct entry *entry)
{
	bool relative = strchr(entry->name, '.') == NULL;

	entry->asking = true;
	entry->started = now;
	resolver->asking++;
	begin(resolver, now, entry,
	      relative ? 0 : (uint8_t)resolver->config.search_count);
	if (entry->queries[0].answered && entry->queries[1].answered)
		settle(resolver, now, entry);
}

/* A server has been silent for one try: the old answer will do meanwhile. */
static bool is_late(const struct entry *entry, uint64_t now)
{
	return entry->tries > 0 && entry->answer.count > 0 &&
	       now < entry->stale_until;
}

int resolver_lookup(struct resolver *resolver, uint64_t now, const char *name,
		    struct dns_answer *ret_answer)
{
	char key[NAME_CAP];
	struct entry *entry;

	if (resolver->config.server_count == 0)
		return -ERR_NAME_SERVER;
	if (normalise(name, key) != 0)
		return -ERR_INVALID;
	entry = find(resolver, key);
	if (entry == NULL) {
		entry = take_entry(resolver);
		if (entry == NULL)
			return -ERR_FULL;
		strcpy(entry->name, key);
	}
	if (!entry->asking && now >= entry->expires)
		start(resolver, now, entry);
	if (entry->asking) {
		collect(entry, ret_answer);
		if (ret_answer->count > 0)
			return 0;
		if (!is_late(entry, now))
			return -ERR_AGAIN;
	}
	*ret_answer = entry->answer;
	return entry->answer.count > 0 ? 0 : entry->error;
}

/* ------------------------------------------------------------- time */

uint64_t resolver_deadline(const struct resolver *resolver)
{
	uint64_t deadline = NEVER;

	for (uint32_t i = 0; resolver->asking > 0 && i < resolver->used; i++) {
		if (resolver->entries[i].asking)
			deadline = time_min(deadline,
					    resolver->entries[i].retry_at);
	}
	return deadline;
}

void resolver_expire(struct resolver *resolver, uint64_t now)
{
	for (uint32_t i = 0; resolver->asking > 0 && i < resolver->used; i++) {
		struct entry *entry = &resolver->entries[i];

		if (!entry->asking || now < entry->retry_at)
			continue;
		resolver->stats.retries++;
		resolver->generation++; /* an old answer may serve now */
		if (++entry->tries < TRIES)
			ask(resolver, now, entry);
		else
			settle(resolver, now, entry);
	}
}
