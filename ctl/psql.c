/* SPDX-License-Identifier: ISC */
/*
 * psql: finds or makes a forward to a PostgreSQL server and becomes psql. Host,
 * address and port go through the environment, so that whatever is after "--"
 * can still name the user, the database or a connection string. The name of
 * the host stays that of the server: certificates and .pgpass speak of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/mapping.h"
#include "config/text.h"
#include "ctl/ask.h"
#include "ctl/run.h"
#include "ctl/spec.h"

enum { POSTGRES_PORT = 5432, PSQL_ARGS_MAX = 256 };

static bool is_named(const json_t *forward, const char *what)
{
	char port[16];

	snprintf(port, sizeof(port), "%u",
		 (unsigned)number_of(forward, "port"));
	return strcmp(text_of(forward, "name"), what) == 0 ||
	       strcmp(text_of(forward, "listen"), what) == 0 ||
	       strcmp(port, what) == 0;
}

/* Named so, or else leading there and taking clients. Borrowed; NULL: none. */
static json_t *choose(json_t *forwards, const char *what, const char *to)
{
	json_t *forward;
	size_t index;

	json_array_foreach(forwards, index, forward)
	{
		if (is_named(forward, what))
			return forward;
	}
	json_array_foreach(forwards, index, forward)
	{
		if (strcmp(text_of(forward, "to"), to) == 0 &&
		    strcmp(text_of(forward, "state"), "listening") == 0)
			return forward;
	}
	return NULL;
}

static int add_forward(const struct call *call, const char *to,
		       json_t **ret_forward)
{
	char spec[NAME_CAP + 48], message[MAPPING_MESSAGE_CAP];
	struct mapping mapping;
	json_t *request, *result;
	int code;

	snprintf(spec, sizeof(spec), "0:%s", to);
	if (mapping_parse(spec, &mapping, message) != 0) {
		say("no forward is called \"%.60s\", and it is no app: %s",
		    call->args[0], message);
		return EXIT_USAGE;
	}
	request = json_pack("{s:s, s:s, s:b}", "op", "add", "spec", spec,
			    "temporary", 1);
	if (call_has(call, "--tunnel"))
		json_object_set_new(request, "tunnel",
				    json_string(call_value(call, "--tunnel")));
	code = ask(call, request, &result);
	if (code != EXIT_DONE)
		return code;
	*ret_forward = json_incref(json_object_get(result, "forward"));
	say("added the temporary forward %s (%s); proxyctl rm %s ends it",
	    text_of(*ret_forward, "name"), text_of(*ret_forward, "listen"),
	    text_of(*ret_forward, "name"));
	json_decref(result);
	return EXIT_DONE;
}

static int find_forward(const struct call *call, json_t **ret_forward)
{
	char host[NAME_CAP + 16], to[NAME_CAP + 32];
	json_t *result, *forward;
	int code = ask_list(call, json_pack("{s:s}", "op", "list"), "forwards",
			    &result);

	if (code != EXIT_DONE)
		return code;
	spec_host(call->args[0], host, sizeof(host));
	snprintf(to, sizeof(to), "%s:%d", host, POSTGRES_PORT);
	forward =
		choose(json_object_get(result, "forwards"), call->args[0], to);
	if (forward != NULL)
		*ret_forward = json_incref(forward);
	else
		code = add_forward(call, to, ret_forward);
	json_decref(result);
	return code;
}

/* ------------------------------------------------------------ environment */

/* "/run/pg/.s.PGSQL.5432" is the folder and the port. */
static int set_socket(const char *path)
{
	static const char file[] = "/.s.PGSQL.";
	char folder[SOCKET_PATH_CAP];
	const char *end = strrchr(path, '/');

	if (end == NULL || strncmp(end, file, sizeof(file) - 1) != 0) {
		say("%s: psql needs a socket called .s.PGSQL.PORT", path);
		return EXIT_NO;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)(end - path), path);
	setenv("PGHOST", folder, 1);
	setenv("PGPORT", end + sizeof(file) - 1, 1);
	unsetenv("PGHOSTADDR");
	return EXIT_DONE;
}

/* Where to connect to for what it listens on; a wildcard is all addresses. */
static void set_address(const struct listen_spec *listen)
{
	const struct ip_addr *addr = &listen->addr;
	char text[IP_TEXT_CAP];

	if (listen->kind == LISTEN_LOOPBACK)
		setenv("PGHOSTADDR", "127.0.0.1", 1);
	else if (ip_addr_is_unspecified(addr))
		setenv("PGHOSTADDR",
		       addr->family == IP_V4 ? "127.0.0.1" : "::1", 1);
	else
		setenv("PGHOSTADDR", ip_addr_format(addr, text), 1);
}

static int set_environment(const json_t *forward)
{
	char message[MAPPING_MESSAGE_CAP], port[16];
	struct listen_spec listen;
	struct target target;

	if (listen_spec_parse(text_of(forward, "listen"), &listen, message) !=
		    0 ||
	    target_parse(text_of(forward, "to"), &target, message) != 0) {
		say("the daemon's answer is not understood: %s", message);
		return EXIT_NO_DAEMON;
	}
	if (listen.kind == LISTEN_PATH)
		return set_socket(listen.path);
	snprintf(port, sizeof(port), "%u",
		 (unsigned)number_of(forward, "port"));
	setenv("PGHOST", target.host, 1);
	setenv("PGPORT", port, 1);
	set_address(&listen);
	return EXIT_DONE;
}

static int become_psql(const struct call *call)
{
	static char name[] = "psql";
	char *argv[PSQL_ARGS_MAX + 2] = {name};
	size_t count = 0;

	while (call->rest != NULL && call->rest[count] != NULL) {
		if (count == PSQL_ARGS_MAX) {
			say("more than %d arguments for psql", PSQL_ARGS_MAX);
			return EXIT_USAGE;
		}
		argv[count + 1] = call->rest[count];
		count++;
	}
	fflush(NULL);
	execvp(name, argv);
	say("psql: %s; install postgresql-client", strerror(errno));
	return EXIT_NO_DAEMON;
}

int run_psql(const struct call *call)
{
	json_t *forward = NULL;
	int code = find_forward(call, &forward);

	if (code == EXIT_DONE)
		code = set_environment(forward);
	json_decref(forward);
	return code == EXIT_DONE ? become_psql(call) : code;
}
