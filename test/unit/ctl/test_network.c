/* SPDX-License-Identifier: ISC */
#include "ctl/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

static void test_names(void **state)
{
	static const char *const good[] = {"a", "client1", "a.b_c-d", "0",
					   "fifteenletters1"};
	static const char *const bad[] = {
		"", "-a", ".a", "_a", "a/b", "a b", "sixteenletters16"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(network_is_client_name(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(network_is_client_name(bad[i]));
}

static void test_ula(void **state)
{
	const uint8_t random[5] = {0x12, 0x34, 0x56, 0x78, 0x9a};
	struct prefix prefix = network_ula(random);
	char text[PREFIX_TEXT_CAP];

	(void)state;
	assert_string_equal(prefix_format(&prefix, text),
			    "fd12:3456:789a::/48");
}

/* result NULL: there is no such address. */
static void test_address(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t host;
		const char *result;
	} cases[] = {
		{"fd00::/48", 1, "fd00::1"},
		{"fd00::/48", 0x12345, "fd00::1:2345"},
		{"fd00::/127", 1, "fd00::1"},
		{"fd00::/127", 2, NULL},
		{"fd00::/128", 1, NULL},
		{"fd00::/96", 0xfffffffe, "fd00::ffff:fffe"},
		{"10.1.0.0/16", 258, "10.1.1.2"},
		{"10.1.0.0/24", 254, "10.1.0.254"},
		{"10.1.0.0/24", 255, NULL},
		{"10.1.0.0/32", 1, NULL},
		{"0.0.0.0/0", 1, "0.0.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[IP_TEXT_CAP];
		struct prefix prefix;
		struct ip_addr addr;
		int err;

		assert_int_equal(prefix_parse(cases[i].prefix, &prefix), 0);
		err = network_address(&prefix, cases[i].host, &addr);
		assert_int_equal(err, cases[i].result == NULL ? -ERR_FULL : 0);
		if (err == 0)
			assert_string_equal(ip_addr_format(&addr, text),
					    cases[i].result);
	}
}

static void test_free_address(void **state)
{
	struct prefix allowed[3];
	struct config_peer peers[2] = {
		{.allowed_ips = allowed, .allowed_count = 1},
		{.allowed_ips = allowed + 1, .allowed_count = 2},
	};
	struct config_tunnel tunnel = {
		.address_count = 1, .peers = peers, .peer_count = 2};
	char text[IP_TEXT_CAP];
	struct prefix prefix;
	struct ip_addr addr;

	(void)state;
	assert_int_equal(prefix_parse("10.1.0.0/28", &prefix), 0);
	assert_int_equal(ip_addr_parse("10.1.0.5", tunnel.addresses_host), 0);
	assert_int_equal(prefix_parse("10.1.0.2/32", &allowed[0]), 0);
	assert_int_equal(prefix_parse("fd00::/8", &allowed[1]), 0);
	assert_int_equal(prefix_parse("10.1.0.6/31", &allowed[2]), 0);

	assert_int_equal(network_free_address(&prefix, &tunnel, &addr), 0);
	assert_string_equal(ip_addr_format(&addr, text), "10.1.0.3");
	assert_int_equal(prefix_parse("10.1.0.0/30", &allowed[0]), 0);
	assert_int_equal(network_free_address(&prefix, &tunnel, &addr), 0);
	assert_string_equal(ip_addr_format(&addr, text), "10.1.0.4");
	assert_int_equal(prefix_parse("10.1.0.0/29", &allowed[0]), 0);
	assert_int_equal(network_free_address(&prefix, &tunnel, &addr), 0);
	assert_string_equal(ip_addr_format(&addr, text), "10.1.0.8");
	assert_int_equal(prefix_parse("10.0.0.0/8", &allowed[0]), 0);
	assert_int_equal(network_free_address(&prefix, &tunnel, &addr),
			 -ERR_FULL);
}

static void test_find_gateway(void **state)
{
	static const struct {
		const char *yaml, *gateway;
	} cases[] = {
		{"# gateway: a.example:1", "a.example:1"},
		{"x: 1\n  # gateway: [fd00::1]:51820 \ny: 2\n",
		 "[fd00::1]:51820"},
		{"# gateway: a.example:1\r\n", "a.example:1"},
		{"# gateway: a.example\n", NULL},
		{"# gateway: \n", NULL},
		{"gateway: a.example:1\n", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TARGET_TEXT_CAP];
		struct target target;
		int err = network_find_gateway(cases[i].yaml, &target);

		assert_int_equal(err,
				 cases[i].gateway == NULL ? -ERR_NOT_FOUND : 0);
		if (err == 0)
			assert_string_equal(
				target_format(&target, text, sizeof(text)),
				cases[i].gateway);
	}
}

static struct network example(void)
{
	struct network network = {
		.gateway = {.host = "gw.example", .port = 51820},
		.zone = "internal",
		.prefix_count = 2,
		.public_key = {{1}},
	};

	assert_int_equal(prefix_parse("fd00::/48", &network.prefixes[0]), 0);
	assert_int_equal(ip_addr_parse("fd00::1", &network.hosts[0]), 0);
	assert_int_equal(prefix_parse("10.1.0.0/24", &network.prefixes[1]), 0);
	assert_int_equal(ip_addr_parse("10.1.0.1", &network.hosts[1]), 0);
	return network;
}

static struct network_client example_client(void)
{
	struct network_client client = {
		.name = "phone",
		.private_key = {{2}},
		.public_key = {{3}},
		.preshared_key = {{4}},
	};

	assert_int_equal(ip_addr_parse("fd00::2", &client.addresses[0]), 0);
	assert_int_equal(ip_addr_parse("10.1.0.2", &client.addresses[1]), 0);
	return client;
}

#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void test_client_text(void **state)
{
	struct network network = example();
	struct network_client client = example_client();
	char text[CLIENT_TEXT_CAP];

	(void)state;
	network_client_text(&network, &client, text);
	assert_string_equal(text, "[Interface]\n"
				  "PrivateKey = Ag" ZEROS "\n"
				  "Address = fd00::2/128, 10.1.0.2/32\n"
				  "DNS = fd00::1, 10.1.0.1, internal\n"
				  "\n"
				  "[Peer]\n"
				  "PublicKey = AQ" ZEROS "\n"
				  "PresharedKey = BA" ZEROS "\n"
				  "Endpoint = gw.example:51820\n"
				  "AllowedIPs = fd00::/48, 10.1.0.0/24\n"
				  "PersistentKeepalive = 25\n");
	network.zone[0] = '\0';
	network_client_text(&network, &client, text);
	assert_null(strstr(text, "DNS"));
}

/* Nothing may be cut off: the longest of everything. */
static void test_longest_client_text(void **state)
{
	struct network network = example();
	struct network_client client = example_client();
	char text[CLIENT_TEXT_CAP];

	(void)state;
	memset(network.zone, 'a', NAME_CAP - 1);
	memset(network.gateway.host, 'a', NAME_CAP - 1);
	network.prefix_count = TUNNEL_ADDRESSES_MAX;
	for (uint32_t i = 0; i < TUNNEL_ADDRESSES_MAX; i++) {
		struct ip_addr *addr = &client.addresses[i];

		addr->family = IP_V6;
		memset(addr->bytes, 0xfd, sizeof(addr->bytes));
		network.hosts[i] = *addr;
		network.prefixes[i] = (struct prefix){*addr, 128};
	}
	network_client_text(&network, &client, text);
	assert_non_null(strstr(text, "PersistentKeepalive = 25\n"));
}

static void test_put_peer(void **state)
{
	struct network network = example();
	struct network_client client = example_client();
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	network_put_peer(out, &network, &client, 2);
	fclose(out);
	assert_string_equal(text,
			    "  - public_key: Aw" ZEROS "\n"
			    "    preshared_key_file: phone.psk\n"
			    "    allowed_ips: [fd00::2/128, 10.1.0.2/32]\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ula),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_free_address),
		cmocka_unit_test(test_find_gateway),
		cmocka_unit_test(test_client_text),
		cmocka_unit_test(test_longest_client_text),
		cmocka_unit_test(test_put_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
