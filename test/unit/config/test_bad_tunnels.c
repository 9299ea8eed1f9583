/* SPDX-License-Identifier: ISC */
/*
 * Tunnels in YAML that are refused. The whole message is compared, place
 * included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "test/unit/config/files.h"

#define TUNNEL       \
	"tunnels:\n" \
	"  fly:\n"   \
	"    wireguard: fly.conf\n"

static const struct bad_file bad_files[] = {
	{"tunnels is a list",
	 "tunnels:\n"
	 "  - fly\n",
	 -ERR_SYNTAX,
	 "c.yaml:2:3: tunnels: expected a name and a colon for "
	 "each tunnel"},
	{"tunnel is a text",
	 "tunnels:\n"
	 "  fly: fly.conf\n",
	 -ERR_SYNTAX, "c.yaml:2:8: a tunnel: expected key: value lines"},
	{"tunnel name",
	 "tunnels:\n"
	 "  my tunnel:\n"
	 "    wireguard: fly.conf\n",
	 -ERR_INVALID,
	 "c.yaml:2:3: tunnels: \"my tunnel\" is not a name; use up "
	 "to 63 letters, digits, \".\", \"_\" and \"-\""},
	{"tunnel twice",
	 TUNNEL "  fly:\n"
		"    wireguard: fly.conf\n",
	 -ERR_INVALID,
	 "c.yaml:4:3: two tunnels are named fly; rename one of "
	 "them"},
	{"unknown key in a tunnel",
	 "tunnels:\n"
	 "  fly:\n"
	 "    wiregaurd: fly.conf\n",
	 -ERR_SYNTAX,
	 "c.yaml:3:5: unknown key \"wiregaurd\" in a tunnel; did "
	 "you mean wireguard?"},
	{"inline private key",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key: " TEST_PRIVATE_KEY "\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_SYNTAX,
	 "c.yaml:3:18: private_key: keys are not kept in this "
	 "file; put it into a file of its own and write "
	 "private_key_file: FILE"},
	{"no such wg-quick file",
	 "tunnels:\n"
	 "  fly:\n"
	 "    wireguard: gone.conf\n",
	 -ERR_IO,
	 "c.yaml:3:16: gone.conf cannot be read: No such file or "
	 "directory"},
	{"a folder as wg-quick file",
	 "tunnels:\n"
	 "  fly:\n"
	 "    wireguard: folder\n",
	 -ERR_IO,
	 "c.yaml:3:16: folder cannot be read: this is no regular "
	 "file"},
	{"error inside the wg-quick file",
	 "tunnels:\n"
	 "  fly:\n"
	 "    wireguard: broken.conf\n",
	 -ERR_INVALID,
	 "broken.conf:2:14: PrivateKey: this is not a key; "
	 "expected 44 characters of base64"},
	{"wireguard is a list",
	 "tunnels:\n"
	 "  fly:\n"
	 "    wireguard: [fly.conf]\n",
	 -ERR_SYNTAX,
	 "c.yaml:3:16: wireguard: expected one value, not a list "
	 "or map"},
	{"wireguard is empty",
	 "tunnels:\n"
	 "  fly:\n"
	 "    wireguard:\n",
	 -ERR_SYNTAX, "c.yaml:3:15: wireguard: this key has no value"},
	{"wireguard and address", TUNNEL "    address: [10.0.0.2/24]\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:14: address: the file given as wireguard says "
	 "this; remove one of them"},
	{"wireguard and peers", TUNNEL "    peers: []\n", -ERR_SYNTAX,
	 "c.yaml:4:12: peers: the file given as wireguard says "
	 "this; remove one of them"},
	{"wireguard and private_key_file", TUNNEL "    private_key_file: key\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:23: private_key_file: the file given as "
	 "wireguard says this; remove one of them"},
	{"no such key file",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: gone.key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_IO,
	 "c.yaml:3:23: private_key_file: gone.key cannot be used: "
	 "No such file or directory"},
	{"key file open to others",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: open.key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_PERMISSION,
	 "c.yaml:3:23: private_key_file: open.key cannot be used: "
	 "other users may read this key; chmod 600 it, and let "
	 "this user own it"},
	{"key in the place of its file",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: " TEST_PRIVATE_KEY "\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_IO,
	 "c.yaml:3:23: private_key_file: the file cannot be used: "
	 "No such file or directory"},
	{"key file without a key",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: bad.key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_SYNTAX,
	 "c.yaml:3:23: private_key_file: bad.key cannot be used: "
	 "expected one key: 44 characters of base64, as wg genkey "
	 "prints it"},
	{"no private key",
	 "tunnels:\n"
	 "  s:\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:2:3: tunnel s has no private key; add "
	 "private_key_file: FILE"},
	{"no address",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:2:3: tunnel s has no address; add address: "
	 "[ADDRESS]"},
	{"no peers",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n",
	 -ERR_INVALID,
	 "c.yaml:2:3: tunnel s has no peer; add peers: with - "
	 "public_key: KEY"},
	{"peers is a map",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers: {a: b}\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:12: peers: expected a list; start each item "
	 "with -"},
	{"peer is a text",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers: [a]\n",
	 -ERR_SYNTAX, "c.yaml:5:13: peers: expected public_key: KEY and more"},
	{"peer without a key",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_SYNTAX,
	 "c.yaml:6:9: peers: this peer has no public_key; add the "
	 "key of the other side"},
	{"public key not base64",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: abc\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:6:21: public_key: this is not a key; expected 44 "
	 "characters of base64"},
	{"public key one character short",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: D4Zz0mwFxGx+FkZF5wGZmY4hVU6rRTjGJ8n4lR2ryg=\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:6:21: public_key: this is not a key; expected 44 "
	 "characters of base64"},
	{"unknown key in a peer",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowedips: [10.0.0.0/24]\n",
	 -ERR_SYNTAX,
	 "c.yaml:8:9: unknown key \"allowedips\" in a peer; did you "
	 "mean allowed_ips?"},
	{"inline preshared key",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "        preshared_key: " TEST_PRIVATE_KEY "\n",
	 -ERR_SYNTAX,
	 "c.yaml:9:24: preshared_key: keys are not kept in this "
	 "file; put it into a file of its own and write "
	 "preshared_key_file: FILE"},
	{"preshared key file open to others",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "        preshared_key_file: open.key\n",
	 -ERR_PERMISSION,
	 "c.yaml:9:29: preshared_key_file: open.key cannot be "
	 "used: other users may read this key; chmod 600 it, and "
	 "let this user own it"},
	{"address is a name",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [host]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:4:15: address: \"host\" is not an address with a "
	 "prefix length, such as 10.0.0.0/24 or fdaa:0:18::/48"},
	{"address with too long a prefix",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/33]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:4:15: address: \"10.0.0.2/33\" is not an address "
	 "with a prefix length, such as 10.0.0.0/24 or "
	 "fdaa:0:18::/48"},
	{"address is loopback",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [127.0.0.1/8]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:4:15: address: \"127.0.0.1/8\" is not an address a "
	 "host can have"},
	{"nine addresses",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, "
	 "10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID, "c.yaml:4:95: address: more than 8; remove some"},
	{"dns is a name",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "    dns: [ns.example]\n",
	 -ERR_INVALID,
	 "c.yaml:9:11: dns: \"ns.example\" is not the address of a "
	 "name server"},
	{"name servers are maps", TUNNEL "    dns: {servers: [{a: b}]}\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:21: servers: expected one value, not a list or map"},
	{"unknown key in dns", TUNNEL "    dns: {zones: internal}\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:11: unknown key \"zones\" in dns; did you mean zone?"},
	{"zone twice", TUNNEL "    dns: {zone: a, zone: b}\n", -ERR_SYNTAX,
	 "c.yaml:4:20: zone: this key is given twice"},
	{"zone is no name", TUNNEL "    dns: {zone: 10.0.0.1}\n", -ERR_INVALID,
	 "c.yaml:4:17: zone: \"10.0.0.1\" is not the name of a zone such as "
	 "internal"},
	{"zone is the root", TUNNEL "    dns: {zone: .}\n", -ERR_INVALID,
	 "c.yaml:4:17: zone: \".\" is not the name of a zone such as internal"},
	{"zone is empty", TUNNEL "    dns: {zone: }\n", -ERR_SYNTAX,
	 "c.yaml:4:17: zone: this key has no value"},
	{"search twice",
	 TUNNEL "    dns: {search: a}\n"
		"    search: b\n",
	 -ERR_SYNTAX, "c.yaml:5:13: search: dns says this; remove one of them"},
	{"names without a zone",
	 TUNNEL "    dns: [fdaa:0:18::3]\n"
		"    names: {db: 10.0.0.7}\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:12: names: this tunnel serves no zone; add dns: {zone: "
	 "NAME}"},
	{"names is a list",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: [db]\n",
	 -ERR_SYNTAX, "c.yaml:5:12: names: expected name: [ADDRESS] lines"},
	{"name outside",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db.example.: 10.0.0.7}\n",
	 -ERR_INVALID,
	 "c.yaml:5:13: names: \"db.example.\" is not a name inside the zone"},
	{"name with a blank",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {my db: 10.0.0.7}\n",
	 -ERR_INVALID,
	 "c.yaml:5:13: names: \"my db\" is not a name inside the zone"},
	{"name twice",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db: 10.0.0.7, DB.Internal.: 10.0.0.8}\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:27: names: this name is given twice; write all addresses as "
	 "one list"},
	{"name without address",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db: []}\n",
	 -ERR_SYNTAX, "c.yaml:5:13: names: this name has no address; add one"},
	{"name without value",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db: }\n",
	 -ERR_SYNTAX, "c.yaml:5:13: names: this name has no address; add one"},
	{"name for a name",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db: db.example}\n",
	 -ERR_INVALID,
	 "c.yaml:5:17: names: \"db.example\" is not an address a host can "
	 "have"},
	{"name for loopback",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db: 127.0.0.1}\n",
	 -ERR_INVALID,
	 "c.yaml:5:17: names: \"127.0.0.1\" is not an address a host can have"},
	{"address twice",
	 TUNNEL "    dns: {zone: internal}\n"
		"    names: {db: [10.0.0.7, 10.0.0.7]}\n",
	 -ERR_INVALID,
	 "c.yaml:5:28: names: \"10.0.0.7\" is not new: this name has it "
	 "already"},
	{"route is no boolean", TUNNEL "    route_between_peers: yes\n",
	 -ERR_INVALID,
	 "c.yaml:4:26: route_between_peers: \"yes\" is not true or false"},
	{"five name servers",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "    dns: [10.0.0.1, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6]\n",
	 -ERR_INVALID, "c.yaml:9:51: dns: more than 4; remove some"},
	{"search domain",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "    search: [\"a b\"]\n",
	 -ERR_INVALID,
	 "c.yaml:9:14: search: \"a b\" is not a search domain such "
	 "as internal"},
	{"mtu too small", TUNNEL "    mtu: 1279\n", -ERR_INVALID,
	 "c.yaml:4:10: mtu: \"1279\" is not a number from 1280 to "
	 "9000"},
	{"mtu too large", TUNNEL "    mtu: 9001\n", -ERR_INVALID,
	 "c.yaml:4:10: mtu: \"9001\" is not a number from 1280 to "
	 "9000"},
	{"mtu in hexadecimal", TUNNEL "    mtu: 0x578\n", -ERR_INVALID,
	 "c.yaml:4:10: mtu: \"0x578\" is not a number from 1280 to "
	 "9000"},
	{"listen_port is a word", TUNNEL "    listen_port: no\n", -ERR_INVALID,
	 "c.yaml:4:18: listen_port: \"no\" is not a number from 0 "
	 "to 65535"},
	{"listen_port with underscores", TUNNEL "    listen_port: 51_820\n",
	 -ERR_INVALID,
	 "c.yaml:4:18: listen_port: \"51_820\" is not a number from "
	 "0 to 65535"},
	{"listen_port too large", TUNNEL "    listen_port: 65536\n",
	 -ERR_INVALID,
	 "c.yaml:4:18: listen_port: \"65536\" is not a number from "
	 "0 to 65535"},
	{"listen_port is empty", TUNNEL "    listen_port:\n", -ERR_SYNTAX,
	 "c.yaml:4:17: listen_port: this key has no value"},
	{"listen_port is quoted nothing", TUNNEL "    listen_port: \"\"\n",
	 -ERR_SYNTAX, "c.yaml:4:18: listen_port: this key has no value"},
	{"same listen port twice",
	 TUNNEL "    listen_port: 5\n"
		"  two:\n"
		"    wireguard: fly.conf\n"
		"    listen_port: 5\n",
	 -ERR_INVALID,
	 "c.yaml:5:3: tunnels fly and two have the same listen "
	 "port 5; change one, or leave it out"},
	{"endpoint without a port",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID, "c.yaml:7:19: endpoint has no port; write host:51820"},
	{"endpoint with port 0",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:0\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:7:19: endpoint: \"a.example:0\" is not an "
	 "endpoint: its port is not a number from 1 to 65535"},
	{"endpoint that is ambiguous",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: \"fdaa::1:443\"\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:7:19: endpoint: where the port begins in "
	 "\"fdaa::1:443\" is not clear; write [address]:port"},
	{"endpoint with a bad host",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a_b.256:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n",
	 -ERR_INVALID,
	 "c.yaml:7:19: endpoint: \"a_b.256:51820\" is not an "
	 "endpoint: write name:port, 1.2.3.4:port or [IPv6]:port"},
	{"keepalive",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "        persistent_keepalive: 65536\n",
	 -ERR_INVALID,
	 "c.yaml:9:31: persistent_keepalive: \"65536\" is not a "
	 "number from 0 to 65535"},
	{"allowed ip",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24, 10.1.0.0/240]\n",
	 -ERR_INVALID,
	 "c.yaml:8:36: allowed_ips: \"10.1.0.0/240\" is not an "
	 "address with a prefix length, such as 10.0.0.0/24 or "
	 "fdaa:0:18::/48"},
	{"same peer twice",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "      - public_key: " TEST_PEER_KEY "\n",
	 -ERR_INVALID,
	 "c.yaml:9:9: this peer's public key is that of the peer "
	 "in line 6; join them"},
};

static void test_bad_files(void **state)
{
	(void)state;
	bad_yaml_check(bad_files, ARRAY_SIZE(bad_files));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
