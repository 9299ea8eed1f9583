/* SPDX-License-Identifier: ISC */
/* What two listen addresses are to each other. */
#include <string.h>

#include "base/check.h"
#include "config/mapping.h"

bool listen_spec_equal(const struct listen_spec *a, const struct listen_spec *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LISTEN_LOOPBACK:
	case LISTEN_TUNNEL:
		return a->port == b->port;
	case LISTEN_ADDRESS:
		return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
	case LISTEN_PATH:
		return strcmp(a->path, b->path) == 0;
	case LISTEN_KINDS:
		break;
	}
	UNREACHABLE();
}

/* Whether a listener on a takes the port on the address b too. */
static bool covers(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return false;
	return ip_addr_is_unspecified(a) || ip_addr_is_unspecified(b) ||
	       ip_addr_equal(a, b);
}

static bool covers_loopback(const struct ip_addr *addr)
{
	struct ip_addr loopback_v4 =
		ip_addr_v4((const uint8_t[4]){127, 0, 0, 1});
	struct ip_addr loopback_v6 = ip_addr_v6((const uint8_t[16]){[15] = 1});

	return covers(addr, &loopback_v4) || covers(addr, &loopback_v6);
}

bool listen_spec_clash(const struct listen_spec *a, const struct listen_spec *b)
{
	if (a->kind == LISTEN_PATH || b->kind == LISTEN_PATH)
		return a->kind == b->kind && strcmp(a->path, b->path) == 0;
	if (a->port != b->port || a->port == 0)
		return false;
	if (a->kind == LISTEN_TUNNEL || b->kind == LISTEN_TUNNEL)
		return true;
	if (a->kind == LISTEN_LOOPBACK && b->kind == LISTEN_LOOPBACK)
		return true;
	if (a->kind == LISTEN_LOOPBACK)
		return covers_loopback(&b->addr);
	if (b->kind == LISTEN_LOOPBACK)
		return covers_loopback(&a->addr);
	return covers(&a->addr, &b->addr);
}
