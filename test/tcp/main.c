/* SPDX-License-Identifier: ISC */
/*
 * tcp_script FILE...: runs TCP scripts, each over IPv4 and IPv6.
 *
 * Initial sequence numbers are chosen so that they wrap after a few hundred
 * bytes. The stack makes its own from a clock of 64 ns and a secret (RFC 6528):
 * a first run, whose result does not count, shows the secret's part, and then
 * the clock begins where the sum is what the script wants.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/time.h"
#include "runner.h"
#include "script.h"
#include "test/leave.h"

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

/* In a process of its own: a failed CHECK of the stack costs one file only. */
static bool try_file(const char *file)
{
	int status = 0;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		leave(run_file(file) ? 0 : 1);
	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	return status == 0;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 64;
	}
	for (int i = 1; i < argc; i++) {
		if (try_file(argv[i])) {
			passed++;
		} else {
			fprintf(stderr, "FAILED %s\n", argv[i]);
			failed++;
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
