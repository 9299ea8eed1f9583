/* SPDX-License-Identifier: ISC */
#include "config/flyctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "test/unit/config/files.h"

#define ONE                                            \
	"wire_guard_state:\n"                          \
	"    personal:\n"                              \
	"        org: personal\n"                      \
	"        localprivate: " TEST_PRIVATE_KEY "\n" \
	"        dns: \"\"\n"                          \
	"        peer:\n"                              \
	"            peerip: fdaa:0:18:a7b::2\n"       \
	"            endpointip: gw.example\n"         \
	"            pubkey: " TEST_PEER_KEY "\n"

#define TWO                                                \
	ONE "    a b:\n"                                   \
	    "        localprivate: " TEST_PRIVATE_KEY "\n" \
	    "        dns: fdaa::7\n"                       \
	    "        peer: {peerip: \"fdaa:0:19::2\", "    \
	    "endpointip: \"2001:db8::1\", pubkey: " TEST_PEER_KEY "}\n"

static int read_text(const char *text, const char *org,
		     struct flyctl_tunnel *tunnel, struct config_report *report)
{
	memset(report, 0, sizeof(*report));
	file_write_text("config.yml", text);
	return flyctl_read("config.yml", org, tunnel, report);
}

static void test_one(void **state)
{
	struct flyctl_tunnel tunnel;
	struct config_report report;

	(void)state;
	assert_int_equal(
		read_text("access_token: a,b\n" ONE, NULL, &tunnel, &report),
		0);
	assert_string_equal(tunnel.name, "personal");
	assert_string_equal(tunnel.text, "[Interface]\n"
					 "PrivateKey = " TEST_PRIVATE_KEY "\n"
					 "Address = fdaa:0:18:a7b::2/120\n"
					 "DNS = fdaa:0:18::3, internal\n"
					 "\n"
					 "[Peer]\n"
					 "PublicKey = " TEST_PEER_KEY "\n"
					 "AllowedIPs = fdaa:0:18::/48\n"
					 "Endpoint = gw.example:51820\n"
					 "PersistentKeepalive = 15\n");
}

/* The organisation's name becomes a tunnel's. */
static void test_second(void **state)
{
	struct flyctl_tunnel tunnel;
	struct config_report report;

	(void)state;
	assert_int_equal(read_text(TWO, "a b", &tunnel, &report), 0);
	assert_string_equal(tunnel.name, "a-b");
	assert_non_null(strstr(tunnel.text, "DNS = fdaa::7, internal\n"));
	assert_non_null(strstr(tunnel.text, "[2001:db8::1]:51820\n"));
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *org, *message;
	} cases[] = {
		{"", NULL, "no peers under wire_guard_state"},
		{"[a]\n", NULL, "no peers"},
		{"wire_guard_state: x\n", NULL, "no peers"},
		{"wire_guard_state: {}\n", NULL, "no peers"},
		{"wire_guard_state: {a: x}\n", NULL, "localprivate"},
		{"wire_guard_state: {a: [x]}\n", NULL, "localprivate"},
		{"wire_guard_state: {a: {localprivate: [x]}}\n", NULL,
		 "localprivate"},
		{"wire_guard_state: {a: {localprivate: " TEST_PRIVATE_KEY
		 ", peer: x}}\n",
		 NULL, "pubkey"},
		{TWO, NULL, "name one of personal, a b"},
		{TWO, "b", "no such organisation"},
		{"\t", NULL, "config.yml:1:1"},
	};
	struct flyctl_tunnel tunnel;
	struct config_report report;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_not_equal(read_text(cases[i].text, cases[i].org,
					       &tunnel, &report),
				     0);
		assert_non_null(strstr(report.error, cases[i].message));
		assert_null(strstr(report.error, TEST_PRIVATE_KEY));
	}
}

/* Every beginning and every changed byte: an error or a whole file, and never
 * a line that the file's author could smuggle in. */
static void test_hostile(void **state)
{
	char text[] = TWO;
	struct flyctl_tunnel tunnel;
	struct config_report report;
	size_t len = sizeof(text) - 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char kept = text[i];

		text[i] = "\0\n:[x"[i % 5];
		if (read_text(text, "personal", &tunnel, &report) == 0) {
			unsigned lines = 0;

			for (const char *c = tunnel.text; *c != '\0'; c++)
				lines += *c == '\n';
			assert_int_equal(lines, 10);
		} else {
			assert_string_not_equal(report.error, "");
		}
		text[i] = kept;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_second),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
