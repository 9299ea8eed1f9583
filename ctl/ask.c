/* SPDX-License-Identifier: ISC */
#include "ctl/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "ctl/print.h"
#include "ctl/socket_path.h"

void say(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs("proxyctl: ", stderr);
	print_clean(stderr, text);
	fputc('\n', stderr);
}

const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text == NULL ? "" : text;
}

uint64_t number_of(const json_t *object, const char *member)
{
	json_int_t value = json_integer_value(json_object_get(object, member));

	return value < 0 ? 0 : (uint64_t)value;
}

bool is_true(const json_t *object, const char *member)
{
	return json_is_true(json_object_get(object, member));
}

bool ask_print_json(const struct call *call, const json_t *result)
{
	if (!call_has(call, "--json"))
		return false;
	json_dumpf(result, stdout, JSON_INDENT(2));
	fputc('\n', stdout);
	return true;
}

int ask_print_error(const struct call *call, const struct client_reply *reply,
		    int code)
{
	if (reply->error != NULL && call_has(call, "--json")) {
		json_t *whole = json_pack("{s:O}", "error", reply->error);

		ask_print_json(call, whole);
		json_decref(whole);
	}
	say("%s", reply->message);
	return code;
}

int ask_quietly(const struct call *call, json_t *request, uint64_t timeout_ms,
		struct client_reply *ret_reply)
{
	struct ctl_socket_choice choice =
		ctl_socket_choice(call_value(call, "--socket"), NULL);
	char path[SOCKET_PATH_CAP];

	if (ctl_socket_client(&choice, path) == 0)
		return client_ask(path, request, timeout_ms, ret_reply);
	json_decref(request);
	memset(ret_reply, 0, sizeof(*ret_reply));
	snprintf(ret_reply->message, sizeof(ret_reply->message),
		 "the path of the socket is longer than %d characters",
		 SOCKET_PATH_CAP - 1);
	return EXIT_USAGE;
}

int ask_within(const struct call *call, json_t *request, uint64_t timeout_ms,
	       json_t **ret_result)
{
	struct client_reply reply;
	int code = ask_quietly(call, request, timeout_ms, &reply);

	if (code == EXIT_DONE)
		*ret_result = json_incref(reply.result);
	else
		ask_print_error(call, &reply, code);
	client_reply_free(&reply);
	return code;
}

int ask(const struct call *call, json_t *request, json_t **ret_result)
{
	return ask_within(call, request,
			  call_ms(call, "--timeout", ASK_TIMEOUT_MS),
			  ret_result);
}

/* Moves on to the page that follows; false: that was the last. A cursor that
 * stays would go on forever. */
static bool turn_page(json_t *request, const json_t *page, int *code)
{
	json_t *next = json_object_get(page, "next");

	if (next == NULL)
		return false;
	if (json_equal(next, json_object_get(request, "after"))) {
		say("the daemon gives the same page of a list again");
		*code = EXIT_NO_DAEMON;
		return false;
	}
	json_object_set(request, "after", next);
	return true;
}

int ask_list(const struct call *call, json_t *request, const char *member,
	     json_t **ret_result)
{
	json_t *all = json_array();
	bool more = true;
	int code = EXIT_DONE;

	while (more) {
		json_t *page;

		code = ask(call, json_copy(request), &page);
		if (code != EXIT_DONE)
			break;
		if (json_array_extend(all, json_object_get(page, member)) !=
		    0) {
			say("the daemon's answer has no list of %s; are "
			    "wgproxyd and proxyctl of one version?",
			    member);
			code = EXIT_NO_DAEMON;
		}
		more = code == EXIT_DONE && turn_page(request, page, &code);
		json_decref(page);
	}
	json_decref(request);
	if (code == EXIT_DONE)
		*ret_result = json_pack("{s:O}", member, all);
	json_decref(all);
	return code;
}
