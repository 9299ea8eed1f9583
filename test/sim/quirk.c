/* SPDX-License-Identifier: ISC */
#include "quirk.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/time.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	ACK = 0x10,
	HEADER_LEN = 20,
	TIMESTAMPS_LEN = 12,
	STRETCH_MAX = 8, /* ACKs left out */
	SHRINK_MAX = 30, /* packets that a smaller window lasts */
};
#define HELD_NS (200 * NS_PER_MS)

const char *const quirk_name[QUIRKS] = {
	[QUIRK_NONE] = "",
	[QUIRK_STRETCH] = " stretches ACKs",
	[QUIRK_DIVIDE] = " divides ACKs",
	[QUIRK_SHRINK] = " shrinks windows",
	[QUIRK_TINY] = " has a tiny window",
};

void quirk_init(struct quirk *quirk, enum quirk_kind kind, struct rng *rng)
{
	memset(quirk, 0, sizeof(*quirk));
	quirk->kind = kind;
	quirk->rng = *rng;
	quirk->tiny = (uint16_t)rng_range(&quirk->rng, 200, 3000);
	for (unsigned i = 0; i < QUIRK_FLOWS; i++)
		quirk->flows[i].due = NEVER;
}

/* ------------------------------------------------------------- segments */

struct segment {
	struct ip_packet ip;
	uint8_t *tcp;
	uint32_t tcp_len, header_len;
	uint8_t flags;
};

static bool parse(uint8_t *data, uint32_t len, struct segment *ret)
{
	if (ip_parse(data, len, &ret->ip) != 0 || ret->ip.fragment ||
	    ret->ip.protocol != IP_PROTO_TCP)
		return false;
	ret->tcp = data + (ret->ip.payload - data);
	ret->tcp_len = ret->ip.payload_len;
	CHECK(ret->tcp_len >= HEADER_LEN);
	ret->header_len = (ret->tcp[12] >> 4) * 4U;
	ret->flags = ret->tcp[13];
	return true;
}

static void sum_again(const struct segment *segment)
{
	uint32_t sum = checksum_pseudo(&segment->ip.src, &segment->ip.dst,
				       IP_PROTO_TCP, segment->tcp_len);

	put_be16(segment->tcp + 16, 0);
	sum = checksum_add(sum, segment->tcp, segment->tcp_len);
	put_be16(segment->tcp + 16, checksum_finish(sum));
}

/* Says nothing but that more has arrived. */
static bool is_plain_ack(const struct segment *segment)
{
	return segment->tcp_len == segment->header_len &&
	       segment->header_len <= HEADER_LEN + TIMESTAMPS_LEN &&
	       (segment->flags & (FIN | SYN | RST | ACK)) == ACK;
}

static struct quirk_flow *find_flow(struct quirk *quirk,
				    const struct segment *segment)
{
	uint16_t src = get_be16(segment->tcp);
	uint16_t dst = get_be16(segment->tcp + 2);
	struct quirk_flow *unused = NULL;

	for (unsigned i = 0; i < QUIRK_FLOWS; i++) {
		struct quirk_flow *flow = &quirk->flows[i];

		if (flow->src == src && flow->dst == dst)
			return flow;
		if (unused == NULL && flow->src == 0 && flow->dst == 0)
			unused = flow;
	}
	CHECK(unused != NULL);
	unused->src = src;
	unused->dst = dst;
	unused->ack = get_be32(segment->tcp + 8);
	return unused;
}

/* ------------------------------------------------------------- quirks */

static unsigned stretch(struct quirk *quirk, uint64_t now,
			const struct quirk_out *packet,
			const struct segment *segment, struct quirk_out out[])
{
	struct quirk_flow *flow = find_flow(quirk, segment);
	uint32_t ack = get_be32(segment->tcp + 8);
	bool advances = (int32_t)(ack - flow->ack) > 0;

	flow->ack = ack;
	out[0] = *packet;
	if (!is_plain_ack(segment) || !advances ||
	    ++flow->skipped > rng_below(&quirk->rng, STRETCH_MAX)) {
		flow->skipped = 0;
		flow->due = NEVER;
		return 1;
	}
	CHECK(packet->len <= QUIRK_PACKET_MAX);
	memcpy(flow->packet, packet->data, packet->len);
	flow->len = packet->len;
	if (flow->due == NEVER)
		flow->due = now + HELD_NS;
	return 0;
}

static unsigned divide(struct quirk *quirk, const struct quirk_out *packet,
		       const struct segment *segment, struct quirk_out out[])
{
	static uint8_t copies[QUIRK_COPIES_MAX][QUIRK_PACKET_MAX];
	struct quirk_flow *flow = find_flow(quirk, segment);
	uint32_t before = flow->ack;
	uint32_t ack = get_be32(segment->tcp + 8);
	unsigned count = QUIRK_COPIES_MAX;

	if (ack - before > UINT32_MAX / 2)
		ack = before; /* an old one */
	flow->ack = ack;
	out[0] = *packet;
	if (!is_plain_ack(segment) || ack - before < count)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		struct segment copy;

		memcpy(copies[i], packet->data, packet->len);
		CHECK(parse(copies[i], packet->len, &copy));
		put_be32(copy.tcp + 8,
			 before + (ack - before) / count * (i + 1));
		if (i + 1 == count)
			put_be32(copy.tcp + 8, ack);
		sum_again(&copy);
		out[i] = (struct quirk_out){copies[i], packet->len};
	}
	return count;
}

static uint16_t shrunk(struct quirk *quirk, uint16_t window)
{
	if (quirk->shrink_left == 0) {
		quirk->shrink_left =
			1 + (unsigned)rng_below(&quirk->rng, SHRINK_MAX);
		quirk->shrink_by =
			rng_chance(&quirk->rng, 500000)
				? 0
				: 1 + (unsigned)rng_below(&quirk->rng, 16);
	}
	quirk->shrink_left--;
	return (uint16_t)(window >> quirk->shrink_by);
}

static void change_window(struct quirk *quirk, const struct segment *segment)
{
	uint16_t window = get_be16(segment->tcp + 14);

	if (segment->flags & (SYN | RST))
		return;
	if (quirk->kind == QUIRK_SHRINK)
		window = shrunk(quirk, window);
	else if (window > quirk->tiny)
		window = quirk->tiny;
	put_be16(segment->tcp + 14, window);
	sum_again(segment);
}

unsigned quirk_send(struct quirk *quirk, uint64_t now, uint8_t *data,
		    uint32_t len, struct quirk_out out[QUIRK_COPIES_MAX])
{
	struct segment segment;

	out[0] = (struct quirk_out){data, len};
	if (quirk->kind == QUIRK_NONE || !parse(data, len, &segment))
		return 1;
	switch (quirk->kind) {
	case QUIRK_STRETCH:
		return stretch(quirk, now, &(struct quirk_out){data, len},
			       &segment, out);
	case QUIRK_DIVIDE:
		return divide(quirk, &(struct quirk_out){data, len}, &segment,
			      out);
	case QUIRK_SHRINK:
	case QUIRK_TINY:
		change_window(quirk, &segment);
		return 1;
	case QUIRK_NONE:
	case QUIRKS:
		break;
	}
	return 1;
}

/* ------------------------------------------------------------- time */

uint64_t quirk_deadline(const struct quirk *quirk)
{
	uint64_t at = NEVER;

	for (unsigned i = 0; i < QUIRK_FLOWS; i++)
		at = time_min(at, quirk->flows[i].due);
	return at;
}

unsigned quirk_expire(struct quirk *quirk, uint64_t now,
		      struct quirk_out out[QUIRK_COPIES_MAX])
{
	for (unsigned i = 0; i < QUIRK_FLOWS; i++) {
		struct quirk_flow *flow = &quirk->flows[i];

		if (flow->due > now)
			continue;
		flow->due = NEVER;
		flow->skipped = 0;
		out[0] = (struct quirk_out){flow->packet, flow->len};
		return 1;
	}
	return 0;
}
