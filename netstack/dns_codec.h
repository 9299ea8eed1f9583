/* SPDX-License-Identifier: ISC */
/*
 * DNS messages (RFC 1035, 6891). The only file that knows c-ares: what it
 * allocates for a message is freed before the call returns.
 */
#ifndef NETSTACK_DNS_CODEC_H
#define NETSTACK_DNS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/limits.h"

enum dns_type { DNS_A = 1, DNS_AAAA = 28 };

enum {
	DNS_QUERY_CAP = 320,    /* longest name, header, question, EDNS */
	DNS_UDP_PAYLOAD = 1232, /* announced: fits every path */
};

struct dns_reply {
	int error;      /* 0, -ERR_NO_NAME, -ERR_NO_ADDRESS, -ERR_NAME_SERVER */
	bool truncated; /* ask again over TCP */
	uint32_t ttl_s; /* the smallest of the addresses used */
	uint32_t count;
	struct ip_addr addresses[NAME_ADDRESSES_MAX];
};

/* Returns the length, or -ERR_INVALID for what is no DNS name. */
int dns_build_query(const char *name, enum dns_type type, uint16_t id,
		    uint8_t buf[DNS_QUERY_CAP]);

/* 0, or -ERR_INVALID: not an answer to this question; go on waiting. */
int dns_parse_reply(const uint8_t *data, size_t len, const char *name,
		    enum dns_type type, uint16_t id,
		    struct dns_reply *ret_reply);

#endif
