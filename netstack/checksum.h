/* SPDX-License-Identifier: ISC */
/* The Internet checksum (RFC 1071). */
#ifndef NETSTACK_CHECKSUM_H
#define NETSTACK_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* Partial sums are at most 16 bits wide after every call, so they can be added
 * to each other freely; a part that starts at an odd position of the message
 * goes through checksum_odd() first. */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len);
uint32_t checksum_copy(uint32_t sum, uint8_t *to, const uint8_t *from,
		       size_t len);
uint32_t checksum_odd(uint32_t sum);
uint32_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst,
			 uint8_t protocol, uint32_t len);
/* Ready to be stored with put_be16(); a correct message sums to 0. */
uint16_t checksum_finish(uint32_t sum);

#endif
