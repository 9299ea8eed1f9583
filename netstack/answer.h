/* SPDX-License-Identifier: ISC */
/*
 * What a host says about packets: echo replies and ICMP errors. All of it, and
 * resets to strangers, shares one budget per second, and is dropped when the
 * ring of replies is full.
 */
#ifndef NETSTACK_ANSWER_H
#define NETSTACK_ANSWER_H

#include "netstack/icmp.h"
#include "netstack/ip.h"
#include "netstack/stack.h"

/* Cut into fragments when the reply is longer than a packet. */
void answer_echo(struct netstack *ns, uint64_t now, uint16_t path,
		 const struct ip_packet *request);

/* Never about an ICMP error, nor about a fragment but the first (RFC 1122
 * section 3.2.2, RFC 4443 section 2.4). */
void answer_error(struct netstack *ns, uint64_t now, uint16_t path,
		  enum icmp_error error, const struct ip_packet *about);

#endif
