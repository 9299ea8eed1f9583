/* SPDX-License-Identifier: ISC */
/* A whole device in virtual time: device.c has its life, packets.c its
 * traffic, report.c what it tells. */
#ifndef TEST_DRIVER_DEVICE_H
#define TEST_DRIVER_DEVICE_H

#include "crypto/wg_device.h"
#include "driver.h"

/* Bytes that the device gets as randomness, in order. When there are none left
 * a generator goes on: a constant could let the device look for a free index
 * for ever. */
struct chance {
	uint8_t *bytes;
	size_t at, len;
	uint64_t state;
	uint64_t beyond; /* bytes that were not queued */
};

/* ctx: a struct chance. */
void chance_draw(void *ctx, void *buf, size_t len);

struct device {
	struct wg_device *dev;
	void *memory, *secret;
	uint64_t now;
	uint64_t wall_start; /* Unix time in ns when now was 0 */
	uint16_t peers;      /* greatest number ever given + 1 */
	uint16_t mtu;
	struct chance chance;
};

/* The next word names it; NULL is an error that the request knows. */
struct device *take_device(struct request *request);
/* A peer that is there, or an error. */
uint16_t take_peer(struct request *request, const struct device *device);

void device_random(struct request *request);
void device_input(struct request *request);
void device_want(struct request *request);
void device_seal(struct request *request);
void device_pull(struct request *request);
void device_events(struct request *request);
void device_counters(struct request *request);
void device_info(struct request *request);

#endif
