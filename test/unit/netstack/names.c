/* SPDX-License-Identifier: ISC */
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"
#include "netstack/tag.h"

enum { OUR_ISS = 5000 }; /* of every peer */

static void fill(void *ctx, void *buf, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 99;
		out[i] = (uint8_t)(*state >> 56);
	}
}

/* ------------------------------------------------------------- open, close */

struct lists {
	struct ip_addr servers[DNS_SERVERS_MAX];
	char search[DNS_SEARCH_MAX][NAME_CAP];
};

static struct resolver_config resolver_of(struct names *names,
					  const struct names_config *config,
					  struct lists *lists)
{
	struct resolver_config out = {
		.ns = names->lone.ns,
		.servers = lists->servers,
		.search = (const char(*)[NAME_CAP])lists->search,
		.want_v4 = config->v4,
		.want_v6 = config->v6,
		.random = {.fill = fill, .ctx = &names->random},
	};

	for (uint32_t i = 0; i < DNS_SERVERS_MAX && config->servers[i]; i++)
		lists->servers[out.server_count++] =
			lone_address(config->servers[i]);
	for (uint32_t i = 0; i < DNS_SEARCH_MAX && config->search[i]; i++)
		strcpy(lists->search[out.search_count++], config->search[i]);
	return out;
}

void names_open(struct names *names, const struct names_config *config)
{
	struct lists lists;
	struct resolver_config resolver;
	struct dialer_config dialer;

	memset(names, 0, sizeof(*names));
	lone_open(&names->lone, config->v4, config->v6);
	names->random = 3;
	names->opened = names->lone.now;
	resolver = resolver_of(names, config, &lists);
	names->resolver = resolver_init(calloc(1, resolver_size()), &resolver);
	dialer = (struct dialer_config){
		.ns = names->lone.ns,
		.resolver = names->resolver,
		.dials_max = NAMES_DIALS,
		.random = resolver.random,
	};
	names->dialer = dialer_init(calloc(1, dialer_size(&dialer)), &dialer);
}

void names_close(struct names *names)
{
	free(names->dialer);
	free(names->resolver);
	lone_close(&names->lone);
}

void names_change(struct names *names, const struct names_config *config)
{
	struct lists lists;
	struct resolver_config resolver = resolver_of(names, config, &lists);

	resolver_change(names->resolver, names->lone.now, &resolver);
	names_settle(names);
}

/* ------------------------------------------------------------- time */

void names_settle(struct names *names)
{
	uint64_t now = names->lone.now;
	struct ns_event event;
	struct names_sent *sent;

	resolver_expire(names->resolver, now);
	dial_expire(names->dialer, now);
	while (netstack_next_event(names->lone.ns, &event)) {
		if (tag_kind(event.user) == TAG_RESOLVER)
			resolver_event(names->resolver, now, &event);
		else if (tag_kind(event.user) == TAG_DIAL)
			dial_event(names->dialer, now, &event);
	}
	resolver_expire(names->resolver, now); /* a retry may be due at once */
	dial_advance(names->dialer, now);
	for (;;) {
		assert_true(names->count < NAMES_SENT_MAX);
		sent = &names->sent[names->count];
		if (!lone_take(&names->lone, &sent->packet))
			break;
		/* pointers that lead into this copy */
		assert_int_equal(ip_parse(sent->packet.data, sent->packet.len,
					  &sent->packet.ip),
				 0);
		sent->at = now;
		names->count++;
	}
}

void names_advance(struct names *names, uint64_t duration)
{
	uint64_t end = names->lone.now + duration;

	names_settle(names);
	while (names->lone.now < end) {
		uint64_t at = time_min(netstack_deadline(names->lone.ns),
				       resolver_deadline(names->resolver));

		at = time_min(at, dial_deadline(names->dialer));
		if (at <= names->lone.now)
			at = names->lone.now + NS_PER_US;
		names->lone.now = time_min(at, end);
		netstack_expire(names->lone.ns, names->lone.now);
		names_settle(names);
	}
}

uint64_t names_ms(const struct names *names, uint64_t at)
{
	return (at - names->opened + NS_PER_MS / 2) / NS_PER_MS;
}

/* ------------------------------------------------------------- questions */

int names_look_up(struct names *names, const char *name)
{
	int err = resolver_lookup(names->resolver, names->lone.now, name,
				  &names->found);

	names_settle(names);
	return err;
}

void names_assert_found(struct names *names, const char *name,
			const char *address)
{
	struct ip_addr addr = lone_address(address);

	assert_int_equal(names_look_up(names, name), 0);
	assert_true(names->found.count > 0);
	assert_true(ip_addr_equal(&names->found.addresses[0], &addr));
}

static void read_name(const uint8_t **data, char *ret_name)
{
	const uint8_t *p = *data;
	size_t len = 0;

	while (*p != 0) {
		memcpy(ret_name + len, p + 1, *p);
		len += *p;
		ret_name[len++] = '.';
		p += *p + 1;
	}
	ret_name[len - 1] = '\0';
	*data = p + 1;
}

void names_question(const struct names *names, uint32_t index,
		    struct names_question *ret_question)
{
	const struct ip_packet *ip = &names->sent[index].packet.ip;
	const uint8_t *dns = ip->payload + 8;
	const uint8_t *rest = dns + 12;

	assert_true(index < names->count);
	assert_int_equal(ip->protocol, IP_PROTO_UDP);
	assert_int_equal(get_be16(ip->payload + 2), 53);
	ret_question->server = ip->dst;
	ret_question->port = get_be16(ip->payload);
	ret_question->id = get_be16(dns);
	assert_int_equal(get_be16(dns + 2), 0x0100); /* recursion, please */
	assert_int_equal(get_be16(dns + 4), 1);
	read_name(&rest, ret_question->name);
	ret_question->type = get_be16(rest);
	assert_int_equal(get_be16(rest + 2), 1);
}

/* ------------------------------------------------------------- answers */

static uint8_t *put_name(uint8_t *p, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		*p++ = (uint8_t)len;
		memcpy(p, name, len);
		p += len;
		name += len + (name[len] == '.');
	}
	*p++ = 0;
	return p;
}

static uint8_t *put_record(uint8_t *p, char *owner, const char *text)
{
	char type[8], value[NAME_CAP];
	unsigned ttl;
	uint8_t *len_at;

	assert_int_equal(sscanf(text, "%7s %255s %u", type, value, &ttl), 3);
	p = put_name(p, owner);
	put_be16(p, strcmp(type, "A") == 0      ? DNS_A
		    : strcmp(type, "AAAA") == 0 ? DNS_AAAA
						: 5);
	put_be16(p + 2, 1);
	put_be32(p + 4, ttl);
	len_at = p + 8;
	p += 10;
	if (strcmp(type, "CNAME") == 0) {
		p = put_name(p, value);
		strcpy(owner, value);
	} else {
		struct ip_addr addr = lone_address(value);
		size_t len = addr.family == IP_V4 ? 4 : 16;

		memcpy(p, addr.bytes, len);
		p += len;
	}
	put_be16(len_at, (uint16_t)(p - len_at - 2));
	return p;
}

uint32_t names_build_answer(const struct names_question *question,
			    const struct names_answer *answer, uint8_t *data)
{
	uint8_t *p = data + 12;
	char owner[NAME_CAP];
	uint16_t count = 0;

	memset(data, 0, 12);
	put_be16(data, question->id);
	put_be16(data + 2, 0x8180 | answer->flags);
	put_be16(data + 4, 1);
	p = put_name(p, question->name);
	put_be16(p, (uint16_t)question->type);
	put_be16(p + 2, 1);
	p += 4;
	strcpy(owner, question->name);
	for (; answer->records[count] != NULL; count++)
		p = put_record(p, owner, answer->records[count]);
	put_be16(data + 6, count);
	return (uint32_t)(p - data);
}

void names_give(struct names *names, const struct names_question *question,
		const uint8_t *data, uint32_t len)
{
	struct ip_addr dst = lone_address(
		question->server.family == IP_V4 ? "10.9.0.1" : "fd09::1");
	struct lone_udp udp = {.src = &question->server,
			       .dst = &dst,
			       .src_port = 53,
			       .dst_port = question->port,
			       .data = data,
			       .len = len};

	lone_give_udp(&names->lone, &udp);
	names_settle(names);
}

void names_answer(struct names *names, uint32_t index,
		  const struct names_answer *answer)
{
	struct names_question question;
	uint8_t data[4096];

	names_question(names, index, &question);
	names_give(names, &question, data,
		   names_build_answer(&question, answer, data));
}

/* ------------------------------------------------------------- TCP */

struct tcp_segment names_segment(const struct names *names, uint32_t index)
{
	const struct ip_packet *ip = &names->sent[index].packet.ip;
	struct tcp_segment segment;

	assert_true(index < names->count);
	assert_int_equal(ip->protocol, IP_PROTO_TCP);
	assert_int_equal(
		tcp_segment_parse(ip->payload, ip->payload_len, &segment), 0);
	return segment;
}

void names_give_segment(struct names *names, uint32_t index, uint8_t flags,
			const uint8_t *data, uint32_t len)
{
	const struct ip_packet *ip = &names->sent[index].packet.ip;
	struct tcp_segment to = names_segment(names, index);
	struct tcp_segment back = {
		.src_port = to.dst_port,
		.dst_port = to.src_port,
		.seq = (to.flags & TCP_ACK ? to.ack : OUR_ISS) + names->offset,
		.ack = to.seq + tcp_segment_span(&to),
		.wnd = 60000,
		.flags = flags,
		.has_mss = flags & TCP_SYN,
		.mss = 1300,
	};
	struct ip_build build = {
		.src = &ip->dst, .dst = &ip->src, .protocol = IP_PROTO_TCP};
	uint8_t packet[LONE_MTU], tcp[LONE_MTU];
	uint32_t header = tcp_segment_build(tcp, &back);
	uint32_t at;

	if (len > 0)
		memcpy(tcp + header, data, len);
	build.payload_len = header + len;
	at = ip_build(packet, &build);
	memcpy(packet + at, tcp, header + len);
	names->offset = 0;
	lone_seal(packet, at + header + len, 16);
	lone_give(&names->lone, packet, at + header + len);
	names_settle(names);
}
