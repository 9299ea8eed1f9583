/* SPDX-License-Identifier: ISC */
#include "ctl/network.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/keyfile.h"
#include "config/text.h"

enum {
	ULA_BITS = 48,
	HOSTS_SEARCHED = 65536,
	KEEPALIVE_S = 25, /* below what NAT devices forget after */
	TEXT_CAP = SOCKET_PATH_CAP + NAME_CAP,
};

static const char gateway_mark[] = "# gateway: ";

bool network_is_client_name(const char *name)
{
	return text_is_label(name) && strlen(name) < CLIENT_NAME_CAP &&
	       strchr(".-_", name[0]) == NULL;
}

/* -------------------------------------------------------------- addresses */

struct prefix network_ula(const uint8_t random[5])
{
	uint8_t bytes[16] = {0xfd};
	struct ip_addr addr;
	struct prefix prefix;

	memcpy(bytes + 1, random, 5);
	addr = ip_addr_v6(bytes);
	CHECK(prefix_make(&addr, ULA_BITS, &prefix) == 0);
	return prefix;
}

int network_address(const struct prefix *prefix, uint32_t host,
		    struct ip_addr *ret_addr)
{
	unsigned len = ip_addr_len(&prefix->addr);
	unsigned host_bits = len * 8 - prefix->bits;
	uint64_t hosts = host_bits >= 32 ? UINT32_MAX : 1ULL << host_bits;

	if (host >= hosts ||
	    (prefix->addr.family == IP_V4 && host + 1 == hosts))
		return -ERR_FULL;
	*ret_addr = prefix->addr;
	for (unsigned i = len; host > 0; host >>= 8)
		ret_addr->bytes[--i] |= (uint8_t)host;
	return 0;
}

static bool is_taken(const struct config_tunnel *tunnel,
		     const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < tunnel->address_count; i++) {
		if (ip_addr_equal(&tunnel->addresses_host[i], addr))
			return true;
	}
	for (uint32_t i = 0; i < tunnel->peer_count; i++) {
		const struct config_peer *peer = &tunnel->peers[i];

		for (uint32_t j = 0; j < peer->allowed_count; j++) {
			if (prefix_contains(&peer->allowed_ips[j], addr))
				return true;
		}
	}
	return false;
}

int network_free_address(const struct prefix *prefix,
			 const struct config_tunnel *tunnel,
			 struct ip_addr *ret_addr)
{
	for (uint32_t host = CLIENT_FIRST_HOST; host < HOSTS_SEARCHED; host++) {
		int err = network_address(prefix, host, ret_addr);

		if (err != 0 || !is_taken(tunnel, ret_addr))
			return err;
	}
	return -ERR_FULL;
}

/* ---------------------------------------------------------------- reading */

int network_from_tunnel(const struct config_tunnel *tunnel,
			struct network *ret_network)
{
	struct network network = {.prefix_count = tunnel->address_count};

	if (key_derive_public(&tunnel->private_key, &network.public_key) != 0)
		return -ERR_INVALID;
	strcpy(network.zone, tunnel->zone);
	for (uint32_t i = 0; i < tunnel->address_count; i++) {
		network.prefixes[i] = tunnel->addresses[i];
		network.hosts[i] = tunnel->addresses_host[i];
	}
	*ret_network = network;
	return 0;
}

int network_find_gateway(const char *yaml, struct target *ret_gateway)
{
	const char *found = strstr(yaml, gateway_mark);
	char text[TARGET_TEXT_CAP], message[MAPPING_MESSAGE_CAP];
	size_t len;

	if (found == NULL)
		return -ERR_NOT_FOUND;
	found += sizeof(gateway_mark) - 1;
	len = strcspn(found, " \t\r\n");
	if (len >= sizeof(text))
		return -ERR_NOT_FOUND;
	memcpy(text, found, len);
	text[len] = '\0';
	return target_parse(text, ret_gateway, message) == 0 ? 0
							     : -ERR_NOT_FOUND;
}

/* ---------------------------------------------------------------- writing */

static void put_hosts(FILE *out, const struct ip_addr *hosts, uint32_t count)
{
	char text[IP_TEXT_CAP];

	for (uint32_t i = 0; i < count; i++)
		fprintf(out, "%s%s/%u", i == 0 ? "" : ", ",
			ip_addr_format(&hosts[i], text),
			ip_addr_len(&hosts[i]) * 8);
}

static void put_key(FILE *out, const char *name, const struct key *key)
{
	char text[KEY_TEXT_CAP];

	fputs(name, out);
	fputs(" = ", out);
	fputs(key_format(key, text), out); /* which keeps no copy */
	fputc('\n', out);
	key_memory_wipe(text, sizeof(text));
}

static void put_interface(FILE *out, const struct network *network,
			  const struct network_client *client)
{
	char text[IP_TEXT_CAP];

	fputs("[Interface]\n", out);
	put_key(out, "PrivateKey", &client->private_key);
	fputs("Address = ", out);
	put_hosts(out, client->addresses, network->prefix_count);
	if (network->zone[0] == '\0') {
		fputc('\n', out);
		return;
	}
	fputs("\nDNS = ", out);
	for (uint32_t i = 0; i < network->prefix_count; i++)
		fprintf(out, "%s, ", ip_addr_format(&network->hosts[i], text));
	fprintf(out, "%s\n", network->zone);
}

static void put_gateway(FILE *out, const struct network *network,
			const struct network_client *client)
{
	char text[TARGET_TEXT_CAP], prefix[PREFIX_TEXT_CAP];

	fputs("\n[Peer]\n", out);
	put_key(out, "PublicKey", &network->public_key);
	put_key(out, "PresharedKey", &client->preshared_key);
	fprintf(out, "Endpoint = %s\nAllowedIPs = ",
		target_format(&network->gateway, text, sizeof(text)));
	for (uint32_t i = 0; i < network->prefix_count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : ", ",
			prefix_format(&network->prefixes[i], prefix));
	fprintf(out, "\nPersistentKeepalive = %d\n", KEEPALIVE_S);
}

void network_client_text(const struct network *network,
			 const struct network_client *client,
			 char text[CLIENT_TEXT_CAP])
{
	FILE *out = fmemopen(text, CLIENT_TEXT_CAP, "w");

	CHECK(out != NULL);
	setbuf(out, NULL);
	put_interface(out, network, client);
	put_gateway(out, network, client);
	CHECK(fclose(out) == 0);
}

void network_put_peer(FILE *out, const struct network *network,
		      const struct network_client *client, int indent)
{
	char key[KEY_TEXT_CAP];

	fprintf(out, "%*s- public_key: %s\n", indent, "",
		key_format(&client->public_key, key));
	fprintf(out, "%*s  preshared_key_file: %s.psk\n", indent, "",
		client->name);
	fprintf(out, "%*s  allowed_ips: [", indent, "");
	put_hosts(out, client->addresses, network->prefix_count);
	fputs("]\n", out);
}

void network_put_head(FILE *out, const struct network *network)
{
	char text[TARGET_TEXT_CAP], addr[IP_TEXT_CAP];

	fprintf(out,
		"# The gateway of a private network; see network in "
		"proxyctl(1). Clients reach\n"
		"# it at this address, which add-client writes into their "
		"files.\n"
		"%s%s\n"
		"tunnels:\n"
		"  network:\n"
		"    private_key_file: gateway.key\n"
		"    listen_port: %u\n"
		"    address: [",
		gateway_mark,
		target_format(&network->gateway, text, sizeof(text)),
		(unsigned)network->gateway.port);
	for (uint32_t i = 0; i < network->prefix_count; i++)
		fprintf(out, "%s%s/%u", i == 0 ? "" : ", ",
			ip_addr_format(&network->hosts[i], addr),
			(unsigned)network->prefixes[i].bits);
	fprintf(out,
		"]\n"
		"    dns: {zone: %s}\n"
		"    route_between_peers: false  # true: clients reach each "
		"other\n"
		"    # One for each client: see proxyctl network add-client.\n"
		"    peers:\n",
		network->zone);
}

void network_put_exposes(FILE *out, const struct mapping *exposes,
			 uint32_t count)
{
	char listen[TEXT_CAP], target[TEXT_CAP];

	fputs("\n# What clients reach, as NAME.ZONE. After a change: proxyctl "
	      "reload.\n"
	      "exposes:\n",
	      out);
	if (count == 0)
		fputs("#  - {listen: 5432, to: \"127.0.0.1:5432\", name: "
		      "appname}\n",
		      out);
	for (uint32_t i = 0; i < count; i++)
		fprintf(out, "  - {listen: %s, to: \"%s\", name: %s}\n",
			listen_spec_format(&exposes[i].listen, listen,
					   sizeof(listen)),
			target_format(&exposes[i].target, target,
				      sizeof(target)),
			exposes[i].name);
}
