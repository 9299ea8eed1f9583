/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/file.h"
#include "config/keyfile.h"
#include "config/wgquick.h"
#include "config/yaml_reader.h"

/* A file named relative to the configuration. */
static int read_path(const struct reader *reader, const struct scalar *scalar,
		     char path[PATH_CAP])
{
	if (file_path_find(reader->tree->path, scalar->text, path, PATH_CAP) !=
	    0)
		return scalar_expected(scalar, "a path: it is too long");
	return 0;
}

static int read_key_file(struct reader *reader, const struct yaml_node *node,
			 struct key *ret_key)
{
	char path[PATH_CAP];
	const char *reason;
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err == 0)
		err = read_path(reader, &scalar, path);
	if (err != 0)
		return err;
	report_file(reader->draft->report, path);
	err = keyfile_read(path, ret_key, &reason);
	if (err == 0)
		return 0;
	/* The text may be a key by mistake: then it is not repeated. */
	if (key_parse(scalar.text, ret_key) == 0)
		return report_error(reader->draft->report, &scalar.mark, err,
				    "%s: the file cannot be used: %s",
				    scalar.key, reason);
	return report_error(reader->draft->report, &scalar.mark, err,
			    "%s: %s cannot be used: %s", scalar.key,
			    scalar.text, reason);
}

static int peer_public_key(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	return err != 0 ? err : scalar_key(&scalar, &reader->peer->public_key);
}

static int peer_preshared_key(struct reader *reader,
			      const struct yaml_node *node)
{
	return reader_error(
		reader, node,
		"keys are not kept in this file; put it into a file "
		"of its own and write preshared_key_file: FILE");
}

static int peer_preshared_key_file(struct reader *reader,
				   const struct yaml_node *node)
{
	reader->peer->has_preshared_key = true;
	return read_key_file(reader, node, &reader->peer->preshared_key);
}

static int peer_endpoint(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	return err != 0 ? err
			: scalar_endpoint(&scalar, &reader->peer->endpoint);
}

static int allowed_ip(struct reader *reader, const struct scalar *scalar)
{
	struct prefix prefix;
	int err = scalar_prefix(scalar, &prefix);

	if (err != 0)
		return err;
	return draft_add_allowed_ip(&reader->tunnel, &scalar->mark,
				    reader->peer, &prefix);
}

static int peer_allowed_ips(struct reader *reader, const struct yaml_node *node)
{
	return reader_texts(reader, node, allowed_ip);
}

static int peer_keepalive(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	return scalar_keepalive(&scalar, &reader->peer->persistent_keepalive_s);
}

static const struct field peer_fields[] = {
	{"public_key", peer_public_key},
	{"preshared_key", peer_preshared_key},
	{"preshared_key_file", peer_preshared_key_file},
	{"endpoint", peer_endpoint},
	{"allowed_ips", peer_allowed_ips},
	{"persistent_keepalive", peer_keepalive},
};

static int read_peer(struct reader *reader, const struct yaml_node *node)
{
	struct mark mark = yaml_node_mark(reader->tree, node);
	int err;

	reader->key = "peers";
	if (node->kind != NODE_MAP)
		return reader_error(reader, node,
				    "expected public_key: KEY and more");
	if (reader_find(reader, node, "public_key") == NULL)
		return reader_error(
			reader, node,
			"this peer has no public_key; add the key of "
			"the other side");
	err = draft_add_peer(&reader->tunnel, &mark, &reader->peer);
	if (err != 0)
		return err;
	return reader_map(reader, node, "a peer", peer_fields,
			  ARRAY_SIZE(peer_fields));
}

/* What a wg-quick file says cannot be said here as well. */
static int refuse_beside_file(const struct reader *reader,
			      const struct yaml_node *node)
{
	if (!reader->tunnel_has_file)
		return 0;
	return reader_error(reader, node,
			    "the file given as wireguard says this; remove one "
			    "of them");
}

/* Read before the other keys, by read_first(). */
static int read_before(struct reader *reader, const struct yaml_node *node)
{
	(void)reader;
	(void)node;
	return 0;
}

static int tunnel_private_key(struct reader *reader,
			      const struct yaml_node *node)
{
	return reader_error(
		reader, node,
		"keys are not kept in this file; put it into a file "
		"of its own and write private_key_file: FILE");
}

static int tunnel_private_key_file(struct reader *reader,
				   const struct yaml_node *node)
{
	int err = refuse_beside_file(reader, node);

	if (err != 0)
		return err;
	reader->tunnel.marks->has_private_key = true;
	return read_key_file(reader, node, &reader->tunnel.tunnel->private_key);
}

static int address_item(struct reader *reader, const struct scalar *scalar)
{
	return scalar_add_address(scalar, reader->tunnel.tunnel);
}

static int tunnel_address(struct reader *reader, const struct yaml_node *node)
{
	int err = refuse_beside_file(reader, node);

	return err != 0 ? err : reader_texts(reader, node, address_item);
}

static int tunnel_mtu(struct reader *reader, const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	return err != 0 ? err
			: scalar_mtu(&scalar, &reader->tunnel.tunnel->mtu);
}

static int tunnel_listen_port(struct reader *reader,
			      const struct yaml_node *node)
{
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	return scalar_port(&scalar, &reader->tunnel.tunnel->listen_port);
}

static int tunnel_route_between_peers(struct reader *reader,
				      const struct yaml_node *node)
{
	return reader_bool(reader, node,
			   &reader->tunnel.tunnel->route_between_peers);
}

static int tunnel_peers(struct reader *reader, const struct yaml_node *node)
{
	int err = refuse_beside_file(reader, node);

	return err != 0 ? err : reader_items(reader, node, read_peer);
}

static const struct field tunnel_fields[] = {
	{"wireguard", read_before},
	{"private_key", tunnel_private_key},
	{"private_key_file", tunnel_private_key_file},
	{"address", tunnel_address},
	{"dns", read_before},
	{"search", reader_search},
	{"names", reader_names},
	{"route_between_peers", tunnel_route_between_peers},
	{"mtu", tunnel_mtu},
	{"listen_port", tunnel_listen_port},
	{"peers", tunnel_peers},
};

static int read_wireguard_file(struct reader *reader,
			       const struct yaml_node *node)
{
	char path[PATH_CAP];
	struct scalar scalar;
	int err;

	reader->key = "wireguard";
	err = reader_text(reader, node, &scalar);
	if (err == 0)
		err = read_path(reader, &scalar, path);
	if (err != 0)
		return err;
	return wgquick_read(path, &scalar.mark, &reader->tunnel);
}

/* The file first, so that mtu and the like replace what it says, in
 * whatever order the keys are; then dns, whose zone the names are in. */
static int read_first(struct reader *reader, const struct yaml_node *map)
{
	const struct yaml_node *file = reader_find(reader, map, "wireguard");
	int err = 0;

	reader->tunnel_has_file = file != NULL;
	reader->dns = reader_find(reader, map, "dns");
	if (file != NULL)
		err = read_wireguard_file(reader, file);
	reader->key = "dns";
	if (err == 0 && reader->dns != NULL)
		err = reader_dns(reader, reader->dns);
	return err;
}

static int read_tunnel(struct reader *reader, const struct yaml_node *name,
		       const struct yaml_node *node)
{
	struct mark mark = yaml_node_mark(reader->tree, name);
	int err;

	reader->key = "tunnels";
	err = draft_add_tunnel(reader->draft, &mark, &reader->tunnel);
	if (err == 0)
		err = reader_label(reader, name, reader->tunnel.tunnel->name);
	if (err != 0)
		return err;
	if (node->kind == NODE_MAP)
		err = read_first(reader, node);
	if (err != 0)
		return err;
	return reader_map(reader, node, "a tunnel", tunnel_fields,
			  ARRAY_SIZE(tunnel_fields));
}

int reader_tunnels(struct reader *reader, const struct yaml_node *map)
{
	const struct yaml_node *name;
	int err = 0;

	if (yaml_node_is_empty(map))
		return 0;
	if (map->kind != NODE_MAP)
		return reader_error(
			reader, map,
			"expected a name and a colon for each tunnel");
	name = yaml_node_first(reader->tree, map);
	while (err == 0 && name != NULL) {
		const struct yaml_node *value =
			yaml_node_next(reader->tree, name);

		err = read_tunnel(reader, name, value);
		name = yaml_node_next(reader->tree, value);
	}
	return err;
}
