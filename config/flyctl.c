/* SPDX-License-Identifier: ISC */
#include "config/flyctl.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/error.h"
#include "config/file.h"
#include "config/keyfile.h"
#include "config/text.h"
#include "config/yaml_reader.h"

enum {
	NETWORK_BITS = 48, /* of an organisation's private network */
	PEER_BITS = 120,   /* that a WireGuard peer gets */
	WIREGUARD_PORT = 51820,
};

/* What one entry says, checked. */
struct entry {
	const char *private_key, *public_key, *endpoint;
	struct ip_addr address, dns;
	struct prefix network;
};

static int expected(const struct reader *reader, const struct yaml_node *node,
		    const char *what)
{
	struct mark mark = yaml_node_mark(reader->tree, node);

	return report_error(reader->draft->report, &mark, -ERR_INVALID, "%s",
			    what);
}

/* The text of a key in a map, or NULL. */
static const char *find_text(const struct reader *reader,
			     const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = NULL;

	if (map != NULL && map->kind == NODE_MAP)
		node = reader_find(reader, map, key);
	return node != NULL && node->kind == NODE_TEXT ? node->text : NULL;
}

static bool is_key(const char *text)
{
	struct key key;
	bool good = text != NULL && key_parse(text, &key) == 0;

	key_memory_wipe(&key, sizeof(key));
	return good;
}

static bool is_host(const char *text)
{
	struct ip_addr addr;

	return text != NULL &&
	       (text_is_host_name(text) || ip_addr_parse(text, &addr) == 0);
}

static int find_dns(const struct reader *reader, const struct yaml_node *node,
		    struct entry *entry)
{
	const char *dns = find_text(reader, node, "dns");

	if (dns != NULL && dns[0] != '\0') {
		if (ip_addr_parse(dns, &entry->dns) == 0)
			return 0;
		return expected(reader, node, "dns is no address");
	}
	entry->dns = entry->network.addr;
	entry->dns.bytes[15] = 3;
	return 0;
}

static int read_entry(const struct reader *reader, const struct yaml_node *node,
		      struct entry *entry)
{
	const struct yaml_node *peer = NULL;
	const char *address;

	if (node->kind == NODE_MAP)
		peer = reader_find(reader, node, "peer");
	entry->private_key = find_text(reader, node, "localprivate");
	entry->public_key = find_text(reader, peer, "pubkey");
	entry->endpoint = find_text(reader, peer, "endpointip");
	address = find_text(reader, peer, "peerip");
	if (!is_key(entry->private_key))
		return expected(reader, node, "localprivate is no key");
	if (!is_key(entry->public_key))
		return expected(reader, node, "peer has no key as pubkey");
	if (!is_host(entry->endpoint))
		return expected(reader, node, "peer has no host as endpointip");
	if (address == NULL || ip_addr_parse(address, &entry->address) != 0 ||
	    entry->address.family != IP_V6)
		return expected(reader, node,
				"peer has no IPv6 address as peerip");
	if (prefix_make(&entry->address, NETWORK_BITS, &entry->network) != 0)
		return -ERR_INVALID;
	return find_dns(reader, node, entry);
}

static int write_text(const struct entry *entry,
		      struct flyctl_tunnel *ret_tunnel)
{
	char address[IP_TEXT_CAP], dns[IP_TEXT_CAP], network[PREFIX_TEXT_CAP];
	bool bare = strchr(entry->endpoint, ':') != NULL;
	int len = snprintf(
		ret_tunnel->text, sizeof(ret_tunnel->text),
		"[Interface]\n"
		"PrivateKey = %s\n"
		"Address = %s/%d\n"
		"DNS = %s, internal\n"
		"\n"
		"[Peer]\n"
		"PublicKey = %s\n"
		"AllowedIPs = %s\n"
		"Endpoint = %s%s%s:%d\n"
		"PersistentKeepalive = 15\n",
		entry->private_key, ip_addr_format(&entry->address, address),
		PEER_BITS, ip_addr_format(&entry->dns, dns), entry->public_key,
		prefix_format(&entry->network, network), bare ? "[" : "",
		entry->endpoint, bare ? "]" : "", WIREGUARD_PORT);

	return len < (int)sizeof(ret_tunnel->text) ? 0 : -ERR_TOO_LONG;
}

/* "personal, staging" */
static void list_names(const struct reader *reader, const struct yaml_node *map,
		       char names[256])
{
	const struct yaml_node *node = yaml_node_first(reader->tree, map);
	size_t len = 0;

	names[0] = '\0';
	while (node != NULL && len < 256) {
		len += (size_t)snprintf(names + len, 256 - len, "%s%s",
					len > 0 ? ", " : "", node->text);
		node = yaml_node_next(reader->tree,
				      yaml_node_next(reader->tree, node));
	}
}

static int no_choice(const struct reader *reader, const struct yaml_node *map,
		     const char *org)
{
	char names[256], what[400];

	list_names(reader, map, names);
	snprintf(what, sizeof(what),
		 org != NULL ? "there is no such organisation; name one of %s"
			     : "there are several organisations; name one of "
			       "%s",
		 names);
	return expected(reader, map, what);
}

/* The key of the entry; its value is the next node. */
static int choose(const struct reader *reader, const char *org,
		  const struct yaml_node **ret_key)
{
	const struct yaml_node *root = &reader->tree->nodes[0];
	const struct yaml_node *map = NULL, *node;

	if (root->kind == NODE_MAP)
		map = reader_find(reader, root, "wire_guard_state");
	if (map == NULL || map->kind != NODE_MAP || map->first == 0)
		return expected(reader, map != NULL ? map : root,
				"no peers under wire_guard_state; run fly "
				"wireguard create, or fly proxy once");
	node = yaml_node_first(reader->tree, map);
	*ret_key = node;
	if (org == NULL &&
	    yaml_node_next(reader->tree, yaml_node_next(reader->tree, node)) ==
		    NULL)
		return 0;
	while (node != NULL && org != NULL) {
		*ret_key = node;
		if (strcmp(node->text, org) == 0)
			return 0;
		node = yaml_node_next(reader->tree,
				      yaml_node_next(reader->tree, node));
	}
	return no_choice(reader, map, org);
}

static int read_tree(const struct reader *reader, const char *org,
		     struct flyctl_tunnel *ret_tunnel)
{
	const struct yaml_node *key = NULL;
	struct entry entry;
	int err = choose(reader, org, &key);

	if (err != 0)
		return err;
	err = read_entry(reader, yaml_node_next(reader->tree, key), &entry);
	if (err == 0)
		err = write_text(&entry, ret_tunnel);
	text_make_label(key->text, ret_tunnel->name, LABEL_CAP);
	return err;
}

int flyctl_read(const char *path, const char *org,
		struct flyctl_tunnel *ret_tunnel, struct config_report *report)
{
	struct mark mark = {.file = path};
	struct draft draft = {.report = report};
	struct reader reader = {.draft = &draft};
	struct yaml_tree tree;
	struct file file;
	const char *reason;
	int err = file_read(path, CONFIG_FILE_MAX, &file, &reason);

	if (err != 0)
		return report_error(report, &mark, err, "%s", reason);
	err = yaml_tree_parse(path, &file, &tree, report);
	file_free(&file);
	if (err != 0)
		return err;
	reader.tree = &tree;
	err = read_tree(&reader, org, ret_tunnel);
	key_memory_wipe(tree.strings, tree.strings_cap);
	yaml_tree_free(&tree);
	return err;
}
