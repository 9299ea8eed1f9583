/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/config_check.h"
#include "config/keyfile.h"

enum reach tunnel_reach(const struct config_tunnel *tunnel,
			const struct ip_addr *addr)
{
	bool has_family = false;

	for (uint32_t i = 0; i < tunnel->address_count; i++)
		has_family |= tunnel->addresses_host[i].family == addr->family;
	if (!has_family)
		return REACH_NO_ADDRESS;
	for (uint32_t i = 0; i < tunnel->peer_count; i++) {
		const struct config_peer *peer = &tunnel->peers[i];

		for (uint32_t j = 0; j < peer->allowed_count; j++) {
			if (prefix_contains(&peer->allowed_ips[j], addr))
				return REACH_OK;
		}
	}
	return REACH_NO_PEER;
}

/* What a tunnel must have, and how each format says it. */
static int report_missing(const struct config_tunnel *tunnel,
			  const struct tunnel_marks *marks,
			  struct config_report *report, const char *what,
			  const char *wgquick, const char *yaml)
{
	return report_error(report, &marks->settings, -ERR_INVALID,
			    "tunnel %s has no %s; add %s", tunnel->name, what,
			    marks->file != NULL ? wgquick : yaml);
}

static int check_required(const struct config_tunnel *tunnel,
			  const struct tunnel_marks *marks,
			  struct config_report *report)
{
	if (!marks->has_private_key)
		return report_missing(tunnel, marks, report, "private key",
				      "PrivateKey = KEY to [Interface]",
				      "private_key_file: FILE");
	if (tunnel->address_count == 0)
		return report_missing(tunnel, marks, report, "address",
				      "Address = ADDRESS to [Interface]",
				      "address: [ADDRESS]");
	if (tunnel->peer_count == 0)
		return report_missing(tunnel, marks, report, "peer",
				      "a [Peer] section with PublicKey = KEY",
				      "peers: with - public_key: KEY");
	return 0;
}

/* WireGuard itself ignores a peer with the interface's own key. */
static void drop_own_key(struct config_tunnel *tunnel,
			 struct tunnel_marks *marks,
			 struct config_report *report)
{
	struct key own;
	uint32_t i = 0;

	if (key_derive_public(&tunnel->private_key, &own) != 0)
		return;
	while (i < tunnel->peer_count) {
		if (memcmp(&tunnel->peers[i].public_key, &own, sizeof(own))) {
			i++;
			continue;
		}
		report_warning(report, &marks->peers[i],
			       "this peer is ignored: its public key is this "
			       "tunnel's own; write the other side's key");
		draft_remove_peer(tunnel, marks, i);
	}
}

static int check_peer_keys(const struct config_tunnel *tunnel,
			   const struct tunnel_marks *marks,
			   struct config_report *report)
{
	for (uint32_t i = 1; i < tunnel->peer_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (memcmp(&tunnel->peers[i].public_key,
				   &tunnel->peers[j].public_key,
				   sizeof(struct key)) == 0)
				return report_error(
					report, &marks->peers[i], -ERR_INVALID,
					"this peer's public key is that of the "
					"peer in line %u; join them",
					marks->peers[j].line);
		}
	}
	return 0;
}

static void warn_useless_peers(const struct config_tunnel *tunnel,
			       const struct tunnel_marks *marks,
			       struct config_report *report)
{
	for (uint32_t i = 0; i < tunnel->peer_count; i++) {
		const struct config_peer *peer = &tunnel->peers[i];

		if (peer->allowed_count == 0)
			report_warning(report, &marks->peers[i],
				       "this peer has no allowed ips, so "
				       "nothing is sent to it");
		if (peer->endpoint.host[0] == '\0' && tunnel->listen_port == 0)
			report_warning(report, &marks->peers[i],
				       "this peer has no endpoint and the "
				       "tunnel no fixed listen port, so "
				       "neither can find the other");
	}
}

/* ---------------------------------------------- one prefix for two peers */

struct claim {
	struct prefix prefix;
	uint32_t peer;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));

	if (order != 0)
		return order;
	return x->peer < y->peer ? -1 : x->peer > y->peer;
}

static uint32_t collect_claims(const struct config_tunnel *tunnel,
			       struct claim *claims)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < tunnel->peer_count; i++) {
		const struct config_peer *peer = &tunnel->peers[i];

		for (uint32_t j = 0; j < peer->allowed_count; j++)
			claims[count++] =
				(struct claim){peer->allowed_ips[j], i};
	}
	return count;
}

/* A prefix inside another peer's is ordinary routing: the longest match wins.
 * The same prefix twice is a mistake: the last one wins. */
static int warn_shared_prefixes(const struct config_tunnel *tunnel,
				const struct tunnel_marks *marks,
				struct config_report *report)
{
	struct claim *claims = calloc(ALLOWED_IPS_MAX, sizeof(*claims));
	char text[PREFIX_TEXT_CAP];
	uint32_t count;

	if (claims == NULL)
		return report_error(report, &marks->self, -ERR_NO_MEMORY,
				    "out of memory");
	count = collect_claims(tunnel, claims);
	qsort(claims, count, sizeof(*claims), compare_claims);
	for (uint32_t i = 1; i < count; i++) {
		const struct claim *a = &claims[i - 1], *b = &claims[i];

		if (memcmp(&a->prefix, &b->prefix, sizeof(a->prefix)) != 0 ||
		    a->peer == b->peer)
			continue;
		report_warning(report, &marks->peers[b->peer],
			       "%s is allowed for the peer in line %u too; "
			       "this one gets it",
			       prefix_format(&b->prefix, text),
			       marks->peers[a->peer].line);
	}
	free(claims);
	return 0;
}

/* ------------------------------------------------------------------------ */

static void warn_dns(const struct config_tunnel *tunnel,
		     const struct tunnel_marks *marks,
		     struct config_report *report)
{
	for (uint32_t i = 0; i < tunnel->dns_count; i++) {
		char text[IP_TEXT_CAP];
		enum reach reach = tunnel_reach(tunnel, &tunnel->dns[i]);

		ip_addr_format(&tunnel->dns[i], text);
		if (reach == REACH_NO_ADDRESS)
			report_warning(report, &marks->settings,
				       "name server %s cannot be asked: tunnel "
				       "%s has no IPv%u address",
				       text, tunnel->name,
				       (unsigned)tunnel->dns[i].family);
		else if (reach == REACH_NO_PEER)
			report_warning(report, &marks->settings,
				       "name server %s cannot be asked: it is "
				       "in no peer's allowed ips; add it there",
				       text);
	}
}

static int check_against_earlier(const struct draft *draft, uint32_t index)
{
	const struct config_tunnel *tunnels = draft->config.tunnels;
	const struct config_tunnel *tunnel = &tunnels[index];
	const struct mark *mark = &draft->tunnels[index].self;

	for (uint32_t i = 0; i < index; i++) {
		if (strcmp(tunnels[i].name, tunnel->name) == 0)
			return report_error(draft->report, mark, -ERR_INVALID,
					    "two tunnels are named %s; rename "
					    "one of them",
					    tunnel->name);
		if (tunnel->listen_port != 0 &&
		    tunnels[i].listen_port == tunnel->listen_port)
			return report_error(draft->report, mark, -ERR_INVALID,
					    "tunnels %s and %s have the same "
					    "listen port %u; change one, or "
					    "leave it out",
					    tunnels[i].name, tunnel->name,
					    (unsigned)tunnel->listen_port);
	}
	return 0;
}

static int check_tunnel(struct draft *draft, uint32_t index)
{
	struct config_tunnel *tunnel = &draft->config.tunnels[index];
	struct tunnel_marks *marks = &draft->tunnels[index];
	struct config_report *report = draft->report;
	int err = check_against_earlier(draft, index);

	if (err != 0)
		return err;
	if (marks->has_private_key)
		drop_own_key(tunnel, marks, report);
	err = check_required(tunnel, marks, report);
	if (err == 0)
		err = check_peer_keys(tunnel, marks, report);
	if (err == 0)
		err = warn_shared_prefixes(tunnel, marks, report);
	if (err != 0)
		return err;
	warn_useless_peers(tunnel, marks, report);
	warn_dns(tunnel, marks, report);
	return 0;
}

int check_tunnels(struct draft *draft)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < draft->config.tunnel_count; i++)
		err = check_tunnel(draft, i);
	return err;
}
