/* SPDX-License-Identifier: ISC */
/* reload, drain */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "ctl/ask.h"
#include "ctl/print.h"
#include "ctl/run.h"

enum {
	DRAIN_POLL_MS = 200,
	DRAIN_MARGIN_MS = 2000, /* beyond what the daemon was given */
};

/* ----------------------------------------------------------------- reload */

static void print_reload(const json_t *result)
{
	size_t index;
	json_t *warning;

	printf("forwards: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
	       " changed, %" PRIu64 " unchanged\n",
	       number_of(result, "added"), number_of(result, "removed"),
	       number_of(result, "changed"), number_of(result, "unchanged"));
	printf("tunnels: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
	       " changed, %" PRIu64 " unchanged\n",
	       number_of(result, "tunnels_added"),
	       number_of(result, "tunnels_removed"),
	       number_of(result, "tunnels_changed"),
	       number_of(result, "tunnels_unchanged"));
	fflush(stdout);
	json_array_foreach(json_object_get(result, "warnings"), index, warning)
	{
		if (json_is_string(warning))
			say("warning: %s", json_string_value(warning));
	}
}

int run_reload(const struct call *call)
{
	json_t *result;
	int code = ask(call, json_pack("{s:s}", "op", "reload"), &result);

	if (code == EXIT_NO)
		say("nothing was changed");
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		print_reload(result);
	json_decref(result);
	return code;
}

/* ------------------------------------------------------------------ drain */

/* Connections that are left, through one forward or all. */
static int count_left(const struct call *call, uint64_t *ret_left)
{
	json_t *request = json_pack("{s:s}", "op", "status");
	struct client_reply reply;
	int code;

	if (call->arg_count > 0) {
		json_decref(request);
		request = json_pack("{s:s, s:s}", "op", "connections",
				    "forward", call->args[0]);
	}
	code = ask_quietly(call, request, ASK_TIMEOUT_MS, &reply);
	if (code == EXIT_DONE && call->arg_count > 0)
		*ret_left = json_array_size(
			json_object_get(reply.result, "connections"));
	else if (code == EXIT_DONE)
		*ret_left = number_of(reply.result, "connections");
	else if (code == EXIT_NO_DAEMON && call->arg_count == 0)
		*ret_left = 0,
		code = EXIT_DONE; /* it has ended, as it should */
	else
		say("%s", reply.message);
	client_reply_free(&reply);
	return code;
}

static int wait_until_gone(const struct call *call, uint64_t wait_ms,
			   uint64_t left)
{
	uint64_t deadline = client_now_ms() + wait_ms + DRAIN_MARGIN_MS;

	while (left > 0) {
		int code;

		if (client_now_ms() >= deadline) {
			say("%" PRIu64 " still open; see proxyctl connections",
			    left);
			return EXIT_TIMEOUT;
		}
		client_sleep_ms(DRAIN_POLL_MS);
		code = count_left(call, &left);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

static void print_drain(const struct call *call, uint64_t left)
{
	const char *what = call->arg_count > 0 ? call->args[0] : "all forwards";

	if (call_has(call, "--resume"))
		say("%s: taking new clients again", what);
	else if (call_has(call, "--wait"))
		say("%s: drained", what);
	else
		say("%s: draining, %" PRIu64 " connection%s left", what, left,
		    left == 1 ? "" : "s");
}

int run_drain(const struct call *call)
{
	uint64_t wait_ms = call_ms(call, "--wait", 0);
	json_t *request = json_pack("{s:s}", "op", "drain");
	json_t *result;
	uint64_t left;
	int code;

	if (wait_ms > 0 && call_has(call, "--resume")) {
		say("--wait and --resume do not go together");
		json_decref(request);
		return EXIT_USAGE;
	}
	if (call->arg_count > 0)
		json_object_set_new(request, "forward",
				    json_string(call->args[0]));
	if (call_has(call, "--resume"))
		json_object_set_new(request, "resume", json_true());
	if (wait_ms > 0)
		json_object_set_new(request, "timeout_ms",
				    json_integer((json_int_t)wait_ms));
	code = ask(call, request, &result);
	if (code != EXIT_DONE)
		return code;
	left = number_of(result, "connections");
	if (wait_ms > 0)
		code = wait_until_gone(call, wait_ms, left);
	if (!ask_print_json(call, result) && code == EXIT_DONE)
		print_drain(call, left);
	json_decref(result);
	return code;
}
