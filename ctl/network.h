/* SPDX-License-Identifier: ISC */
/*
 * A private network: one gateway, and clients that reach it. What the files
 * say, as text; nothing here does I/O.
 *
 * The gateway's configuration is the only record. A client's name is that of
 * its preshared key's file there, NAME.psk; where clients reach the gateway is
 * a line of comment, "# gateway: HOST:PORT".
 */
#ifndef CTL_NETWORK_H
#define CTL_NETWORK_H

#include <stdio.h>

#include "config/config.h"

enum {
	CLIENT_NAME_CAP = 16, /* an interface's of Linux, and so wg-quick's */
	CLIENT_TEXT_CAP = 4096,
	/* The first client's; the gateway is the one before. */
	CLIENT_FIRST_HOST = 2,
};

/* What all clients are told, and what they share. */
struct network {
	struct target gateway; /* where clients reach it */
	char zone[NAME_CAP];   /* "" = none */
	struct key public_key;
	/* The gateway's address i is hosts[i], in the prefix i. */
	struct prefix prefixes[TUNNEL_ADDRESSES_MAX];
	struct ip_addr hosts[TUNNEL_ADDRESSES_MAX];
	uint32_t prefix_count;
};

struct network_client {
	char name[CLIENT_NAME_CAP];
	struct key private_key, public_key, preshared_key;
	struct ip_addr addresses[TUNNEL_ADDRESSES_MAX]; /* one of each prefix */
};

/* Letters, digits, "_", "-" and ".", the first a letter or a digit: a name for
 * a file, and for an interface where the file is used. */
bool network_is_client_name(const char *name);

/* fdxx:xxxx:xxxx::/48 of RFC 4193 section 3.1, with the bytes as its global
 * identifier. */
struct prefix network_ula(const uint8_t random[5]);

/* Address number host of a prefix. 0, or -ERR_FULL: it has no such address, or
 * it is IPv4's broadcast address. */
int network_address(const struct prefix *prefix, uint32_t host,
		    struct ip_addr *ret_addr);

/* The first address of the prefix that neither the gateway nor a peer has. 0,
 * or -ERR_FULL. */
int network_free_address(const struct prefix *prefix,
			 const struct config_tunnel *tunnel,
			 struct ip_addr *ret_addr);

/* Takes a network out of the gateway's tunnel, but for where it is reached. 0,
 * or -ERR_INVALID: the private key is none. */
int network_from_tunnel(const struct config_tunnel *tunnel,
			struct network *ret_network);

/* Where the comment in a configuration says that clients reach it. 0, or
 * -ERR_NOT_FOUND. */
int network_find_gateway(const char *yaml, struct target *ret_gateway);

/* The client's own file for wg-quick(8) and the like, with keys: the caller
 * wipes it. */
void network_client_text(const struct network *network,
			 const struct network_client *client,
			 char text[CLIENT_TEXT_CAP]);

/* The client as an item of the gateway's peers, indented by so many blanks. */
void network_put_peer(FILE *out, const struct network *network,
		      const struct network_client *client, int indent);

/* The gateway's configuration around its peers: all before them, and all
 * after. */
void network_put_head(FILE *out, const struct network *network);
void network_put_exposes(FILE *out, const struct mapping *exposes,
			 uint32_t count);

#endif
