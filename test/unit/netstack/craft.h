/* SPDX-License-Identifier: ISC */
/* Segments made by hand, as a peer (or an attacker) would send them. */
#ifndef TEST_NETSTACK_CRAFT_H
#define TEST_NETSTACK_CRAFT_H

#include "netstack/tcp_segment.h"
#include "pair.h"

/* Puts a segment on the wire that seems to come from one endpoint and is for
 * another; segment's ports are taken from them. */
void craft_inject(struct pair *pair, const struct endpoint *from,
		  const struct endpoint *to, const struct tcp_segment *segment);
/* The same with a bit of the payload turned over on the way. */
void craft_inject_damaged(struct pair *pair, const struct endpoint *from,
			  const struct endpoint *to,
			  const struct tcp_segment *segment);

#endif
