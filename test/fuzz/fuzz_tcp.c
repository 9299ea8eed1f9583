/* SPDX-License-Identifier: ISC */
/*
 * An established connection, a hostile peer and an application without sense:
 * each byte of the input chooses what happens next. Segments are well formed
 * and have numbers near those that the connection expects; after each step the
 * invariants are checked, at the end nothing may be left.
 */
#include "base/bytes.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"
#include "netstack/tcp_segment.h"
#include "test/fuzz/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUR_PORT = 80, PEER_PORT = 4000 };

struct fuzz {
	struct stack stack;
	const uint8_t *data;
	size_t size;
	uint32_t peer_next, our_next; /* as last seen in segments */
	struct ip_addr peer, ours;
	struct ns_handle listener, handle;
	bool open;
};

static uint8_t take(struct fuzz *fuzz)
{
	if (fuzz->size == 0)
		return 0;
	fuzz->size--;
	return *fuzz->data++;
}

/* Close to the base, mostly. */
static uint32_t near_number(struct fuzz *fuzz, uint32_t base)
{
	static const uint32_t steps[8] = {
		0, 1, UINT32_MAX, 100, 1000, 0u - 1000, 60000, 1u << 31};
	uint8_t choice = take(fuzz);

	return base + steps[choice & 7] + (choice >> 3);
}

/* ------------------------------------------------------------- packets */

static void pull(struct fuzz *fuzz)
{
	uint8_t packet[STACK_MTU];
	uint32_t len = stack_pull(&fuzz->stack, packet);
	const uint8_t *tcp = packet + ip_header_len(fuzz->ours.family);

	if (len < ip_header_len(fuzz->ours.family) + TCP_HEADER_LEN)
		return;
	fuzz->our_next = get_be32(tcp + 4) +
			 (tcp[13] & (TCP_SYN | TCP_FIN) ? 1 : 0) + len -
			 ip_header_len(fuzz->ours.family) - (tcp[12] >> 4) * 4U;
	if (tcp[13] & TCP_ACK)
		fuzz->peer_next = get_be32(tcp + 8);
}

static void send_segment(struct fuzz *fuzz, const struct tcp_segment *segment)
{
	static uint8_t packet[STACK_MTU + 100];
	struct ip_build build = {.src = &fuzz->peer,
				 .dst = &fuzz->ours,
				 .protocol = IP_PROTO_TCP};
	uint8_t *tcp = packet + ip_header_len(fuzz->ours.family);
	uint32_t len = tcp_segment_build(tcp, segment);

	memset(tcp + len, 0x33, segment->len);
	len += segment->len;
	build.payload_len = len;
	ip_build(packet, &build);
	put_be16(tcp + 16, checksum_finish(checksum_add(
				   checksum_pseudo(&fuzz->peer, &fuzz->ours,
						   IP_PROTO_TCP, len),
				   tcp, len)));
	stack_input(&fuzz->stack, packet,
		    ip_header_len(fuzz->ours.family) + len);
}

static void fill_options(struct fuzz *fuzz, struct tcp_segment *segment)
{
	uint8_t choice = take(fuzz);

	segment->has_timestamps = choice & 1;
	segment->ts_val = near_number(fuzz, 1);
	segment->ts_ecr = near_number(fuzz, 1);
	if (!(segment->flags & TCP_SYN)) /* the header has 60 bytes */
		segment->sack_count = (uint8_t)(choice >> 1 & 3);
	for (unsigned i = 0; i < segment->sack_count; i++) {
		segment->sacks[i].start = near_number(fuzz, fuzz->our_next);
		segment->sacks[i].end =
			segment->sacks[i].start + take(fuzz) * 50u;
	}
	if (segment->flags & TCP_SYN) {
		segment->has_mss = choice & 8;
		segment->mss = (uint16_t)(take(fuzz) * 8);
		segment->has_wscale = choice & 16;
		segment->wscale = take(fuzz);
		segment->sack_permitted = choice & 32;
	}
}

static void any_segment(struct fuzz *fuzz)
{
	struct tcp_segment segment = {
		.src_port = PEER_PORT,
		.dst_port = OUR_PORT,
		.flags = take(fuzz) & 0x1f,
		.seq = near_number(fuzz, fuzz->peer_next),
		.ack = near_number(fuzz, fuzz->our_next),
		.wnd = (uint16_t)(take(fuzz) << 6),
		.len = take(fuzz) * 5u,
	};

	fill_options(fuzz, &segment);
	send_segment(fuzz, &segment);
}

/* ------------------------------------------------------------- application */

static void try_accept(struct fuzz *fuzz)
{
	struct ns_handle handle;
	struct endpoint from;

	if (tcp_accept(fuzz->stack.ns, fuzz->listener, 2, &handle, &from) != 0)
		return;
	if (fuzz->open)
		(void)tcp_abort(fuzz->stack.ns, fuzz->stack.now, handle);
	else
		fuzz->handle = handle;
	fuzz->open = true;
}

static void application(struct fuzz *fuzz, uint8_t choice)
{
	static uint8_t data[65536];
	struct stack *stack = &fuzz->stack;
	size_t len = (size_t)take(fuzz) * 200;

	switch (choice & 7) {
	case 0:
	case 1:
		(void)tcp_send(stack->ns, stack->now, fuzz->handle, data, len);
		break;
	case 2:
	case 3:
		(void)tcp_recv(stack->ns, stack->now, fuzz->handle, data, len);
		break;
	case 4:
		(void)tcp_shutdown(stack->ns, stack->now, fuzz->handle);
		break;
	case 5:
		(void)tcp_close(stack->ns, stack->now, fuzz->handle);
		fuzz->open = false;
		break;
	case 6:
		netstack_path_hold(stack->ns, 0);
		break;
	default:
		netstack_path_release(stack->ns, stack->now, 0);
	}
}

/* ------------------------------------------------------------- the target */

static void handshake(struct fuzz *fuzz, uint8_t choice)
{
	struct endpoint local = {.port = OUR_PORT};
	struct tcp_segment segment = {
		.src_port = PEER_PORT,
		.dst_port = OUR_PORT,
		.flags = TCP_SYN,
		.seq = UINT32_MAX - 300,
		.wnd = 30000,
		.has_mss = true,
		.mss = 1000,
		.sack_permitted = choice & 2,
		.has_timestamps = choice & 4,
		.ts_val = 1,
		.has_wscale = choice & 8,
		.wscale = 7,
	};

	CHECK(tcp_listen(fuzz->stack.ns, &local, 4, 1, &fuzz->listener) == 0);
	send_segment(fuzz, &segment);
	pull(fuzz);
	segment = (struct tcp_segment){
		.src_port = PEER_PORT,
		.dst_port = OUR_PORT,
		.flags = TCP_ACK,
		.seq = fuzz->peer_next,
		.ack = fuzz->our_next,
		.wnd = 30000,
		.has_timestamps = choice & 4,
		.ts_val = 1,
	};
	send_segment(fuzz, &segment);
	try_accept(fuzz);
	CHECK(fuzz->open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;
	uint8_t choice;

	fuzz.data = data;
	fuzz.size = size;
	fuzz.open = false;
	stack_open(&fuzz.stack);
	choice = take(&fuzz);
	fuzz.ours = fuzz.stack.addresses[choice & 1];
	CHECK(ip_addr_parse(choice & 1 ? "fd00::2" : "10.0.0.2", &fuzz.peer) ==
	      0);
	handshake(&fuzz, choice);
	while (fuzz.size > 0) {
		choice = take(&fuzz);
		if (choice < 128)
			any_segment(&fuzz);
		else if (choice < 192)
			application(&fuzz, choice);
		else
			stack_advance(&fuzz.stack, NS_PER_MS << (choice & 15));
		stack_events(&fuzz.stack);
		try_accept(&fuzz);
		pull(&fuzz);
	}
	stack_close(&fuzz.stack);
	return 0;
}
