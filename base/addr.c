/* SPDX-License-Identifier: ISC */
#include "base/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0,    0,
					  0, 0, 0, 0, 0xff, 0xff};

struct ip_addr ip_addr_v4(const uint8_t bytes[4])
{
	struct ip_addr addr = {.family = IP_V4};

	memcpy(addr.bytes, bytes, 4);
	return addr;
}

struct ip_addr ip_addr_v6(const uint8_t bytes[16])
{
	struct ip_addr addr = {.family = IP_V6};

	if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return ip_addr_v4(bytes + sizeof(mapped_prefix));
	memcpy(addr.bytes, bytes, 16);
	return addr;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, 16) == 0;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && ip_addr_equal(&a->addr, &b->addr);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->scope == b->scope &&
	       ip_addr_equal(&a->addr, &b->addr);
}

bool ip_addr_is_loopback(const struct ip_addr *addr)
{
	static const uint8_t loopback_v6[16] = {[15] = 1};

	if (addr->family == IP_V4)
		return addr->bytes[0] == 127;
	return addr->family == IP_V6 &&
	       memcmp(addr->bytes, loopback_v6, 16) == 0;
}

bool ip_addr_is_unspecified(const struct ip_addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, 16) == 0;
}

bool ip_addr_is_multicast(const struct ip_addr *addr)
{
	if (addr->family == IP_V4)
		return addr->bytes[0] >= 224; /* and class E, broadcast */
	return addr->family == IP_V6 && addr->bytes[0] == 0xff;
}

int ip_addr_parse(const char *text, struct ip_addr *ret_addr)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		*ret_addr = ip_addr_v4(bytes);
		return 0;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		*ret_addr = ip_addr_v6(bytes);
		return 0;
	}
	return -ERR_SYNTAX;
}

/* Decimal digits only, no sign, no blanks, at most max. */
static int parse_decimal(const char *text, unsigned max, unsigned *ret_value)
{
	unsigned value = 0;

	if (*text == '\0')
		return -ERR_SYNTAX;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -ERR_SYNTAX;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > max)
			return -ERR_SYNTAX;
	}
	*ret_value = value;
	return 0;
}

int prefix_make(const struct ip_addr *addr, unsigned bits,
		struct prefix *ret_prefix)
{
	struct prefix prefix = {.addr = *addr, .bits = (uint8_t)bits};
	unsigned len = ip_addr_len(addr);

	if (bits > len * 8)
		return -ERR_INVALID;
	for (unsigned i = 0; i < len; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			prefix.addr.bytes[i] &= (uint8_t)(0xff00U >> keep);
	}
	*ret_prefix = prefix;
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
	char copy[PREFIX_TEXT_CAP];
	struct ip_addr addr;
	unsigned bits;
	char *slash;

	if (strlen(text) >= sizeof(copy))
		return -ERR_SYNTAX;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	if (ip_addr_parse(copy, &addr) != 0)
		return -ERR_SYNTAX;
	bits = ip_addr_len(&addr) * 8;
	if (slash != NULL && parse_decimal(slash + 1, bits, &bits) != 0)
		return -ERR_SYNTAX;
	return prefix_make(&addr, bits, ret_prefix);
}

bool prefix_contains(const struct prefix *prefix, const struct ip_addr *addr)
{
	unsigned whole = prefix->bits / 8U, rest = prefix->bits % 8U;
	unsigned differ;

	if (prefix->addr.family != addr->family)
		return false;
	if (memcmp(prefix->addr.bytes, addr->bytes, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	differ = (unsigned)prefix->addr.bytes[whole] ^ addr->bytes[whole];
	return differ >> (8 - rest) == 0;
}

/* Splits "host:port" or "[host%scope]:port" in place. */
static int split_endpoint(char *text, char **ret_host, char **ret_scope,
			  char **ret_port)
{
	bool bracketed = text[0] == '[';
	char *host = bracketed ? text + 1 : text;
	char *end = bracketed ? strchr(host, ']') : strrchr(host, ':');
	char *scope;

	if (end == NULL || (bracketed && end[1] != ':'))
		return -ERR_SYNTAX;
	*ret_port = end + (bracketed ? 2 : 1);
	*end = '\0';
	if (!bracketed && strchr(host, ':') != NULL)
		return -ERR_SYNTAX;
	scope = bracketed ? strchr(host, '%') : NULL;
	if (scope != NULL)
		*scope++ = '\0';
	*ret_host = host;
	*ret_scope = scope;
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *ret_endpoint)
{
	char copy[ENDPOINT_TEXT_CAP + IF_NAMESIZE];
	struct endpoint endpoint = {.port = 0};
	char *host, *scope, *port_text;
	unsigned port;

	if (strlen(text) >= sizeof(copy))
		return -ERR_SYNTAX;
	strcpy(copy, text);
	if (split_endpoint(copy, &host, &scope, &port_text) != 0)
		return -ERR_SYNTAX;
	if (ip_addr_parse(host, &endpoint.addr) != 0)
		return -ERR_SYNTAX;
	if (parse_decimal(port_text, UINT16_MAX, &port) != 0)
		return -ERR_SYNTAX;
	if (scope != NULL) {
		endpoint.scope = if_nametoindex(scope);
		if (endpoint.scope == 0 &&
		    parse_decimal(scope, INT32_MAX, &endpoint.scope) != 0)
			return -ERR_SYNTAX;
	}
	endpoint.port = (uint16_t)port;
	*ret_endpoint = endpoint;
	return 0;
}

char *ip_addr_format(const struct ip_addr *addr, char text[IP_TEXT_CAP])
{
	int family = addr->family == IP_V4 ? AF_INET : AF_INET6;

	if (addr->family == IP_NONE) {
		strcpy(text, "none");
		return text;
	}
	CHECK(inet_ntop(family, addr->bytes, text, IP_TEXT_CAP) != NULL);
	return text;
}

char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_CAP])
{
	char addr[IP_TEXT_CAP];

	snprintf(text, PREFIX_TEXT_CAP, "%s/%u",
		 ip_addr_format(&prefix->addr, addr), (unsigned)prefix->bits);
	return text;
}

char *endpoint_format(const struct endpoint *endpoint,
		      char text[ENDPOINT_TEXT_CAP])
{
	char addr[IP_TEXT_CAP];
	char scope[16] = "";

	ip_addr_format(&endpoint->addr, addr);
	if (endpoint->scope != 0)
		snprintf(scope, sizeof(scope), "%%%u", endpoint->scope);
	if (endpoint->addr.family == IP_V6)
		snprintf(text, ENDPOINT_TEXT_CAP, "[%s%s]:%u", addr, scope,
			 (unsigned)endpoint->port);
	else
		snprintf(text, ENDPOINT_TEXT_CAP, "%s:%u", addr,
			 (unsigned)endpoint->port);
	return text;
}
