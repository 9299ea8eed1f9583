/* SPDX-License-Identifier: ISC */
/*
 * network add-client, network remove-client
 *
 * Order: the client's files, then the gateway's configuration, which is loaded
 * as the daemon would before it takes the old one's place; then the daemon.
 * What goes wrong leaves nothing behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/keyfile.h"
#include "ctl/ask.h"
#include "ctl/network_files.h"

static bool is_client(const struct network_files *files, const char *name)
{
	struct yaml_peer peer;
	const char *line = NULL;

	for (; yaml_peers_next(&files->peers, line, &peer); line = peer.end) {
		if (strcmp(peer.name, name) == 0)
			return true;
	}
	return false;
}

/* The first clientN that neither the gateway nor the folder knows. */
static int choose_name(const struct network_files *files,
		       char name[CLIENT_NAME_CAP])
{
	char path[PATH_CAP];
	int code = EXIT_DONE;

	for (uint16_t i = 1; code == EXIT_DONE; i++) {
		snprintf(name, CLIENT_NAME_CAP, "client%u", i);
		code = network_path(path, files->folder, name, ".conf");
		if (code == EXIT_DONE && !is_client(files, name) &&
		    access(path, F_OK) != 0)
			break;
	}
	return code;
}

static int take_name(const struct call *call, const struct network_files *files,
		     char name[CLIENT_NAME_CAP])
{
	if (call->arg_count < 3)
		return choose_name(files, name);
	if (!network_is_client_name(call->args[2])) {
		say("\"%.40s\": the name of a client has up to %d letters, "
		    "digits, \".\", \"_\" and \"-\", as it is that of its "
		    "file and its interface",
		    call->args[2], CLIENT_NAME_CAP - 1);
		return EXIT_USAGE;
	}
	strcpy(name, call->args[2]);
	if (!is_client(files, name))
		return EXIT_DONE;
	say("there is a client %s already; take another name", name);
	return EXIT_NO;
}

static int find_network(const struct call *call,
			const struct network_files *files,
			struct network *ret_network)
{
	const char *gateway = call_value(call, "--gateway");

	if (network_from_tunnel(files->tunnel, ret_network) != 0) {
		say("%s: its private key is of no use", files->path);
		return EXIT_NO;
	}
	if (ret_network->prefix_count == 0) {
		say("%s: the tunnel has no address", files->path);
		return EXIT_NO;
	}
	if (gateway != NULL)
		return network_read_gateway(gateway, &ret_network->gateway);
	if (network_find_gateway(files->file.text, &ret_network->gateway) == 0)
		return EXIT_DONE;
	say("%s has no line \"# gateway: HOST:PORT\"; tell it with --gateway "
	    "HOST:PORT",
	    files->path);
	return EXIT_NO;
}

static int take_addresses(const struct network_files *files,
			  const struct network *network,
			  struct network_client *client)
{
	char text[PREFIX_TEXT_CAP];

	for (uint32_t i = 0; i < network->prefix_count; i++) {
		const struct prefix *prefix = &network->prefixes[i];

		if (network_free_address(prefix, files->tunnel,
					 &client->addresses[i]) == 0)
			continue;
		say("%s: no address is left in %s", files->path,
		    prefix_format(prefix, text));
		return EXIT_NO;
	}
	return EXIT_DONE;
}

/* The text of gateway.yaml with the client; NULL: out of memory. */
static char *compose(const struct network_files *files,
		     const struct network *network,
		     const struct network_client *client)
{
	char *lines = NULL, *text;
	size_t len;
	FILE *out = open_memstream(&lines, &len);

	if (out == NULL)
		return NULL;
	network_put_peer(out, network, client, files->peers.indent);
	text = fclose(out) == 0 ? yaml_peers_add(&files->peers, lines) : NULL;
	free(lines);
	return text;
}

static int write_all(const struct network_files *files,
		     const struct network *network,
		     const struct network_client *client)
{
	char *text = compose(files, network, client);
	sigset_t before;
	int code;

	if (text == NULL) {
		say("%s", error_text(ERR_NO_MEMORY));
		return EXIT_NO;
	}
	network_hold(&before);
	code = network_write_client(files->folder, network, client);
	if (code == EXIT_DONE) {
		code = network_replace(files, text,
				       files->tunnel->peer_count + 1);
		if (code != EXIT_DONE)
			network_unlink_client(files->folder, client->name);
	}
	network_release(&before);
	free(text);
	return code;
}

static void print_added(const struct call *call,
			const struct network_files *files,
			const struct network *network,
			const struct network_client *client)
{
	char path[PATH_CAP];
	json_t *result;
	bool reloaded;

	if (network_path(path, files->folder, client->name, ".conf") !=
	    EXIT_DONE)
		return;
	say("wrote %s: for one device, with its private key; hand it over as "
	    "you would a password",
	    path);
	reloaded = network_reload(call, files);
	result = json_pack("{s:o, s:b}", "client",
			   network_client_json(network, client, path),
			   "reloaded", (int)reloaded);
	if (!ask_print_json(call, result))
		puts(path);
	json_decref(result);
}

static int add(const struct call *call, const struct network_files *files,
	       struct network_client *client)
{
	struct network network;
	int code = take_name(call, files, client->name);

	if (code == EXIT_DONE)
		code = find_network(call, files, &network);
	if (code == EXIT_DONE)
		code = take_addresses(files, &network, client);
	if (code == EXIT_DONE)
		code = network_make_keys(client);
	if (code == EXIT_DONE)
		code = write_all(files, &network, client);
	if (code == EXIT_DONE)
		print_added(call, files, &network, client);
	return code;
}

int network_add_client(const struct call *call)
{
	struct network_client client = {.name = ""};
	struct network_files files;
	int code = network_open(call->args[1], &files);

	if (code != EXIT_DONE)
		return code;
	code = add(call, &files, &client);
	key_memory_wipe(&client, sizeof(client));
	network_close(&files);
	return code;
}

/* ----------------------------------------------------------------- remove */

static int find_peer(const struct network_files *files, const char *name,
		     struct yaml_peer *ret_peer)
{
	const char *line = NULL;

	do {
		if (!yaml_peers_next(&files->peers, line, ret_peer)) {
			say("there is no client %.60s; see proxyctl network "
			    "list %s",
			    name, files->folder);
			return EXIT_NO;
		}
		line = ret_peer->end;
	} while (strcmp(ret_peer->name, name) != 0);
	if (files->tunnel->peer_count > 1)
		return EXIT_DONE;
	say("%s is the only client, and a gateway needs one; add another first",
	    name);
	return EXIT_NO;
}

static int remove_client(const struct network_files *files, const char *name)
{
	struct yaml_peer peer;
	sigset_t before;
	char *text;
	int code = find_peer(files, name, &peer);

	if (code != EXIT_DONE)
		return code;
	text = yaml_peers_remove(&files->peers, &peer);
	if (text == NULL) {
		say("%s", error_text(ERR_NO_MEMORY));
		return EXIT_NO;
	}
	network_hold(&before);
	code = network_replace(files, text, files->tunnel->peer_count - 1);
	if (code == EXIT_DONE)
		code = network_unlink_client(files->folder, name);
	network_release(&before);
	free(text);
	return code;
}

int network_remove_client(const struct call *call)
{
	struct network_files files;
	json_t *result;
	int code;

	if (call->arg_count < 3 || !text_is_label(call->args[2])) {
		say("which client? write proxyctl network remove-client DIR "
		    "NAME; proxyctl network list DIR has the names");
		return EXIT_USAGE;
	}
	code = network_open(call->args[1], &files);
	if (code != EXIT_DONE)
		return code;
	code = remove_client(&files, call->args[2]);
	if (code == EXIT_DONE) {
		say("removed %s and its files", call->args[2]);
		result = json_pack("{s:s, s:b}", "removed", call->args[2],
				   "reloaded",
				   (int)network_reload(call, &files));
		ask_print_json(call, result);
		json_decref(result);
	}
	network_close(&files);
	return code;
}
