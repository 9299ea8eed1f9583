/* SPDX-License-Identifier: ISC */
#include "daemon/tunnel_zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "config/text.h"
#include "daemon/proxy.h"

int tunnel_zone_set(struct tunnel_zone *zone, const struct clock *now,
		    const struct config_tunnel *config)
{
	struct config_name *names = NULL;

	if (config->name_count > 0) {
		size_t len = config->name_count * sizeof(*names);

		names = malloc(len);
		if (names == NULL)
			return -ERR_NO_MEMORY;
		memcpy(names, config->names, len);
	}
	if (strcmp(zone->origin, config->zone) != 0)
		zone_server_close(&zone->server, now->awake);
	free(zone->names);
	zone->names = names;
	zone->name_count = config->name_count;
	memcpy(zone->origin, config->zone, sizeof(zone->origin));
	zone->changed = true;
	return 0;
}

void tunnel_zone_stop(struct tunnel_zone *zone, const struct clock *now)
{
	zone_server_close(&zone->server, now->awake);
	zone->origin[0] = '\0';
}

void tunnel_zone_free(struct tunnel_zone *zone)
{
	zone_server_free(&zone->server);
	free(zone->names);
	memset(zone, 0, sizeof(*zone));
}

/* ------------------------------------------------------------- names */

static int add_own(struct tunnel *tunnel, const char *name)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < tunnel->address_count; i++)
		err = zone_add(tunnel->zone.server.zone, name,
			       &tunnel->addresses[i]);
	return err;
}

/* An expose may have a name that no host can have: it is not in the zone. */
static int add_expose(struct tunnel *tunnel, const struct mapping *mapping)
{
	char name[NAME_CAP];

	if (text_zone_name(tunnel->zone.origin, mapping->name, name) != 0)
		return 0;
	if (mapping->listen.kind == LISTEN_ADDRESS)
		return zone_add(tunnel->zone.server.zone, name,
				&mapping->listen.addr);
	return add_own(tunnel, name);
}

static int add_exposes(const struct proxy *proxy, struct tunnel *tunnel)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < proxy->forward_count; i++) {
		const struct forward *forward = &proxy->forwards[i];

		if (forward->slot == FORWARD_ACTIVE &&
		    forward->tunnel == tunnel &&
		    forward->mapping.kind == MAPPING_EXPOSE)
			err = add_expose(tunnel, &forward->mapping);
	}
	return err;
}

static int add_table(struct tunnel *tunnel)
{
	const struct tunnel_zone *zone = &tunnel->zone;
	int err = 0;

	for (uint32_t i = 0; i < zone->name_count; i++) {
		const struct config_name *name = &zone->names[i];

		for (uint32_t j = 0; err == 0 && j < name->address_count; j++)
			err = zone_add(zone->server.zone, name->name,
				       &name->addresses[j]);
	}
	return err;
}

/* The name server's own name, unless it means something else. */
static int add_server(struct tunnel *tunnel)
{
	char name[NAME_CAP];

	if (text_zone_name(tunnel->zone.origin, "ns", name) != 0 ||
	    zone_has(tunnel->zone.server.zone, name))
		return 0;
	return add_own(tunnel, name);
}

static void fill(const struct proxy *proxy, struct tunnel *tunnel)
{
	int err;

	zone_clear(tunnel->zone.server.zone);
	err = add_table(tunnel);
	if (err == 0)
		err = add_exposes(proxy, tunnel);
	if (err == 0)
		err = add_server(tunnel);
	if (err != 0)
		log_error("event=zone_incomplete tunnel=%s zone=%s text=\"%s\"",
			  tunnel->name, tunnel->zone.origin, error_text(err));
}

static void update(const struct proxy *proxy, struct tunnel *tunnel)
{
	struct tunnel_zone *zone = &tunnel->zone;
	int err = 0;

	zone->changed = false;
	if (zone->origin[0] == '\0')
		return;
	if (zone->server.ns == NULL) {
		err = zone_server_open(&zone->server, tunnel->ns, zone->origin);
		if (err == 0)
			log_notice("event=zone_served tunnel=%s zone=%s",
				   tunnel->name, zone->origin);
	}
	if (err == 0)
		fill(proxy, tunnel);
	else
		log_error("event=zone_failed tunnel=%s zone=%s text=\"%s\"",
			  tunnel->name, zone->origin, error_text(err));
}

void tunnel_zones_changed(struct proxy *proxy)
{
	for (uint32_t i = 0; i < proxy->tunnel_count; i++) {
		if (proxy->tunnels[i] != NULL)
			proxy->tunnels[i]->zone.changed = true;
	}
}

void tunnel_zones_update(struct proxy *proxy)
{
	for (uint32_t i = 0; i < proxy->tunnel_count; i++) {
		struct tunnel *tunnel = proxy_tunnel_at(proxy, i);

		if (tunnel != NULL && tunnel->zone.changed)
			update(proxy, tunnel);
	}
}
