/* SPDX-License-Identifier: ISC */
/*
 * wg-quick files that are refused. The whole message is compared, place
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

static const struct bad_file bad_files[] = {
	{"empty file", "", -ERR_INVALID,
	 "c.conf:1:1: tunnel c has no private key; add PrivateKey "
	 "= KEY to [Interface]"},
	{"no interface section",
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = ::/0\n",
	 -ERR_INVALID,
	 "c.conf:1:1: tunnel c has no private key; add PrivateKey "
	 "= KEY to [Interface]"},
	{"setting before a section", "PrivateKey = " TEST_PRIVATE_KEY "\n",
	 -ERR_SYNTAX,
	 "c.conf:1:1: a setting before any section; write "
	 "[Interface] above it"},
	{"unknown section", "[Interfaces]\n", -ERR_SYNTAX,
	 "c.conf:1:1: unknown section [Interfaces]; expected "
	 "[Interface] or [Peer]; did you mean [Interface]?"},
	{"section of another program",
	 "[Socks5]\n"
	 "BindAddress = 127.0.0.1:1080\n",
	 -ERR_SYNTAX,
	 "c.conf:1:1: unknown section [Socks5]; expected "
	 "[Interface] or [Peer]"},
	{"unclosed section", "[Interface\n", -ERR_SYNTAX,
	 "c.conf:1:1: unknown section [Interface; expected "
	 "[Interface] or [Peer]; did you mean [Interface]?"},
	{"unknown key in [Interface]",
	 "[Interface]\n"
	 "PrivatKey = x\n",
	 -ERR_SYNTAX,
	 "c.conf:2:1: unknown key PrivatKey in [Interface]; did "
	 "you mean PrivateKey?"},
	{"unknown key in [Peer]",
	 "[Peer]\n"
	 "AllowedIP = ::/0\n",
	 -ERR_SYNTAX,
	 "c.conf:2:1: unknown key AllowedIP in [Peer]; did you "
	 "mean AllowedIPs?"},
	{"unknown key far from all",
	 "[Interface]\n"
	 "Jmin = 5\n",
	 -ERR_SYNTAX, "c.conf:2:1: unknown key Jmin in [Interface]"},
	{"key of the other section",
	 "[Interface]\n"
	 "Endpoint = a:1\n",
	 -ERR_SYNTAX,
	 "c.conf:2:1: Endpoint belongs into [Peer], not into "
	 "[Interface]"},
	{"key of [Interface] in [Peer]",
	 "[Peer]\n"
	 "Address = 10.0.0.1\n",
	 -ERR_SYNTAX,
	 "c.conf:2:1: Address belongs into [Interface], not into "
	 "[Peer]"},
	{"no equals sign",
	 "[Interface]\n"
	 "  Address 10.0.0.1\n",
	 -ERR_SYNTAX,
	 "c.conf:2:3: this is not a setting; expected Key = value"},
	{"no value",
	 "[Interface]\n"
	 "PrivateKey =\n",
	 -ERR_SYNTAX, "c.conf:2:13: PrivateKey has no value"},
	{"value behind a comment sign",
	 "[Interface]\n"
	 "PrivateKey = # later\n",
	 -ERR_SYNTAX, "c.conf:2:13: PrivateKey has no value"},
	{"private key",
	 "[Interface]\n"
	 "PrivateKey = 4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOma=\n",
	 -ERR_INVALID,
	 "c.conf:2:14: PrivateKey: this is not a key; expected 44 "
	 "characters of base64"},
	{"private key twice",
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "privatekey = " TEST_PRIVATE_KEY "\n",
	 -ERR_SYNTAX,
	 "c.conf:3:1: PrivateKey is given twice; one [Interface] "
	 "has one PrivateKey"},
	{"forgotten [Peer]", TEST_FLY_CONF "PublicKey = " TEST_PEER2_KEY "\n",
	 -ERR_SYNTAX,
	 "c.conf:13:1: PublicKey is given twice; one [Peer] has "
	 "one PublicKey"},
	{"no private key",
	 "\n"
	 "[Interface]\n"
	 "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:2:1: tunnel c has no private key; add PrivateKey "
	 "= KEY to [Interface]"},
	{"no address",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "# fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:2:1: tunnel c has no address; add Address = "
	 "ADDRESS to [Interface]"},
	{"no peer",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:2:1: tunnel c has no peer; add a [Peer] section "
	 "with PublicKey = KEY"},
	{"peer without a key",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:7:1: this [Peer] has no PublicKey; add PublicKey "
	 "= the key of the other side"},
	{"first of two peers without a key",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n",
	 -ERR_INVALID,
	 "c.conf:7:1: this [Peer] has no PublicKey; add PublicKey "
	 "= the key of the other side"},
	{"address item",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120, 10.0.0.1/x\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:4:40: Address: \"10.0.0.1/x\" is not an address "
	 "with a prefix length, such as 10.0.0.0/24 or "
	 "fdaa:0:18::/48"},
	{"address is a name",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = host\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:4:11: Address: \"host\" is not an address with a "
	 "prefix length, such as 10.0.0.0/24 or fdaa:0:18::/48"},
	{"listen port",
	 "[Interface]\n"
	 "\tListenPort\t=\t65536\n",
	 -ERR_INVALID,
	 "c.conf:2:15: ListenPort: \"65536\" is not a number from 0 "
	 "to 65535"},
	{"mtu",
	 "[Interface]\n"
	 "MTU = 1000\n",
	 -ERR_INVALID,
	 "c.conf:2:7: MTU: \"1000\" is not a number from 1280 to "
	 "9000"},
	{"dns server",
	 "[Interface]\n"
	 "DNS = 10.0.0.1, 10.0.0.256\n",
	 -ERR_INVALID,
	 "c.conf:2:17: DNS: \"10.0.0.256\" is not the address of a "
	 "name server"},
	{"search domain",
	 "[Interface]\n"
	 "DNS = 10.0.0.1, in?ternal\n",
	 -ERR_INVALID,
	 "c.conf:2:17: DNS: \"in?ternal\" is not a search domain "
	 "such as internal"},
	{"seven search domains",
	 "[Interface]\n"
	 "DNS = a, b, c, d, e, f, g\n",
	 -ERR_INVALID, "c.conf:2:25: DNS: more than 6; remove some"},
	{"public key",
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "x\n",
	 -ERR_INVALID,
	 "c.conf:2:13: PublicKey: this is not a key; expected 44 "
	 "characters of base64"},
	{"preshared key",
	 "[Peer]\n"
	 "PresharedKey = none\n",
	 -ERR_INVALID,
	 "c.conf:2:16: PresharedKey: this is not a key; expected "
	 "44 characters of base64"},
	{"endpoint without a port",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID, "c.conf:10:12: Endpoint has no port; write host:51820"},
	{"endpoint IPv6 without a port",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = [fdaa::1]\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID, "c.conf:10:12: Endpoint has no port; write host:51820"},
	{"endpoint that is ambiguous",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = 2001:db8::1:443\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:10:12: Endpoint: where the port begins in "
	 "\"2001:db8::1:443\" is not clear; write [address]:port"},
	{"endpoint with a word as port",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:wg\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:10:12: Endpoint: \"ams1.gateway.6pn.dev:wg\" is "
	 "not an endpoint: its port is not a number from 1 to "
	 "65535"},
	{"endpoint in half a bracket",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = [fdaa::1:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:10:12: Endpoint: \"[fdaa::1:51820\" is not an "
	 "endpoint: write name:port, 1.2.3.4:port or [IPv6]:port"},
	{"keepalive",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15s\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:11:23: PersistentKeepalive: \"15s\" is not a "
	 "number from 0 to 65535"},
	{"allowed ip item",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = 10.0.0.0/8 , \303\251,fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:9:27: AllowedIPs: \"\303\251\" is not an address with a "
	 "prefix length, such as 10.0.0.0/24 or fdaa:0:18::/48"},
	{"allowed ip taken away",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = -10.0.0.0/8fdaa:0:18::/48\n"
	 "Endpoint = ams1.gateway.6pn.dev:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:9:14: AllowedIPs: \"-10.0.0.0/8fdaa:0:18::/48\" is "
	 "not an address with a prefix length, such as "
	 "10.0.0.0/24 or fdaa:0:18::/48"},
	{"same peer twice",
	 TEST_FLY_CONF "[Peer]\n"
		       "PublicKey = " TEST_PEER_KEY "\n",
	 -ERR_INVALID,
	 "c.conf:13:1: this peer's public key is that of the peer "
	 "in line 7; join them"},
	{"endpoint with half a scope",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = [fe80::1%]:51820\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:10:12: Endpoint: \"[fe80::1%]:51820\" is not an "
	 "endpoint: write name:port, 1.2.3.4:port or [IPv6]:port"},
	{"endpoint too long",
	 "\n"
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n"
	 "Address = fdaa:0:18:a7b:d6b:0:a:2/120\n"
	 "DNS = fdaa:0:18::3\n"
	 "\n"
	 "[Peer]\n"
	 "PublicKey = " TEST_PEER_KEY "\n"
	 "AllowedIPs = fdaa:0:18::/48\n"
	 "Endpoint = "
	 "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	 "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	 "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	 "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.:1\n"
	 "PersistentKeepalive = 15\n"
	 "\n",
	 -ERR_INVALID,
	 "c.conf:10:12: Endpoint: "
	 "\"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"
	 ".a.a.\" is not an endpoint: it is too long"},
	{"a key that lost its name",
	 "[Interface]\n"
	 "PrivateKey = " TEST_PRIVATE_KEY "\n" TEST_PRIVATE_KEY "\n",
	 -ERR_SYNTAX, "c.conf:3:1: unknown key (hidden) in [Interface]"},
	{"a key without an equals sign",
	 "[Interface]\n"
	 "PrivateKey 4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8\n",
	 -ERR_SYNTAX,
	 "c.conf:2:1: this is not a setting; expected Key = value"},
	{"carriage returns count no columns",
	 "[Interface]\r\n"
	 "MTU = 1\r\n",
	 -ERR_INVALID,
	 "c.conf:2:7: MTU: \"1\" is not a number from 1280 to 9000"},
};

static void test_bad_files(void **state)
{
	(void)state;
	bad_wgquick_check(bad_files, ARRAY_SIZE(bad_files));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
