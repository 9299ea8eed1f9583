/* SPDX-License-Identifier: ISC */
#include "ctl/yaml_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

#define KEY_A "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void test_find(void **state)
{
	static const struct {
		const char *text;
		int err, indent;
		const char *after; /* what comes after the peers */
	} cases[] = {
		{"", -ERR_NOT_FOUND, 0, NULL},
		{"a: 1\n", -ERR_NOT_FOUND, 0, NULL},
		{"peers: []\n", -ERR_NOT_FOUND, 0, NULL},
		{"# peers:\n", -ERR_NOT_FOUND, 0, NULL},
		{"peers:\npeers:\n", -ERR_EXISTS, 0, NULL},
		{"peers:", 0, 2, ""},
		{"peers: # x\nb: 1\n", 0, 2, "b: 1\n"},
		{"  peers:\n    - a\nb: 1\n", 0, 4, "b: 1\n"},
		{"  peers:\n  - a\n  - b\n  c: 1\n", 0, 2, "  c: 1\n"},
		{"peers:\n- a\n- b", 0, 0, ""},
		{"peers:\n    - a\n\n# x\n    - b\n\n# y\nc:\n", 0, 4,
		 "\n# y\nc:\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct yaml_peers peers;

		assert_int_equal(yaml_peers_find(cases[i].text, &peers),
				 cases[i].err);
		if (cases[i].err != 0)
			continue;
		assert_int_equal(peers.indent, cases[i].indent);
		assert_string_equal(peers.end, cases[i].after);
	}
}

static const char two[] = "  peers:\n"
			  "    - public_key: " KEY_A " # first\n"
			  "      preshared_key_file: a.psk\n"
			  "    # about the next\n"
			  "    - allowed_ips: []\n"
			  "      public_key: " KEY_A "\n"
			  "    - public_key: \"" KEY_B "\"\n"
			  "      # inside\n"
			  "      preshared_key_file: 'keys.psk' # x\n"
			  "    - public_key: nonsense\n"
			  "next: 1\n"
			  "- public_key: " KEY_A "\n";

static void test_next(void **state)
{
	struct yaml_peers peers;
	struct yaml_peer peer;

	(void)state;
	assert_int_equal(yaml_peers_find(two, &peers), 0);
	assert_true(yaml_peers_next(&peers, NULL, &peer));
	assert_string_equal(peer.name, "a");
	assert_int_equal(peer.public_key.bytes[0], 1);
	assert_ptr_equal(peer.end, strstr(two, "    # about"));
	assert_true(yaml_peers_next(&peers, peer.end, &peer));
	assert_string_equal(peer.name, "keys");
	assert_int_equal(peer.public_key.bytes[0], 2);
	assert_false(yaml_peers_next(&peers, peer.end, &peer));
}

static void test_names(void **state)
{
	static const struct {
		const char *file, *name;
	} cases[] = {
		{"a.psk", "a"},         {" \"a b.psk\"", ""}, {".psk", ""},
		{"a.key", ""},          {"psk", ""},          {"", ""},
		{"dir/a.psk", "dir/a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct yaml_peers peers;
		struct yaml_peer peer;
		char text[256];

		snprintf(text, sizeof(text),
			 "peers:\n- public_key: " KEY_A
			 "\n  preshared_key_file: %s",
			 cases[i].file);
		assert_int_equal(yaml_peers_find(text, &peers), 0);
		assert_true(yaml_peers_next(&peers, NULL, &peer));
		assert_string_equal(peer.name, cases[i].name);
	}
}

static void test_add(void **state)
{
	static const struct {
		const char *text, *result;
	} cases[] = {
		{"peers:", "peers:\nX\n"},
		{"peers:\nb:", "peers:\nX\nb:"},
		{"peers:\n  - a\n\n# c\nb:", "peers:\n  - a\nX\n\n# c\nb:"},
		{"peers:\n  - a", "peers:\n  - a\nX\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct yaml_peers peers;
		char *result;

		assert_int_equal(yaml_peers_find(cases[i].text, &peers), 0);
		result = yaml_peers_add(&peers, "X\n");
		assert_string_equal(result, cases[i].result);
		free(result);
	}
}

static void test_remove(void **state)
{
	struct yaml_peers peers;
	struct yaml_peer peer;
	char *result;

	(void)state;
	assert_int_equal(yaml_peers_find(two, &peers), 0);
	assert_true(yaml_peers_next(&peers, NULL, &peer));
	result = yaml_peers_remove(&peers, &peer);
	assert_memory_equal(result, "  peers:\n    # about", 19);
	assert_string_equal(strstr(result, "    # about"),
			    strstr(two, "    # about"));
	free(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),   cmocka_unit_test(test_next),
		cmocka_unit_test(test_names),  cmocka_unit_test(test_add),
		cmocka_unit_test(test_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
