/* SPDX-License-Identifier: ISC */
#include "config/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

/* What was parsed, as "listen -> host port name". */
struct good {
	const char *text;
	const char *parsed;
};

static const struct good good[] = {
	{"15432:appname.internal:5432",
	 "localhost:15432 -> appname.internal 5432 appname"},
	{":15432:appname.internal:5432",
	 "localhost:15432 -> appname.internal 5432 appname"},
	{"localhost:15432:db:1", "localhost:15432 -> db 1 db"},
	{"0:db:65535", "localhost:0 -> db 65535 db"},
	{"127.0.0.1:15432:db:1", "127.0.0.1:15432 -> db 1 db"},
	{"0.0.0.0:15432:db:1", "0.0.0.0:15432 -> db 1 db"},
	{"[::1]:15432:db:1", "[::1]:15432 -> db 1 db"},
	{"[::]:15432:db:1", "[::]:15432 -> db 1 db"},
	{"[::ffff:10.0.0.1]:15432:db:1", "10.0.0.1:15432 -> db 1 db"},
	{"15432:10.0.0.7:5432", "localhost:15432 -> 10.0.0.7 5432 10.0.0.7"},
	{"15432:[fdaa:0::7]:5432", "localhost:15432 -> fdaa::7 5432 fdaa--7"},
	{"[::1]:1:[::2]:2", "[::1]:1 -> ::2 2 --2"},
	{"/run/x.sock:db:1", "/run/x.sock -> db 1 db"},
	{"/run/x.sock:[::2]:1", "/run/x.sock -> ::2 1 --2"},
	{"1:_api.internal:4280", "localhost:1 -> _api.internal 4280 _api"},
	{"1:top2.nearest.of.db.internal:5432",
	 "localhost:1 -> top2.nearest.of.db.internal 5432 top2"},
	{"1:db.internal.:5432", "localhost:1 -> db.internal. 5432 db"},
	{"00001:db:00002", "localhost:1 -> db 2 db"},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char message[MAPPING_MESSAGE_CAP] = "";
		char listen[SOCKET_PATH_CAP], parsed[512];
		struct mapping mapping;

		if (mapping_parse(good[i].text, &mapping, message) != 0)
			fail_msg("%s: %s", good[i].text, message);
		mapping_default_name(&mapping);
		snprintf(parsed, sizeof(parsed), "%s -> %s %u %s",
			 listen_spec_format(&mapping.listen, listen,
					    sizeof(listen)),
			 mapping.target.host, (unsigned)mapping.target.port,
			 mapping.name);
		if (strcmp(parsed, good[i].parsed) != 0)
			fail_msg("%s:\n%s\n%s", good[i].text, parsed,
				 good[i].parsed);
	}
}

#define A_FORWARD                                                         \
	" is not a forward; write PORT:HOST:PORT with IPv6 addresses in " \
	"brackets, for example 15432:appname.internal:5432"

static const struct {
	const char *text;
	const char *message;
} bad[] = {
	{"", "\"\"" A_FORWARD},
	{"15432", "\"15432\"" A_FORWARD},
	{"15432:5432", "\"15432:5432\"" A_FORWARD},
	{"15432:fdaa::7:5432", "\"15432:fdaa::7:5432\"" A_FORWARD},
	{"a:b:c:d:e", "\"a:b:c:d:e\"" A_FORWARD},
	{"15432:[::1:5432", "\"15432:[::1:5432\"" A_FORWARD},
	{"http:db:1", "\"http\" is not a port to listen on; write a number "
		      "from 0 to 65535"},
	{"65536:db:1", "\"65536\" is not a port to listen on; write a number "
		       "from 0 to 65535"},
	{"-1:db:1", "\"-1\" is not a port to listen on; write a number from "
		    "0 to 65535"},
	{"1:db:0", "\"0\" is not the port of a target; write a number from 1 "
		   "to 65535"},
	{"1:db:", "\"\" is not the port of a target; write a number from 1 "
		  "to 65535"},
	{"1:db:99999999999999999999",
	 "\"99999999999999999999\" is not the port of a target; write a "
	 "number from 1 to 65535"},
	{"*:1:db:1", "\"*\" is not an address to listen on; write localhost, "
		     "0.0.0.0 or [::1]"},
	{"db:1:db:1", "\"db\" is not an address to listen on; write "
		      "localhost, 0.0.0.0 or [::1]"},
	{"[127.0.0.1]:1:db:1",
	 "\"[127.0.0.1]\" is not an address to listen on; write localhost, "
	 "0.0.0.0 or [::1]"},
	{"1::1", "\"\" is not a host; write a name, an IPv4 address or [IPv6]"},
	{"1:a b:1",
	 "\"a b\" is not a host; write a name, an IPv4 address or [IPv6]"},
	{"1:10.0.0.256:1", "\"10.0.0.256\" is not a host; write a name, an "
			   "IPv4 address or [IPv6]"},
	{"1:[db]:1",
	 "\"[db]\" is not a host; write a name, an IPv4 address or [IPv6]"},
	{"1:a..b:1",
	 "\"a..b\" is not a host; write a name, an IPv4 address or [IPv6]"},
	{"/run/x.sock", "\"/run/x.sock\" is not a forward; write "
			"/a/socket:HOST:PORT"},
	{"/run/:db:1", "\"/run/\" is a folder; write the path of a socket"},
	{"/run/x:db", "\"db\" is not a target: it has no port; write "
		      "host:port"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char message[MAPPING_MESSAGE_CAP] = "";
		struct mapping mapping;
		int err = mapping_parse(bad[i].text, &mapping, message);

		if (err != -ERR_SYNTAX || strcmp(message, bad[i].message) != 0)
			fail_msg("%s: %s\n%s\n%s", bad[i].text, error_name(err),
				 message, bad[i].message);
	}
}

/* Names and paths at their limits, and far beyond. */
static void test_lengths(void **state)
{
	static const struct {
		const char *name;
		size_t path;  /* length, 0 = a port */
		size_t label; /* length of each label of the host */
		size_t count; /* labels */
		bool good;
	} cases[] = {
		{"longest path", 107, 1, 1, true},
		{"path too long", 108, 1, 1, false},
		{"longest label", 0, 63, 1, true},
		{"label too long", 0, 64, 1, false},
		{"longest name", 0, 1, 127, true},
		{"name too long", 0, 1, 128, false},
		{"everything too long", 3000, 60, 60, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char message[MAPPING_MESSAGE_CAP];
		struct mapping mapping;
		char text[8192] = "";
		char *p = text;

		*p++ = cases[i].path == 0 ? '1' : '/';
		for (size_t j = 1; j < cases[i].path; j++)
			*p++ = 'p';
		*p++ = ':';
		for (size_t j = 0; j < cases[i].count; j++) {
			memset(p, 'a', cases[i].label);
			p += cases[i].label;
			*p++ = '.';
		}
		strcpy(p - 1, ":1");
		if ((mapping_parse(text, &mapping, message) == 0) !=
		    cases[i].good)
			fail_msg("%s", cases[i].name);
	}
}

static void test_truncation(void **state)
{
	static const char text[] = "[fdaa:0:18::1]:15432:[fdaa::2]:5432";
	char message[MAPPING_MESSAGE_CAP];
	char cut[sizeof(text)];
	struct mapping mapping;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		memcpy(cut, text, len);
		cut[len] = '\0';
		/* 5, 54, 543 and 5432 are ports. */
		assert_int_equal(mapping_parse(cut, &mapping, message),
				 len >= sizeof(text) - 4 ? 0 : -ERR_SYNTAX);
	}
}

static void test_untouched_on_error(void **state)
{
	char message[MAPPING_MESSAGE_CAP];
	struct mapping mapping, before;

	(void)state;
	memset(&mapping, 0x5a, sizeof(mapping));
	before = mapping;
	assert_int_equal(mapping_parse("1:a:0", &mapping, message),
			 -ERR_SYNTAX);
	assert_memory_equal(&mapping, &before, sizeof(mapping));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_untouched_on_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
