/* SPDX-License-Identifier: ISC */
/*
 * Whole IP packets for a stack with a listener, a UDP socket and a connection
 * that waits for its SYN-ACK. The input is a list of packets, each behind two
 * bytes of length; odd lengths get their checksums repaired, so that what lies
 * behind those is reached too.
 */
#include "base/bytes.h"
#include "netstack/checksum.h"
#include "netstack/ip.h"
#include "test/fuzz/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair_transport(uint8_t *packet, uint32_t header, uint32_t len)
{
	bool v4 = packet[0] >> 4 == 4;
	uint8_t protocol = packet[v4 ? 9 : 6];
	uint8_t *payload = packet + header;
	uint32_t payload_len = len - header;
	uint32_t at = protocol == IP_PROTO_TCP   ? 16
		      : protocol == IP_PROTO_UDP ? 6
						 : 2;
	struct ip_addr src =
		v4 ? ip_addr_v4(packet + 12) : ip_addr_v6(packet + 8);
	struct ip_addr dst =
		v4 ? ip_addr_v4(packet + 16) : ip_addr_v6(packet + 24);
	uint32_t sum = 0;

	if (payload_len < at + 2)
		return;
	if (protocol != IP_PROTO_ICMP)
		sum = checksum_pseudo(&src, &dst, protocol, payload_len);
	put_be16(payload + at, 0);
	sum = checksum_add(sum, payload, payload_len);
	put_be16(payload + at, checksum_finish(sum));
}

static void repair(uint8_t *packet, uint32_t len)
{
	bool v4 = len > 0 && packet[0] >> 4 == 4;
	uint32_t header = v4 ? (packet[0] & 15) * 4U : 40;

	if (len < header || header < 20)
		return;
	if (v4) {
		put_be16(packet + 2, (uint16_t)len);
		put_be16(packet + 10, 0);
		put_be16(packet + 10,
			 checksum_finish(checksum_add(0, packet, header)));
	} else {
		put_be16(packet + 4, (uint16_t)(len - 40));
	}
	repair_transport(packet, header, len);
}

static void open_sockets(struct stack *stack)
{
	struct endpoint listen_at = {.port = 80};
	struct endpoint to = {.port = 81};
	uint8_t packet[STACK_MTU];
	struct ns_handle handle;

	CHECK(tcp_listen(stack->ns, &listen_at, 4, 1, &handle) == 0);
	CHECK(udp_open(stack->ns, 53, 2, &handle) == 0);
	CHECK(ip_addr_parse("10.0.0.2", &to.addr) == 0);
	CHECK(tcp_connect(stack->ns, stack->now, &to, 3, &handle) == 0);
	(void)stack_pull(stack, packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stack stack;
	uint8_t packet[65536];

	stack_open(&stack);
	open_sockets(&stack);
	while (size >= 2) {
		uint32_t len = get_be16(data);
		bool odd = len & 1;

		data += 2;
		size -= 2;
		len = len / 2 < size ? len / 2 : (uint32_t)size;
		memcpy(packet, data, len);
		data += len;
		size -= len;
		if (odd)
			repair(packet, len);
		stack_input(&stack, packet, len);
		stack_events(&stack);
		(void)stack_pull(&stack, packet);
		stack_advance(&stack, 10 * NS_PER_MS);
	}
	stack_close(&stack);
	return 0;
}
