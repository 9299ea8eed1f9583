/* SPDX-License-Identifier: ISC */
#include "netstack/dns_codec.h"

#include <ares.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/error.h"

enum {
	HEADER_LEN = 12,
	CLASS_IN = 1,
	FLAG_REPLY = 0x8000,
	FLAG_TRUNCATED = 0x0200,
	RCODE_MASK = 0x000f,
	RCODE_NO_NAME = 3,
};

int dns_build_query(const char *name, enum dns_type type, uint16_t id,
		    uint8_t buf[DNS_QUERY_CAP])
{
	unsigned char *query = NULL;
	int len = -ERR_INVALID;
	int query_len;

	if (ares_create_query(name, CLASS_IN, (int)type, id, 1, &query,
			      &query_len, DNS_UDP_PAYLOAD) != ARES_SUCCESS)
		return -ERR_INVALID;
	if (query_len > 0 && query_len <= DNS_QUERY_CAP) {
		memcpy(buf, query, (size_t)query_len);
		len = query_len;
	}
	ares_free_string(query);
	return len;
}

/* The question must be ours, to the letter but for case. */
static bool question_is(const uint8_t *data, size_t len, const char *name,
			enum dns_type type)
{
	char *asked = NULL;
	const uint8_t *rest;
	long name_len;
	bool same;

	if (get_be16(data + 4) != 1 ||
	    ares_expand_name(data + HEADER_LEN, data, (int)len, &asked,
			     &name_len) != ARES_SUCCESS)
		return false;
	rest = data + HEADER_LEN + name_len;
	same = strcasecmp(asked, name) == 0 &&
	       (size_t)(rest - data) + 4 <= len &&
	       get_be16(rest) == (uint16_t)type &&
	       get_be16(rest + 2) == CLASS_IN;
	ares_free_string(asked);
	return same;
}

static void note(struct dns_reply *reply, struct ip_addr addr, int ttl)
{
	uint32_t ttl_s = ttl > 0 ? (uint32_t)ttl : 0;

	if (reply->count == 0 || ttl_s < reply->ttl_s)
		reply->ttl_s = ttl_s;
	reply->addresses[reply->count++] = addr;
}

static int parse_a(const uint8_t *data, size_t len, struct dns_reply *reply)
{
	struct ares_addrttl found[NAME_ADDRESSES_MAX];
	int count = NAME_ADDRESSES_MAX;
	int status = ares_parse_a_reply(data, (int)len, NULL, found, &count);

	for (int i = 0; status == ARES_SUCCESS && i < count; i++) {
		uint8_t bytes[4];

		memcpy(bytes, &found[i].ipaddr, sizeof(bytes));
		note(reply, ip_addr_v4(bytes), found[i].ttl);
	}
	return status;
}

static int parse_aaaa(const uint8_t *data, size_t len, struct dns_reply *reply)
{
	struct ares_addr6ttl found[NAME_ADDRESSES_MAX];
	int count = NAME_ADDRESSES_MAX;
	int status = ares_parse_aaaa_reply(data, (int)len, NULL, found, &count);

	for (int i = 0; status == ARES_SUCCESS && i < count; i++) {
		uint8_t bytes[16];

		memcpy(bytes, &found[i].ip6addr, sizeof(bytes));
		note(reply, ip_addr_v6(bytes), found[i].ttl);
	}
	return status;
}

static int error_of(int status, const struct dns_reply *reply)
{
	if (status == ARES_SUCCESS || status == ARES_ENODATA)
		return reply->count > 0 ? 0 : -ERR_NO_ADDRESS;
	return -ERR_NAME_SERVER;
}

int dns_parse_reply(const uint8_t *data, size_t len, const char *name,
		    enum dns_type type, uint16_t id,
		    struct dns_reply *ret_reply)
{
	struct dns_reply reply = {.error = 0};
	uint16_t flags;

	if (len < HEADER_LEN || len > UINT16_MAX || get_be16(data) != id)
		return -ERR_INVALID;
	flags = get_be16(data + 2);
	if (!(flags & FLAG_REPLY) || !question_is(data, len, name, type))
		return -ERR_INVALID;
	reply.truncated = (flags & FLAG_TRUNCATED) != 0;
	if ((flags & RCODE_MASK) == RCODE_NO_NAME)
		reply.error = -ERR_NO_NAME;
	else if ((flags & RCODE_MASK) != 0)
		reply.error = -ERR_NAME_SERVER;
	else if (!reply.truncated)
		reply.error =
			error_of(type == DNS_A ? parse_a(data, len, &reply)
					       : parse_aaaa(data, len, &reply),
				 &reply);
	*ret_reply = reply;
	return 0;
}
