/* SPDX-License-Identifier: ISC */
/*
 * The peers of a tunnel in the text of a configuration that a person may have
 * changed: lines are added or taken out, none is rewritten. The new text is to
 * be checked by config_load().
 *
 *     peers:
 *       - public_key: KEY
 *         preshared_key_file: NAME.psk
 */
#ifndef CTL_YAML_PEERS_H
#define CTL_YAML_PEERS_H

#include <stdbool.h>

#include "base/key.h"
#include "config/text.h"

/* Where peers are put: after the last one. */
struct yaml_peers {
	const char *text; /* of the whole file; borrowed */
	const char *key;  /* the line "peers:" */
	const char *end;  /* the line after the last peer */
	int indent;       /* blanks before a peer's dash */
};

/* One of them: its lines, its key, and NAME; "" when there is none. */
struct yaml_peer {
	const char *start, *end;
	struct key public_key;
	char name[LABEL_CAP];
};

/* 0; -ERR_NOT_FOUND: no line "peers:" that has its peers below it;
 * -ERR_EXISTS: several. */
int yaml_peers_find(const char *text, struct yaml_peers *ret_peers);

/* The first peer at or after a line; NULL stands for the first of all. Peers
 * that do not start with their public key are passed over. */
bool yaml_peers_next(const struct yaml_peers *peers, const char *line,
		     struct yaml_peer *ret_peer);

/* The new text, to be freed by the caller; NULL: out of memory. */
char *yaml_peers_add(const struct yaml_peers *peers, const char *lines);
char *yaml_peers_remove(const struct yaml_peers *peers,
			const struct yaml_peer *peer);

#endif
