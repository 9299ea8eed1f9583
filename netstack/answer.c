/* SPDX-License-Identifier: ISC */
#include "netstack/answer.h"

#include <string.h>

#include "base/bytes.h"
#include "netstack/checksum.h"

enum {
	REPLIES_PER_SECOND = 100,
	QUOTE_MAX = 548, /* a whole ICMP error: within every MTU */
};

bool ns_may_reply(struct netstack *ns, uint64_t now, uint32_t count)
{
	if (now >= ns->reply_refill) {
		ns->reply_tokens = REPLIES_PER_SECOND;
		ns->reply_refill = now + NS_PER_S;
	}
	if (ns->reply_tokens < count)
		return false;
	ns->reply_tokens -= count;
	return true;
}

/* ------------------------------------------------------------- echo */

/* The request's message, made a reply, and how it is cut. */
struct echo {
	const struct ip_packet *request;
	struct ip_build build;
	uint32_t part_max; /* of a fragment */
	uint32_t id;
	uint16_t path;
};

static void put_part(struct netstack *ns, const struct echo *echo, uint32_t at)
{
	uint32_t len = echo->request->payload_len;
	uint32_t rest = len - at;
	struct ip_build build = echo->build;
	struct ip_part part = {
		.data = echo->request->payload + at,
		.id = echo->id,
		.at = (uint16_t)at,
		.more = rest > echo->part_max,
	};
	struct reply *reply = reply_reserve(&ns->replies, echo->path);

	build.payload_len = part.more ? echo->part_max : rest;
	if (build.payload_len == len) {
		reply->len = (uint16_t)ip_build(reply->data, &build);
		memcpy(reply->data + reply->len, part.data, len);
		reply->len += (uint16_t)len;
	} else {
		reply->len =
			(uint16_t)ip_build_fragment(reply->data, &build, &part);
	}
	if (at == 0)
		icmp_make_reply(echo->request,
				reply->data + reply->len - build.payload_len);
	reply_commit(&ns->replies);
}

void answer_echo(struct netstack *ns, uint64_t now, uint16_t path,
		 const struct ip_packet *request)
{
	bool v6 = request->src.family == IP_V6;
	uint32_t max =
		ns_path_mtu(ns, path) - ip_header_len(request->src.family);
	uint32_t len = request->payload_len;
	uint32_t count = 1;
	struct echo echo = {
		.request = request,
		.build = {.src = &request->dst,
			  .dst = &request->src,
			  .protocol = request->protocol},
		.part_max = max,
		.path = path,
	};

	if (max > REPLY_BYTES - ip_header_len(request->src.family))
		max = REPLY_BYTES - ip_header_len(request->src.family);
	if (len > max) {
		echo.part_max = (max - (v6 ? IPV6_FRAGMENT_LEN : 0)) & ~7U;
		echo.id = random_u32(&ns->config.random);
		count = (len + echo.part_max - 1) / echo.part_max;
	}
	if (count > REPLY_COUNT - ns->replies.count) {
		ns_count(ns, NS_DROP_QUEUE);
		return;
	}
	if (!ns_may_reply(ns, now, count))
		return;
	for (uint32_t at = 0; at < len; at += echo.part_max)
		put_part(ns, &echo, at);
	ns_count(ns, NS_ICMP_TX);
}

/* ------------------------------------------------------------- errors */

void answer_error(struct netstack *ns, uint64_t now, uint16_t path,
		  enum icmp_error error, const struct ip_packet *about)
{
	struct reply *reply;

	if (icmp_is_error(about) || !ns_may_reply(ns, now, 1))
		return;
	reply = reply_reserve(&ns->replies, path);
	if (reply == NULL)
		return;
	reply->len = (uint16_t)icmp_build_error(about, error, reply->data,
						QUOTE_MAX);
	reply_commit(&ns->replies);
	ns_count(ns, NS_ICMP_TX);
}
