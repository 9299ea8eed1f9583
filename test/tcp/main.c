/* SPDX-License-Identifier: ISC */
/*
 * tcp_script FILE...: runs TCP scripts, each over IPv4 and IPv6.
 *
 * Initial sequence numbers are chosen so that they wrap after a few hundred
 * bytes. The stack makes its own from a clock of 64 ns and a secret (RFC 6528):
 * a first run, whose result does not count, shows the secret's part, and then
 * the clock begins where the sum is what the script wants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"
#include "runner.h"
#include "script.h"

#define CLOCK_START (1000 * NS_PER_S)

static struct script_options default_options(void)
{
	struct script_options options = {
		.mtu = 1500,
		.isn = UINT32_MAX - 1200,
		.iss = UINT32_MAX - 500,
		.connections = 16,
		.chunks = 1024,
		.ipv4 = true,
		.ipv6 = true,
	};

	netstack_tcp_defaults(&options.tcp);
	return options;
}

static bool run_family(const struct script *script, uint8_t family)
{
	uint32_t iss = script->options.iss;
	uint64_t start = CLOCK_START;

	(void)runner_run(script, family, start, true, &iss);
	start += (uint64_t)(script->options.iss - iss) * 64;
	return runner_run(script, family, start, false, &iss);
}

static bool run_file(const char *file)
{
	static struct script script;
	bool passed = true;

	script.options = default_options();
	if (!script_parse(file, &script))
		return false;
	if (script.options.ipv4)
		passed = run_family(&script, IP_V4);
	if (script.options.ipv6)
		passed = run_family(&script, IP_V6) && passed;
	return passed;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 64;
	}
	for (int i = 1; i < argc; i++) {
		if (run_file(argv[i])) {
			passed++;
		} else {
			fprintf(stderr, "FAILED %s\n", argv[i]);
			failed++;
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
