/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/config_check.h"
#include "config/text.h"

enum { DNS_PORT = 53 };

/* ------------------------------------------------------------------ names */

static int same_name(const struct draft *draft, uint32_t index,
		     const struct mapping *other)
{
	const struct mapping *mapping = &draft->config.forwards[index];
	const struct mark *mark = &draft->forwards[index].self;

	if (mapping->kind == other->kind)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "two %ss are named %s; rename one of them",
				    mapping_kind_name[mapping->kind],
				    mapping->name);
	return report_error(draft->report, mark, -ERR_INVALID,
			    "a forward and an expose are named %s; rename one "
			    "of them",
			    mapping->name);
}

static int check_given_names(const struct draft *draft, uint32_t first)
{
	const struct config *config = &draft->config;

	for (uint32_t i = first; i < config->forward_count; i++) {
		const char *name = config->forwards[i].name;

		for (uint32_t j = 0; j < i && name[0] != '\0'; j++) {
			if (strcmp(config->forwards[j].name, name) == 0)
				return same_name(draft, i,
						 &config->forwards[j]);
		}
	}
	return 0;
}

/* The number at the end of "pg-2" when the name is base and a number, 1 for
 * base itself, 0 for other names. */
static uint32_t suffix_of(const char *name, const char *base)
{
	size_t len = strlen(base);
	uint64_t number;

	if (strncmp(name, base, len) != 0)
		return 0;
	if (name[len] == '\0')
		return 1;
	if (name[len] != '-' ||
	    text_number(name + len + 1, 2, FORWARDS_MAX, &number) != 0)
		return 0;
	return (uint32_t)number;
}

/* Gives forward index, whose name is its default, the first free number. */
static void make_unique(struct config *config, uint32_t index)
{
	struct mapping *forward = &config->forwards[index];
	bool taken[FORWARDS_MAX + 2] = {false};
	char base[LABEL_CAP - sizeof("-1024") + 1];
	uint32_t number = 1;

	text_make_label(forward->name, base, sizeof(base));
	for (uint32_t i = 0; i < config->forward_count; i++) {
		if (i != index)
			taken[suffix_of(config->forwards[i].name, base)] = true;
	}
	while (taken[number])
		number++;
	if (number == 1)
		strcpy(forward->name, base);
	else
		snprintf(forward->name, sizeof(forward->name), "%s-%u", base,
			 number);
}

static void give_names(struct config *config, uint32_t first)
{
	for (uint32_t i = first; i < config->forward_count; i++) {
		if (config->forwards[i].name[0] != '\0')
			continue;
		mapping_default_name(&config->forwards[i]);
		make_unique(config, i);
	}
}

/* -------------------------------------------------------------- listeners */

static int check_listener(const struct draft *draft, uint32_t index)
{
	const struct mapping *forwards = draft->config.forwards;
	const struct mapping *forward = &forwards[index];
	const struct config_metrics *metrics = &draft->config.metrics;
	const struct mark *mark = &draft->forwards[index].listen;
	char text[SOCKET_PATH_CAP];

	for (uint32_t i = 0; i < index; i++) {
		if (forwards[i].kind == MAPPING_FORWARD &&
		    listen_spec_clash(&forwards[i].listen, &forward->listen))
			return report_error(
				draft->report, mark, -ERR_INVALID,
				"%s is taken by forward %s; choose another "
				"port",
				listen_spec_format(&forward->listen, text,
						   sizeof(text)),
				forwards[i].name);
	}
	if (metrics->enabled &&
	    listen_spec_clash(&metrics->listen, &forward->listen))
		return report_error(draft->report, mark, -ERR_INVALID,
				    "%s is taken by metrics; choose another "
				    "port",
				    listen_spec_format(&forward->listen, text,
						       sizeof(text)));
	if (forward->listen.kind == LISTEN_ADDRESS &&
	    !ip_addr_is_loopback(&forward->listen.addr) &&
	    forward->allow_count == 0)
		report_warning(draft->report, mark,
			       "everyone who can reach %s gets to %s through "
			       "the tunnel; name the clients with allow: [...]",
			       listen_spec_format(&forward->listen, text,
						  sizeof(text)),
			       forward->target.host);
	return 0;
}

/* ---------------------------------------------------------------- targets */

static void list_tunnels(const struct config *config, char *list, size_t cap)
{
	size_t len = 0;

	list[0] = '\0';
	for (uint32_t i = 0; i < config->tunnel_count && len < cap; i++)
		len += (size_t)snprintf(list + len, cap - len, "%s%s",
					i == 0 ? "" : ", ",
					config->tunnels[i].name);
}

/* The tunnel that the forward goes through, or the expose listens in. */
static int find_tunnel(const struct draft *draft, uint32_t index,
		       const struct config_tunnel **ret_tunnel)
{
	const struct config *config = &draft->config;
	const struct mapping *forward = &config->forwards[index];
	char list[160];

	if (forward->tunnel[0] == '\0' && config->tunnel_count == 1) {
		*ret_tunnel = &config->tunnels[0];
		return 0;
	}
	list_tunnels(config, list, sizeof(list));
	if (forward->tunnel[0] == '\0')
		return report_error(
			draft->report, &draft->forwards[index].self,
			-ERR_INVALID,
			"%s %s does not say which tunnel to "
			"use; add tunnel: NAME in the configuration "
			"file (there are: %s)",
			mapping_kind_name[forward->kind], forward->name, list);
	for (uint32_t i = 0; i < config->tunnel_count; i++) {
		if (strcmp(config->tunnels[i].name, forward->tunnel) == 0) {
			*ret_tunnel = &config->tunnels[i];
			return 0;
		}
	}
	return report_error(draft->report, &draft->forwards[index].tunnel,
			    -ERR_INVALID,
			    "there is no tunnel named %s; the tunnels are: %s",
			    forward->tunnel, list);
}

static int check_literal(const struct draft *draft, uint32_t index,
			 const struct config_tunnel *tunnel,
			 const struct ip_addr *addr)
{
	const struct mapping *forward = &draft->config.forwards[index];
	const struct mark *mark = &draft->forwards[index].target;

	switch (tunnel_reach(tunnel, addr)) {
	case REACH_OK:
		return 0;
	case REACH_NO_ADDRESS:
		return report_error(draft->report, mark, -ERR_INVALID,
				    "%s cannot be reached: tunnel %s has no "
				    "IPv%u address; add one to Address",
				    forward->target.host, tunnel->name,
				    (unsigned)addr->family);
	case REACH_NO_PEER:
		return report_error(draft->report, mark, -ERR_INVALID,
				    "%s cannot be reached: it is in no peer's "
				    "allowed ips of tunnel %s; add it there",
				    forward->target.host, tunnel->name);
	}
	UNREACHABLE();
}

static int check_name_target(const struct draft *draft, uint32_t index,
			     const struct config_tunnel *tunnel)
{
	const struct mapping *forward = &draft->config.forwards[index];
	const struct mark *mark = &draft->forwards[index].target;

	for (uint32_t i = 0; i < tunnel->dns_count; i++) {
		if (tunnel_reach(tunnel, &tunnel->dns[i]) == REACH_OK)
			return 0;
	}
	if (tunnel->dns_count == 0)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "%s is a name, but tunnel %s has no name "
				    "server; add DNS = ADDRESS to [Interface] "
				    "(YAML: dns: [ADDRESS])",
				    forward->target.host, tunnel->name);
	return report_error(draft->report, mark, -ERR_INVALID,
			    "%s is a name, but no name server of tunnel %s "
			    "can be asked; add their addresses to the allowed "
			    "ips of a peer",
			    forward->target.host, tunnel->name);
}

static int check_target(const struct draft *draft, uint32_t index)
{
	const struct mapping *forward = &draft->config.forwards[index];
	const struct config_tunnel *tunnel = NULL;
	struct ip_addr addr;
	int err = find_tunnel(draft, index, &tunnel);

	if (err != 0)
		return err;
	if (ip_addr_parse(forward->target.host, &addr) == 0)
		return check_literal(draft, index, tunnel, &addr);
	return check_name_target(draft, index, tunnel);
}

/* ---------------------------------------------------------------- exposes */

static int check_own_address(const struct draft *draft, uint32_t index,
			     const struct config_tunnel *tunnel)
{
	const struct listen_spec *listen =
		&draft->config.forwards[index].listen;
	char text[IP_TEXT_CAP];

	if (listen->kind == LISTEN_TUNNEL)
		return 0;
	for (uint32_t i = 0; i < tunnel->address_count; i++) {
		if (ip_addr_equal(&tunnel->addresses_host[i], &listen->addr))
			return 0;
	}
	return report_error(draft->report, &draft->forwards[index].listen,
			    -ERR_INVALID,
			    "%s is not an address of tunnel %s; write one of "
			    "its own, or the port alone for all of them",
			    ip_addr_format(&listen->addr, text), tunnel->name);
}

/* What an expose is in the zone that its tunnel may serve. */
static int check_zone(const struct draft *draft, uint32_t index,
		      const struct config_tunnel *tunnel)
{
	const struct mapping *expose = &draft->config.forwards[index];
	const struct forward_marks *marks = &draft->forwards[index];
	char name[NAME_CAP];

	if (tunnel->zone[0] == '\0')
		return 0;
	if (expose->listen.port == DNS_PORT)
		return report_error(draft->report, &marks->listen, -ERR_INVALID,
				    "at port 53 tunnel %s answers for its zone "
				    "%s; choose another port",
				    tunnel->name, tunnel->zone);
	if (text_zone_name(tunnel->zone, expose->name, name) != 0)
		report_warning(draft->report, &marks->self,
			       "expose %s is not in the zone %s: no host can "
			       "have this name",
			       expose->name, tunnel->zone);
	return 0;
}

static int check_expose(const struct draft *draft, uint32_t index)
{
	const struct mapping *exposes = draft->config.forwards;
	const struct config_tunnel *tunnel = NULL, *other = NULL;
	char text[SOCKET_PATH_CAP];
	int err = find_tunnel(draft, index, &tunnel);

	if (err == 0)
		err = check_own_address(draft, index, tunnel);
	if (err == 0)
		err = check_zone(draft, index, tunnel);
	for (uint32_t i = 0; err == 0 && i < index; i++) {
		if (exposes[i].kind != MAPPING_EXPOSE ||
		    !listen_spec_clash(&exposes[i].listen,
				       &exposes[index].listen) ||
		    find_tunnel(draft, i, &other) != 0 || other != tunnel)
			continue;
		err = report_error(draft->report,
				   &draft->forwards[index].listen, -ERR_INVALID,
				   "%s is taken by expose %s; choose another "
				   "port",
				   listen_spec_format(&exposes[index].listen,
						      text, sizeof(text)),
				   exposes[i].name);
	}
	return err;
}

static int check_forward(const struct draft *draft, uint32_t index)
{
	int err = check_listener(draft, index);

	return err != 0 ? err : check_target(draft, index);
}

int check_forwards(struct draft *draft, uint32_t first)
{
	int err = check_given_names(draft, first);

	if (err != 0)
		return err;
	give_names(&draft->config, first);
	for (uint32_t i = first; i < draft->config.forward_count; i++) {
		if (draft->config.forwards[i].kind == MAPPING_EXPOSE)
			err = check_expose(draft, i);
		else
			err = check_forward(draft, i);
		if (err != 0)
			return err;
	}
	return 0;
}
