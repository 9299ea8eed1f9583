/* SPDX-License-Identifier: ISC */
/*
 * YAML that is refused: the form, the root, limits and control. The whole
 * message is compared, place included.
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
	{"empty file", "", -ERR_INVALID,
	 "c.yaml:1:1: no tunnel; add one below tunnels: with "
	 "wireguard: FILE"},
	{"only a comment", "# nothing\n", -ERR_INVALID,
	 "c.yaml:1:1: no tunnel; add one below tunnels: with "
	 "wireguard: FILE"},
	{"no tunnel below tunnels", "tunnels:\n", -ERR_INVALID,
	 "c.yaml:1:1: no tunnel; add one below tunnels: with "
	 "wireguard: FILE"},
	{"root is a list", "- a\n", -ERR_SYNTAX,
	 "c.yaml:1:1: the file: expected key: value lines"},
	{"root is a text", "hello\n", -ERR_SYNTAX,
	 "c.yaml:1:1: the file: expected key: value lines"},
	{"unknown key at the root",
	 TUNNEL "forward:\n"
		"  - 1:a:2\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:1: unknown key \"forward\" in the file; did you "
	 "mean forwards?"},
	{"unknown key far from all", TUNNEL "zebra: 1\n", -ERR_SYNTAX,
	 "c.yaml:4:1: unknown key \"zebra\" in the file"},
	{"key twice at the root",
	 TUNNEL "limits: {}\n"
		"limits: {}\n",
	 -ERR_SYNTAX, "c.yaml:5:1: limits: this key is given twice"},
	{"exposes is a map", TUNNEL "exposes: {pg: 5432}\n", -ERR_SYNTAX,
	 "c.yaml:4:10: exposes: expected a list; start each item with -"},
	{"control socket is relative",
	 TUNNEL "control: {socket: control.sock}\n", -ERR_INVALID,
	 "c.yaml:4:19: socket: \"control.sock\" is not a socket's "
	 "path; start with / and use up to 107 characters"},
	{"unknown key in control", TUNNEL "control: {sokcet: /a}\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:11: unknown key \"sokcet\" in control; did you "
	 "mean socket?"},
	{"control group", TUNNEL "control: {group: \"a b\"}\n", -ERR_INVALID,
	 "c.yaml:4:18: group: \"a b\" is not a name; use up to 63 "
	 "letters, digits, \".\", \"_\" and \"-\""},
	{"limits is a list", TUNNEL "limits: [1]\n", -ERR_SYNTAX,
	 "c.yaml:4:9: limits: expected key: value lines"},
	{"memory without a unit we know", TUNNEL "limits: {memory: 256MB}\n",
	 -ERR_INVALID,
	 "c.yaml:4:18: memory: \"256MB\" is not a size from 16MiB "
	 "to 64GiB; write it as 256MiB"},
	{"memory too small", TUNNEL "limits: {memory: 1MiB}\n", -ERR_INVALID,
	 "c.yaml:4:18: memory: \"1MiB\" is not a size from 16MiB to "
	 "64GiB; write it as 256MiB"},
	{"connections", TUNNEL "limits: {connections: many}\n", -ERR_INVALID,
	 "c.yaml:4:23: connections: \"many\" is not a number from 1 "
	 "to 1000000"},
	{"alias", TUNNEL "a: *x\n", -ERR_SYNTAX,
	 "c.yaml:4:4: aliases (*name) are not supported; put text "
	 "that starts with * in quotes"},
	{"anchor",
	 "tunnels: &x\n"
	 "  fly:\n"
	 "    wireguard: fly.conf\n",
	 -ERR_SYNTAX,
	 "c.yaml:1:10: anchors (&name) are not supported; put "
	 "text that starts with & in quotes"},
	{"tag", TUNNEL "    mtu: !!int 1400\n", -ERR_SYNTAX,
	 "c.yaml:4:10: tags (!name) are not supported; put text "
	 "that starts with ! in quotes"},
	{"merge key", TUNNEL "    <<: {mtu: 1400}\n", -ERR_SYNTAX,
	 "c.yaml:4:5: merge keys are not supported"},
	{"second document",
	 TUNNEL "---\n"
		"tunnels:\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:1: a second document; there is one in a "
	 "configuration file"},
	{"directive",
	 "%YAML 1.1\n"
	 "---\n"
	 "tunnels:\n"
	 "  fly:\n"
	 "    wireguard: fly.conf\n",
	 -ERR_SYNTAX,
	 "c.yaml:1:1: lines that start with % are not supported; "
	 "remove this line"},
	{"tab", TUNNEL "\tmtu: 1400\n", -ERR_SYNTAX,
	 "c.yaml:4:1: found a tab character that violates "
	 "indentation while scanning a plain scalar that begins "
	 "in line 3; indent with spaces, not tabs"},
	{"unclosed bracket", TUNNEL "forwards: [\n", -ERR_SYNTAX,
	 "c.yaml:5:1: did not find expected node content while "
	 "parsing a flow node that begins in line 5"},
	{"unclosed quote", TUNNEL "forwards: [\"a\n", -ERR_SYNTAX,
	 "c.yaml:5:1: found unexpected end of stream while "
	 "scanning a quoted scalar that begins in line 4"},
	{"key without a colon", TUNNEL "forwards\n", -ERR_SYNTAX,
	 "c.yaml:5:1: could not find expected ':' while scanning "
	 "a simple key that begins in line 4"},
	{"list as a key",
	 TUNNEL "? [a]\n"
		": b\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:3: a list or map where a key is expected; put "
	 "text that starts with [ or { in quotes"},
	{"17 levels", "a: [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]\n", -ERR_SYNTAX,
	 "c.yaml:1:19: more than 16 levels of nesting; this is no "
	 "wgproxyd configuration"},
	{"line break in a value", TUNNEL "control: {group: \"a\\nb\"}\n",
	 -ERR_SYNTAX,
	 "c.yaml:4:18: line breaks and control characters are not "
	 "allowed in a value"},
	{"no UTF-8", TUNNEL "# \377\n", -ERR_SYNTAX,
	 "c.yaml:4:3: this is not UTF-8 text: invalid leading "
	 "UTF-8 octet"},
	{"control character", TUNNEL "# \001\n", -ERR_SYNTAX,
	 "c.yaml:4:3: this is not UTF-8 text: control characters "
	 "are not allowed"},
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
