/* SPDX-License-Identifier: ISC */
/*
 * network init: a gateway's configuration and a file for each client.
 *
 * All is written into a fresh folder beside the one wanted, and loaded as the
 * daemon would; only then that folder gets its name. What goes wrong leaves
 * nothing behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "config/keyfile.h"
#include "config/text.h"
#include "ctl/ask.h"
#include "ctl/make_key.h"
#include "ctl/network_files.h"
#include "ctl/write.h"

enum {
	CLIENTS_MAX = 1000,
	GATEWAY_HOST = CLIENT_FIRST_HOST - 1,
	PORT_STEP = 10000, /* from a service's port to one for a laptop */
};

struct init {
	const struct call *call;
	char folder[PATH_CAP]; /* as wanted */
	char fresh[PATH_CAP];  /* where it is made; "": not yet */
	struct network network;
	struct key private_key;
	struct mapping exposes[CALL_OPTIONS_MAX];
	uint32_t expose_count;
	struct network_client *clients; /* owned, with keys */
	uint32_t client_count;
};

/* ------------------------------------------------------ the command line */

static int read_expose(struct init *init, const char *value)
{
	struct mapping *expose = &init->exposes[init->expose_count];
	size_t len = strcspn(value, "=:/");
	const char *spec = value[len] == '=' ? value + len + 1 : value;
	char message[MAPPING_MESSAGE_CAP];

	if (expose_parse(spec, expose, message) != 0) {
		say("--expose: %s", message);
		return EXIT_USAGE;
	}
	if (expose->listen.kind != LISTEN_TUNNEL) {
		say("--expose: the addresses are not made yet; write a port "
		    "alone, or [NAME=]PORT:TARGET");
		return EXIT_USAGE;
	}
	if (spec != value) {
		snprintf(expose->name, sizeof(expose->name), "%.*s", (int)len,
			 value);
		if (len >= sizeof(expose->name) ||
		    !text_is_label(expose->name)) {
			say("--expose: \"%.40s\" does not start with a name "
			    "such as appname=",
			    value);
			return EXIT_USAGE;
		}
	}
	mapping_default_name(expose);
	init->expose_count++;
	return EXIT_DONE;
}

static int read_exposes(struct init *init)
{
	const struct call *call = init->call;
	int code = EXIT_DONE;

	for (unsigned i = 0; i < call->option_count && code == EXIT_DONE; i++) {
		if (strcmp(call->options[i].spec->name, "--expose") == 0)
			code = read_expose(init, call->options[i].value);
	}
	return code;
}

static int read_ipv4(struct init *init)
{
	const char *value = call_value(init->call, "--ipv4");
	struct prefix *prefix = &init->network.prefixes[1];
	struct ip_addr last;

	if (value == NULL)
		return EXIT_DONE;
	CHECK(prefix_parse(value, prefix) == 0);
	if (prefix->addr.family == IP_V4 &&
	    network_address(prefix, GATEWAY_HOST + init->client_count, &last) ==
		    0) {
		init->network.prefix_count = 2;
		return EXIT_DONE;
	}
	say("--ipv4: \"%.60s\" has not as many IPv4 addresses; take one such "
	    "as 10.77.0.0/16",
	    value);
	return EXIT_USAGE;
}

static int read_zone(struct init *init)
{
	const char *value = call_value(init->call, "--name");

	if (value == NULL)
		value = "internal";
	if (text_zone_name("", value, init->network.zone) == 0)
		return EXIT_DONE;
	say("--name: \"%.60s\" is not the name of a zone such as internal",
	    value);
	return EXIT_USAGE;
}

/* Without the slashes at its end. */
static int read_folder(struct init *init)
{
	const char *given = init->call->args[1];
	size_t len = strlen(given);

	while (len > 1 && given[len - 1] == '/')
		len--;
	if (len == 0 || len + sizeof(".XXXXXX") > PATH_CAP) {
		say("the path of the folder is empty or too long");
		return EXIT_USAGE;
	}
	memcpy(init->folder, given, len);
	init->folder[len] = '\0';
	return EXIT_DONE;
}

static int read_call(struct init *init)
{
	const char *gateway = call_value(init->call, "--gateway");
	uint64_t clients = call_number(init->call, "--clients", 1);
	int code;

	if (gateway == NULL) {
		say("where do clients reach the gateway? write proxyctl "
		    "network init --gateway HOST:51820 %s",
		    init->call->args[1]);
		return EXIT_USAGE;
	}
	if (clients > CLIENTS_MAX) {
		say("--clients: %d are the most", CLIENTS_MAX);
		return EXIT_USAGE;
	}
	init->client_count = (uint32_t)clients;
	code = network_read_gateway(gateway, &init->network.gateway);
	if (code == EXIT_DONE)
		code = read_folder(init);
	if (code == EXIT_DONE)
		code = read_zone(init);
	if (code == EXIT_DONE)
		code = read_ipv4(init);
	if (code == EXIT_DONE)
		code = read_exposes(init);
	return code;
}

/* --------------------------------------------------- keys and addresses */

static int make_client(struct init *init, uint32_t index)
{
	struct network_client *client = &init->clients[index];

	snprintf(client->name, sizeof(client->name), "client%u",
		 (uint16_t)(index + 1));
	for (uint32_t i = 0; i < init->network.prefix_count; i++)
		CHECK(network_address(&init->network.prefixes[i],
				      CLIENT_FIRST_HOST + index,
				      &client->addresses[i]) == 0);
	return network_make_keys(client);
}

static int make_all(struct init *init)
{
	struct network *network = &init->network;
	uint8_t random[5];
	int code = make_random(random, sizeof(random));

	if (code == EXIT_DONE)
		code = make_private_key(&init->private_key);
	if (code != EXIT_DONE)
		return code;
	CHECK(key_derive_public(&init->private_key, &network->public_key) == 0);
	network->prefixes[0] = network_ula(random);
	for (uint32_t i = 0; i < network->prefix_count; i++)
		CHECK(network_address(&network->prefixes[i], GATEWAY_HOST,
				      &network->hosts[i]) == 0);
	init->clients = calloc(init->client_count, sizeof(init->clients[0]));
	if (init->clients == NULL) {
		say("%s", error_text(ERR_NO_MEMORY));
		return EXIT_NO;
	}
	for (uint32_t i = 0; i < init->client_count && code == EXIT_DONE; i++)
		code = make_client(init, i);
	return code;
}

/* ---------------------------------------------------------------- writing */

/* With what it holds: nobody else put anything there. */
static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

static int make_folder(struct init *init)
{
	char path[PATH_CAP + 16];

	snprintf(path, sizeof(path), "%s/gateway.yaml", init->folder);
	if (access(path, F_OK) == 0) {
		say("%s has a network already, which stays as it is; add to it "
		    "with proxyctl network add-client %s",
		    init->folder, init->folder);
		return EXIT_NO;
	}
	snprintf(path, sizeof(path), "%s.XXXXXX", init->folder);
	if (mkdtemp(path) == NULL) {
		say("%s: %s", init->folder, strerror(errno));
		return errno == EACCES ? EXIT_DENIED : EXIT_NO;
	}
	strcpy(init->fresh, path);
	return EXIT_DONE;
}

static void put_yaml(const struct init *init, FILE *out)
{
	network_put_head(out, &init->network);
	for (uint32_t i = 0; i < init->client_count; i++)
		network_put_peer(out, &init->network, &init->clients[i], 6);
	network_put_exposes(out, init->exposes, init->expose_count);
}

static int write_yaml(const struct init *init)
{
	char path[PATH_CAP], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int code = network_path(path, init->fresh, "gateway", ".yaml");

	if (out != NULL)
		put_yaml(init, out);
	if (out == NULL || fclose(out) != 0) {
		say("%s", error_text(ERR_NO_MEMORY));
		code = EXIT_NO;
	}
	if (code == EXIT_DONE)
		code = write_new_file(path, text, len);
	free(text);
	return code;
}

static int write_files(const struct init *init)
{
	char path[PATH_CAP];
	int code = network_path(path, init->fresh, "gateway", ".key");

	if (code == EXIT_DONE)
		code = write_key_file(path, &init->private_key);
	for (uint32_t i = 0; i < init->client_count && code == EXIT_DONE; i++) {
		code = network_write_client(init->fresh, &init->network,
					    &init->clients[i]);
		if (network_is_interrupted())
			code = EXIT_NO;
	}
	return code == EXIT_DONE ? write_yaml(init) : code;
}

/* An empty folder of that name is taken. */
static int move_folder(struct init *init)
{
	if (rename(init->fresh, init->folder) == 0) {
		init->fresh[0] = '\0';
		return EXIT_DONE;
	}
	say("%s: %s; name a folder that is not there yet", init->folder,
	    errno == ENOTEMPTY || errno == EEXIST ? "is not empty"
						  : strerror(errno));
	return EXIT_NO;
}

static int write_checked(struct init *init)
{
	struct network_files files;
	int code = make_folder(init);

	if (code == EXIT_DONE)
		code = write_files(init);
	if (code == EXIT_DONE)
		code = network_open(init->fresh, &files);
	if (code == EXIT_DONE) {
		network_close(&files);
		code = move_folder(init);
	}
	return code;
}

/* All or nothing. */
static int write_network(struct init *init)
{
	sigset_t before;
	int code;

	network_hold(&before);
	code = write_checked(init);
	if (init->fresh[0] != '\0')
		remove_folder(init->fresh);
	network_release(&before);
	return code;
}

/* --------------------------------------------------------------- messages */

static void print_json(const struct init *init)
{
	const struct network *network = &init->network;
	char path[PATH_CAP + 32], text[TARGET_TEXT_CAP], key[KEY_TEXT_CAP];
	char prefix[PREFIX_TEXT_CAP];
	json_t *clients = json_array(), *prefixes = json_array(), *result;

	for (uint32_t i = 0; i < init->client_count; i++) {
		snprintf(path, sizeof(path), "%s/%s.conf", init->folder,
			 init->clients[i].name);
		json_array_append_new(
			clients,
			network_client_json(network, &init->clients[i], path));
	}
	for (uint32_t i = 0; i < network->prefix_count; i++)
		json_array_append_new(prefixes,
				      json_string(prefix_format(
					      &network->prefixes[i], prefix)));
	snprintf(path, sizeof(path), "%s/gateway.yaml", init->folder);
	result = json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o}", "config", path, "gateway",
		target_format(&network->gateway, text, sizeof(text)),
		"public_key", key_format(&network->public_key, key), "zone",
		network->zone, "prefixes", prefixes, "clients", clients);
	ask_print_json(init->call, result);
	json_decref(result);
}

static void print_paths(const struct init *init)
{
	printf("%s/gateway.yaml\n", init->folder);
	for (uint32_t i = 0; i < init->client_count; i++)
		printf("%s/%s.conf\n", init->folder, init->clients[i].name);
	fflush(stdout);
}

static void print_next(const struct init *init)
{
	const char *folder = init->folder, *zone = init->network.zone;
	const char *name = "appname";
	unsigned port = 5432;

	if (init->expose_count > 0) {
		name = init->exposes[0].name;
		port = init->exposes[0].listen.port;
	}
	say("made a private network with %u client%s in %s",
	    (unsigned)init->client_count, init->client_count == 1 ? "" : "s",
	    folder);
	if (init->expose_count == 0)
		say("next: write what clients may reach under exposes: at the "
		    "end of %s/gateway.yaml",
		    folder);
	say("next, on %s, where UDP port %u must be let in: wgproxyd --config "
	    "%s/gateway.yaml",
	    init->network.gateway.host, (unsigned)init->network.gateway.port,
	    folder);
	say("next, on a laptop that has a copy of client1.conf: wgproxyd "
	    "--wireguard client1.conf --forward %u:%s.%s:%u",
	    port + PORT_STEP <= UINT16_MAX ? port + PORT_STEP : port, name,
	    zone, port);
	say("on a phone, the WireGuard app reads it from a picture: qrencode "
	    "-t ansiutf8 <%s/client1.conf",
	    folder);
	say("each client file is for one device and holds its private key: "
	    "hand it over as you would a password");
}

int network_init(const struct call *call)
{
	struct init init = {.call = call, .network.prefix_count = 1};
	int code = read_call(&init);

	if (code == EXIT_DONE)
		code = make_all(&init);
	if (code == EXIT_DONE)
		code = write_network(&init);
	if (code == EXIT_DONE && call_has(call, "--json"))
		print_json(&init);
	else if (code == EXIT_DONE)
		print_paths(&init);
	if (code == EXIT_DONE)
		print_next(&init);
	if (init.clients != NULL)
		key_memory_wipe(init.clients,
				init.client_count * sizeof(init.clients[0]));
	free(init.clients);
	key_memory_wipe(&init, sizeof(init));
	return code;
}
