/* SPDX-License-Identifier: ISC */
#include "daemon/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "daemon/metrics_text.h"

/* ------------------------------------------------------------- writing */

struct writer {
	struct metrics_text *text;
	const struct proxy *proxy;
	const struct metrics_edge *edge;
	uint64_t (*live)[2]; /* bytes of open connections, by forward */
};

static const struct forward *forward_at(const struct writer *w, uint32_t i)
{
	const struct forward *forward = &w->proxy->forwards[i];

	return forward->slot == FORWARD_ACTIVE ? forward : NULL;
}

static bool forward_is_up(const struct forward *forward)
{
	return forward->listening && !forward->draining &&
	       forward->down == REASON_NONE;
}

static void write_build(struct writer *w)
{
	metrics_family(w->text, "wgproxy_build_info", "gauge",
		       "Always 1; the labels say what runs.");
	metrics_count(w->text, "wgproxy_build_info",
		      LABELS({"version", w->edge->version},
			     {"libs", w->edge->libraries}),
		      1);
}

/* ------------------------------------------------------------- forwards */

static void forward_gauges(struct writer *w)
{
	const char *name = "wgproxy_forward_up";

	metrics_family(w->text, name, "gauge",
		       "Whether the forward takes clients: it listens, is not "
		       "drained and its target is not known to be down.");
	for (uint32_t i = 0; i < w->proxy->forward_count; i++) {
		const struct forward *forward = forward_at(w, i);

		if (forward != NULL)
			metrics_count(
				w->text, name,
				LABELS({"forward", forward->mapping.name}),
				forward_is_up(forward));
	}
	name = "wgproxy_connections_active";
	metrics_family(w->text, name, "gauge",
		       "Connections now, those that still connect too.");
	for (uint32_t i = 0; i < w->proxy->forward_count; i++) {
		const struct forward *forward = forward_at(w, i);

		if (forward != NULL)
			metrics_count(
				w->text, name,
				LABELS({"forward", forward->mapping.name}),
				forward->connections);
	}
}

static void forward_results(struct writer *w)
{
	const char *name = "wgproxy_connections_total";

	metrics_family(w->text, name, "counter",
		       "Clients, by whether and why not they were connected "
		       "with the target.");
	for (uint32_t i = 0; i < w->proxy->forward_count; i++) {
		const struct forward *forward = forward_at(w, i);

		if (forward == NULL)
			continue;
		metrics_count(w->text, name,
			      LABELS({"forward", forward->mapping.name},
				     {"result", "ok"}),
			      forward->connected);
		for (unsigned r = REASON_DONE + 1; r < REASONS; r++)
			metrics_count(
				w->text, name,
				LABELS({"forward", forward->mapping.name},
				       {"result", reason_word((enum reason)r)}),
				forward->refused[r]);
	}
}

static void forward_terminations(struct writer *w)
{
	const char *name = "wgproxy_connection_terminations_total";

	metrics_family(w->text, name, "counter",
		       "Connections that were open, by why they ended.");
	for (uint32_t i = 0; i < w->proxy->forward_count; i++) {
		const struct forward *forward = forward_at(w, i);

		if (forward == NULL)
			continue;
		for (unsigned r = REASON_DONE; r < REASONS; r++)
			metrics_count(
				w->text, name,
				LABELS({"forward", forward->mapping.name},
				       {"reason", reason_word((enum reason)r)}),
				forward->ended[r] - forward->refused[r]);
	}
}

static void forward_bytes(struct writer *w)
{
	const char *name = "wgproxy_connection_bytes_total";

	metrics_family(w->text, name, "counter",
		       "Payload from clients (tx) and to clients (rx).");
	for (uint32_t i = 0; i < w->proxy->forward_count; i++) {
		const struct forward *forward = forward_at(w, i);

		if (forward == NULL)
			continue;
		metrics_count(w->text, name,
			      LABELS({"forward", forward->mapping.name},
				     {"direction", "tx"}),
			      forward->bytes_up + w->live[i][0]);
		metrics_count(w->text, name,
			      LABELS({"forward", forward->mapping.name},
				     {"direction", "rx"}),
			      forward->bytes_down + w->live[i][1]);
	}
}

static void forward_durations(struct writer *w)
{
	const char *name = "wgproxy_connect_duration_seconds";

	metrics_family(w->text, name, "histogram",
		       "From a client's connection to the target's answer.");
	for (uint32_t i = 0; i < w->proxy->forward_count; i++) {
		const struct forward *forward = forward_at(w, i);

		if (forward != NULL)
			metrics_histogram(
				w->text, name,
				LABELS({"forward", forward->mapping.name}),
				&forward->connect);
	}
}

static void write_forwards(struct writer *w)
{
	forward_gauges(w);
	forward_results(w);
	forward_terminations(w);
	forward_bytes(w);
	forward_durations(w);
}

/* ------------------------------------------------------------- process */

static void one(struct writer *w, const char *name, const char *type,
		const char *help, uint64_t value)
{
	metrics_family(w->text, name, type, help);
	metrics_count(w->text, name, NULL, value);
}

static void one_time(struct writer *w, const char *name, const char *type,
		     const char *help, uint64_t ns)
{
	metrics_family(w->text, name, type, help);
	metrics_time(w->text, name, NULL, ns);
}

static void write_program(struct writer *w)
{
	const struct chunk_pool *chunks = &w->proxy->chunks;
	const struct metrics_edge *edge = w->edge;

	one(w, "wgproxy_buffer_bytes", "gauge", "Payload buffers in use.",
	    (uint64_t)chunks->used * CHUNK_BYTES);
	one(w, "wgproxy_buffer_limit_bytes", "gauge",
	    "Payload buffers that there are.",
	    (uint64_t)chunks->count * CHUNK_BYTES);
	metrics_family(w->text, "wgproxy_event_loop_lag_seconds", "histogram",
		       "How long one turn of the loop took: so long waits what "
		       "arrives meanwhile.");
	metrics_histogram(w->text, "wgproxy_event_loop_lag_seconds", NULL,
			  edge->turns);
	one(w, "wgproxy_config_last_reload_successful", "gauge",
	    "Whether the last reload of the configuration worked.",
	    !edge->reload_failed);
	one_time(w, "wgproxy_config_last_reload_success_timestamp_seconds",
		 "gauge", "When the configuration in force was loaded.",
		 edge->configured);
	one(w, "wgproxy_clock_jumps_total", "counter",
	    "Jumps of the wall clock by more than a second.",
	    edge->clock_jumps);
	one(w, "wgproxy_resumes_total", "counter",
	    "Times the system was suspended for more than a second.",
	    edge->resumes);
}

static void write_process(struct writer *w)
{
	const struct metrics_process *process = &w->edge->process;

	if (process->open_fds != 0)
		one(w, "process_open_fds", "gauge", "Open descriptors.",
		    process->open_fds);
	if (process->max_fds != 0)
		one(w, "process_max_fds", "gauge",
		    "Descriptors that may be open.", process->max_fds);
	if (process->resident_bytes != 0)
		one(w, "process_resident_memory_bytes", "gauge",
		    "Memory in use.", process->resident_bytes);
	if (process->started != 0)
		one_time(w, "process_start_time_seconds", "gauge",
			 "When the program started, Unix time.",
			 process->started);
	if (process->cpu_ns != 0)
		one_time(w, "process_cpu_seconds_total", "counter",
			 "CPU time, user and system.", process->cpu_ns);
}

int metrics_write(struct metrics_text *text, const struct proxy *proxy,
		  const struct clock *now, const struct metrics_edge *edge)
{
	struct writer w = {.text = text, .proxy = proxy, .edge = edge};

	w.live = calloc(FORWARD_SLOTS, sizeof(*w.live));
	if (w.live == NULL)
		return -ERR_NO_MEMORY;
	proxy_add_live_bytes(w.proxy, w.live);
	write_build(&w);
	write_forwards(&w);
	metrics_tunnels(text, proxy, now);
	write_program(&w);
	write_process(&w);
	free(w.live);
	return text->failed ? -ERR_NO_MEMORY : 0;
}
