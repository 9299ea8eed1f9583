/* SPDX-License-Identifier: ISC */
/*
 * The folder of a private network:
 *
 *     gateway.yaml   the gateway's configuration
 *     gateway.key    its private key
 *     NAME.psk       what the gateway shares with a client
 *     NAME.conf      the client's own file, to be handed over
 *
 * Functions that return int return an exit code and say what went wrong.
 */
#ifndef CTL_NETWORK_FILES_H
#define CTL_NETWORK_FILES_H

#include <jansson.h>
#include <signal.h>

#include "config/file.h"
#include "ctl/call.h"
#include "ctl/network.h"
#include "ctl/yaml_peers.h"

/* The commands below "network". */
int network_init(const struct call *call);
int network_list(const struct call *call);
int network_add_client(const struct call *call);
int network_remove_client(const struct call *call);

/* FOLDER/NAME, with the suffix. */
int network_path(char path[PATH_CAP], const char *folder, const char *name,
		 const char *suffix);

/* The value of --gateway, HOST:PORT. */
int network_read_gateway(const char *text, struct target *ret_gateway);

/* A network that is there. Nobody else changes it until it is closed. */
struct network_files {
	const char *folder;  /* borrowed */
	char path[PATH_CAP]; /* of its gateway.yaml */
	int lock;
	struct file file;     /* of path */
	struct config config; /* owned, with keys */
	const struct config_tunnel *tunnel;
	struct yaml_peers peers;
};

int network_open(const char *folder, struct network_files *ret_files);
void network_close(struct network_files *files);

/* The peer in the text that belongs to the tunnel's, or one without a name. */
struct yaml_peer network_peer_text(const struct network_files *files,
				   const struct config_peer *peer);

/* Puts a new text in the place of gateway.yaml when it is valid and has so
 * many peers. */
int network_replace(const struct network_files *files, const char *text,
		    uint32_t peer_count);

/* Holds back the signals that end a program, so that nothing is left half
 * done; network_is_interrupted() tells whether one waits. */
void network_hold(sigset_t *ret_before);
bool network_is_interrupted(void);
void network_release(const sigset_t *before);

/* Fresh keys; the caller wipes them. */
int network_make_keys(struct network_client *client);

/* NAME.psk and NAME.conf: both or none. */
int network_write_client(const char *folder, const struct network *network,
			 const struct network_client *client);
int network_unlink_client(const char *folder, const char *name);

/* {"name", "file", "public_key", "addresses"}, or NULL. */
json_t *network_client_json(const struct network *network,
			    const struct network_client *client,
			    const char *file);

/* Makes a running daemon read gateway.yaml again when that is what it runs,
 * and says what happened or what is to be done. */
bool network_reload(const struct call *call, const struct network_files *files);

#endif
