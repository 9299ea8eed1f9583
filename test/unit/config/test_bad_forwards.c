/* SPDX-License-Identifier: ISC */
/*
 * Forwards in YAML that are refused. The whole message is compared, place
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
	{"forwards is a map", TUNNEL "forwards: {a: b}\n", -ERR_SYNTAX,
	 "c.yaml:4:11: forwards: expected a list; start each item "
	 "with -"},
	{"forward is a number only",
	 TUNNEL "forwards:\n"
		"  - 15432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:5: forwards: \"15432\" is not a forward; write "
	 "PORT:HOST:PORT with IPv6 addresses in brackets, for "
	 "example 15432:appname.internal:5432"},
	{"forward is a list",
	 TUNNEL "forwards:\n"
		"  - [15432, \"a:1\"]\n",
	 -ERR_SYNTAX, "c.yaml:5:5: a forward: expected key: value lines"},
	{"forward without listen",
	 TUNNEL "forwards:\n"
		"  - to: a.internal:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:5: forwards: this forward has no listen; add "
	 "listen: PORT"},
	{"forward without to",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:5: forwards: this forward has no to; add to: "
	 "HOST:PORT"},
	{"unknown key in a forward",
	 TUNNEL "forwards:\n"
		"  - lisetn: 15432\n"
		"    to: a.internal:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:5: unknown key \"lisetn\" in a forward; did you "
	 "mean listen?"},
	{"key twice in a forward",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: a.internal:5432\n"
		"    listen: 15433\n",
	 -ERR_SYNTAX, "c.yaml:7:5: listen: this key is given twice"},
	{"listen port too large",
	 TUNNEL "forwards:\n"
		"  - listen: 65536\n"
		"    to: a.internal:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:13: listen: \"65536\" is not a port to listen "
	 "on; write a number from 0 to 65535"},
	{"listen on a name",
	 TUNNEL "forwards:\n"
		"  - listen: db.example:5432\n"
		"    to: a.internal:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:13: listen: \"db.example\" is not an address to "
	 "listen on; write localhost, 0.0.0.0 or [::1]"},
	{"listen on too many fields",
	 TUNNEL "forwards:\n"
		"  - listen: \"::1:5432\"\n"
		"    to: a.internal:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:13: listen: \"::1:5432\" is not something to "
	 "listen on; write 15432, 127.0.0.1:15432, \"[::1]:15432\" "
	 "or /a/socket"},
	{"listen on a folder",
	 TUNNEL "forwards:\n"
		"  - listen: /run/\n"
		"    to: a.internal:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:13: listen: \"/run/\" is a folder; write the "
	 "path of a socket"},
	{"target without a port",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: a.internal\n",
	 -ERR_SYNTAX,
	 "c.yaml:6:9: to: \"a.internal\" is not a target: it has no "
	 "port; write host:port"},
	{"target port 0",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: a.internal:0\n",
	 -ERR_SYNTAX,
	 "c.yaml:6:9: to: \"0\" is not the port of a target; write "
	 "a number from 1 to 65535"},
	{"target IPv6 without brackets",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: \"fdaa::1:5432\"\n",
	 -ERR_SYNTAX,
	 "c.yaml:6:9: to: \"fdaa::1:5432\" is not a target; write "
	 "host:port or \"[IPv6]:port\""},
	{"target IPv6 not in quotes",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: [fdaa:0:18::1]:5432\n",
	 -ERR_SYNTAX,
	 "c.yaml:6:23: did not find expected key while parsing a "
	 "block mapping that begins in line 5; put [IPv6]:port in "
	 "quotes"},
	{"target host",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: \"a b:5432\"\n",
	 -ERR_SYNTAX,
	 "c.yaml:6:9: to: \"a b\" is not a host; write a name, an "
	 "IPv4 address or [IPv6]"},
	{"unknown tunnel",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: a.internal:5432\n"
		"    tunnel: flea\n",
	 -ERR_INVALID,
	 "c.yaml:7:13: there is no tunnel named flea; the tunnels "
	 "are: fly"},
	{"tunnel left out with two",
	 TUNNEL "  two:\n"
		"    wireguard: fly.conf\n"
		"forwards:\n"
		"  - listen: 15432\n"
		"    to: a.internal:5432\n",
	 -ERR_INVALID,
	 "c.yaml:7:5: forward a does not say which tunnel to use; "
	 "add tunnel: NAME in the configuration file (there are: "
	 "fly, two)"},
	{"forward name",
	 TUNNEL "forwards:\n"
		"  - listen: 15432\n"
		"    to: a.internal:5432\n"
		"    name: \"a/b\"\n",
	 -ERR_INVALID,
	 "c.yaml:7:11: name: \"a/b\" is not a name; use up to 63 "
	 "letters, digits, \".\", \"_\" and \"-\""},
	{"same name twice",
	 TUNNEL "forwards:\n"
		"  - {listen: 1, to: \"a.internal:1\", name: pg}\n"
		"  - {listen: 2, to: \"a.internal:1\", name: pg}\n",
	 -ERR_INVALID,
	 "c.yaml:6:5: two forwards are named pg; rename one of "
	 "them"},
	{"same port twice",
	 TUNNEL "forwards:\n"
		"  - {listen: 15432, to: \"a.internal:1\"}\n"
		"  - {listen: 15432, to: \"b.internal:1\"}\n",
	 -ERR_INVALID,
	 "c.yaml:6:14: localhost:15432 is taken by forward a; "
	 "choose another port"},
	{"port taken on loopback",
	 TUNNEL "forwards:\n"
		"  - {listen: 15432, to: \"a.internal:1\"}\n"
		"  - {listen: \"127.0.0.1:15432\", to: \"b.internal:1\"}\n",
	 -ERR_INVALID,
	 "c.yaml:6:14: 127.0.0.1:15432 is taken by forward a; "
	 "choose another port"},
	{"port taken by a wildcard",
	 TUNNEL "forwards:\n"
		"  - {listen: \"[::]:15432\", to: \"a.internal:1\", allow: "
		"[\"::/0\"]}\n"
		"  - {listen: 15432, to: \"b.internal:1\"}\n",
	 -ERR_INVALID,
	 "c.yaml:6:14: localhost:15432 is taken by forward a; "
	 "choose another port"},
	{"same socket twice",
	 TUNNEL "forwards:\n"
		"  - {listen: /tmp/s, to: \"a.internal:1\"}\n"
		"  - {listen: /tmp/s, to: \"b.internal:1\"}\n",
	 -ERR_INVALID,
	 "c.yaml:6:14: /tmp/s is taken by forward a; choose "
	 "another port"},
	{"allow is a name",
	 TUNNEL "forwards:\n"
		"  - {listen: 1, to: \"a.internal:1\", allow: [office]}\n",
	 -ERR_INVALID,
	 "c.yaml:5:45: allow: \"office\" is not an address with a "
	 "prefix length, such as 10.0.0.0/24 or fdaa:0:18::/48"},
	{"max_connections",
	 TUNNEL "forwards:\n"
		"  - {listen: 1, to: \"a.internal:1\", max_connections: 0}\n",
	 -ERR_INVALID,
	 "c.yaml:5:54: max_connections: \"0\" is not a number from "
	 "1 to 1000000"},
	{"address_policy",
	 TUNNEL
	 "forwards:\n"
	 "  - {listen: 1, to: \"a.internal:1\", address_policy: stick}\n",
	 -ERR_INVALID,
	 "c.yaml:5:53: address_policy: \"stick\" is not sticky, "
	 "random or first"},
	{"literal outside allowed ips",
	 TUNNEL "forwards:\n"
		"  - listen: 1\n"
		"    to: \"[fdbb::1]:1\"\n",
	 -ERR_INVALID,
	 "c.yaml:6:9: fdbb::1 cannot be reached: it is in no "
	 "peer's allowed ips of tunnel fly; add it there"},
	{"literal of a family the tunnel lacks",
	 TUNNEL "forwards:\n"
		"  - listen: 1\n"
		"    to: 10.0.0.1:1\n",
	 -ERR_INVALID,
	 "c.yaml:6:9: 10.0.0.1 cannot be reached: tunnel fly has "
	 "no IPv4 address; add one to Address"},
	{"name without a name server",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "forwards:\n"
	 "  - listen: 1\n"
	 "    to: a.internal:1\n",
	 -ERR_INVALID,
	 "c.yaml:11:9: a.internal is a name, but tunnel s has no "
	 "name server; add DNS = ADDRESS to [Interface] (YAML: "
	 "dns: [ADDRESS])"},
	{"name server outside allowed ips",
	 "tunnels:\n"
	 "  s:\n"
	 "    private_key_file: key\n"
	 "    address: [10.0.0.2/24]\n"
	 "    peers:\n"
	 "      - public_key: " TEST_PEER_KEY "\n"
	 "        endpoint: a.example:51820\n"
	 "        allowed_ips: [10.0.0.0/24]\n"
	 "    dns: [1.1.1.1]\n"
	 "forwards:\n"
	 "  - listen: 1\n"
	 "    to: a.internal:1\n",
	 -ERR_INVALID,
	 "c.yaml:12:9: a.internal is a name, but no name server "
	 "of tunnel s can be asked; add their addresses to the "
	 "allowed ips of a peer"},
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
