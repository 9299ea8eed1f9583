/* SPDX-License-Identifier: ISC */
/*
 * The resolver of a tunnel: names to addresses, asked of the tunnel's own DNS
 * servers through the netstack.
 *
 * Theory of operation: one entry for each name, in flight or cached. A lookup
 * asks for A and AAAA together, each from a fresh socket with a random port and
 * id (RFC 5452), up to three times two seconds around the servers; a truncated
 * answer is asked for again over TCP. A name without a dot is tried under each
 * search domain first. Answers live 1 to 300 s, refusals 5 s. An answer whose
 * time is over serves for up to an hour more while no server answers: from two
 * seconds after the question on, and then for 30 s without one (RFC 8767).
 *
 * There are at most 256 entries, so they are simply walked, and not at all
 * while nothing is being asked.
 *
 * Nobody is called back: whoever waits asks again when the generation changed.
 */
#ifndef NETSTACK_DNS_H
#define NETSTACK_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/histogram.h"
#include "base/limits.h"
#include "base/random.h"
#include "netstack/netstack.h"

struct resolver;

struct resolver_config {
	struct netstack *ns;
	const struct ip_addr *servers; /* copied */
	uint32_t server_count;
	const char (*search)[NAME_CAP]; /* copied */
	uint32_t search_count;
	bool want_v4, want_v6; /* families the tunnel has addresses of */
	struct random_source random;
};

struct dns_answer {
	uint32_t count;
	struct ip_addr addresses[NAME_ADDRESSES_MAX]; /* families in turn */
	bool complete; /* false: the other family may still come */
};

size_t resolver_size(void);
/* memory: zeroed, the caller's. */
struct resolver *resolver_init(void *memory,
			       const struct resolver_config *config);

/* Other servers and search domains: what is cached is forgotten, what is being
 * asked is asked again. Only those members of config count. */
void resolver_change(struct resolver *resolver, uint64_t now,
		     const struct resolver_config *config);

/* 0 with at least one address; -ERR_AGAIN while asking, which silence does not
 * end: how long to wait is the caller's to decide; or -ERR_NO_NAME,
 * -ERR_NO_ADDRESS, -ERR_NAME_SERVER, -ERR_FULL, -ERR_INVALID for what is no
 * name. */
int resolver_lookup(struct resolver *resolver, uint64_t now, const char *name,
		    struct dns_answer *ret_answer);

/* Changes whenever a lookup may have a new result. */
uint64_t resolver_generation(const struct resolver *resolver);

/* Lookups that asked a server and have ended; what was cached is not counted.
 */
enum dns_result {
	DNS_RESULT_OK,
	DNS_RESULT_NO_NAME,
	DNS_RESULT_NO_ADDRESS,
	DNS_RESULT_SERVER,
	DNS_RESULT_TIMEOUT,
	DNS_RESULTS,
};

struct resolver_stats {
	uint64_t lookups[DNS_RESULTS];
	uint64_t retries; /* queries that a server left unanswered for long */
	struct histogram took;
};
const struct resolver_stats *resolver_stats(const struct resolver *resolver);

/* Events of sockets tagged TAG_RESOLVER. */
void resolver_event(struct resolver *resolver, uint64_t now,
		    const struct ns_event *event);
uint64_t resolver_deadline(const struct resolver *resolver);
void resolver_expire(struct resolver *resolver, uint64_t now);

#endif
