/* SPDX-License-Identifier: ISC */
/* Exposes in YAML that are refused, or not as they may be meant. */
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
#define ZONE   "    dns: {zone: internal}\n"
#define SECOND "  other: {wireguard: fly.conf}\n"

static const struct bad_file bad_files[] = {
	{"no listen", TUNNEL "exposes:\n- {to: 5432}\n", -ERR_SYNTAX,
	 "c.yaml:5:3: exposes: this expose has no listen; add listen: PORT"},
	{"no target", TUNNEL "exposes:\n- {listen: 5432}\n", -ERR_SYNTAX,
	 "c.yaml:5:3: exposes: this expose has no to; add to: localhost:PORT"},
	{"unknown key", TUNNEL "exposes:\n- {listen: 1, to: 2, alow: a}\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:22: unknown key \"alow\" in an expose; did you mean allow?"},
	{"address policy",
	 TUNNEL "exposes:\n- {listen: 1, to: 2, address_policy: first}\n",
	 -ERR_SYNTAX,
	 "c.yaml:5:22: unknown key \"address_policy\" in an expose"},
	{"address of nobody",
	 TUNNEL "exposes:\n- {listen: '10.0.0.1:1', to: 2}\n", -ERR_INVALID,
	 "c.yaml:5:12: 10.0.0.1 is not an address of tunnel fly; write one of "
	 "its own, or the port alone for all of them"},
	{"same port", TUNNEL "exposes:\n- {listen: 1, to: 2, name: a}\n- 1:3\n",
	 -ERR_INVALID,
	 "c.yaml:6:3: 1 is taken by expose a; choose another port"},
	{"same port at one address",
	 TUNNEL "exposes:\n- {listen: 1, to: 2, name: a}\n"
		"- '[fdaa:0:18:a7b:d6b:0:a:2]:1:3'\n",
	 -ERR_INVALID,
	 "c.yaml:6:3: [fdaa:0:18:a7b:d6b:0:a:2]:1 is taken by expose a; "
	 "choose another port"},
	{"which tunnel", TUNNEL SECOND "exposes:\n- 1:2\n", -ERR_INVALID,
	 "c.yaml:6:3: expose port-1 does not say which tunnel to use; add "
	 "tunnel: NAME in the configuration file (there are: fly, other)"},
	{"the zone's port", TUNNEL ZONE "exposes:\n- 53:5353\n", -ERR_INVALID,
	 "c.yaml:6:3: at port 53 tunnel fly answers for its zone internal; "
	 "choose another port"},
};

static void test_bad(void **state)
{
	(void)state;
	bad_yaml_check(bad_files, ARRAY_SIZE(bad_files));
}

static void test_no_name_for_a_host(void **state)
{
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	file_write_text("c.yaml",
			TUNNEL ZONE "exposes:\n"
				    "- {listen: 1, to: 2, name: a..b}\n"
				    "- {listen: 2, to: 2, name: a.b_c-d}\n");
	assert_int_equal(config_load("c.yaml", &config, &report), 0);
	assert_int_equal(report.warning_count, 1);
	assert_string_equal(report.warnings[0],
			    "c.yaml:6:3: expose a..b is not in the zone "
			    "internal: no host can have this name");
	config_free(&config);
	config_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_name_for_a_host),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
