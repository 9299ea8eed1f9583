/* SPDX-License-Identifier: ISC */
/* The replay window of one receiving key (RFC 6479, checklist 1.4). */
#ifndef CRYPTO_WG_REPLAY_H
#define CRYPTO_WG_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
	WG_REPLAY_BITS = 8192,
	/* One word is cleared ahead and cannot be used. */
	WG_REPLAY_WINDOW = WG_REPLAY_BITS - 64,
};

#define WG_REJECT_AFTER_MESSAGES (UINT64_MAX - WG_REPLAY_WINDOW - 1)

/* All zero is the empty window. */
struct wg_replay {
	uint64_t next; /* greatest counter accepted + 1 */
	uint64_t bits[WG_REPLAY_BITS / 64];
};

/* Call only for what was authenticated. True: new, and noted as seen. */
bool wg_replay_accept(struct wg_replay *replay, uint64_t counter);

#endif
