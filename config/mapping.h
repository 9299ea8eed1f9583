/* SPDX-License-Identifier: ISC */
/*
 * One forward as typed: "15432:appname.internal:5432". The same parser serves
 * YAML, the command line and proxyctl.
 *
 *   [[bind:]port | [v6]:port | /socket/path]:target:port
 *
 * ssh -L grammar: brackets around IPv6; an empty or missing bind means both
 * loopback addresses as one unit; port 0 lets the system choose.
 *
 * Or one expose, the mirror of it: clients come out of the tunnel, the target
 * is a local service.
 *
 *   [address:]port[:target]   target: port | host:port | /socket/path
 */
#ifndef CONFIG_MAPPING_H
#define CONFIG_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/limits.h"

enum listen_kind {
	LISTEN_LOOPBACK, /* 127.0.0.1 and ::1, one port, one unit */
	LISTEN_ADDRESS,  /* one address, maybe a wildcard */
	LISTEN_PATH,     /* a Unix socket */
	LISTEN_TUNNEL,   /* every address of the tunnel: exposes only */
	LISTEN_KINDS,
};

struct listen_spec {
	enum listen_kind kind;
	struct ip_addr addr; /* LISTEN_ADDRESS */
	uint16_t port;
	char path[SOCKET_PATH_CAP]; /* LISTEN_PATH */
};

/* A name or a literal address; of an expose, localhost, a literal address, or
 * the path of a socket with port 0. */
struct target {
	char host[NAME_CAP];
	uint16_t port;
};

enum address_policy {
	POLICY_STICKY, /* stay with the address that works */
	POLICY_RANDOM,
	POLICY_FIRST,
	ADDRESS_POLICIES,
};

/* Where a mapping came from, and so where it is kept. */
enum mapping_origin {
	ORIGIN_CONFIG,    /* file or command line */
	ORIGIN_RUNTIME,   /* added while running, kept in the state */
	ORIGIN_TEMPORARY, /* added while running, not kept */
	MAPPING_ORIGINS,
};

enum mapping_kind {
	MAPPING_FORWARD, /* local clients, a target inside the tunnel */
	MAPPING_EXPOSE,  /* clients inside the tunnel, a local target */
	MAPPING_KINDS,
};

struct mapping {
	enum mapping_kind kind;
	enum mapping_origin origin;
	char name[LABEL_CAP];
	char tunnel[LABEL_CAP]; /* "" = the only tunnel */
	struct listen_spec listen;
	struct target target;
	struct prefix allow[FORWARD_ALLOW_MAX];
	uint32_t allow_count;
	uint32_t connections_max; /* 0 = only the global limit */
	enum address_policy policy;
};

enum {
	MAPPING_MESSAGE_CAP = 256,
	TARGET_TEXT_CAP = NAME_CAP + 8, /* brackets, colon, port */
};

/* Each fills value, or returns -ERR_SYNTAX with a sentence in message that
 * says what was expected. */
int mapping_parse(const char *text, struct mapping *ret_mapping,
		  char message[MAPPING_MESSAGE_CAP]);
int listen_spec_parse(const char *text, struct listen_spec *ret_listen,
		      char message[MAPPING_MESSAGE_CAP]);
int target_parse(const char *text, struct target *ret_target,
		 char message[MAPPING_MESSAGE_CAP]);
int expose_parse(const char *text, struct mapping *ret_mapping,
		 char message[MAPPING_MESSAGE_CAP]);
int expose_listen_parse(const char *text, struct listen_spec *ret_listen,
			char message[MAPPING_MESSAGE_CAP]);
int expose_target_parse(const char *text, struct target *ret_target,
			char message[MAPPING_MESSAGE_CAP]);

/* The origin does not count. */
bool mapping_equal(const struct mapping *a, const struct mapping *b);
bool listen_spec_equal(const struct listen_spec *a,
		       const struct listen_spec *b);
/* Whether they cannot both be listened on, in the same place. */
bool listen_spec_clash(const struct listen_spec *a,
		       const struct listen_spec *b);

/* "appname.internal:5432", "[fdaa::2]:5432", "/run/a.sock" */
char *target_format(const struct target *target, char *text, size_t cap);

/* "localhost:15432", "10.0.0.1:15432", "/run/x.sock"; "5432" inside a tunnel */
char *listen_spec_format(const struct listen_spec *listen, char *text,
			 size_t cap);

/* Makes a name when there is none, of the target: "appname" of
 * appname.internal; of an expose "port-5432". Made unique by the caller. */
void mapping_default_name(struct mapping *mapping);

extern const char *const address_policy_name[ADDRESS_POLICIES];
extern const char *const mapping_origin_name[MAPPING_ORIGINS];
extern const char *const mapping_kind_name[MAPPING_KINDS];

#endif
