/* SPDX-License-Identifier: ISC */
/* why, resolve, ping, wait */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "ctl/ask.h"
#include "ctl/print.h"
#include "ctl/run.h"

enum {
	/* Most that the daemon lets itself be told, and a reply's way. */
	TRY_MAX_MS = 10000,
	REPLY_MS = 2000,
	PING_MS = 2000,
	PING_INTERVAL_MS = 1000,
	WAIT_MS = 30000,
	WAIT_TRY_MS = 2000,
	WAIT_POLL_MS = 250,
	/* An attempt may take all the time that is left; then its answer still
	 * has to come. */
	WAIT_REPLY_MS = 500,
	WAIT_LEAST_MS = 20, /* no attempt is made with less */
};

static void set_text(json_t *request, const char *member, const char *text)
{
	if (text != NULL)
		json_object_set_new(request, member, json_string(text));
}

static void set_ms(json_t *request, uint64_t ms)
{
	json_object_set_new(request, "timeout_ms",
			    json_integer((json_int_t)time_min(ms, TRY_MAX_MS)));
}

/* -------------------------------------------------------------------- why */

static void print_steps(const struct style *style, const json_t *steps)
{
	size_t index;
	json_t *step;

	json_array_foreach(steps, index, step)
	{
		const char *mark = is_true(step, "ok") ? "ok" : "failed";
		char took[TIME_TEXT_CAP];

		print_state(stdout, style, mark);
		printf("%*s%-8s ", (int)(8 - strlen(mark)), "",
		       text_of(step, "step"));
		print_clean(stdout, text_of(step, "text"));
		if (json_object_get(step, "ms") != NULL)
			printf(" (%s)",
			       print_duration(number_of(step, "ms"), took));
		putchar('\n');
	}
}

static void print_why(const json_t *result)
{
	struct style style = style_of(stdout);
	const char *reason = text_of(result, "reason");

	print_steps(&style, json_object_get(result, "steps"));
	print_clean(stdout, text_of(result, "text"));
	if (reason[0] != '\0' && !is_true(result, "ok")) {
		fputs(" (", stdout);
		print_clean(stdout, reason);
		fputs(")", stdout);
	}
	putchar('\n');
}

static json_t *why_request(const char *forward)
{
	return json_pack("{s:s, s:s}", "op", "why", "forward", forward);
}

int run_why(const struct call *call)
{
	json_t *request = why_request(call->args[0]);
	uint64_t timeout = call_ms(call, "--timeout", 0);
	json_t *result;
	int code;

	if (timeout > 0)
		set_ms(request, timeout);
	code = ask_within(call, request,
			  timeout > 0 ? timeout + REPLY_MS : ASK_TIMEOUT_MS,
			  &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		print_why(result);
	code = is_true(result, "ok") ? EXIT_DONE : EXIT_NO;
	json_decref(result);
	return code;
}

/* ---------------------------------------------------------------- resolve */

int run_resolve(const struct call *call)
{
	json_t *request =
		json_pack("{s:s, s:s}", "op", "resolve", "name", call->args[0]);
	json_t *result, *address;
	size_t index;
	int code;

	set_text(request, "tunnel", call_value(call, "--tunnel"));
	code = ask(call, request, &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result)) {
		json_array_foreach(json_object_get(result, "addresses"), index,
				   address)
		{
			const char *text = json_string_value(address);

			print_clean(stdout, text != NULL ? text : "");
			putchar('\n');
		}
	}
	json_decref(result);
	return code;
}

/* ------------------------------------------------------------------- ping */

/* A refusal came from the host, so the way there works. */
static void print_pong(const json_t *result)
{
	const json_t *ms = json_object_get(result, "ms");

	print_clean(stdout, text_of(result, "target"));
	fputs(" (", stdout);
	print_clean(stdout, text_of(result, "address"));
	printf("): %.3g ms%s\n", json_number_value(ms),
	       is_true(result, "refused") ? ", refused: nothing listens there"
					  : "");
}

static int ping_once(const struct call *call)
{
	uint64_t timeout = call_ms(call, "--timeout", PING_MS);
	json_t *request =
		json_pack("{s:s, s:s}", "op", "ping", "target", call->args[0]);
	json_t *result;
	int code;

	set_text(request, "tunnel", call_value(call, "--tunnel"));
	set_ms(request, timeout);
	code = ask_within(call, request, timeout + REPLY_MS, &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		print_pong(result);
	fflush(stdout);
	json_decref(result);
	return code;
}

/* As ping(8): one answer is enough for success. Without a daemon it is no use
 * to go on. */
int run_ping(const struct call *call)
{
	uint64_t count = call_number(call, "-c", 1);
	bool answered = false;
	int code = EXIT_DONE;

	for (uint64_t i = 0; i < count; i++) {
		if (i > 0)
			client_sleep_ms(PING_INTERVAL_MS);
		code = ping_once(call);
		if (code != EXIT_DONE && code != EXIT_NO)
			return code;
		answered = answered || code == EXIT_DONE;
	}
	return answered ? EXIT_DONE : code;
}

/* ------------------------------------------------------------------- wait */

struct wait {
	const struct call *call;
	uint64_t deadline; /* of client_now_ms() */
	json_t *pending;   /* names; NULL: not known yet */
	int code;          /* of the last try */
	char message[CLIENT_MESSAGE_CAP];
};

static uint64_t wait_left(const struct wait *wait)
{
	uint64_t now = client_now_ms();

	return now >= wait->deadline ? 0 : wait->deadline - now;
}

/* One request within what is left; the result is the caller's. Without time
 * the message stays that of the last attempt. */
static int wait_ask(struct wait *wait, json_t *request, json_t **ret_result)
{
	struct client_reply reply;
	int code;

	*ret_result = NULL;
	if (wait_left(wait) < WAIT_LEAST_MS && wait->message[0] != '\0') {
		json_decref(request);
		return EXIT_TIMEOUT;
	}
	code = ask_quietly(wait->call, request, wait_left(wait) + WAIT_REPLY_MS,
			   &reply);
	*ret_result = json_incref(reply.result);
	memcpy(wait->message, reply.message, sizeof(wait->message));
	client_reply_free(&reply);
	return code;
}

/* All forwards, page by page. */
static int wait_learn(struct wait *wait)
{
	json_t *names = json_array();
	json_t *after = NULL;
	int code;

	do {
		json_t *request = json_pack("{s:s}", "op", "list");
		json_t *page, *forward;
		size_t index;

		if (after != NULL)
			json_object_set_new(request, "after", after);
		after = NULL;
		code = wait_ask(wait, request, &page);
		json_array_foreach(json_object_get(page, "forwards"), index,
				   forward)
		{
			json_array_append(names,
					  json_object_get(forward, "name"));
		}
		after = json_incref(json_object_get(page, "next"));
		json_decref(page);
	} while (code == EXIT_DONE && after != NULL);
	json_decref(after);
	if (code == EXIT_DONE)
		wait->pending = json_incref(names);
	json_decref(names);
	return code;
}

/* Without a forward there is the tunnel alone. */
static int wait_tunnel(struct wait *wait)
{
	json_t *status;
	int code = wait_ask(wait, json_pack("{s:s}", "op", "status"), &status);

	if (code == EXIT_DONE &&
	    strcmp(text_of(status, "state"), "ready") != 0) {
		snprintf(wait->message, sizeof(wait->message), "%s: %s",
			 text_of(status, "state"), text_of(status, "text"));
		code = EXIT_TIMEOUT;
	}
	json_decref(status);
	return code;
}

static int wait_forward(struct wait *wait, const char *name)
{
	json_t *request = why_request(name);
	json_t *result;
	int code;

	set_ms(request, time_min(wait_left(wait), WAIT_TRY_MS));
	code = wait_ask(wait, request, &result);
	if (code == EXIT_DONE && !is_true(result, "ok")) {
		snprintf(wait->message, sizeof(wait->message), "%s: %s", name,
			 text_of(result, "text"));
		code = EXIT_TIMEOUT;
	}
	json_decref(result);
	return code;
}

/* Those that are ready are not asked again. */
static int wait_try(struct wait *wait)
{
	int code = EXIT_DONE;

	if (wait->pending == NULL)
		code = wait_learn(wait);
	if (code == EXIT_DONE && json_array_size(wait->pending) == 0 &&
	    wait->call->arg_count == 0)
		return wait_tunnel(wait);
	while (code == EXIT_DONE && json_array_size(wait->pending) > 0) {
		const char *name =
			json_string_value(json_array_get(wait->pending, 0));

		code = wait_forward(wait, name == NULL ? "" : name);
		if (code == EXIT_DONE)
			json_array_remove(wait->pending, 0);
	}
	return code;
}

int run_wait(const struct call *call)
{
	uint64_t timeout = call_ms(call, "--timeout", WAIT_MS);
	struct wait wait = {.call = call,
			    .deadline = client_now_ms() + timeout};
	int code;

	for (unsigned i = 0; i < call->arg_count; i++) {
		if (wait.pending == NULL)
			wait.pending = json_array();
		json_array_append_new(wait.pending, json_string(call->args[i]));
	}
	for (;;) {
		code = wait_try(&wait);
		if (code != EXIT_TIMEOUT && code != EXIT_NO_DAEMON)
			break;
		if (client_now_ms() + WAIT_POLL_MS >= wait.deadline)
			break;
		client_sleep_ms(WAIT_POLL_MS);
	}
	json_decref(wait.pending);
	if (code == EXIT_TIMEOUT)
		say("not ready after %.3g s: %s", (double)timeout / 1000,
		    wait.message);
	else if (code != EXIT_DONE)
		say("%s", wait.message);
	return code;
}
