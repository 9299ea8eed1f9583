/* SPDX-License-Identifier: ISC */
#include "daemon/io_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "daemon/io_loop.h"
#include "daemon/options.h"

/* Beyond what adjusting the clock's rate explains, which is a thousandth. */
#define CLOCK_JUMP_NS (1 * NS_PER_S)

void io_metrics_open(struct io_metrics *metrics, const struct clock *now)
{
	struct rlimit limit;

	memset(metrics, 0, sizeof(*metrics));
	metrics->before = *now;
	metrics->edge.version = WGPROXYD_VERSION;
	metrics->edge.libraries = metrics->libraries;
	metrics->edge.turns = &metrics->turns;
	metrics->edge.process.started = now->wall;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics->edge.process.max_fds = limit.rlim_cur;
	snprintf(metrics->libraries, sizeof(metrics->libraries), "libuv %s",
		 uv_version_string());
	metrics->descriptors =
		open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	metrics->memory = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void io_metrics_add_library(struct io_metrics *metrics, const char *name,
			    const char *version)
{
	size_t len = strlen(metrics->libraries);

	if (strstr(metrics->libraries, name) == NULL)
		snprintf(metrics->libraries + len,
			 sizeof(metrics->libraries) - len, ", %s %s", name,
			 version);
}

void io_metrics_close(struct io_metrics *metrics)
{
	if (metrics->descriptors >= 0)
		close(metrics->descriptors);
	if (metrics->memory >= 0)
		close(metrics->memory);
}

void io_metrics_turn_begins(struct io_metrics *metrics, const struct clock *now)
{
	const struct clock *before = &metrics->before;
	uint64_t boot = now->boot - before->boot;
	uint64_t awake = now->awake - before->awake;
	uint64_t expected = before->wall + boot;
	uint64_t off = now->wall > expected ? now->wall - expected
					    : expected - now->wall;

	if (boot > awake + NS_PER_S)
		metrics->edge.resumes++;
	if (off > CLOCK_JUMP_NS + boot / 1000)
		metrics->edge.clock_jumps++;
	metrics->before = *now;
}

void io_metrics_turn_ends(struct io_metrics *metrics, uint64_t awake)
{
	histogram_add(&metrics->turns, awake - metrics->before.awake);
}

/* The folder's own descriptor is counted, and the copy that reads it is not. */
static uint64_t count_descriptors(int folder)
{
	int copy = folder < 0 ? -1 : dup(folder);
	const struct dirent *entry;
	uint64_t count = 0;
	DIR *dir;

	if (copy < 0)
		return 0;
	dir = fdopendir(copy);
	if (dir == NULL) {
		close(copy);
		return 0;
	}
	rewinddir(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1;
}

static uint64_t resident_bytes(int statm)
{
	unsigned long long pages;
	char text[128];
	ssize_t len;

	len = statm < 0 ? -1 : pread(statm, text, sizeof(text) - 1, 0);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	if (sscanf(text, "%*s %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t ns_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * NS_PER_S +
	       (uint64_t)time->tv_usec * NS_PER_US;
}

int io_metrics_write(struct io_loop *io, struct metrics_text *text)
{
	struct io_metrics *metrics = &io->metrics;
	struct metrics_process *process = &metrics->edge.process;
	struct rusage usage;

	process->open_fds = count_descriptors(metrics->descriptors);
	process->resident_bytes = resident_bytes(metrics->memory);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		process->cpu_ns =
			ns_of(&usage.ru_utime) + ns_of(&usage.ru_stime);
	metrics->edge.reload_failed = io->config_error[0] != '\0';
	metrics->edge.configured = io->config_loaded;
	return metrics_write(text, &io->proxy, &io->now, &metrics->edge);
}
