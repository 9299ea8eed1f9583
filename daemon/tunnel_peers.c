/* SPDX-License-Identifier: ISC */
/* A tunnel's peers and name servers, as configured at first and later. */
#include "daemon/tunnel_peers.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"

uint32_t tunnel_allowed_count(const struct config_tunnel *config)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < config->peer_count; i++)
		count += config->peers[i].allowed_count;
	return count;
}

static struct wg_peer_config wireguard_config(const struct config_peer *config)
{
	return (struct wg_peer_config){
		.public_key = config->public_key,
		.preshared_key = config->has_preshared_key
					 ? &config->preshared_key
					 : NULL,
		.persistent_keepalive_s = config->persistent_keepalive_s,
	};
}

static bool same_endpoint(const struct config_endpoint *a,
			  const struct config_endpoint *b)
{
	return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* What a peer roamed to is left alone unless the configuration changed. */
static void set_endpoint(struct tunnel *tunnel, uint16_t index,
			 const struct config_endpoint *config)
{
	struct tunnel_peer *peer = &tunnel->peers[index];
	struct endpoint endpoint = {.port = config->port};

	peer->named = false;
	if (ip_addr_parse(config->host, &endpoint.addr) == 0)
		wg_peer_set_endpoint(tunnel->wg, index, &endpoint);
	else /* without an endpoint we wait for the peer's call */
		peer->named = config->host[0] != '\0';
	peer->resolve = peer->named;
	peer->endpoint = *config;
}

static int set_allowed(struct tunnel *tunnel, uint16_t index,
		       const struct config_peer *config)
{
	int err = 0;

	for (uint32_t i = 0; i < config->allowed_count && err == 0; i++)
		err = wg_peer_allow(tunnel->wg, index, &config->allowed_ips[i]);
	return err;
}

static int add_bare_peer(struct tunnel *tunnel, const struct clock *now,
			 const struct config_peer *config, uint16_t *ret_index)
{
	struct wg_peer_config wireguard = wireguard_config(config);
	int err = wg_peer_add(tunnel->wg, now->boot, &wireguard, ret_index);

	if (err != 0)
		return err;
	if (*ret_index == tunnel->peer_count)
		tunnel->peer_count++;
	CHECK(*ret_index < tunnel->peer_count);
	tunnel->peers[*ret_index] = (struct tunnel_peer){.used = true};
	set_endpoint(tunnel, *ret_index, &config->endpoint);
	return 0;
}

int tunnel_add_peer(struct tunnel *tunnel, const struct clock *now,
		    const struct config_peer *config)
{
	uint16_t index;
	int err = add_bare_peer(tunnel, now, config, &index);

	return err != 0 ? err : set_allowed(tunnel, index, config);
}

/* ------------------------------------------------------------- change */

bool tunnel_is(const struct tunnel *tunnel, const struct config_tunnel *config)
{
	return memcmp(tunnel->digest, config->digest, sizeof(tunnel->digest)) ==
	       0;
}

bool tunnel_can_become(const struct tunnel *tunnel,
		       const struct config_tunnel *config)
{
	if (config->mtu != tunnel->mtu ||
	    config->listen_port != tunnel->listen_port ||
	    config->address_count != tunnel->address_count ||
	    config->peer_count > tunnel->peers_max ||
	    tunnel_allowed_count(config) > tunnel->allowed_ips_max)
		return false;
	for (uint32_t i = 0; i < config->address_count; i++) {
		if (!ip_addr_equal(&config->addresses_host[i],
				   &tunnel->addresses[i]))
			return false;
	}
	return true;
}

static bool is_configured(const struct config_tunnel *config,
			  const struct key *public_key)
{
	for (uint32_t i = 0; i < config->peer_count; i++) {
		if (memcmp(&config->peers[i].public_key, public_key,
			   sizeof(*public_key)) == 0)
			return true;
	}
	return false;
}

/* Peers that are no longer configured go, and what was allowed to whom is told
 * anew: first all of it goes, so that prefixes may change hands. */
static void remove_peers(struct tunnel *tunnel, const struct clock *now,
			 const struct config_tunnel *config)
{
	for (uint16_t i = 0; i < tunnel->peer_count; i++) {
		struct wg_peer_info info;

		wg_peer_info(tunnel->wg, now->boot, i, &info);
		if (info.used && is_configured(config, &info.public_key)) {
			wg_peer_disallow_all(tunnel->wg, i);
			continue;
		}
		if (info.used)
			wg_peer_remove(tunnel->wg, i);
		tunnel->peers[i] = (struct tunnel_peer){.used = false};
	}
}

static void change_peer(struct tunnel *tunnel, const struct clock *now,
			const struct config_peer *config)
{
	struct wg_peer_config wireguard = wireguard_config(config);
	uint16_t index;

	if (!wg_peer_find(tunnel->wg, &config->public_key, &index)) {
		CHECK(add_bare_peer(tunnel, now, config, &index) == 0);
	} else {
		wg_peer_change(tunnel->wg, now->boot, index, &wireguard);
		if (!same_endpoint(&tunnel->peers[index].endpoint,
				   &config->endpoint))
			set_endpoint(tunnel, index, &config->endpoint);
	}
	CHECK(set_allowed(tunnel, index, config) == 0);
	netstack_path_release(tunnel->ns, now->awake, index);
}

static void change_names(struct tunnel *tunnel, const struct clock *now,
			 const struct config_tunnel *config)
{
	struct resolver_config dns = {
		.servers = config->dns,
		.server_count = config->dns_count,
		.search = config->search,
		.search_count = config->search_count,
	};

	resolver_change(tunnel->resolver, now->awake, &dns);
}

void tunnel_become(struct tunnel *tunnel, const struct clock *now,
		   const struct config_tunnel *config)
{
	CHECK(tunnel_can_become(tunnel, config));
	wg_device_set_private_key(tunnel->wg, &config->private_key);
	remove_peers(tunnel, now, config);
	for (uint32_t i = 0; i < config->peer_count; i++)
		change_peer(tunnel, now, &config->peers[i]);
	change_names(tunnel, now, config);
	(void)router_set(&tunnel->router, config->route_between_peers);
	if (tunnel_zone_set(&tunnel->zone, now, config) != 0)
		log_error("event=zone_failed tunnel=%s zone=%s text=\"%s\"",
			  tunnel->name, config->zone,
			  error_text(-ERR_NO_MEMORY));
	memcpy(tunnel->digest, config->digest, sizeof(tunnel->digest));
}
