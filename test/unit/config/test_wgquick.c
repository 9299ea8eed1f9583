/* SPDX-License-Identifier: ISC */
/* wg-quick files that must be understood, and what they give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "test/unit/config/files.h"

static struct config load(const char *path, struct config_report *report)
{
	struct config config;
	int err = config_from_arguments(&path, 1, NULL, 0, &config, report);

	if (err != 0)
		fail_msg("%s: %s: %s", path, error_name(err), report->error);
	return config;
}

static void expect_addr(const struct ip_addr *addr, const char *text)
{
	char got[IP_TEXT_CAP];

	assert_string_equal(ip_addr_format(addr, got), text);
}

static void expect_prefix(const struct prefix *prefix, const char *text)
{
	char got[PREFIX_TEXT_CAP];

	assert_string_equal(prefix_format(prefix, got), text);
}

static void expect_key(const struct key *key, const char *text)
{
	char got[KEY_TEXT_CAP];

	assert_string_equal(key_format(key, got), text);
}

static void test_fly(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config = load("fly.conf", &report);
	const struct config_tunnel *tunnel = &config.tunnels[0];
	const struct config_peer *peer = &tunnel->peers[0];

	(void)state;
	assert_int_equal(report.warning_count, 0);
	assert_int_equal(config.tunnel_count, 1);
	assert_string_equal(tunnel->name, "fly");
	expect_key(&tunnel->private_key, TEST_PRIVATE_KEY);
	assert_int_equal(tunnel->address_count, 1);
	expect_addr(&tunnel->addresses_host[0], "fdaa:0:18:a7b:d6b:0:a:2");
	expect_prefix(&tunnel->addresses[0], "fdaa:0:18:a7b:d6b:0:a:0/120");
	assert_int_equal(tunnel->dns_count, 1);
	expect_addr(&tunnel->dns[0], "fdaa:0:18::3");
	assert_int_equal(tunnel->search_count, 0);
	assert_int_equal(tunnel->mtu, MTU_DEFAULT); /* S5 */
	assert_int_equal(tunnel->listen_port, 0);
	assert_int_equal(tunnel->peer_count, 1);
	expect_key(&peer->public_key, TEST_PEER_KEY);
	assert_false(peer->has_preshared_key);
	assert_string_equal(peer->endpoint.host, "ams1.gateway.6pn.dev");
	assert_int_equal(peer->endpoint.port, 51820);
	assert_int_equal(peer->allowed_count, 1);
	expect_prefix(&peer->allowed_ips[0], "fdaa:0:18::/48");
	assert_int_equal(peer->persistent_keepalive_s, 15);
	assert_int_equal(config.limits.memory_bytes, 256U << 20);
	assert_int_equal(config.limits.connections, 10000);
	config_free(&config);
	config_report_free(&report);
}

/* Every liberty that wg(8) and wg-quick(8) allow, in one file. */
static const char liberties[] =
	"\xef\xbb\xbf# made by hand \xc3\xa9\r\n"
	"[INTERFACE]   # the near side\r\n"
	"\tprivatekey\t=\t" TEST_PRIVATE_KEY "# no blank before\r\n"
	"ADDRESS=10.0.0.2/24,fdaa::2/64 , 10.9.9.9\r\n"
	"Address = fdbb::1\r\n"
	"dns = 10.0.0.1, internal\r\n"
	"DNS = fdaa::3, corp.example ,\r\n"
	"mtu = 1380\r\n"
	"ListenPort = 51821\r\n"
	"\r\n"
	"[peer]\r\n"
	"PublicKey = " TEST_PEER_KEY "\r\n"
	"PresharedKey = " TEST_PRIVATE_KEY "\r\n"
	"Endpoint = [fdcc::9] : 51820\r\n"
	"AllowedIPs = 10.0.0.77/24, +fdaa::/64\r\n"
	"AllowedIPs =\r\n"
	"AllowedIPs = 10.5.0.1\r\n"
	"PersistentKeepalive = OFF\r\n"
	"[Peer]\r\n"
	"PublicKey = " TEST_PEER2_KEY "\r\n"
	"AllowedIPs = 0.0.0.0/0, ::/0\r\n"
	"Endpoint = fdcc::9:51820";

static void test_liberties(void **state)
{
	struct config_report report = {.warning_count = 0};
	const struct config_tunnel *tunnel;
	const struct config_peer *peer;
	struct config config;

	(void)state;
	file_write_text("my tunnel.conf", liberties);
	config = load("my tunnel.conf", &report);
	tunnel = &config.tunnels[0];
	assert_int_equal(report.warning_count, 0);
	assert_string_equal(tunnel->name, "my-tunnel");
	expect_key(&tunnel->private_key, TEST_PRIVATE_KEY);
	assert_int_equal(tunnel->address_count, 4);
	expect_prefix(&tunnel->addresses[0], "10.0.0.0/24");
	expect_addr(&tunnel->addresses_host[0], "10.0.0.2");
	expect_prefix(&tunnel->addresses[1], "fdaa::/64");
	expect_prefix(&tunnel->addresses[2], "10.9.9.9/32");
	expect_prefix(&tunnel->addresses[3], "fdbb::1/128");
	assert_int_equal(tunnel->dns_count, 2);
	expect_addr(&tunnel->dns[0], "10.0.0.1");
	expect_addr(&tunnel->dns[1], "fdaa::3");
	assert_int_equal(tunnel->search_count, 2);
	assert_string_equal(tunnel->search[0], "internal");
	assert_string_equal(tunnel->search[1], "corp.example");
	assert_int_equal(tunnel->mtu, 1380);
	assert_int_equal(tunnel->listen_port, 51821);
	assert_int_equal(tunnel->peer_count, 2);

	peer = &tunnel->peers[0];
	assert_true(peer->has_preshared_key);
	expect_key(&peer->preshared_key, TEST_PRIVATE_KEY);
	assert_string_equal(peer->endpoint.host, "fdcc::9");
	assert_int_equal(peer->endpoint.port, 51820);
	assert_int_equal(peer->allowed_count, 3);
	expect_prefix(&peer->allowed_ips[0], "10.0.0.0/24");
	expect_prefix(&peer->allowed_ips[1], "fdaa::/64");
	expect_prefix(&peer->allowed_ips[2], "10.5.0.1/32");
	assert_int_equal(peer->persistent_keepalive_s, 0);

	/* 51820 is no group of an IPv6 address, so the colon before it is the
	 * last one. */
	peer = &tunnel->peers[1];
	expect_key(&peer->public_key, TEST_PEER2_KEY);
	assert_string_equal(peer->endpoint.host, "fdcc::9");
	assert_int_equal(peer->endpoint.port, 51820);
	config_free(&config);
	config_report_free(&report);
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
	} cases[] = {
		{"1.2.3.4:51820", "1.2.3.4", 51820},
		{"gw.example.com:1", "gw.example.com", 1},
		{"gw.example.com.:65535", "gw.example.com.", 65535},
		{"localhost:51820", "localhost", 51820},
		{"[2001:db8::1]:443", "2001:db8::1", 443},
		{"2001:db8::1:51820", "2001:db8::1", 51820},
		{"[::ffff:1.2.3.4]:443", "1.2.3.4", 443},
		{"3com.example:443", "3com.example", 443},
		{"[fe80::1%lo]:443", "fe80::1%lo", 443},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config_report report = {.warning_count = 0};
		const struct config_endpoint *endpoint;
		struct config config;
		char text[512];

		snprintf(text, sizeof(text),
			 "[Interface]\nPrivateKey=" TEST_PRIVATE_KEY
			 "\nAddress=10.0.0.1\n[Peer]\nPublicKey=" TEST_PEER_KEY
			 "\nAllowedIPs=10.0.0.0/8\nEndpoint=%s\n",
			 cases[i].text);
		file_write_text("c.conf", text);
		config = load("c.conf", &report);
		endpoint = &config.tunnels[0].peers[0].endpoint;
		if (strcmp(endpoint->host, cases[i].host) != 0 ||
		    endpoint->port != cases[i].port)
			fail_msg("%s gives %s, %u", cases[i].text,
				 endpoint->host, endpoint->port);
		config_free(&config);
		config_report_free(&report);
	}
}

/* --------------------------------------------------------------- warnings */

#define HEAD                                          \
	"[Interface]\nPrivateKey = " TEST_PRIVATE_KEY \
	"\nAddress = 10.0.0.2/24\n"
#define PEER                                 \
	"[Peer]\nPublicKey = " TEST_PEER_KEY \
	"\nEndpoint = a.example:1\nAllowedIPs = 10.0.0.0/8\n"
/* The public key of TEST_PRIVATE_KEY. */
#define OWN_KEY "rlbInAj0qV69CysWPQY7KEBnKxpYCpaWqOs/dLevdWc="

static const struct {
	const char *name;
	const char *text;
	mode_t mode;
	uint32_t count;
	const char *warning; /* the last one */
} warned[] = {
	{"nothing", HEAD PEER, 0600, 0, ""},
	{"readable by others", HEAD PEER, 0640, 1,
	 "c.conf: other users may read this file and the key in it; chmod 600 "
	 "it"},
	{"Table", HEAD "Table = off\n" PEER, 0600, 1,
	 "c.conf:4:9: Table is ignored: wgproxyd does not change the host's "
	 "network"},
	{"hooks and the like",
	 HEAD "PreUp = a\nPostUp = b; c\nPreDown = d = e\nPostDown=f\n"
	      "SaveConfig = true\nFwMark = 0x1\nPostUp = again\n" PEER,
	 0600, 7,
	 "c.conf:10:10: PostUp is ignored: wgproxyd does not change the host's "
	 "network"},
	{"a peer that is ourselves",
	 HEAD PEER "[Peer]\nPublicKey = " OWN_KEY
		   "\nAllowedIPs = 10.1.0.0/16\n",
	 0600, 1,
	 "c.conf:8:1: this peer is ignored: its public key is this tunnel's "
	 "own; write the other side's key"},
	{"one prefix for two peers",
	 HEAD PEER "[Peer]\nPublicKey = " TEST_PEER2_KEY
		   "\nEndpoint = b.example:1\nAllowedIPs = 10.0.0.1/8\n",
	 0600, 1,
	 "c.conf:8:1: 10.0.0.0/8 is allowed for the peer in line 4 too; this "
	 "one gets it"},
	{"a prefix inside another peer's",
	 HEAD PEER "[Peer]\nPublicKey = " TEST_PEER2_KEY
		   "\nEndpoint = b.example:1\nAllowedIPs = 10.1.0.0/16\n",
	 0600, 0, ""},
	{"a peer without allowed ips",
	 HEAD PEER "[Peer]\nPublicKey = " TEST_PEER2_KEY
		   "\nEndpoint = b.example:1\n",
	 0600, 1,
	 "c.conf:8:1: this peer has no allowed ips, so nothing is sent to it"},
	{"a peer without an endpoint",
	 HEAD PEER "[Peer]\nPublicKey = " TEST_PEER2_KEY
		   "\nAllowedIPs = 10.1.0.0/16\n",
	 0600, 1,
	 "c.conf:8:1: this peer has no endpoint and the tunnel no fixed listen "
	 "port, so neither can find the other"},
	{"a peer that comes to us",
	 HEAD "ListenPort = 51820\n" PEER "[Peer]\nPublicKey = " TEST_PEER2_KEY
	      "\nAllowedIPs = 10.1.0.0/16\n",
	 0600, 0, ""},
	{"a name server outside allowed ips", HEAD "DNS = 1.1.1.1\n" PEER, 0600,
	 1,
	 "c.conf:1:1: name server 1.1.1.1 cannot be asked: it is in no peer's "
	 "allowed ips; add it there"},
	{"a name server of the other family", HEAD "DNS = fdaa::3\n" PEER, 0600,
	 1,
	 "c.conf:1:1: name server fdaa::3 cannot be asked: tunnel c has no "
	 "IPv6 address"},
};

static void test_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(warned); i++) {
		struct config_report report = {.warning_count = 0};
		const char *last = "";
		struct config config;

		file_write("c.conf", warned[i].text, strlen(warned[i].text),
			   warned[i].mode);
		config = load("c.conf", &report);
		if (report.warning_count > 0)
			last = report.warnings[report.warning_count - 1];
		if (report.warning_count != warned[i].count ||
		    strcmp(last, warned[i].warning) != 0)
			fail_msg("%s: %u warnings, the last:\n%s\n%s",
				 warned[i].name, report.warning_count, last,
				 warned[i].warning);
		config_free(&config);
		config_report_free(&report);
	}
}

/* A report is bounded, and says so. */
static void test_many_warnings(void **state)
{
	struct config_report report = {.warning_count = 0};
	char text[4096] = HEAD;
	struct config config;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "Table = 1\n");
	strcat(text, PEER);
	file_write_text("c.conf", text);
	config = load("c.conf", &report);
	assert_int_equal(report.warning_count, 64);
	assert_string_equal(report.warnings[63],
			    "further warnings are left out");
	config_free(&config);
	config_report_free(&report);
}

static void test_own_peer_is_gone(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	file_write_text("c.conf", HEAD "[Peer]\nPublicKey = " OWN_KEY
				       "\nAllowedIPs = 10.1.0.0/16\n" PEER);
	config = load("c.conf", &report);
	assert_int_equal(config.tunnels[0].peer_count, 1);
	expect_key(&config.tunnels[0].peers[0].public_key, TEST_PEER_KEY);
	expect_prefix(&config.tunnels[0].peers[0].allowed_ips[0], "10.0.0.0/8");
	config_free(&config);
	config_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fly),
		cmocka_unit_test(test_liberties),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_many_warnings),
		cmocka_unit_test(test_own_peer_is_gone),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
