/* SPDX-License-Identifier: ISC */
/*
 * Why a client was refused or cut: one fixed word for logs, counters and
 * scripts, one sentence for people.
 */
#ifndef DAEMON_REASON_H
#define DAEMON_REASON_H

#define REASON_LIST(X)                                                        \
	X(NONE, "none", "still open")                                         \
	X(DONE, "done", "both sides ended the stream")                        \
	X(CLIENT_RESET, "client_reset", "the client reset it")                \
	X(CLIENT_TIMEOUT, "client_timeout",                                   \
	  "the client behind the tunnel stopped answering")                   \
	X(UPSTREAM_RESET, "upstream_reset", "the target reset it")            \
	X(UPSTREAM_TIMEOUT, "upstream_timeout",                               \
	  "the target stopped answering")                                     \
	X(UPSTREAM_UNREACHABLE, "upstream_unreachable",                       \
	  "the network behind the tunnel says unreachable")                   \
	X(CONNECT_REFUSED, "connect_refused",                                 \
	  "the target refused: nothing listens on that port")                 \
	X(CONNECT_TIMEOUT, "connect_timeout", "the target never answered")    \
	X(CONNECT_UNREACHABLE, "connect_unreachable",                         \
	  "the network on the way to the target says unreachable")            \
	X(CONNECT_DENIED, "connect_denied",                                   \
	  "the system does not let the daemon connect to the target")         \
	X(DNS_NXDOMAIN, "dns_nxdomain", "the name does not exist")            \
	X(DNS_NODATA, "dns_nodata", "the name has no usable address")         \
	X(DNS_SERVER, "dns_server", "the name server failed or refused")      \
	X(DNS_TIMEOUT, "dns_timeout", "the name server did not answer")       \
	X(TUNNEL_DOWN, "tunnel_down",                                         \
	  "no handshake with the peer: wrong key, wrong endpoint or UDP "     \
	  "blocked")                                                          \
	X(ENDPOINT_UNKNOWN, "endpoint_unknown",                               \
	  "the peer's endpoint name does not resolve")                        \
	X(NO_ROUTE, "no_route", "no peer has the address in its allowed ips") \
	X(NO_PORT, "no_port", "no free port towards the target")              \
	X(NOT_ALLOWED, "not_allowed", "the source is not in 'allow'")         \
	X(LIMIT, "limit", "the connection limit is reached")                  \
	X(MEMORY, "memory", "no memory left in the budget")                   \
	X(SHUTDOWN, "shutdown", "the daemon is stopping")                     \
	X(RELOAD, "reload",                                                   \
	  "the tunnel's own addresses were changed by a reload")              \
	X(KILLED, "killed", "it was cut with proxyctl")                       \
	X(DRAINING, "draining", "the forward takes no new clients: drained")

enum reason {
#define X(name, word, text) REASON_##name,
	REASON_LIST(X)
#undef X
		REASONS
};

const char *reason_word(enum reason reason);
const char *reason_text(enum reason reason);

/* What a failed dial means to the client, and what ends an open connection. */
enum reason reason_of_dial(int err);
enum reason reason_of_upstream(int err);
/* The same for a client behind the tunnel. */
enum reason reason_of_peer(int err);
/* What a failed connect to a local target means. err: errno, not negative. */
enum reason reason_of_connect(int err);

#endif
