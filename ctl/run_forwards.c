/* SPDX-License-Identifier: ISC */
/* add, rm, ls, connections, kill */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/mapping.h"
#include "config/text.h"
#include "ctl/ask.h"
#include "ctl/error_code.h"
#include "ctl/holder.h"
#include "ctl/print.h"
#include "ctl/run.h"
#include "ctl/spec.h"

/* -------------------------------------------------------------------- add */

static json_t *add_request(const struct call *call, enum mapping_kind kind,
			   const char *spec)
{
	json_t *request = json_pack("{s:s, s:s}", "op", "add", "spec", spec);
	uint64_t max = call_number(call, "--max-connections", 0);
	json_t *allow = json_array();

	if (kind != MAPPING_FORWARD)
		json_object_set_new(request, "kind",
				    json_string(mapping_kind_name[kind]));
	for (unsigned i = 0; i < call->option_count; i++) {
		if (strcmp(call->options[i].spec->name, "--allow") == 0)
			json_array_append_new(
				allow, json_string(call->options[i].value));
	}
	if (json_array_size(allow) > 0)
		json_object_set(request, "allow", allow);
	json_decref(allow);
	if (call_has(call, "--name"))
		json_object_set_new(request, "name",
				    json_string(call_value(call, "--name")));
	if (call_has(call, "--tunnel"))
		json_object_set_new(request, "tunnel",
				    json_string(call_value(call, "--tunnel")));
	if (call_has(call, "--address-policy"))
		json_object_set_new(
			request, "address_policy",
			json_string(call_value(call, "--address-policy")));
	if (max > 0)
		json_object_set_new(request, "max_connections",
				    json_integer((json_int_t)max));
	if (call_has(call, "--temporary"))
		json_object_set_new(request, "temporary", json_true());
	return request;
}

/* What a person asks next when a port is taken: by whom, and what else. The
 * daemon names another forward itself. */
static void help_with_port(const struct call *call, const char *spec,
			   const json_t *error)
{
	json_int_t port = json_integer_value(json_object_get(error, "suggest"));
	const char *rest = strchr(call->args[0], ':');
	char message[MAPPING_MESSAGE_CAP], holder[CTL_HOLDER_CAP] = "";
	struct mapping mapping;

	if (strcmp(text_of(error, "code"), ctl_error_word(CTL_PORT_TAKEN)) != 0)
		return;
	if (text_of(error, "holder")[0] == '\0' &&
	    mapping_parse(spec, &mapping, message) == 0)
		ctl_holder(&mapping.listen, holder);
	if (holder[0] != '\0')
		say("it is taken by %s", holder);
	/* The command once more, when it begins with the port. */
	if (port <= 0 || port > UINT16_MAX || rest == NULL ||
	    strspn(call->args[0], "0123456789") !=
		    (size_t)(rest - call->args[0]))
		return;
	say("port %d is free: proxyctl add %d%s%s%s", (int)port, (int)port,
	    rest, call_has(call, "-a") ? " -a " : "",
	    call_has(call, "-a") ? call_value(call, "-a") : "");
}

static void print_added(const json_t *result)
{
	const json_t *forward = json_object_get(result, "forward");

	print_clean(stdout, text_of(forward, "listen"));
	fputs(" -> ", stdout);
	print_clean(stdout, text_of(forward, "to"));
	putchar('\n');
	say("%s %s", text_of(forward, "name"),
	    is_true(result, "existing") ? "was there already" : "is listening");
}

int run_add(const struct call *call)
{
	char spec[SPEC_CAP], message[MAPPING_MESSAGE_CAP];
	struct client_reply reply;
	int code;

	if (spec_from(call->args[0], call_value(call, "-a"), spec, message) !=
	    0) {
		say("%s", message);
		return EXIT_USAGE;
	}
	code = ask_quietly(call, add_request(call, MAPPING_FORWARD, spec),
			   call_ms(call, "--timeout", ASK_TIMEOUT_MS), &reply);
	if (code != EXIT_DONE) {
		ask_print_error(call, &reply, code);
		help_with_port(call, spec, reply.error);
	} else if (!ask_print_json(call, reply.result)) {
		print_added(reply.result);
	}
	client_reply_free(&reply);
	return code;
}

int run_expose(const struct call *call)
{
	char message[MAPPING_MESSAGE_CAP];
	struct mapping mapping;
	json_t *result;
	int code;

	if (expose_parse(call->args[0], &mapping, message) != 0) {
		say("%s", message);
		return EXIT_USAGE;
	}
	code = ask(call, add_request(call, MAPPING_EXPOSE, call->args[0]),
		   &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		print_added(result);
	json_decref(result);
	return code;
}

/* --------------------------------------------------------------------- rm */

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static int remove_one(const struct call *call, const char *kind)
{
	json_t *request =
		json_pack("{s:s, s:s, s:b}", "op", "rm", "forward",
			  call->args[0], "kill", call_has(call, "--kill"));
	json_t *result;
	uint64_t left;
	int code;

	if (kind != NULL)
		json_object_set_new(request, "kind", json_string(kind));
	code = ask(call, request, &result);
	if (code != EXIT_DONE)
		return code;
	left = number_of(result, "connections");
	if (!ask_print_json(call, result)) {
		const json_t *forward = json_object_get(result, "forward");

		say("%s (%s) is removed", text_of(forward, "name"),
		    text_of(forward, "listen"));
		if (left > 0)
			say("%llu connection%s live%s on; see proxyctl "
			    "connections",
			    (unsigned long long)left, plural(left),
			    left == 1 ? "s" : "");
	}
	json_decref(result);
	return code;
}

int run_rm(const struct call *call)
{
	return remove_one(call, NULL);
}

int run_unexpose(const struct call *call)
{
	return remove_one(call, mapping_kind_name[MAPPING_EXPOSE]);
}

/* --------------------------------------------------------------------- ls */

enum { LISTEN_TEXT_CAP = SOCKET_PATH_CAP + LABEL_CAP + 2 };

static const struct column forward_columns[] = {
	{.head = "NAME", .flexible = true},
	{.head = "LISTEN", .flexible = true},
	{.head = "TO", .flexible = true},
	{.head = "STATE", .state = true},
	{.head = "CONNS", .right = true},
	{.head = "RX", .right = true},
	{.head = "TX", .right = true},
};

static json_t *forward_row(const json_t *forward)
{
	char conns[32], rx[SIZE_TEXT_CAP], tx[SIZE_TEXT_CAP];
	char listen[LISTEN_TEXT_CAP];
	bool exposed = strcmp(text_of(forward, "kind"), "expose") == 0;

	/* "net/5432": inside that tunnel */
	snprintf(listen, sizeof(listen), "%s%s%s",
		 exposed ? text_of(forward, "tunnel") : "", exposed ? "/" : "",
		 text_of(forward, "listen"));
	snprintf(conns, sizeof(conns), "%llu",
		 (unsigned long long)number_of(forward, "connections"));
	return json_pack("[sssssss]", text_of(forward, "name"), listen,
			 text_of(forward, "to"), text_of(forward, "state"),
			 conns,
			 print_size(number_of(forward, "bytes_down"), rx),
			 print_size(number_of(forward, "bytes_up"), tx));
}

/* For shells, which expand what they are given: nothing but names. */
static void print_names(const json_t *forwards)
{
	size_t index;
	json_t *forward;

	json_array_foreach(forwards, index, forward)
	{
		if (text_is_label(text_of(forward, "name")))
			puts(text_of(forward, "name"));
	}
}

static void say_what_is_wrong(const json_t *forward)
{
	const char *name = text_of(forward, "name");
	const char *state = text_of(forward, "state");
	const char *text = text_of(forward, "text");

	if (strcmp(state, "paused") == 0 || strcmp(state, "failed") == 0)
		say("%s is %s: %s; see proxyctl why %s", name, state, text,
		    name);
	else if (text[0] != '\0')
		say("%s is %s: %s", name, state, text);
}

static void print_forwards(const json_t *forwards)
{
	size_t index;
	json_t *forward;

	print_list(forward_columns, ARRAY_SIZE(forward_columns), forwards,
		   forward_row);
	if (json_array_size(forwards) == 0)
		say("no forwards; add one: proxyctl add "
		    "15432:appname.internal:5432");
	json_array_foreach(forwards, index, forward)
	{
		say_what_is_wrong(forward);
	}
}

int run_ls(const struct call *call)
{
	json_t *result, *forwards;
	int code = ask_list(call, json_pack("{s:s}", "op", "list"), "forwards",
			    &result);

	if (code != EXIT_DONE)
		return code;
	forwards = json_object_get(result, "forwards");
	if (call_has(call, "--names"))
		print_names(forwards);
	else if (!ask_print_json(call, result))
		print_forwards(forwards);
	json_decref(result);
	return code;
}

/* ------------------------------------------------------------ connections */

static const struct column connection_columns[] = {
	{.head = "ID", .right = true},
	{.head = "FORWARD", .flexible = true},
	{.head = "CLIENT", .flexible = true},
	{.head = "TARGET", .flexible = true},
	{.head = "STATE", .state = true},
	{.head = "AGE", .right = true},
	{.head = "RX", .right = true},
	{.head = "TX", .right = true},
};

/* An id may be a number or a string. */
static void format_id(const json_t *connection, char text[64])
{
	const json_t *id = json_object_get(connection, "id");

	if (json_is_string(id))
		snprintf(text, 64, "%s", json_string_value(id));
	else
		snprintf(text, 64, "%lld", (long long)json_integer_value(id));
}

static json_t *connection_row(const json_t *connection)
{
	char rx[SIZE_TEXT_CAP], tx[SIZE_TEXT_CAP], age[TIME_TEXT_CAP], id[64];

	format_id(connection, id);
	return json_pack("[ssssssss]", id, text_of(connection, "forward"),
			 text_of(connection, "client"),
			 text_of(connection, "target"),
			 text_of(connection, "state"),
			 print_duration(number_of(connection, "age_ms"), age),
			 print_size(number_of(connection, "bytes_down"), rx),
			 print_size(number_of(connection, "bytes_up"), tx));
}

int run_connections(const struct call *call)
{
	json_t *request = json_pack("{s:s}", "op", "connections");
	json_t *result;
	int code;

	if (call->arg_count > 0)
		json_object_set_new(request, "forward",
				    json_string(call->args[0]));
	code = ask_list(call, request, "connections", &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		print_list(connection_columns, ARRAY_SIZE(connection_columns),
			   json_object_get(result, "connections"),
			   connection_row);
	json_decref(result);
	return code;
}

int run_kill(const struct call *call)
{
	json_t *result;
	uint64_t id;
	int code;

	if (text_number(call->args[0], 0, INT64_MAX, &id) != 0) {
		say("\"%.60s\" is not a number; see the ids in proxyctl "
		    "connections",
		    call->args[0]);
		return EXIT_USAGE;
	}
	code = ask(call,
		   json_pack("{s:s, s:I}", "op", "kill", "connection",
			     (json_int_t)id),
		   &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		say("connection %s is reset", call->args[0]);
	json_decref(result);
	return code;
}
