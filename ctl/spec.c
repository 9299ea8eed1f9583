/* SPDX-License-Identifier: ISC */
#include "ctl/spec.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

void spec_host(const char *app, char *host, size_t cap)
{
	snprintf(host, cap, "%s%s", app,
		 strchr(app, '.') == NULL ? ".internal" : "");
}

/* "15432:5432", which is how other tools say it. */
static bool is_two_ports(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && text[digits] == ':' &&
	       text[digits + 1 + strspn(text + digits + 1, "0123456789")] ==
		       '\0';
}

static int put_app(const char *text, const char *app, char spec[SPEC_CAP])
{
	const char *colon = strrchr(text, ':');
	const char *port = colon == NULL ? text : colon + 1;
	int local =
		(int)(colon == NULL ? strlen(text) : (size_t)(colon - text));
	char host[NAME_CAP + 16];
	int len;

	spec_host(app, host, sizeof(host));
	len = snprintf(spec, SPEC_CAP, "%.*s:%s:%s", local, text, host, port);
	return len < SPEC_CAP ? 0 : -ERR_SYNTAX;
}

int spec_from(const char *text, const char *app, char spec[SPEC_CAP],
	      char message[MAPPING_MESSAGE_CAP])
{
	struct mapping mapping;
	int err = 0;

	if (app == NULL && is_two_ports(text)) {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.60s\" names no host; write PORT:HOST:PORT, or "
			 "give -a APP for APP.internal",
			 text);
		return -ERR_SYNTAX;
	}
	if (app != NULL)
		err = put_app(text, app, spec);
	else if (strlen(text) < SPEC_CAP)
		strcpy(spec, text);
	else
		err = -ERR_SYNTAX;
	if (err != 0) {
		snprintf(message, MAPPING_MESSAGE_CAP,
			 "\"%.30s...\" is too "
			 "long",
			 text);
		return err;
	}
	return mapping_parse(spec, &mapping, message);
}
