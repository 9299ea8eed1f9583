/* SPDX-License-Identifier: ISC */
/*
 * Files of wg(8) and wg-quick(8), as `fly wireguard create` writes them too.
 * Private to config/.
 *
 * Sections and keys in any case; '#' starts a comment anywhere; Address, DNS
 * and AllowedIPs are comma lists and may be repeated; a DNS item that is no
 * address is a search domain. Keys about the host's own interface and routes
 * (Table, FwMark, PostUp ...) have no meaning here and give a warning.
 */
#ifndef CONFIG_WGQUICK_H
#define CONFIG_WGQUICK_H

#include "config/draft.h"

/* Reads the file into the tunnel. 0, or a -ERR_* code with the error reported:
 * at from when the file cannot be read, in the file otherwise. */
int wgquick_read(const char *path, const struct mark *from,
		 struct tunnel_draft *draft);

#endif
