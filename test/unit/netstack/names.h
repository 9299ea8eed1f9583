/* SPDX-License-Identifier: ISC */
/*
 * A resolver and a dialer on a lone netstack in virtual time. Everything sent
 * is kept with its time; the test reads it there and answers by hand.
 */
#ifndef TEST_NETSTACK_NAMES_H
#define TEST_NETSTACK_NAMES_H

#include "lone.h"
#include "netstack/dial.h"
#include "netstack/dns.h"
#include "netstack/dns_codec.h"
#include "netstack/tcp_segment.h"

enum { NAMES_SENT_MAX = 256, NAMES_DIALS = 8 };

struct names_sent {
	uint64_t at;
	struct lone_packet packet;
};

struct names {
	struct lone lone;
	struct resolver *resolver;
	struct dialer *dialer;
	uint64_t random;
	struct names_sent sent[NAMES_SENT_MAX];
	uint32_t count;
	uint64_t opened; /* when */
	struct dns_answer found;
	uint32_t offset; /* of the next segment given, once */
};

struct names_config {
	bool v4, v6;
	const char *servers[DNS_SERVERS_MAX];
	const char *search[DNS_SEARCH_MAX];
};

void names_open(struct names *names, const struct names_config *config);
void names_close(struct names *names);
void names_change(struct names *names, const struct names_config *config);

/* What can happen now happens. */
void names_settle(struct names *names);
void names_advance(struct names *names, uint64_t duration);
/* Asks the resolver; the answer is in names->found. */
int names_look_up(struct names *names, const char *name);
/* The answer is there, and this is its first address. */
void names_assert_found(struct names *names, const char *name,
			const char *address);
/* Milliseconds since names_open(). */
uint64_t names_ms(const struct names *names, uint64_t at);

/* Packet number index as a DNS question over UDP, or a TCP segment. */
struct names_question {
	struct ip_addr server;
	uint16_t port; /* it came from */
	uint16_t id;
	enum dns_type type;
	char name[NAME_CAP];
};
void names_question(const struct names *names, uint32_t index,
		    struct names_question *ret_question);
struct tcp_segment names_segment(const struct names *names, uint32_t index);

/* A DNS message in answer to a question; returns its length. Records are text:
 * "A ADDRESS TTL", "AAAA ADDRESS TTL", "CNAME NAME TTL"; a record belongs to
 * the name that the last CNAME before it gave. */
struct names_answer {
	uint16_t flags; /* beside those of every answer; RCODE included */
	const char *records[20];
};
enum { NAMES_TRUNCATED = 0x0200, NAMES_SERVFAIL = 2, NAMES_NXDOMAIN = 3 };
uint32_t names_build_answer(const struct names_question *question,
			    const struct names_answer *answer, uint8_t *data);

/* Sends bytes back to where the question came from, as its server. */
void names_give(struct names *names, const struct names_question *question,
		const uint8_t *data, uint32_t len);
/* Both at once, for question number index. */
void names_answer(struct names *names, uint32_t index,
		  const struct names_answer *answer);

/* A segment back to the sender of segment number index. */
void names_give_segment(struct names *names, uint32_t index, uint8_t flags,
			const uint8_t *data, uint32_t len);

#endif
