/* SPDX-License-Identifier: ISC */
#include "config/mapping.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "config/text.h"

enum {
	FIELDS_MAX = 4, /* bind, port, host, port */
	TEXT_CAP = SOCKET_PATH_CAP + NAME_CAP + 16,
};

const char *const address_policy_name[ADDRESS_POLICIES] = {
	[POLICY_STICKY] = "sticky",
	[POLICY_RANDOM] = "random",
	[POLICY_FIRST] = "first",
};

const char *const mapping_origin_name[MAPPING_ORIGINS] = {
	[ORIGIN_CONFIG] = "config",
	[ORIGIN_RUNTIME] = "runtime",
	[ORIGIN_TEMPORARY] = "temporary",
};

const char *const mapping_kind_name[MAPPING_KINDS] = {
	[MAPPING_FORWARD] = "forward",
	[MAPPING_EXPOSE] = "expose",
};

static bool allow_equal(const struct mapping *a, const struct mapping *b)
{
	if (a->allow_count != b->allow_count)
		return false;
	for (uint32_t i = 0; i < a->allow_count; i++) {
		if (!prefix_equal(&a->allow[i], &b->allow[i]))
			return false;
	}
	return true;
}

bool mapping_equal(const struct mapping *a, const struct mapping *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->tunnel, b->tunnel) == 0 &&
	       listen_spec_equal(&a->listen, &b->listen) &&
	       strcmp(a->target.host, b->target.host) == 0 &&
	       a->target.port == b->target.port && allow_equal(a, b) &&
	       a->connections_max == b->connections_max &&
	       a->policy == b->policy;
}

/* A text cut at its colons; those within brackets do not count. */
struct fields {
	char copy[TEXT_CAP];
	char *at[FIELDS_MAX];
	unsigned count; /* FIELDS_MAX + 1: more than there is room for */
};

static void fields_split(struct fields *fields, const char *text)
{
	char *field = fields->copy;
	bool bracket = false;

	fields->count = 0;
	strcpy(fields->copy, text);
	for (char *p = fields->copy;; p++) {
		char c = *p;

		if (c == '[' || c == ']')
			bracket = c == '[';
		if (c != '\0' && (c != ':' || bracket))
			continue;
		*p = '\0';
		if (fields->count < FIELDS_MAX)
			fields->at[fields->count] = field;
		if (fields->count <= FIELDS_MAX)
			fields->count++;
		field = p + 1;
		if (c == '\0')
			break;
	}
}

/* An IPv4 address, or an IPv6 address in brackets. */
static int parse_literal(const char *text, struct ip_addr *ret_addr)
{
	char inner[IP_TEXT_CAP];
	size_t len = strlen(text);
	bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';

	if (!bracketed) {
		if (strchr(text, ':') != NULL)
			return -ERR_SYNTAX;
		return ip_addr_parse(text, ret_addr);
	}
	if (len - 2 >= sizeof(inner))
		return -ERR_SYNTAX;
	memcpy(inner, text + 1, len - 2);
	inner[len - 2] = '\0';
	if (strchr(inner, ':') == NULL)
		return -ERR_SYNTAX;
	return ip_addr_parse(inner, ret_addr);
}

static int listen_from_path(const char *path, struct listen_spec *ret_listen,
			    char message[MAPPING_MESSAGE_CAP])
{
	struct listen_spec listen = {.kind = LISTEN_PATH};

	if (strlen(path) >= sizeof(listen.path)) {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "the socket path is longer than %d characters",
			 SOCKET_PATH_CAP - 1);
		return -ERR_SYNTAX;
	}
	if (path[1] == '\0' || path[strlen(path) - 1] == '/') {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.60s\" is a folder; write the path of a socket",
			 path);
		return -ERR_SYNTAX;
	}
	strcpy(listen.path, path);
	*ret_listen = listen;
	return 0;
}

/* bind is NULL or "" when none was written. */
static int listen_from(const char *bind, const char *port,
		       struct listen_spec *ret_listen,
		       char message[MAPPING_MESSAGE_CAP])
{
	struct listen_spec listen = {.kind = LISTEN_LOOPBACK};
	uint64_t number;

	if (text_number(port, 0, UINT16_MAX, &number) != 0) {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.60s\" is not a port to listen on; write a number "
			 "from 0 to 65535",
			 port);
		return -ERR_SYNTAX;
	}
	listen.port = (uint16_t)number;
	if (bind != NULL && bind[0] != '\0' && strcmp(bind, "localhost") != 0) {
		listen.kind = LISTEN_ADDRESS;
		if (parse_literal(bind, &listen.addr) != 0) {
			snprintf(message, MAPPING_MESSAGE_CAP,
				 "\"%.60s\" is not an address to listen on; "
				 "write localhost, 0.0.0.0 or [::1]",
				 bind);
			return -ERR_SYNTAX;
		}
	}
	*ret_listen = listen;
	return 0;
}

static int target_from(const char *host, const char *port,
		       struct target *ret_target,
		       char message[MAPPING_MESSAGE_CAP])
{
	struct target target = {.port = 0};
	struct ip_addr addr;
	uint64_t number;

	if (text_number(port, 1, UINT16_MAX, &number) != 0) {
		snprintf(
			message, MAPPING_MESSAGE_CAP,
			"\"%.60s\" is not the port of a target; write a number "
			"from 1 to 65535",
			port);
		return -ERR_SYNTAX;
	}
	target.port = (uint16_t)number;
	if (parse_literal(host, &addr) == 0) {
		ip_addr_format(&addr, target.host);
	} else if (text_is_host_name(host)) {
		strcpy(target.host, host);
	} else {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.60s\" is not a host; write a name, an IPv4 "
			 "address or [IPv6]",
			 host);
		return -ERR_SYNTAX;
	}
	*ret_target = target;
	return 0;
}

static int fields_too_long(const char *text, char message[MAPPING_MESSAGE_CAP])
{
	if (strlen(text) < TEXT_CAP)
		return 0;
	snprintf(message, MAPPING_MESSAGE_CAP, "\"%.30s...\" is too long",
		 text);
	return -ERR_SYNTAX;
}

static int expected(const char *text, const char *what,
		    char message[MAPPING_MESSAGE_CAP])
{
	snprintf(message, MAPPING_MESSAGE_CAP, "\"%.60s\" is not %s", text,
		 what);
	return -ERR_SYNTAX;
}

int listen_spec_parse(const char *text, struct listen_spec *ret_listen,
		      char message[MAPPING_MESSAGE_CAP])
{
	struct fields fields;

	if (text[0] == '/')
		return listen_from_path(text, ret_listen, message);
	if (fields_too_long(text, message) != 0)
		return -ERR_SYNTAX;
	fields_split(&fields, text);
	if (fields.count == 1)
		return listen_from(NULL, fields.at[0], ret_listen, message);
	if (fields.count == 2)
		return listen_from(fields.at[0], fields.at[1], ret_listen,
				   message);
	return expected(text,
			"something to listen on; write 15432, "
			"127.0.0.1:15432, \"[::1]:15432\" or /a/socket",
			message);
}

int target_parse(const char *text, struct target *ret_target,
		 char message[MAPPING_MESSAGE_CAP])
{
	struct fields fields;

	if (fields_too_long(text, message) != 0)
		return -ERR_SYNTAX;
	fields_split(&fields, text);
	if (fields.count == 2)
		return target_from(fields.at[0], fields.at[1], ret_target,
				   message);
	if (fields.count == 1)
		return expected(text,
				"a target: it has no port; write host:port",
				message);
	return expected(text, "a target; write host:port or \"[IPv6]:port\"",
			message);
}

static int mapping_from_fields(const char *text, struct mapping *mapping,
			       char message[MAPPING_MESSAGE_CAP])
{
	struct fields fields;
	unsigned first;
	int err;

	fields_split(&fields, text);
	if (fields.count < 3 || fields.count > FIELDS_MAX)
		return expected(text,
				"a forward; write PORT:HOST:PORT with IPv6 "
				"addresses in brackets, for example "
				"15432:appname.internal:5432",
				message);
	first = fields.count - 2;
	err = listen_from(first == 2 ? fields.at[0] : NULL,
			  fields.at[first - 1], &mapping->listen, message);
	if (err != 0)
		return err;
	return target_from(fields.at[first], fields.at[first + 1],
			   &mapping->target, message);
}

static int mapping_from_path(const char *text, struct mapping *mapping,
			     char message[MAPPING_MESSAGE_CAP])
{
	const char *colon = strchr(text, ':');
	char path[TEXT_CAP];
	int err;

	if (colon == NULL)
		return expected(text, "a forward; write /a/socket:HOST:PORT",
				message);
	memcpy(path, text, (size_t)(colon - text));
	path[colon - text] = '\0';
	err = listen_from_path(path, &mapping->listen, message);
	if (err != 0)
		return err;
	return target_parse(colon + 1, &mapping->target, message);
}

int mapping_parse(const char *text, struct mapping *ret_mapping,
		  char message[MAPPING_MESSAGE_CAP])
{
	struct mapping mapping = {.policy = POLICY_STICKY};
	int err;

	if (fields_too_long(text, message) != 0)
		return -ERR_SYNTAX;
	if (text[0] == '/')
		err = mapping_from_path(text, &mapping, message);
	else
		err = mapping_from_fields(text, &mapping, message);
	if (err == 0)
		*ret_mapping = mapping;
	return err;
}

char *target_format(const struct target *target, char *text, size_t cap)
{
	bool v6 = strchr(target->host, ':') != NULL;

	if (target->host[0] == '/')
		snprintf(text, cap, "%s", target->host);
	else
		snprintf(text, cap, v6 ? "[%s]:%u" : "%s:%u", target->host,
			 (unsigned)target->port);
	return text;
}

char *listen_spec_format(const struct listen_spec *listen, char *text,
			 size_t cap)
{
	struct endpoint endpoint = {.addr = listen->addr, .port = listen->port};
	char addr[ENDPOINT_TEXT_CAP];

	switch (listen->kind) {
	case LISTEN_LOOPBACK:
		snprintf(text, cap, "localhost:%u", (unsigned)listen->port);
		return text;
	case LISTEN_ADDRESS:
		snprintf(text, cap, "%s", endpoint_format(&endpoint, addr));
		return text;
	case LISTEN_PATH:
		snprintf(text, cap, "%s", listen->path);
		return text;
	case LISTEN_TUNNEL:
		snprintf(text, cap, "%u", (unsigned)listen->port);
		return text;
	case LISTEN_KINDS:
		break;
	}
	UNREACHABLE();
}

void mapping_default_name(struct mapping *mapping)
{
	struct ip_addr addr;

	if (mapping->name[0] != '\0')
		return;
	if (mapping->kind == MAPPING_EXPOSE) {
		snprintf(mapping->name, sizeof(mapping->name), "port-%u",
			 (unsigned)mapping->listen.port);
		return;
	}
	text_make_label(mapping->target.host, mapping->name,
			sizeof(mapping->name));
	if (ip_addr_parse(mapping->target.host, &addr) != 0)
		mapping->name[strcspn(mapping->name, ".")] = '\0';
}
