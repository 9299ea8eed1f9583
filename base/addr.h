/* SPDX-License-Identifier: ISC */
/*
 * IP addresses, prefixes and endpoints as plain values.
 *
 * IPv4-mapped IPv6 addresses have one form only, the IPv4 one: everything that
 * makes an address from bytes or text goes through here (checklist E5).
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

/* Unused bytes are zero, so two equal addresses are equal byte by byte. */
struct ip_addr {
	uint8_t family; /* enum ip_family */
	uint8_t bytes[16];
};

/* Host bits are zero. */
struct prefix {
	struct ip_addr addr;
	uint8_t bits;
};

struct endpoint {
	struct ip_addr addr;
	uint16_t port;
	uint32_t scope; /* interface of a link-local IPv6 address, else 0 */
};

enum {
	IP_TEXT_CAP = 46,       /* longest address and NUL */
	PREFIX_TEXT_CAP = 50,   /* the same with "/128" */
	ENDPOINT_TEXT_CAP = 72, /* "[address%scope]:65535" */
};

struct ip_addr ip_addr_v4(const uint8_t bytes[4]);
struct ip_addr ip_addr_v6(const uint8_t bytes[16]); /* unmaps IPv4 */

static inline unsigned ip_addr_len(const struct ip_addr *addr)
{
	return addr->family == IP_V4 ? 4 : 16;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
bool ip_addr_is_loopback(const struct ip_addr *addr);
bool ip_addr_is_unspecified(const struct ip_addr *addr);
bool ip_addr_is_multicast(const struct ip_addr *addr);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* Text in, value out: 0 or -ERR_SYNTAX. The whole text must be used. An
 * address without "/bits" is a prefix of one address. endpoint_parse() takes
 * "1.2.3.4:5" and "[::1]:5", not names. */
int ip_addr_parse(const char *text, struct ip_addr *ret_addr);
int prefix_parse(const char *text, struct prefix *ret_prefix);
int endpoint_parse(const char *text, struct endpoint *ret_endpoint);

/* Values out as text; each returns text, which has the capacity named. */
char *ip_addr_format(const struct ip_addr *addr, char text[IP_TEXT_CAP]);
char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_CAP]);
char *endpoint_format(const struct endpoint *endpoint,
		      char text[ENDPOINT_TEXT_CAP]);

/* Makes a prefix and clears the host bits; bits beyond the family's length
 * are -ERR_INVALID. */
int prefix_make(const struct ip_addr *addr, unsigned bits,
		struct prefix *ret_prefix);
bool prefix_contains(const struct prefix *prefix, const struct ip_addr *addr);

#endif
