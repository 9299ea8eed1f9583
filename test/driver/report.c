/* SPDX-License-Identifier: ISC */
/* What a device tells: events, counters, state of a peer. */
#include <inttypes.h>

#include "device.h"

void device_events(struct request *request)
{
	static const char *const names[WG_EVENT_TYPES] = {
		[WG_EVENT_SESSION_UP] = "SESSION_UP",
		[WG_EVENT_HANDSHAKE_RETRY] = "HANDSHAKE_RETRY",
		[WG_EVENT_HANDSHAKE_FAILED] = "HANDSHAKE_FAILED",
		[WG_EVENT_ENDPOINT_CHANGED] = "ENDPOINT_CHANGED",
	};
	struct device *device = take_device(request);
	struct wg_event event;

	if (!request_end(request))
		return;
	while (wg_device_next_event(device->dev, &event))
		answer(request, "%u:%s", event.peer, names[event.type]);
	if (request->answered == 0)
		answer(request, "none");
}

void device_counters(struct request *request)
{
	static const char *const names[WG_COUNTERS] = {
#define X(name, text) [WG_##name] = text,
		WG_COUNTER_LIST(X)
#undef X
	};
	struct device *device = take_device(request);

	if (!request_end(request))
		return;
	for (unsigned i = 0; i < WG_COUNTERS; i++)
		answer(request, "%s=%" PRIu64, names[i],
		       wg_device_counter(device->dev, (enum wg_counter)i));
}

void device_info(struct request *request)
{
	struct device *device = take_device(request);
	uint16_t peer = take_peer(request, device);
	char text[ENDPOINT_TEXT_CAP];
	struct wg_peer_info info;

	if (!request_end(request))
		return;
	wg_peer_info(device->dev, device->now, peer, &info);
	answer(request, "endpoint=%s",
	       info.endpoint.addr.family == IP_NONE
		       ? "none"
		       : endpoint_format(&info.endpoint, text));
	answer(request, "last_handshake=%" PRIu64, info.last_handshake);
	answer(request, "rx_bytes=%" PRIu64, info.rx_bytes);
	answer(request, "tx_bytes=%" PRIu64, info.tx_bytes);
	answer(request, "handshakes=%" PRIu64, info.handshakes);
	answer(request, "retries=%" PRIu32, info.handshake_attempts);
	answer(request, "session=%d", info.session);
	answer(request, "stamp=%" PRIu64,
	       wg_device_greatest_stamp(device->dev));
}
