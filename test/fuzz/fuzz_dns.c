/* SPDX-License-Identifier: ISC */
/*
 * DNS messages as answers to a question. The first byte chooses the type; the
 * id is the question's, so that the rest is read.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "netstack/dns_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const name = "appname.internal";
	struct dns_reply reply;
	uint8_t message[4096];
	enum dns_type type;

	if (size < 1 || size > sizeof(message))
		return 0;
	type = data[0] & 1 ? DNS_AAAA : DNS_A;
	size--;
	memcpy(message, data + 1, size);
	if (size >= 2)
		put_be16(message, 0x1234);
	if (dns_parse_reply(message, size, name, type, 0x1234, &reply) != 0)
		return 0;
	CHECK(reply.count <= NAME_ADDRESSES_MAX && reply.error <= 0);
	/* An AAAA record may hold a mapped IPv4 address. */
	for (uint32_t i = 0; i < reply.count; i++)
		CHECK(reply.addresses[i].family == IP_V4 ||
		      (type == DNS_AAAA && reply.addresses[i].family == IP_V6));
	return 0;
}
