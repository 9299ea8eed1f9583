/* SPDX-License-Identifier: ISC */
#include "daemon/reason.h"

#include <errno.h>

#include "base/check.h"
#include "base/error.h"

static const struct {
	const char *word;
	const char *text;
} reasons[] = {
#define X(name, word, text) {word, text},
	REASON_LIST(X)
#undef X
};
static_assert(ARRAY_SIZE(reasons) == REASONS, "every reason has its word");

const char *reason_word(enum reason reason)
{
	CHECK(reason < REASONS);
	return reasons[reason].word;
}

const char *reason_text(enum reason reason)
{
	CHECK(reason < REASONS);
	return reasons[reason].text;
}

enum reason reason_of_dial(int err)
{
	switch (-err) {
	case ERR_REFUSED:
	case ERR_RESET:
		return REASON_CONNECT_REFUSED;
	case ERR_UNREACHABLE:
		return REASON_CONNECT_UNREACHABLE;
	case ERR_NO_NAME:
		return REASON_DNS_NXDOMAIN;
	case ERR_NO_ADDRESS:
		return REASON_DNS_NODATA;
	case ERR_NAME_SERVER:
		return REASON_DNS_SERVER;
	case ERR_NAME_TIMEOUT:
		return REASON_DNS_TIMEOUT;
	case ERR_NO_ROUTE:
		return REASON_NO_ROUTE;
	case ERR_NO_PORT:
		return REASON_NO_PORT;
	case ERR_FULL:
		return REASON_LIMIT;
	case ERR_NO_MEMORY:
		return REASON_MEMORY;
	default:
		return REASON_CONNECT_TIMEOUT;
	}
}

enum reason reason_of_upstream(int err)
{
	switch (-err) {
	case ERR_TIMEOUT:
		return REASON_UPSTREAM_TIMEOUT;
	case ERR_UNREACHABLE:
		return REASON_UPSTREAM_UNREACHABLE;
	case ERR_NO_MEMORY:
		return REASON_MEMORY;
	default:
		return REASON_UPSTREAM_RESET;
	}
}

enum reason reason_of_peer(int err)
{
	switch (-err) {
	case ERR_TIMEOUT:
	case ERR_UNREACHABLE:
		return REASON_CLIENT_TIMEOUT;
	case ERR_NO_MEMORY:
		return REASON_MEMORY;
	default:
		return REASON_CLIENT_RESET;
	}
}

enum reason reason_of_connect(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return REASON_CONNECT_DENIED;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
		return REASON_CONNECT_UNREACHABLE;
	case ETIMEDOUT:
		return REASON_CONNECT_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return REASON_LIMIT;
	default: /* also a path without a socket, or with a full backlog */
		return REASON_CONNECT_REFUSED;
	}
}
