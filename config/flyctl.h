/* SPDX-License-Identifier: ISC */
/*
 * The WireGuard peers that flyctl keeps in ~/.fly/config.yml, one for each
 * organisation, as wg-quick files: no new peer has to be made.
 *
 *   wire_guard_state:
 *     personal:
 *       localprivate: KEY
 *       dns: ""
 *       peer: {peerip: ADDRESS, endpointip: HOST, pubkey: KEY}
 *
 * The private network is the first 48 bits of peerip, and its name server is
 * ::3 there, unless dns says otherwise.
 */
#ifndef CONFIG_FLYCTL_H
#define CONFIG_FLYCTL_H

#include "config/config.h"

enum { FLYCTL_TEXT_CAP = 1024 };

struct flyctl_tunnel {
	char name[LABEL_CAP];       /* made from the organisation's */
	char text[FLYCTL_TEXT_CAP]; /* a wg-quick file; has the private key */
};

/* org may be NULL when there is one. 0, or a -ERR_* code with report->error
 * filled; it never quotes a key or a token. */
int flyctl_read(const char *path, const char *org,
		struct flyctl_tunnel *ret_tunnel, struct config_report *report);

#endif
