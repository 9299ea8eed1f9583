/* SPDX-License-Identifier: ISC */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/config_check.h"
#include "config/draft.h"
#include "config/file.h"
#include "config/keyfile.h"
#include "config/text.h"
#include "config/wgquick.h"
#include "config/yaml_schema.h"
#include "config/yaml_tree.h"

static const struct config_limits default_limits = {
	.memory_bytes = UINT64_C(256) << 20,
	.connections = 10000,
};

static void digest_peer(struct digest *digest, const struct config_peer *peer)
{
	digest_add(digest, &peer->public_key, sizeof(peer->public_key));
	digest_add(digest, &peer->preshared_key, sizeof(peer->preshared_key));
	digest_add(digest, peer->endpoint.host, strlen(peer->endpoint.host));
	digest_add(digest, &peer->endpoint.port, sizeof(peer->endpoint.port));
	digest_add(digest, &peer->persistent_keepalive_s,
		   sizeof(peer->persistent_keepalive_s));
	for (uint32_t i = 0; i < peer->allowed_count; i++) {
		const struct prefix *prefix = &peer->allowed_ips[i];

		digest_add(digest, prefix, sizeof(*prefix));
	}
}

static void digest_zone(struct digest *digest,
			const struct config_tunnel *tunnel)
{
	digest_add(digest, tunnel->zone, strlen(tunnel->zone));
	for (uint32_t i = 0; i < tunnel->name_count; i++) {
		const struct config_name *name = &tunnel->names[i];

		digest_add(digest, name->name, strlen(name->name));
		digest_add(digest, name->addresses,
			   name->address_count * sizeof(name->addresses[0]));
	}
	digest_add(digest, &tunnel->route_between_peers,
		   sizeof(tunnel->route_between_peers));
}

static void digest_tunnel(struct config_tunnel *tunnel)
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, &tunnel->private_key, sizeof(tunnel->private_key));
	digest_add(&digest, tunnel->addresses_host,
		   tunnel->address_count * sizeof(tunnel->addresses_host[0]));
	digest_add(&digest, tunnel->dns,
		   tunnel->dns_count * sizeof(tunnel->dns[0]));
	for (uint32_t i = 0; i < tunnel->search_count; i++)
		digest_add(&digest, tunnel->search[i],
			   strlen(tunnel->search[i]));
	digest_zone(&digest, tunnel);
	digest_add(&digest, &tunnel->mtu, sizeof(tunnel->mtu));
	digest_add(&digest, &tunnel->listen_port, sizeof(tunnel->listen_port));
	for (uint32_t i = 0; i < tunnel->peer_count; i++)
		digest_peer(&digest, &tunnel->peers[i]);
	digest_end(&digest, tunnel->digest);
}

static void digest_tunnels(struct config *config)
{
	for (uint32_t i = 0; i < config->tunnel_count; i++)
		digest_tunnel(&config->tunnels[i]);
}

/* Checks the draft and, when it is good, moves the value out. Frees the
 * draft's rest. */
static int finish(struct draft *draft, const struct mark *mark, int err,
		  struct config *ret_config)
{
	if (err == 0 && draft->config.tunnel_count == 0)
		err = report_error(draft->report, mark, -ERR_INVALID,
				   "no tunnel; add one below tunnels: with "
				   "wireguard: FILE");
	if (err == 0)
		err = check_tunnels(draft);
	if (err == 0)
		err = check_forwards(draft, 0);
	if (err == 0) {
		digest_tunnels(&draft->config);
		*ret_config = draft->config;
		draft->config = (struct config){.tunnel_count = 0};
	}
	draft_free(draft);
	return err;
}

static int read_yaml(const char *path, struct draft *draft)
{
	struct mark mark = {.file = path};
	struct yaml_tree tree;
	struct file file;
	const char *reason;
	int err = file_read(path, CONFIG_FILE_MAX, &file, &reason);

	report_file(draft->report, path);
	if (err != 0)
		return report_error(draft->report, &mark, err,
				    "cannot be read: %s", reason);
	err = yaml_tree_parse(path, &file, &tree, draft->report);
	file_free(&file);
	if (err != 0)
		return err;
	err = yaml_schema_read(&tree, draft);
	yaml_tree_free(&tree);
	return err;
}

int config_load(const char *path, struct config *ret_config,
		struct config_report *report)
{
	struct draft draft = {
		.config.limits = default_limits,
		.report = report,
	};
	struct mark mark = {path, 1, 1};
	int err = read_yaml(path, &draft);

	snprintf(draft.config.path, sizeof(draft.config.path), "%s", path);
	return finish(&draft, &mark, err, ret_config);
}

/* "/etc/wireguard/fly.conf" is named fly. */
static void name_after_file(const char *path, char name[LABEL_CAP])
{
	const char *slash = strrchr(path, '/');
	size_t len;

	text_make_label(slash == NULL ? path : slash + 1, name, LABEL_CAP);
	len = strlen(name);
	if (len > 5 && strcmp(name + len - 5, ".conf") == 0)
		name[len - 5] = '\0';
	if (name[0] == '\0')
		strcpy(name, "tunnel");
}

static int add_wireguard(struct draft *draft, const char *path)
{
	struct mark mark = {.file = "--wireguard"};
	struct tunnel_draft tunnel;
	int err = draft_add_tunnel(draft, &mark, &tunnel);

	if (err != 0)
		return err;
	name_after_file(path, tunnel.tunnel->name);
	return wgquick_read(path, &mark, &tunnel);
}

static int add_spec(struct draft *draft, enum mapping_kind kind,
		    const char *text)
{
	struct mark mark = {.file = kind == MAPPING_EXPOSE ? "--expose"
							   : "--forward"};
	char message[MAPPING_MESSAGE_CAP];
	struct forward_marks *marks;
	struct mapping *forward;
	int err = draft_add_forward(draft, &mark, &forward, &marks);

	if (err != 0)
		return err;
	err = kind == MAPPING_EXPOSE ? expose_parse(text, forward, message)
				     : mapping_parse(text, forward, message);
	if (err != 0)
		return report_error(draft->report, &mark, err, "%s", message);
	return 0;
}

static int add_specs(struct draft *draft, enum mapping_kind kind,
		     const char *const *specs, size_t count)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < count; i++)
		err = add_spec(draft, kind, specs[i]);
	return err;
}

int config_from_arguments(const char *const *wireguard_paths,
			  size_t wireguard_count, const char *const *forwards,
			  size_t forward_count, struct config *ret_config,
			  struct config_report *report)
{
	struct draft draft = {
		.config.limits = default_limits,
		.report = report,
	};
	struct mark mark = {.file = "--wireguard"};
	int err = 0;

	for (size_t i = 0; err == 0 && i < wireguard_count; i++)
		err = add_wireguard(&draft, wireguard_paths[i]);
	if (err == 0)
		err = add_specs(&draft, MAPPING_FORWARD, forwards,
				forward_count);
	return finish(&draft, &mark, err, ret_config);
}

/* Takes the draft's forwards over when they are good. The array may be new;
 * what failed is not counted in. Frees the draft's rest. */
static int finish_forwards(struct draft *draft, int err, struct config *config)
{
	if (err == 0)
		err = check_forwards(draft, config->forward_count);
	config->forwards = draft->config.forwards;
	for (uint32_t i = config->forward_count;
	     err != 0 && i < draft->config.forward_count; i++)
		memset(&config->forwards[i], 0, sizeof(config->forwards[i]));
	if (err == 0)
		config->forward_count = draft->config.forward_count;
	draft->config = (struct config){.tunnel_count = 0};
	draft_free(draft);
	return err;
}

int config_add_mapping(struct config *config, const struct mapping *mapping,
		       struct config_report *report)
{
	struct draft draft = {.config = *config, .report = report};
	struct mark mark = {.file = mapping->origin == ORIGIN_CONFIG
					    ? "--forward"
					    : "added at run time"};
	struct forward_marks *marks;
	struct mapping *forward;
	int err = draft_add_forward(&draft, &mark, &forward, &marks);

	if (err == 0)
		*forward = *mapping;
	return finish_forwards(&draft, err, config);
}

void config_remove_forward(struct config *config, uint32_t index)
{
	CHECK(index < config->forward_count);
	config->forward_count--;
	memmove(&config->forwards[index], &config->forwards[index + 1],
		(config->forward_count - index) * sizeof(config->forwards[0]));
	/* The place is taken for zeroed when it is used again. */
	memset(&config->forwards[config->forward_count], 0,
	       sizeof(config->forwards[0]));
}

int config_add_specs(struct config *config, enum mapping_kind kind,
		     const char *const *specs, size_t count,
		     struct config_report *report)
{
	struct draft draft = {.config = *config, .report = report};
	int err = add_specs(&draft, kind, specs, count);

	return finish_forwards(&draft, err, config);
}

void config_wipe_keys(struct config *config)
{
	for (uint32_t i = 0; i < config->tunnel_count; i++) {
		struct config_tunnel *tunnel = &config->tunnels[i];

		key_memory_wipe(&tunnel->private_key,
				sizeof(tunnel->private_key));
		for (uint32_t j = 0; j < tunnel->peer_count; j++)
			key_memory_wipe(&tunnel->peers[j].preshared_key,
					sizeof(struct key));
	}
}

void config_free(struct config *config)
{
	for (uint32_t i = 0; i < config->tunnel_count; i++) {
		struct config_tunnel *tunnel = &config->tunnels[i];

		for (uint32_t j = 0; j < tunnel->peer_count; j++)
			free(tunnel->peers[j].allowed_ips);
		if (tunnel->peers != NULL)
			key_memory_wipe(tunnel->peers,
					tunnel->peer_count *
						sizeof(tunnel->peers[0]));
		free(tunnel->peers);
		free(tunnel->names);
	}
	if (config->tunnels != NULL)
		key_memory_wipe(config->tunnels,
				config->tunnel_count *
					sizeof(config->tunnels[0]));
	free(config->tunnels);
	free(config->forwards);
	*config = (struct config){.tunnel_count = 0};
}
