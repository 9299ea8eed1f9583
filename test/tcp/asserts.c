/* SPDX-License-Identifier: ISC */
/*
 * %{ term, term }%: what tcp_info() and the counters must say. A term is
 * "value op value"; a value is a number, a name, or two of them with '*' or
 * '+' between. Names are those of struct ns_tcp_info without their units, times
 * are in milliseconds; counter.NAME is a counter of the netstack; fd N chooses
 * the descriptor for the terms that follow.
 */
#include "runner.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

/* ------------------------------------------------------------- values */

static bool state_value(const char *word, int64_t *ret)
{
	char name[24];

	for (int i = 0; i < TCPS_STATES; i++) {
		snprintf(name, sizeof(name), "%s", tcp_state_name[i]);
		for (char *p = name; *p != '\0'; p++)
			if (*p == '-')
				*p = '_';
		if (strcmp(name, word) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool info_value(const struct ns_tcp_info *info, const char *word,
		       int64_t *ret)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"state", (uint64_t)info->state},
		{"mss", info->mss},
		{"cwnd", info->cwnd},
		{"ssthresh", info->ssthresh},
		{"snd_wnd", info->snd_wnd},
		{"rcv_wnd", info->rcv_wnd},
		{"unacked", info->unacked},
		{"send_queued", info->send_queued},
		{"recv_queued", info->recv_queued},
		{"srtt", info->srtt_ns / NS_PER_MS},
		{"rttvar", info->rttvar_ns / NS_PER_MS},
		{"rto", info->rto_ns / NS_PER_MS},
		{"bytes_sent", info->bytes_sent},
		{"bytes_received", info->bytes_received},
		{"retransmits", info->retransmits},
		{"timestamps", info->timestamps},
		{"sack", info->sack},
		{"window_scaling", info->window_scaling},
		{"snd_wscale", info->snd_wscale},
		{"rcv_wscale", info->rcv_wscale},
		{"soft_error", (uint64_t)(info->soft_error != 0)},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].name, word) == 0) {
			*ret = (int64_t)fields[i].value;
			return true;
		}
	return false;
}

static bool counter_value(const struct netstack *ns, const char *word,
			  int64_t *ret)
{
	static const char *const names[NS_COUNTERS] = {
#define X(name, text) text,
		NS_COUNTER_LIST(X)
#undef X
	};

	if (strncmp(word, "counter.", 8) != 0)
		return false;
	for (unsigned i = 0; i < NS_COUNTERS; i++)
		if (strcmp(names[i], word + 8) == 0) {
			*ret = (int64_t)netstack_counter(ns,
							 (enum ns_counter)i);
			return true;
		}
	return false;
}

static bool named_value(struct runner *runner, const char *word, int64_t *ret)
{
	struct ns_tcp_info info;
	int err;

	if (state_value(word, ret) ||
	    counter_value(runner->world.ns, word, ret))
		return true;
	err = tcp_info(runner->world.ns, runner->fds[runner->last_fd].handle,
		       &info);
	if (err != 0)
		return runner_fail(runner, "descriptor %d has no tcp_info",
				   runner->last_fd);
	return info_value(&info, word, ret) ||
	       runner_fail(runner, "nothing is named '%s'", word);
}

/* ------------------------------------------------------------- terms */

static void skip(const char **at)
{
	while (isspace((unsigned char)**at))
		(*at)++;
}

static bool factor(struct runner *runner, const char **at, int64_t *ret)
{
	char word[48];
	size_t len = 0;

	skip(at);
	if (isdigit((unsigned char)**at)) {
		char *end;

		*ret = strtoll(*at, &end, 10);
		*at = end;
		return true;
	}
	while ((isalnum((unsigned char)(*at)[len]) || (*at)[len] == '_' ||
		(*at)[len] == '.') &&
	       len + 1 < sizeof(word)) {
		word[len] = (*at)[len];
		len++;
	}
	word[len] = '\0';
	*at += len;
	return named_value(runner, word, ret);
}

static bool value(struct runner *runner, const char **at, int64_t *ret)
{
	int64_t second;

	if (!factor(runner, at, ret))
		return false;
	skip(at);
	while (**at == '*' || **at == '+') {
		char op = *(*at)++;

		if (!factor(runner, at, &second))
			return false;
		*ret = op == '*' ? *ret * second : *ret + second;
		skip(at);
	}
	return true;
}

static bool compare(int64_t a, const char *op, int64_t b)
{
	if (strcmp(op, "==") == 0)
		return a == b;
	if (strcmp(op, "!=") == 0)
		return a != b;
	if (strcmp(op, "<=") == 0)
		return a <= b;
	if (strcmp(op, ">=") == 0)
		return a >= b;
	return strcmp(op, "<") == 0 ? a < b : a > b;
}

static bool term(struct runner *runner, const char **at)
{
	const char *start = *at;
	char op[3] = "";
	int64_t a, b;

	if (!value(runner, at, &a))
		return false;
	for (size_t i = 0; i < 2 && strchr("=!<>", **at) != NULL && **at != 0;
	     i++)
		op[i] = *(*at)++;
	if (op[0] == '\0' || strcmp(op, "=") == 0)
		return runner_fail(runner, "expected an operator: %s", *at);
	if (!value(runner, at, &b))
		return false;
	return compare(a, op, b) ||
	       runner_fail(runner, "%.*s: %lld %s %lld does not hold",
			   (int)(*at - start), start, (long long)a, op,
			   (long long)b);
}

bool asserts_run(struct runner *runner)
{
	const char *at = runner->event->text;

	for (;;) {
		skip(&at);
		if (strncmp(at, "fd ", 3) == 0) {
			char *end;
			long number = strtol(at + 3, &end, 10);

			if (number < 0 || number >= SCRIPT_FDS_MAX)
				return runner_fail(runner, "no such fd");
			runner->last_fd = (int)number;
			at = end;
		} else if (!term(runner, &at)) {
			return false;
		}
		skip(&at);
		if (*at == '\0')
			return true;
		if (*at++ != ',')
			return runner_fail(runner, "expected ',': %s", at - 1);
	}
}
