/* SPDX-License-Identifier: ISC */
/* The forward that a user typed, in the two ways users type it. */
#ifndef CTL_SPEC_H
#define CTL_SPEC_H

#include "config/mapping.h"

enum { SPEC_CAP = SOCKET_PATH_CAP + NAME_CAP + 32 };

/* Without app: text is checked and taken as it is. With it: "15432:5432" and
 * "5432" mean the port 5432 of APP.internal; an app with a dot is a whole name.
 * 0, or -ERR_SYNTAX with a sentence. */
int spec_from(const char *text, const char *app, char spec[SPEC_CAP],
	      char message[MAPPING_MESSAGE_CAP]);

/* The host that an app stands for; cap counts the NUL. */
void spec_host(const char *app, char *host, size_t cap);

#endif
