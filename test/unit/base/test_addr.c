/* SPDX-License-Identifier: ISC */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

/* text in, text out; NULL: does not parse. */
struct text_case {
	const char *text;
	const char *formatted;
};

static void test_addresses(void **state)
{
	static const struct text_case cases[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"FDAA:0:18:A7B:D6B:0:A:2", "fdaa:0:18:a7b:d6b:0:a:2"},
		{"fdaa:0:0:0:0:0:0:1", "fdaa::1"},
		{"::ffff:10.0.0.1", "10.0.0.1"}, /* checklist E5 */
		{"::ffff:a00:1", "10.0.0.1"},
		{"64:ff9b::10.0.0.1", "64:ff9b::a00:1"},
		{"", NULL},
		{"10.0.0", NULL},
		{"10.0.0.256", NULL},
		{"10.0.0.1 ", NULL},
		{" 10.0.0.1", NULL},
		{"10.0.0.01", NULL},
		{"0x0a.0.0.1", NULL},
		{"1", NULL},
		{":::", NULL},
		{"fdaa::1::2", NULL},
		{"fdaa::12345", NULL},
		{"[::1]", NULL},
		{"fe80::1%lo", NULL},
		{"localhost", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[IP_TEXT_CAP] = "(nothing)";
		struct ip_addr addr;
		int err = ip_addr_parse(cases[i].text, &addr);

		if ((err == 0) != (cases[i].formatted != NULL))
			fail_msg("\"%s\": %s", cases[i].text, error_name(err));
		if (err == 0 && strcmp(ip_addr_format(&addr, text),
				       cases[i].formatted) != 0)
			fail_msg("\"%s\" gives %s", cases[i].text, text);
	}
}

static void test_prefixes(void **state)
{
	static const struct text_case cases[] = {
		{"10.1.2.3/8", "10.0.0.0/8"},
		{"10.1.2.3/0", "0.0.0.0/0"},
		{"10.1.2.3/32", "10.1.2.3/32"},
		{"10.1.2.3", "10.1.2.3/32"},
		{"10.1.2.3/31", "10.1.2.2/31"},
		{"10.1.255.3/17", "10.1.128.0/17"},
		{"fdaa:0:18::3/48", "fdaa:0:18::/48"},
		{"ffff::/1", "8000::/1"},
		{"::1", "::1/128"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
		{"10.0.0.0/33", NULL},
		{"::/129", NULL},
		{"10.0.0.0/", NULL},
		{"10.0.0.0/-1", NULL},
		{"10.0.0.0/ 8", NULL},
		{"10.0.0.0/8/8", NULL},
		{"10.0.0.0/256", NULL}, /* not 0 after a cut to 8 bits */
		{"/8", NULL},
		{"", NULL},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/00000000128", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[PREFIX_TEXT_CAP] = "(nothing)";
		struct prefix prefix;
		int err = prefix_parse(cases[i].text, &prefix);

		if ((err == 0) != (cases[i].formatted != NULL))
			fail_msg("\"%s\": %s", cases[i].text, error_name(err));
		if (err == 0 &&
		    strcmp(prefix_format(&prefix, text), cases[i].formatted))
			fail_msg("\"%s\" gives %s", cases[i].text, text);
	}
}

static void test_endpoints(void **state)
{
	static const struct text_case cases[] = {
		{"1.2.3.4:5", "1.2.3.4:5"},
		{"[::1]:65535", "[::1]:65535"},
		{"[::ffff:1.2.3.4]:5", "1.2.3.4:5"},
		{"[fe80::1%7]:5", "[fe80::1%7]:5"},
		{"1.2.3.4:0", "1.2.3.4:0"},
		{"1.2.3.4", NULL},
		{"1.2.3.4:", NULL},
		{"1.2.3.4:65536", NULL},
		{"::1:5", NULL},
		{"[::1]", NULL},
		{"[::1]5", NULL},
		{"[::1:5", NULL},
		{"[]:5", NULL},
		{"[fe80::1%]:5", NULL},
		{"[fe80::1%no such interface]:5", NULL},
		{"host:5", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[ENDPOINT_TEXT_CAP] = "(nothing)";
		struct endpoint endpoint;
		int err = endpoint_parse(cases[i].text, &endpoint);

		if ((err == 0) != (cases[i].formatted != NULL))
			fail_msg("\"%s\": %s", cases[i].text, error_name(err));
		if (err == 0 && strcmp(endpoint_format(&endpoint, text),
				       cases[i].formatted) != 0)
			fail_msg("\"%s\" gives %s", cases[i].text, text);
	}
}

static void test_classes(void **state)
{
	static const struct {
		const char *text;
		bool loopback, unspecified, multicast;
	} cases[] = {
		{"127.0.0.1", true, false, false},
		{"127.255.0.1", true, false, false},
		{"128.0.0.1", false, false, false},
		{"::1", true, false, false},
		{"::2", false, false, false},
		{"::ffff:127.0.0.1", true, false, false},
		{"0.0.0.0", false, true, false},
		{"::", false, true, false},
		{"223.255.255.255", false, false, false},
		{"224.0.0.1", false, false, true},
		{"255.255.255.255", false, false, true},
		{"ff02::1", false, false, true},
		{"fe80::1", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr addr;

		assert_int_equal(ip_addr_parse(cases[i].text, &addr), 0);
		if (ip_addr_is_loopback(&addr) != cases[i].loopback ||
		    ip_addr_is_unspecified(&addr) != cases[i].unspecified ||
		    ip_addr_is_multicast(&addr) != cases[i].multicast)
			fail_msg("%s", cases[i].text);
	}
}

/* Bit by bit, to compare with. */
static bool contains_plainly(const struct prefix *prefix,
			     const struct ip_addr *addr)
{
	if (prefix->addr.family != addr->family)
		return false;
	for (unsigned i = 0; i < prefix->bits; i++) {
		unsigned differ = (unsigned)prefix->addr.bytes[i / 8] ^
				  addr->bytes[i / 8];

		if ((differ >> (7 - i % 8) & 1) != 0)
			return false;
	}
	return true;
}

/* Every prefix length of an address against the address with one bit
 * changed. */
static void test_contains(void **state)
{
	static const char *const texts[] = {"10.170.85.1", "fdaa:aa55::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ip_addr addr, other;
		unsigned bits;

		assert_int_equal(ip_addr_parse(texts[i], &addr), 0);
		bits = ip_addr_len(&addr) * 8;
		for (unsigned len = 0; len <= bits; len++) {
			struct prefix prefix;

			assert_int_equal(prefix_make(&addr, len, &prefix), 0);
			assert_true(prefix_contains(&prefix, &addr));
			for (unsigned bit = 0; bit < bits; bit++) {
				other = addr;
				other.bytes[bit / 8] ^=
					(uint8_t)(0x80U >> bit % 8);
				if (prefix_contains(&prefix, &other) !=
				    contains_plainly(&prefix, &other))
					fail_msg("%s/%u, bit %u", texts[i], len,
						 bit);
			}
		}
	}
}

static void test_families_differ(void **state)
{
	struct prefix all_v4, all_v6;
	struct ip_addr v4, v6;

	(void)state;
	assert_int_equal(prefix_parse("0.0.0.0/0", &all_v4), 0);
	assert_int_equal(prefix_parse("::/0", &all_v6), 0);
	assert_int_equal(ip_addr_parse("0.0.0.0", &v4), 0);
	assert_int_equal(ip_addr_parse("::", &v6), 0);
	assert_true(prefix_contains(&all_v4, &v4));
	assert_false(prefix_contains(&all_v4, &v6));
	assert_false(prefix_contains(&all_v6, &v4));
	assert_false(ip_addr_equal(&v4, &v6));
	assert_int_equal(prefix_make(&v4, 33, &all_v4), -ERR_INVALID);
	assert_int_equal(prefix_make(&v6, 129, &all_v6), -ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_families_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
