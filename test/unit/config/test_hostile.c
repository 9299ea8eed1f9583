/* SPDX-License-Identifier: ISC */
/* Broken and hostile files: every prefix and thousands of changes of good
 * files, and files made to cost time. Memory errors show under sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "config/file.h"
#include "test/unit/config/files.h"

enum {
	MUTATIONS = 4000,
	BOMB_MS_MAX = 100,
};

/* Sanitizers make everything slower than the bar is meant for. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOWER 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOWER 10
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

static const char good_yaml[] =
	"tunnels:\n"
	"  fly:\n"
	"    wireguard: fly.conf # beside\n"
	"    mtu: 1400\n"
	"  s:\n"
	"    private_key_file: \"key\"\n"
	"    address: [10.0.0.2/24, \"fdaa::2/64\"]\n"
	"    peers:\n"
	"      - public_key: " TEST_PEER_KEY "\n"
	"        endpoint: a.example:51820\n"
	"        allowed_ips: [10.0.0.0/24]\n"
	"forwards:\n"
	"  - {listen: 15432, to: appname.internal:5432, tunnel: fly}\n"
	"  - {listen: \"[::1]:15433\", to: '10.0.0.7:5432', tunnel: s}\n"
	"limits: {memory: 64MiB}\n";

static int load_yaml(const char *text, size_t len, struct config_report *report,
		     struct config *config)
{
	file_write("c.yaml", text, len, 0600);
	return config_load("c.yaml", config, report);
}

static int load_conf(const char *text, size_t len, struct config_report *report,
		     struct config *config)
{
	static const char *const path = "c.conf";
	static const char *const forward = "15432:appname.internal:5432";

	file_write(path, text, len, 0600);
	return config_from_arguments(&path, 1, &forward, 1, config, report);
}

static const struct format {
	const char *name;
	int (*load)(const char *text, size_t len, struct config_report *report,
		    struct config *config);
	const char *good;
	const char *alphabet; /* what changes put in */
} formats[] = {
	{"YAML", load_yaml, good_yaml, "\n\t \"'#%&*!|>-?:,[]{}@`\\\x80\xc3"},
	{"wg-quick", load_conf, TEST_FLY_CONF, "\n\r\t =#[],:/.-+\x80\xc3"},
};

/* A message goes to logs: no 25 characters of a private key may be in it. */
static bool tells_key(const char *message)
{
	static const char key[] = TEST_PRIVATE_KEY;
	enum { TOLD = 25 };

	for (size_t i = 0; i + TOLD < sizeof(key); i++) {
		char part[TOLD + 1] = {0};

		memcpy(part, key + i, TOLD);
		if (strstr(message, part) != NULL)
			return true;
	}
	return false;
}

/* Loads and frees. A failure has a message, one line, and frees everything. */
static int try_load(const struct format *format, const char *text, size_t len)
{
	struct config_report report = {.warning_count = 0};
	struct config config;
	int err = format->load(text, len, &report, &config);

	if (err == 0)
		config_free(&config);
	else if (report.error[0] == '\0' ||
		 strchr(report.error, '\n') != NULL || tells_key(report.error))
		fail_msg("%s: %s with \"%s\":\n%.*s", format->name,
			 error_name(err), report.error, (int)len, text);
	config_report_free(&report);
	return err;
}

static void test_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct format *format = &formats[i];
		size_t len = strlen(format->good);

		assert_int_equal(try_load(format, format->good, len), 0);
		for (size_t cut = 0; cut < len; cut++)
			try_load(format, format->good, cut);
	}
}

/* xorshift64: the same changes in every run. */
static uint32_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32);
}

/* Changes, removes or doubles a byte. Returns the new length. */
static size_t mutate(char *text, size_t len, const char *alphabet,
		     uint64_t *seed)
{
	size_t at = next_random(seed) % len;
	char byte = alphabet[next_random(seed) % strlen(alphabet)];

	switch (next_random(seed) % 3) {
	case 0:
		text[at] = byte;
		return len;
	case 1:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	default:
		memmove(text + at + 1, text + at, len - at);
		text[at] = byte;
		return len + 1;
	}
}

static void test_mutation(void **state)
{
	uint64_t seed = 20261123;
	char text[2048];

	(void)state;
	for (size_t i = 0; i < (size_t)MUTATIONS * ARRAY_SIZE(formats); i++) {
		const struct format *format = &formats[i % ARRAY_SIZE(formats)];
		size_t len = strlen(format->good);

		CHECK(len < sizeof(text) / 2);
		memcpy(text, format->good, len);
		for (uint32_t n = 1 + next_random(&seed) % 4; n > 0; n--)
			len = mutate(text, len, format->alphabet, &seed);
		try_load(format, text, len);
	}
}

/* A start, and what is repeated up to the largest file. */
struct bomb {
	const char *name;
	unsigned format;
	const char *start;
	const char *repeated;
};

static const struct bomb bombs[] = {
	{"flow maps", 0, "", "{a: "},
	{"flow lists", 0, "", "["},
	{"flow lists by the line", 0, "", "[\n"},
	{"block lists", 0, "", "- "},
	{"block maps", 0, "", "? "},
	{"lists in a list", 0, "a: ", "- ["},
	{"directives", 0, "", "%TAG !a! tag:a\n"},
	{"documents", 0, "", "--- a\n"},
	{"anchors", 0, "", "- &a b\n"},
	{"one key again and again", 0, "", "a: b\n"},
	{"items", 0, "forwards:\n", "- a\n"},
	{"forwards", 0, "forwards:\n", "- 0:a:1\n"},
	{"items on a line", 0, "forwards: [", "a,"},
	{"tunnels", 0, "tunnels:\n", "  a: {}\n"},
	{"peers", 0, "tunnels:\n  a:\n    peers:\n",
	 "    - public_key: " TEST_PEER_KEY "\n"},
	{"search domains", 0, "tunnels: {a: {search: [", "a,"},
	{"one long key", 0, "", "a"},
	{"a key of blanks", 0, "? ", "a "},
	{"one long quoted text", 0, "a: \"", "\\L"},
	{"one long literal", 0, "a: |\n", " a\n"},
	{"empty lines", 0, "a: |\n", "\n"},
	{"comments", 0, "", "#\n"},
	{"question marks", 0, "", "?\n"},
	{"colons", 0, "", ":\n"},
	{"interface sections", 1, "", "[Interface]\n"},
	{"peer sections", 1, TEST_FLY_CONF, "[Peer]\n"},
	{"peers of one key", 1, TEST_FLY_CONF,
	 "[Peer]\nPublicKey=" TEST_PEER_KEY "\n"},
	{"allowed ips", 1, TEST_FLY_CONF "[Peer]\nAllowedIPs=", "::,"},
	{"commas", 1, TEST_FLY_CONF "AllowedIPs=", ","},
	{"ignored keys", 1, "[Interface]\n", "Table=1\n"},
	{"one long line", 1, "[Interface]\n", "a"},
	{"one long value", 1, "[Interface]\nPrivateKey=", "a "},
	{"blank lines", 1, "", "\n"},
	{"one long section", 1, "", "["},
};

static size_t fill(char *text, size_t cap, const char *start,
		   const char *repeated)
{
	size_t step = strlen(repeated);
	size_t len = strlen(start);

	memcpy(text, start, len);
	for (; len + step <= cap; len += step)
		memcpy(text + len, repeated, step);
	return len;
}

static double best_ms(const struct format *format, const char *text, size_t len)
{
	double best = 1e9;

	/* The machine may be busy: the best of three tells. */
	for (int i = 0; i < 3 && best > BOMB_MS_MAX / 2; i++) {
		double start = cpu_ms();
		double spent;

		try_load(format, text, len);
		spent = cpu_ms() - start;
		if (spent < best)
			best = spent;
	}
	return best;
}

static void test_bombs(void **state)
{
	char *text = malloc(CONFIG_FILE_MAX);
	double worst = 0;

	(void)state;
	CHECK(text != NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
		const struct format *format = &formats[bombs[i].format];
		size_t len = fill(text, CONFIG_FILE_MAX, bombs[i].start,
				  bombs[i].repeated);
		double ms = best_ms(format, text, len);

		if (ms > BOMB_MS_MAX * SLOWER)
			fail_msg("%s: %s takes %.1f ms", format->name,
				 bombs[i].name, ms);
		if (ms > worst)
			worst = ms;
	}
	print_message("the worst of %zu files takes %.1f ms\n",
		      ARRAY_SIZE(bombs), worst);
	free(text);
}

/* libyaml compares each directive with all before. */
static void test_directives(void **state)
{
	char *text = malloc(CONFIG_FILE_MAX);
	size_t len = 0;
	double ms;

	(void)state;
	CHECK(text != NULL);
	for (unsigned i = 0; len + 32 < CONFIG_FILE_MAX; i++)
		len += (size_t)sprintf(text + len, "%%TAG !%u! a\n", i);
	ms = best_ms(&formats[0], text, len);
	if (ms > BOMB_MS_MAX * SLOWER)
		fail_msg("takes %.1f ms", ms);
	free(text);
}

/* One byte more than the largest file. */
static void test_too_long(void **state)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	struct config_report report = {.warning_count = 0};
	struct config config;

	(void)state;
	CHECK(text != NULL);
	memset(text, '#', CONFIG_FILE_MAX + 1);
	memcpy(text, "tunnels: {fly: {wireguard: fly.conf}}\n", 38);
	assert_int_equal(load_yaml(text, CONFIG_FILE_MAX + 1, &report, &config),
			 -ERR_TOO_LONG);
	assert_string_equal(report.error,
			    "c.yaml: cannot be read: the file is too long");
	config_report_free(&report);
	assert_int_equal(load_yaml(text, CONFIG_FILE_MAX, &report, &config), 0);
	config_free(&config);
	free(text);
}

/* The most forwards against the most allowed ips, in two large files. */
static void test_largest(void **state)
{
	struct config_report report = {.warning_count = 0};
	char *text = malloc(CONFIG_FILE_MAX);
	struct config config;
	size_t len;
	double start;

	(void)state;
	CHECK(text != NULL);
	len = (size_t)sprintf(text,
			      TEST_FLY_CONF "[Interface]\nAddress = 10.0.0.2\n"
					    "[Peer]\nPublicKey = %s\n"
					    "Endpoint = a:1\nAllowedIPs = ",
			      TEST_PEER2_KEY);
	for (unsigned i = 0; i < ALLOWED_IPS_MAX - 1; i++)
		len += (size_t)sprintf(text + len, "10.%u.%u.1,", i / 256,
				       i % 256);
	file_write("big.conf", text, len, 0600);
	/* All targets are in the last of the prefixes. */
	len = (size_t)sprintf(text, "tunnels: {a: {wireguard: big.conf}}\n"
				    "forwards:\n");
	for (unsigned i = 0; i < FORWARDS_MAX; i++)
		len += (size_t)sprintf(text + len, "- %u:10.63.254.1:1\n",
				       i + 1);
	start = cpu_ms();
	assert_int_equal(load_yaml(text, len, &report, &config), 0);
	print_message("takes %.1f ms\n", cpu_ms() - start);
	assert_true(cpu_ms() - start < 3 * BOMB_MS_MAX * SLOWER);
	assert_int_equal(config.forward_count, FORWARDS_MAX);
	assert_int_equal(config.tunnels[0].peers[1].allowed_count,
			 ALLOWED_IPS_MAX - 1);
	config_free(&config);
	config_report_free(&report);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_mutation),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_directives),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
