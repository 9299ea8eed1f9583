/* SPDX-License-Identifier: ISC */
#include "ctl/network_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "config/keyfile.h"
#include "ctl/ask.h"
#include "ctl/make_key.h"
#include "ctl/write.h"

int network_path(char path[PATH_CAP], const char *folder, const char *name,
		 const char *suffix)
{
	if (snprintf(path, PATH_CAP, "%s/%s%s", folder, name, suffix) <
	    PATH_CAP)
		return EXIT_DONE;
	say("%s: the path is too long", folder);
	return EXIT_NO;
}

int network_read_gateway(const char *text, struct target *ret_gateway)
{
	char message[MAPPING_MESSAGE_CAP];

	if (target_parse(text, ret_gateway, message) == 0)
		return EXIT_DONE;
	say("--gateway: %s", message);
	return EXIT_USAGE;
}

/* ---------------------------------------------------------------- signals */

static sigset_t ending(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

void network_hold(sigset_t *ret_before)
{
	sigset_t set = ending();

	CHECK(sigprocmask(SIG_BLOCK, &set, ret_before) == 0);
}

bool network_is_interrupted(void)
{
	sigset_t set;

	CHECK(sigpending(&set) == 0);
	return sigismember(&set, SIGHUP) || sigismember(&set, SIGINT) ||
	       sigismember(&set, SIGTERM);
}

void network_release(const sigset_t *before)
{
	CHECK(sigprocmask(SIG_SETMASK, before, NULL) == 0);
}

/* ---------------------------------------------------------------- reading */

static int load(const char *path, bool quiet, struct config *ret_config)
{
	struct config_report report = {.warning_count = 0};
	int err = config_load(path, ret_config, &report);

	for (uint32_t i = 0; i < report.warning_count && !quiet; i++)
		say("warning: %s", report.warnings[i]);
	if (err != 0)
		say("%s", report.error);
	config_report_free(&report);
	return err == 0 ? EXIT_DONE : EXIT_NO;
}

static int lock_folder(struct network_files *files)
{
	files->lock = open(files->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files->lock >= 0 && access(files->path, F_OK) == 0 &&
	    flock(files->lock, LOCK_EX) == 0)
		return EXIT_DONE;
	if (errno == EACCES) {
		say("%s: %s", files->folder, strerror(errno));
		return EXIT_DENIED;
	}
	say("%s: no network is there; make one with proxyctl network init "
	    "--gateway HOST:51820 %s",
	    files->folder, files->folder);
	return EXIT_NO;
}

/* The gateway's: the tunnel whose peers are in the text. */
static int find_tunnel(struct network_files *files)
{
	const struct config *config = &files->config;
	struct yaml_peer peer;

	if (yaml_peers_find(files->file.text, &files->peers) != 0)
		return EXIT_NO;
	for (uint32_t i = 0; i < config->tunnel_count; i++) {
		const struct config_tunnel *tunnel = &config->tunnels[i];
		bool any = tunnel->peer_count > 0 &&
			   yaml_peers_next(&files->peers, NULL, &peer);

		if (config->tunnel_count > 1 &&
		    (!any || memcmp(&tunnel->peers[0].public_key,
				    &peer.public_key, KEY_LEN) != 0))
			continue;
		files->tunnel = tunnel;
		return EXIT_DONE;
	}
	return EXIT_NO;
}

static int read_folder(struct network_files *files)
{
	const char *reason;
	int code = load(files->path, false, &files->config);

	if (code != EXIT_DONE)
		return code;
	if (file_read(files->path, CONFIG_FILE_MAX, &files->file, &reason) !=
	    0) {
		say("%s: %s", files->path, reason);
		return EXIT_NO;
	}
	code = find_tunnel(files);
	if (code != EXIT_DONE)
		say("%s: there is no single line \"peers:\" with a list below "
		    "it; such a file is changed by hand",
		    files->path);
	return code;
}

int network_open(const char *folder, struct network_files *ret_files)
{
	struct network_files files = {.folder = folder, .lock = -1};
	int code = network_path(files.path, folder, "gateway", ".yaml");

	if (code == EXIT_DONE)
		code = lock_folder(&files);
	if (code == EXIT_DONE)
		code = read_folder(&files);
	if (code != EXIT_DONE)
		network_close(&files);
	else
		*ret_files = files;
	return code;
}

void network_close(struct network_files *files)
{
	config_free(&files->config);
	file_free(&files->file);
	if (files->lock >= 0)
		close(files->lock);
}

struct yaml_peer network_peer_text(const struct network_files *files,
				   const struct config_peer *peer)
{
	struct yaml_peer found = {.name = ""};
	const char *line = NULL;

	while (yaml_peers_next(&files->peers, line, &found)) {
		if (memcmp(&found.public_key, &peer->public_key, KEY_LEN) == 0)
			return found;
		line = found.end;
	}
	return (struct yaml_peer){.name = ""};
}

/* ---------------------------------------------------------------- writing */

/* As the daemon would read it. What warnings there are was said before. */
static int check(const char *path, const char *tunnel, uint32_t peer_count)
{
	struct config config;
	bool good = false;
	int code = load(path, true, &config);

	if (code != EXIT_DONE)
		return code;
	for (uint32_t i = 0; i < config.tunnel_count; i++)
		good = good || (strcmp(config.tunnels[i].name, tunnel) == 0 &&
				config.tunnels[i].peer_count == peer_count);
	config_free(&config);
	if (good)
		return EXIT_DONE;
	say("the peers in it are not as they should be");
	return EXIT_NO;
}

int network_replace(const struct network_files *files, const char *text,
		    uint32_t peer_count)
{
	char fresh[PATH_CAP];
	int code = network_path(fresh, files->folder, "gateway", ".yaml.new");

	if (code == EXIT_DONE)
		code = write_new_file(fresh, text, strlen(text));
	if (code != EXIT_DONE)
		return code;
	code = check(fresh, files->tunnel->name, peer_count);
	if (code == EXIT_DONE)
		code = write_move(fresh, files->path, true);
	else
		say("%s stays as it was", files->path);
	if (code != EXIT_DONE)
		unlink(fresh);
	return code;
}

int network_make_keys(struct network_client *client)
{
	int code = make_private_key(&client->private_key);

	if (code == EXIT_DONE)
		code = make_random(client->preshared_key.bytes, KEY_LEN);
	if (code != EXIT_DONE)
		return code;
	if (key_derive_public(&client->private_key, &client->public_key) == 0)
		return EXIT_DONE;
	say("the key that was made is of no use; try again");
	return EXIT_NO;
}

static int write_conf(const char *folder, const struct network *network,
		      const struct network_client *client)
{
	char path[PATH_CAP], text[CLIENT_TEXT_CAP];
	int code = network_path(path, folder, client->name, ".conf");

	if (code != EXIT_DONE)
		return code;
	network_client_text(network, client, text);
	code = write_new_file(path, text, strlen(text));
	key_memory_wipe(text, sizeof(text));
	return code;
}

int network_write_client(const char *folder, const struct network *network,
			 const struct network_client *client)
{
	char path[PATH_CAP];
	int code = network_path(path, folder, client->name, ".psk");

	if (code == EXIT_DONE)
		code = write_key_file(path, &client->preshared_key);
	if (code != EXIT_DONE)
		return code;
	code = write_conf(folder, network, client);
	if (code != EXIT_DONE)
		unlink(path);
	return code;
}

int network_unlink_client(const char *folder, const char *name)
{
	static const char *const suffixes[] = {".conf", ".psk"};
	char path[PATH_CAP];
	int code = EXIT_DONE;

	for (size_t i = 0; i < 2 && code == EXIT_DONE; i++) {
		code = network_path(path, folder, name, suffixes[i]);
		if (code != EXIT_DONE || unlink(path) == 0 || errno == ENOENT)
			continue;
		say("%s: %s", path, strerror(errno));
		code = EXIT_NO;
	}
	return code;
}

json_t *network_client_json(const struct network *network,
			    const struct network_client *client,
			    const char *file)
{
	json_t *addresses = json_array();
	char text[IP_TEXT_CAP], key[KEY_TEXT_CAP];

	for (uint32_t i = 0; i < network->prefix_count; i++)
		json_array_append_new(addresses,
				      json_string(ip_addr_format(
					      &client->addresses[i], text)));
	return json_pack("{s:s, s:s*, s:s, s:o}", "name", client->name, "file",
			 file, "public_key",
			 key_format(&client->public_key, key), "addresses",
			 addresses);
}

/* ----------------------------------------------------------------- reload */

/* Whether the daemon has the gateway's tunnel, from a file that may be this
 * one: what is relative to another folder cannot be told. */
static bool runs_here(const json_t *status, const struct network_files *files,
		      const char *key)
{
	const char *path = text_of(status, "config");
	char *mine = realpath(files->path, NULL);
	char *its = path[0] == '/' ? realpath(path, NULL) : NULL;
	bool same = path[0] != '\0' &&
		    (path[0] != '/' ||
		     (mine != NULL && its != NULL && strcmp(mine, its) == 0));
	bool found = false;
	json_t *tunnel;
	size_t i;

	free(mine);
	free(its);
	json_array_foreach(json_object_get(status, "tunnels"), i, tunnel)
		found = found ||
			strcmp(text_of(tunnel, "public_key"), key) == 0;
	return same && found;
}

static bool is_running(const struct call *call,
		       const struct network_files *files)
{
	struct client_reply reply;
	char key[KEY_TEXT_CAP];
	struct network network;
	bool running = false;

	if (network_from_tunnel(files->tunnel, &network) != 0)
		return false;
	if (ask_quietly(call, json_pack("{s:s}", "op", "status"),
			ASK_TIMEOUT_MS, &reply) == EXIT_DONE)
		running = runs_here(reply.result, files,
				    key_format(&network.public_key, key));
	client_reply_free(&reply);
	return running;
}

bool network_reload(const struct call *call, const struct network_files *files)
{
	struct client_reply reply;
	bool done = false;

	if (!is_running(call, files)) {
		say("next: start the gateway with wgproxyd --config %s; if it "
		    "runs already: proxyctl reload",
		    files->path);
		return false;
	}
	if (ask_quietly(call, json_pack("{s:s}", "op", "reload"),
			ASK_TIMEOUT_MS, &reply) != EXIT_DONE)
		say("the running gateway did not take it: %s", reply.message);
	else if (number_of(reply.result, "tunnels_changed") == 0)
		say("the running gateway reads another file; next: change that "
		    "as %s was changed, then proxyctl reload",
		    files->path);
	else
		done = true;
	client_reply_free(&reply);
	if (done)
		say("the running gateway knows it already");
	return done;
}
