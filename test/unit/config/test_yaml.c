/* SPDX-License-Identifier: ISC */
/* YAML files that must be understood, and what they give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "test/unit/config/files.h"

static struct config load(const char *text, struct config_report *report)
{
	struct config config;
	int err;

	file_write_text("c.yaml", text);
	err = config_load("c.yaml", &config, report);
	if (err != 0)
		fail_msg("%s: %s", error_name(err), report->error);
	return config;
}

static void expect_prefix(const struct prefix *prefix, const char *text)
{
	char got[PREFIX_TEXT_CAP];

	assert_string_equal(prefix_format(prefix, got), text);
}

static const char full[] =
	"tunnels:\n"
	"  fly:\n"
	"    wireguard: fly.conf              # beside this file\n"
	"  staging:\n"
	"    private_key_file: key\n"
	"    address: [fdaa:0:18:a7b:d6b:0:a:2/120, 10.0.0.2/24]\n"
	"    dns: [fdaa:0:18::3]\n"
	"    search: [internal, corp.example]\n"
	"    mtu: 1400\n"
	"    listen_port: 51821\n"
	"    peers:\n"
	"      - public_key: " TEST_PEER_KEY "\n"
	"        preshared_key_file: ./key\n"
	"        endpoint: ams1.gateway.example:51820\n"
	"        allowed_ips: [fdaa:0:18::/48, 10.0.0.0/24]\n"
	"        persistent_keepalive: 15\n"
	"      - public_key: " TEST_PEER2_KEY "\n"
	"        allowed_ips: 10.1.0.0/16\n"
	"forwards:\n"
	"  - listen: 15432\n"
	"    to: appname.internal:5432\n"
	"    tunnel: fly\n"
	"    name: pg\n"
	"    allow: [10.0.0.0/8, \"::1\"]\n"
	"    max_connections: 1000\n"
	"    address_policy: random\n"
	"  - {listen: \"[::1]:15433\", to: \"10.0.0.7:5432\", tunnel: "
	"staging}\n"
	"  - {listen: /run/pg/.s.PGSQL.5432, to: \"[fdaa:0:18::7]:5432\",\n"
	"     tunnel: staging}\n"
	"control: {socket: /run/wgproxyd/control.sock, group: wgproxyd}\n"
	"limits: {memory: 64MiB, connections: 500}\n";

static void expect_tunnels(const struct config *config)
{
	const struct config_tunnel *tunnel = &config->tunnels[1];
	const struct config_peer *peer = &tunnel->peers[0];

	assert_int_equal(config->tunnel_count, 2);
	assert_string_equal(config->tunnels[0].name, "fly");
	assert_int_equal(config->tunnels[0].peer_count, 1);
	assert_string_equal(tunnel->name, "staging");
	assert_memory_equal(&tunnel->private_key,
			    &config->tunnels[0].private_key, KEY_LEN);
	assert_int_equal(tunnel->address_count, 2);
	expect_prefix(&tunnel->addresses[1], "10.0.0.0/24");
	assert_int_equal(tunnel->dns_count, 1);
	assert_int_equal(tunnel->search_count, 2);
	assert_string_equal(tunnel->search[1], "corp.example");
	assert_int_equal(tunnel->mtu, 1400);
	assert_int_equal(tunnel->listen_port, 51821);
	assert_int_equal(tunnel->peer_count, 2);
	assert_true(peer->has_preshared_key);
	assert_memory_equal(&peer->preshared_key, &tunnel->private_key,
			    KEY_LEN);
	assert_string_equal(peer->endpoint.host, "ams1.gateway.example");
	assert_int_equal(peer->endpoint.port, 51820);
	assert_int_equal(peer->allowed_count, 2);
	assert_int_equal(peer->persistent_keepalive_s, 15);
	peer = &tunnel->peers[1];
	assert_false(peer->has_preshared_key);
	assert_string_equal(peer->endpoint.host, "");
	assert_int_equal(peer->allowed_count, 1);
	expect_prefix(&peer->allowed_ips[0], "10.1.0.0/16");
}

static void expect_forwards(const struct config *config)
{
	const struct mapping *forward = &config->forwards[0];
	char text[SOCKET_PATH_CAP];

	assert_int_equal(config->forward_count, 3);
	assert_string_equal(forward->name, "pg");
	assert_string_equal(forward->tunnel, "fly");
	assert_int_equal(forward->listen.kind, LISTEN_LOOPBACK);
	assert_int_equal(forward->listen.port, 15432);
	assert_string_equal(forward->target.host, "appname.internal");
	assert_int_equal(forward->target.port, 5432);
	assert_int_equal(forward->allow_count, 2);
	expect_prefix(&forward->allow[1], "::1/128");
	assert_int_equal(forward->connections_max, 1000);
	assert_int_equal(forward->policy, POLICY_RANDOM);
	forward++;
	assert_string_equal(forward->name, "10.0.0.7");
	assert_string_equal(
		listen_spec_format(&forward->listen, text, sizeof(text)),
		"[::1]:15433");
	assert_int_equal(forward->policy, POLICY_STICKY);
	assert_int_equal(forward->connections_max, 0);
	forward++;
	assert_string_equal(forward->name, "fdaa-0-18--7");
	assert_int_equal(forward->listen.kind, LISTEN_PATH);
	assert_string_equal(forward->listen.path, "/run/pg/.s.PGSQL.5432");
}

static void test_full(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config = load(full, &report);

	(void)state;
	assert_int_equal(report.warning_count, 0);
	expect_tunnels(&config);
	expect_forwards(&config);
	assert_string_equal(config.control_socket,
			    "/run/wgproxyd/control.sock");
	assert_string_equal(config.control_group, "wgproxyd");
	assert_int_equal(config.limits.memory_bytes, 64U << 20);
	assert_int_equal(config.limits.connections, 500);
	config_free(&config);
	config_report_free(&report);
}

/* Keys beside wireguard: replace what the file says, wherever they stand. */
static void test_overrides(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config = load("tunnels:\n"
				    "  fly:\n"
				    "    mtu: 1300\n"
				    "    search: internal\n"
				    "    wireguard: fly.conf\n"
				    "    dns: [fdaa:0:18::4, fdaa:0:18::5]\n"
				    "    listen_port: 7\n",
				    &report);
	const struct config_tunnel *tunnel = &config.tunnels[0];

	(void)state;
	assert_int_equal(tunnel->mtu, 1300);
	assert_int_equal(tunnel->listen_port, 7);
	assert_int_equal(tunnel->search_count, 1);
	assert_string_equal(tunnel->search[0], "internal");
	assert_int_equal(tunnel->dns_count, 2);
	assert_int_equal(tunnel->peer_count, 1);
	config_free(&config);
	config_report_free(&report);
}

static void expect_name(const struct config_name *name, const char *text,
			const char *first, uint32_t count)
{
	char got[IP_TEXT_CAP];

	assert_string_equal(name->name, text);
	assert_string_equal(ip_addr_format(&name->addresses[0], got), first);
	assert_int_equal(name->address_count, count);
}

/* dns as a map, and names before it: the zone is known all the same. */
static void test_zone(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config =
		load("tunnels:\n"
		     "  fly:\n"
		     "    names:\n"
		     "      db: [fdaa::7, 10.0.0.7]\n"
		     "      CACHE.Internal: 10.0.0.8\n"
		     "      a.b: 10.0.0.9\n"
		     "      internal.: 10.0.0.1\n"
		     "      \"1\": 10.0.0.2\n"
		     "      myinternal: 10.0.0.3\n"
		     "    wireguard: fly.conf\n"
		     "    route_between_peers: true\n"
		     "    dns: {zone: Internal., search: [internal]}\n",
		     &report);
	const struct config_tunnel *tunnel = &config.tunnels[0];

	(void)state;
	assert_string_equal(tunnel->zone, "internal");
	assert_true(tunnel->route_between_peers);
	assert_int_equal(tunnel->dns_count, 1); /* the file's */
	assert_int_equal(tunnel->search_count, 1);
	assert_int_equal(tunnel->name_count, 6);
	expect_name(&tunnel->names[0], "db.internal", "fdaa::7", 2);
	expect_name(&tunnel->names[1], "cache.internal", "10.0.0.8", 1);
	expect_name(&tunnel->names[2], "a.b.internal", "10.0.0.9", 1);
	expect_name(&tunnel->names[3], "internal", "10.0.0.1", 1);
	expect_name(&tunnel->names[4], "1.internal", "10.0.0.2", 1);
	expect_name(&tunnel->names[5], "myinternal.internal", "10.0.0.3", 1);
	config_free(&config);
	config_report_free(&report);
}

/* A reload must see whatever the zone says differently. */
static void test_zone_digest(void **state)
{
	static const char *const zones[] = {
		"",
		"    dns: {zone: a}\n",
		"    dns: {zone: b}\n",
		"    dns: {zone: a}\n    names: {x: 10.0.0.1}\n",
		"    dns: {zone: a}\n    names: {x: 10.0.0.2}\n",
		"    dns: {zone: a}\n    names: {y: 10.0.0.1}\n",
		"    dns: {zone: a}\n    names: {x: [10.0.0.1, 10.0.0.2]}\n",
		"    dns: {zone: a}\n    route_between_peers: true\n",
	};
	uint8_t digests[ARRAY_SIZE(zones)][CONFIG_DIGEST_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		struct config_report report = {.warning_count = 0};
		struct config config;
		char text[512] = "tunnels:\n  fly:\n"
				 "    wireguard: fly.conf\n";

		strcat(text, zones[i]);
		config = load(text, &report);
		memcpy(digests[i], config.tunnels[0].digest,
		       sizeof(digests[i]));
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(digests[i], digests[j],
						sizeof(digests[i]));
		config_free(&config);
		config_report_free(&report);
	}
}

#define TUNNEL "tunnels:\n  fly:\n    wireguard: fly.conf\n"

/* Empty parts are as good as none; so are forms that YAML calls equal. */
static void test_forms(void **state)
{
	static const char *const forms[] = {
		TUNNEL,
		(TUNNEL "forwards:\nlimits:\ncontrol:\n"),
		(TUNNEL "forwards: []\nlimits: {}\ncontrol: {}\n"),
		("--- # one document\n" TUNNEL "...\n"),
		("\xef\xbb\xbf" TUNNEL),
		"{\"tunnels\": {\"fly\": {\"wireguard\": \"fly.conf\"}}}",
		"tunnels: {fly: {wireguard: 'fly.conf', dns: fdaa:0:18::3}}",
		"tunnels:\r\n  fly:\r\n    wireguard: fly.conf",
		"tunnels:\n  fly:\n    wireguard: >-\n      fly.conf\n",
		"tunnels: {fly: {wireguard: fly.conf, mtu: '1400'}}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct config_report report = {.warning_count = 0};
		struct config config = load(forms[i], &report);

		if (config.tunnel_count != 1 || config.forward_count != 0 ||
		    report.warning_count != 0 ||
		    config.tunnels[0].dns_count != 1)
			fail_msg("%s", forms[i]);
		config_free(&config);
		config_report_free(&report);
	}
}

/* Names given are kept; the others step aside. */
static void test_default_names(void **state)
{
	static const char *const names[] = {"pg-2", "pg",   "pg-3", "pg-1",
					    "pg-4", "pg-x", "db",   "pg-5"};
	struct config_report report = {.warning_count = 0};
	struct config config =
		load(TUNNEL "forwards:\n"
			    "- 1:pg.internal:5432\n"
			    "- {listen: 2, to: 'a.internal:1', name: pg}\n"
			    "- 3:pg.internal:5432\n"
			    "- {listen: 4, to: 'a.internal:1', name: pg-1}\n"
			    "- 5:pg:5432\n"
			    "- {listen: 6, to: 'a.internal:1', name: pg-x}\n"
			    "- 7:db.:5432\n"
			    "- 8:pg:5432\n",
		     &report);

	(void)state;
	assert_int_equal(config.forward_count, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(config.forwards[i].name, names[i]);
	config_free(&config);
	config_report_free(&report);
}

/* Listeners that look alike and do not clash. */
static void test_no_clash(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config = load(TUNNEL "forwards:\n"
					   "- 0:a.internal:1\n"
					   "- 0:a.internal:1\n"
					   "- 127.0.0.1:5432:a.internal:1\n"
					   "- '[::1]:5432:a.internal:1'\n"
					   "- 127.0.0.2:5432:a.internal:1\n"
					   "- /tmp/a:a.internal:1\n"
					   "- /tmp/b:a.internal:1\n",
				    &report);

	(void)state;
	assert_int_equal(config.forward_count, 7);
	config_free(&config);
	config_report_free(&report);
}

static void test_exposed_listener(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config =
		load(TUNNEL "forwards:\n"
			    "- 192.0.2.1:5432:a.internal:1\n"
			    "- {listen: '192.0.2.1:5433', to: 'a.internal:1',\n"
			    "   allow: 192.0.2.0/24}\n",
		     &report);

	(void)state;
	assert_int_equal(report.warning_count, 1);
	assert_string_equal(report.warnings[0],
			    "c.yaml:5:3: everyone who can reach 192.0.2.1:5432 "
			    "gets to a.internal through the tunnel; name the "
			    "clients with allow: [...]");
	config_free(&config);
	config_report_free(&report);
}

/* The service manager guards its credentials by the folder, not the mode. */
static void test_credentials(void **state)
{
	static const char text[] = "tunnels:\n"
				   "  s:\n"
				   "    private_key_file: open.key\n"
				   "    address: [10.0.0.2/24]\n"
				   "    peers:\n"
				   "      - public_key: " TEST_PEER_KEY "\n"
				   "        endpoint: a.example:51820\n"
				   "        allowed_ips: [10.0.0.0/24]\n";
	struct config_report report = {.warning_count = 0};
	char path[PATH_CAP];
	struct config config;
	char *here = realpath(".", NULL);

	(void)state;
	CHECK(here != NULL && strlen(here) < sizeof(path) - 16);
	file_write_text("c.yaml", text);
	strcpy(path, here);
	strcat(path, "/c.yaml");
	assert_int_equal(config_load(path, &config, &report), -ERR_PERMISSION);
	config_report_free(&report);

	setenv("CREDENTIALS_DIRECTORY", here, 1);
	assert_int_equal(config_load(path, &config, &report), 0);
	config_free(&config);
	config_report_free(&report);

	/* Another folder whose name begins the same is not it. */
	here[strlen(here) - 1] = '\0';
	setenv("CREDENTIALS_DIRECTORY", here, 1);
	assert_int_equal(config_load(path, &config, &report), -ERR_PERMISSION);
	unsetenv("CREDENTIALS_DIRECTORY");
	config_report_free(&report);
	free(here);
}

/* A credential goes before the file of that name, and the service manager has
 * no folders: keys/s.key is its keys_s.key. */
static void test_credential_names(void **state)
{
	static const char text[] = "tunnels:\n"
				   "  s:\n"
				   "    private_key_file: keys/s.key\n"
				   "    address: [10.0.0.2/24]\n"
				   "    peers:\n"
				   "      - public_key: " TEST_PEER_KEY "\n"
				   "        endpoint: a.example:51820\n"
				   "        allowed_ips: [10.0.0.0/24]\n";
	struct config_report report = {.warning_count = 0};
	char *here = realpath(".", NULL), creds[PATH_CAP];
	struct config config;

	(void)state;
	CHECK(here != NULL && strlen(here) < sizeof(creds) - 16);
	strcpy(creds, here);
	strcat(creds, "/creds");
	CHECK(mkdir(creds, 0700) == 0);
	setenv("CREDENTIALS_DIRECTORY", creds, 1);
	file_write_text("c.yaml", text);
	assert_int_equal(config_load("c.yaml", &config, &report), -ERR_IO);
	assert_int_equal(report.folder_count, 2);
	assert_string_equal(report.folders[0], ".");
	assert_string_equal(report.folders[1], "keys");
	config_report_free(&report);

	file_write_text("creds/keys_s.key", TEST_PRIVATE_KEY "\n");
	assert_int_equal(config_load("c.yaml", &config, &report), 0);
	assert_int_equal(report.folder_count, 2);
	assert_string_equal(report.folders[1], creds);
	config_free(&config);
	config_report_free(&report);
	unsetenv("CREDENTIALS_DIRECTORY");
	unlink("creds/keys_s.key");
	rmdir("creds");
	free(here);
}

static void test_unreadable(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	assert_int_equal(config_load("gone.yaml", &config, &report), -ERR_IO);
	assert_string_equal(
		report.error,
		"gone.yaml: cannot be read: No such file or directory");
	config_report_free(&report);
	assert_int_equal(config_load("folder", &config, &report), -ERR_IO);
	assert_string_equal(report.error,
			    "folder: cannot be read: this is no regular file");
	config_report_free(&report);
	file_write("nul.yaml", "a: \0b\n", 6, 0600);
	assert_int_equal(config_load("nul.yaml", &config, &report),
			 -ERR_INVALID);
	assert_string_equal(report.error,
			    "nul.yaml: cannot be read: this is no text file");
	config_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_zone_digest),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_default_names),
		cmocka_unit_test(test_no_clash),
		cmocka_unit_test(test_exposed_listener),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_credential_names),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
