/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "config/mapping.h"
#include "config/text.h"

enum { LISTEN_TEXT_CAP = IP_TEXT_CAP + 16 };

int expose_listen_parse(const char *text, struct listen_spec *ret_listen,
			char message[MAPPING_MESSAGE_CAP])
{
	struct listen_spec listen;
	int err = listen_spec_parse(text, &listen, message);

	if (err != 0)
		return err;
	if (listen.kind == LISTEN_PATH || listen.port == 0) {
		snprintf(
			message, MAPPING_MESSAGE_CAP,
			"\"%.60s\" is not a port of the tunnel; write a number "
			"from 1 to 65535, or one of the tunnel's addresses "
			"before it",
			text);
		return -ERR_SYNTAX;
	}
	if (listen.kind == LISTEN_LOOPBACK)
		listen.kind = LISTEN_TUNNEL;
	*ret_listen = listen;
	return 0;
}

static int path_target(const char *text, struct target *target,
		       char message[MAPPING_MESSAGE_CAP])
{
	struct listen_spec path;
	int err = listen_spec_parse(text, &path, message);

	if (err == 0)
		snprintf(target->host, sizeof(target->host), "%s", path.path);
	return err;
}

int expose_target_parse(const char *text, struct target *ret_target,
			char message[MAPPING_MESSAGE_CAP])
{
	struct target target = {.port = 0};
	struct ip_addr addr;
	uint64_t port;
	int err = 0;

	if (text[0] == '/') {
		err = path_target(text, &target, message);
	} else if (text_number(text, 1, UINT16_MAX, &port) == 0) {
		strcpy(target.host, "localhost");
		target.port = (uint16_t)port;
	} else {
		err = target_parse(text, &target, message);
	}
	if (err != 0)
		return err;
	if (target.port != 0 && strcmp(target.host, "localhost") != 0 &&
	    ip_addr_parse(target.host, &addr) != 0) {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.60s\" is a name; what is exposed is given by its "
			 "address: localhost:5432, 192.0.2.7:5432 or a "
			 "socket's path",
			 target.host);
		return -ERR_SYNTAX;
	}
	*ret_target = target;
	return 0;
}

/* The colon between what is listened on and what is exposed; NULL: that was
 * left out. */
static const char *middle(const char *text)
{
	const char *colon;

	if (text[0] == '[')
		text += strcspn(text, "]");
	colon = strchr(text, ':');
	if (colon == NULL)
		return NULL;
	if (text[0] == ']' || memchr(text, '.', (size_t)(colon - text)) != NULL)
		return strchr(colon + 1, ':'); /* the port is the second */
	return colon;
}

int expose_parse(const char *text, struct mapping *ret_mapping,
		 char message[MAPPING_MESSAGE_CAP])
{
	struct mapping mapping = {.kind = MAPPING_EXPOSE};
	char listen[LISTEN_TEXT_CAP];
	const char *colon = middle(text);
	size_t len = colon == NULL ? strlen(text) : (size_t)(colon - text);
	int err;

	if (len >= sizeof(listen)) {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.60s\" is not an expose; write PORT, "
			 "PORT:HOST:PORT or PORT:/a/socket",
			 text);
		return -ERR_SYNTAX;
	}
	memcpy(listen, text, len);
	listen[len] = '\0';
	err = expose_listen_parse(listen, &mapping.listen, message);
	if (err == 0 && colon != NULL)
		err = expose_target_parse(colon + 1, &mapping.target, message);
	else if (err == 0) /* the same port here */
		mapping.target = (struct target){.host = "localhost",
						 .port = mapping.listen.port};
	if (err == 0)
		*ret_mapping = mapping;
	return err;
}
