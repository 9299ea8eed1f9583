/* SPDX-License-Identifier: ISC */
/*
 * Connecting to a name: all its addresses, the two families in turn, a new
 * attempt every 250 ms until one answers (happy eyeballs, RFC 8305).
 *
 * A dial owns its attempts until it ends; the winner's handle is then the
 * caller's, the losers are given up without a packet. The caller's tag comes
 * back with the result.
 */
#ifndef NETSTACK_DIAL_H
#define NETSTACK_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/random.h"
#include "netstack/dns.h"
#include "netstack/netstack.h"

struct dialer;

struct dialer_config {
	struct netstack *ns;
	struct resolver *resolver;
	uint32_t dials_max;
	struct random_source random;
};

struct dial_request {
	const char *host; /* a name or an address */
	uint16_t port;
	bool shuffle;             /* not the order of the answer */
	struct ip_addr preferred; /* tried first when the name has it */
	uint64_t timeout;         /* ns; 0 = 10 s */
	uint64_t user;
};

struct dial_result {
	uint64_t user;
	int error; /* 0, or what went wrong: the most telling attempt */
	struct ns_handle handle; /* with error 0, the caller's */
	struct endpoint to;      /* with error 0 */
};

size_t dialer_size(const struct dialer_config *config);
/* memory: zeroed, the caller's. */
struct dialer *dialer_init(void *memory, const struct dialer_config *config);

/* 0 with a number that dial_cancel() takes; -ERR_FULL, -ERR_INVALID. Ends
 * within the timeout. */
int dial_start(struct dialer *dialer, uint64_t now,
	       const struct dial_request *request, uint32_t *ret_dial);
/* No result will come. */
void dial_cancel(struct dialer *dialer, uint64_t now, uint32_t dial);

/* Events of sockets tagged TAG_DIAL. */
void dial_event(struct dialer *dialer, uint64_t now,
		const struct ns_event *event);
/* Looks at new answers of the resolver; call before dial_next_result(). */
void dial_advance(struct dialer *dialer, uint64_t now);
bool dial_next_result(struct dialer *dialer, struct dial_result *ret_result);

uint64_t dial_deadline(const struct dialer *dialer);
void dial_expire(struct dialer *dialer, uint64_t now);

#endif
