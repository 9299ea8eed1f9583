/* SPDX-License-Identifier: ISC */
/*
 * sim [--seed N] [--count N] [--tunnel] [--long] [--verbose] [--trace LINES]
 *     [--regressions FILE] [--paths | --path NAME]
 *
 * Runs seeds, each in a process of its own, so that a failed CHECK costs one
 * seed only. Each tenth is run twice, and both runs must be the same.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "paths.h"
#include "test/leave.h"
#include "world.h"

enum { SEED_SECONDS_MAX = 60 };

struct arguments {
	uint64_t seed, count;
	const char *regressions, *path;
	unsigned trace_lines;
	bool tunnel;
};

struct tally {
	unsigned passed, failed;
};

/* For the handler of SIGABRT, which takes no arguments. */
static struct world *running;
static unsigned trace_lines;
static bool verbose, lengthen;

static void show_trace(int signal)
{
	(void)signal;
	scenario_print(&running->scenario);
	trace_print(&running->trace, trace_lines);
	fprintf(stderr, "again: sim %s%s--seed %llu\n",
		running->scenario.tunnel ? "--tunnel " : "",
		running->scenario.lengthened ? "--long " : "",
		(unsigned long long)running->scenario.seed);
	fflush(NULL);
	_exit(1);
}

static void print_stats(uint64_t seed, const struct world_stats *stats)
{
	printf("seed %llu: %.3f s, %llu bytes, %llu packets, %llu lost, "
	       "%llu resent, %llu timeouts, %llu out of order\n",
	       (unsigned long long)seed, stats->seconds,
	       (unsigned long long)stats->bytes,
	       (unsigned long long)stats->packets,
	       (unsigned long long)stats->lost,
	       (unsigned long long)stats->counters[NS_TCP_RETRANSMITS],
	       (unsigned long long)stats->counters[NS_TCP_TIMEOUTS],
	       (unsigned long long)stats->counters[NS_TCP_OUT_OF_ORDER]);
}

static void run_seed(uint64_t seed, bool tunnel)
{
	struct scenario scenario;
	struct world_stats stats;
	uint64_t hash;

	scenario_make(&scenario, seed, tunnel);
	if (lengthen)
		scenario_lengthen(&scenario);
	hash = world_run(running, &scenario, &stats);
	if (verbose)
		print_stats(seed, &stats);
	if (seed % 10 == 0 && world_run(running, &scenario, &stats) != hash)
		sim_fail("the same seed gave two different runs");
}

/* 0 in the child. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, show_trace);
		signal(SIGALRM, show_trace);
		alarm(SEED_SECONDS_MAX);
	}
	return pid;
}

_Noreturn static void end_child(void)
{
	fflush(stdout);
	leave(0);
}

static void count_child(struct tally *tally, pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	if (status == 0)
		tally->passed++;
	else
		tally->failed++;
}

static void count_seed(struct tally *tally, uint64_t seed, bool tunnel)
{
	unsigned failed = tally->failed;
	pid_t pid = start_child();

	if (pid == 0) {
		run_seed(seed, tunnel);
		end_child();
	}
	count_child(tally, pid);
	if (tally->failed > failed)
		fprintf(stderr, "FAILED seed %llu%s\n",
			(unsigned long long)seed, tunnel ? " tunnel" : "");
}

/* name: a part of the names of those to run. */
static void count_paths(struct tally *tally, const char *name)
{
	for (unsigned i = 0; i < paths_count(); i++) {
		pid_t pid;

		if (strstr(paths_name(i), name) == NULL)
			continue;
		pid = start_child();

		if (pid == 0) {
			paths_run(running, i);
			end_child();
		}
		count_child(tally, pid);
	}
}

/* Lines "SEED", "SEED tunnel" or "SEED long"; '#' begins a comment. */
static bool run_regressions(struct tally *tally, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[128];

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		char *end;
		uint64_t seed = strtoull(line, &end, 10);

		lengthen = strstr(end, "long") != NULL;
		if (end != line)
			count_seed(tally, seed, strstr(end, "tunnel") != NULL);
	}
	lengthen = false;
	fclose(file);
	return true;
}

static bool parse(int argc, char **argv, struct arguments *ret)
{
	*ret = (struct arguments){.seed = 1, .trace_lines = 60};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--tunnel") == 0) {
			ret->tunnel = true;
			continue;
		}
		if (strcmp(argv[i], "--paths") == 0) {
			ret->path = "";
			continue;
		}
		if (strcmp(argv[i], "--long") == 0) {
			lengthen = true;
			continue;
		}
		if (strcmp(argv[i], "--verbose") == 0) {
			verbose = true;
			continue;
		}
		if (value == NULL)
			return false;
		if (strcmp(argv[i], "--seed") == 0)
			ret->seed = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--count") == 0)
			ret->count = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--trace") == 0)
			ret->trace_lines = (unsigned)atoi(value);
		else if (strcmp(argv[i], "--path") == 0)
			ret->path = value;
		else if (strcmp(argv[i], "--regressions") == 0)
			ret->regressions = value;
		else
			return false;
		i++;
	}
	if (ret->count == 0 && ret->regressions == NULL && ret->path == NULL)
		ret->count = 1;
	return true;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	struct tally tally = {0, 0};

	if (!parse(argc, argv, &arguments)) {
		fprintf(stderr,
			"usage: sim [--seed N] [--count N] [--tunnel] "
			"[--long] [--verbose] [--trace LINES] [--regressions "
			"FILE] [--paths | --path NAME]\n");
		return 64;
	}
	running = calloc(1, sizeof(*running));
	CHECK(running != NULL);
	trace_lines = arguments.trace_lines;
	if (arguments.regressions != NULL &&
	    !run_regressions(&tally, arguments.regressions))
		return 64;
	if (arguments.path != NULL)
		count_paths(&tally, arguments.path);
	for (uint64_t i = 0; i < arguments.count; i++)
		count_seed(&tally, arguments.seed + i, arguments.tunnel);
	printf("%u passed, %u failed\n", tally.passed, tally.failed);
	free(running);
	return tally.failed == 0 ? 0 : 1;
}
