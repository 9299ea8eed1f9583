/* SPDX-License-Identifier: ISC */
/* What goes into a device and comes out: datagrams, packets, messages. */
#include <string.h>

#include "base/error.h"
#include "device.h"

enum { DATAGRAM_MAX = 65535, SEGMENTS_MAX = 1024 };

/* ------------------------------------------------------------- receive */

static void take_details(struct request *request, struct wg_datagram *in)
{
	const char *text;

	text = request_option(request, "segment");
	if (text != NULL)
		in->segment =
			(uint32_t)parse_number(request, text, DATAGRAM_MAX);
	text = request_option(request, "tos");
	if (text != NULL)
		in->tos = (uint8_t)parse_number(request, text, UINT8_MAX);
	text = request_option(request, "local");
	if (text != NULL)
		request_check(request, ip_addr_parse(text, &in->local));
	text = request_option(request, "ifindex");
	if (text != NULL)
		in->ifindex = (uint32_t)parse_number(request, text, UINT32_MAX);
	if (in->segment != 0 && in->len / in->segment >= SEGMENTS_MAX)
		request_fail(request, "TOO_LONG");
}

void device_input(struct request *request)
{
	struct device *device = take_device(request);
	struct wg_datagram in = {.from = request_endpoint(request)};
	struct packet packets[SEGMENTS_MAX];
	size_t len, count;

	in.data = request_hex(request, &len);
	in.len = (uint32_t)len;
	if (len > DATAGRAM_MAX)
		request_fail(request, "TOO_LONG");
	take_details(request, &in);
	if (!request_end(request))
		return;
	count = wg_device_input(device->dev, device->now, &in, packets,
				SEGMENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		answer(request, "%u:%u:", packets[i].path, packets[i].ecn);
		answer_bytes(request, packets[i].data, packets[i].len);
	}
	if (count == 0)
		answer(request, "none");
}

/* ------------------------------------------------------------- send */

void device_want(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);

	if (request_end(request))
		request_check(request,
			      wg_peer_want(device->dev, device->now, peer));
}

static void answer_destination(struct request *request,
			       const struct wg_destination *to)
{
	char endpoint[ENDPOINT_TEXT_CAP], source[IP_TEXT_CAP];

	answer(request, "%s", endpoint_format(&to->to, endpoint));
	answer(request, "%s",
	       to->source.family == IP_NONE
		       ? "none"
		       : ip_addr_format(&to->source, source));
	answer(request, "%u", to->ifindex);
	answer(request, "%u", to->tos);
}

struct parts {
	uint8_t *data[RUN_PACKETS_MAX];
	size_t len[RUN_PACKETS_MAX];
};

/* The packets of a run, by the rules of base/run.h. */
static void take_run(struct request *request, struct run *run,
		     struct parts *parts)
{
	uint16_t count = 0;

	for (; request_more(request); count++) {
		if (count == RUN_PACKETS_MAX) {
			request_fail(request, "TOO_LONG");
			return;
		}
		parts->data[count] = request_hex(request, &parts->len[count]);
		if (parts->len[count] == 0 || parts->len[count] > run->mtu ||
		    parts->len[count] > parts->len[0] ||
		    (count > 1 && parts->len[count - 1] != parts->len[0]))
			request_fail(request, "LENGTH");
	}
	if (count == 0) {
		request_fail(request, "MISSING");
		return;
	}
	if (request->error != NULL)
		return;
	run->count = count;
	run->ip_len = (uint16_t)parts->len[0];
	run->last_len = (uint16_t)parts->len[count - 1];
	if (count > run_room(run, run->ip_len))
		request_fail(request, "TOO_LONG");
}

static void answer_run(struct request *request, const struct run *run)
{
	uint32_t stride = run_stride(run->ip_len, run->mtu);
	uint32_t len = run_sealed_len(run);

	for (uint32_t at = 0; at < len; at += stride)
		answer_hex(request, run->base + at,
			   len - at < stride ? len - at : stride);
}

void device_seal(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);
	const char *ecn = request_option(request, "ecn");
	struct run run = {.cap = RUN_BYTES_MAX, .path = peer};
	struct wg_destination to;
	struct parts parts;

	if (ecn != NULL)
		run.ecn = (uint8_t)parse_number(request, ecn, 3);
	run.mtu = device != NULL ? device->mtu : 0;
	take_run(request, &run, &parts);
	if (!request_end(request) ||
	    !request_check(request,
			   wg_peer_want(device->dev, device->now, peer)))
		return;
	run.base = request_alloc(request, run_sealed_len(&run));
	for (uint16_t i = 0; i < run.count; i++)
		memcpy(run_ip(&run, run.ip_len, i), parts.data[i],
		       parts.len[i]);
	wg_device_seal(device->dev, device->now, &run, &to);
	answer_destination(request, &to);
	answer_run(request, &run);
}

void device_pull(struct request *request)
{
	struct device *device = take_device(request);
	uint8_t *message = request_alloc(request, WG_MESSAGE_MAX);
	struct wg_destination to;
	size_t len;

	if (!request_end(request))
		return;
	len = wg_device_pull(device->dev, device->now,
			     device->wall_start + device->now, message, &to);
	if (len == 0) {
		answer(request, "none");
		return;
	}
	answer_destination(request, &to);
	answer_hex(request, message, len);
}
