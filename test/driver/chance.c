/* SPDX-License-Identifier: ISC */
/* The randomness of a device: what was queued for it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "device.h"

void chance_draw(void *ctx, void *buf, size_t len)
{
	struct chance *chance = ctx;
	uint8_t *out = buf;

	for (size_t i = 0; i < len; i++) {
		if (chance->at < chance->len) {
			out[i] = chance->bytes[chance->at++];
			continue;
		}
		chance->state =
			chance->state * UINT64_C(6364136223846793005) + 1;
		out[i] = (uint8_t)(chance->state >> 56);
		chance->beyond++;
	}
}

void device_random(struct request *request)
{
	struct device *device = take_device(request);
	struct chance *chance;
	size_t len = 0;
	const uint8_t *bytes =
		request_more(request) ? request_hex(request, &len) : NULL;

	if (!request_end(request))
		return;
	chance = &device->chance;
	if (len > 0) {
		chance->bytes = realloc(chance->bytes, chance->len + len);
		CHECK(chance->bytes != NULL);
		memcpy(chance->bytes + chance->len, bytes, len);
		chance->len += len;
	}
	answer(request, "%zu", chance->len - chance->at);
	answer(request, "%" PRIu64, chance->beyond);
}
