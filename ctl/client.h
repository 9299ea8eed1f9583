/* SPDX-License-Identifier: ISC */
/*
 * One request to the daemon and its reply, with a deadline over all of it. A
 * connection carries one request: that is cheap on a Unix socket, and a daemon
 * that was restarted in between does no harm.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

enum { CLIENT_MESSAGE_CAP = 512 };

/* Owned by the caller: client_reply_free(). */
struct client_reply {
	json_t *object; /* owned; NULL: there was no usable reply */
	json_t *result; /* borrowed; NULL when the daemon said no */
	json_t *error;  /* borrowed; NULL when it said yes */
	char message[CLIENT_MESSAGE_CAP]; /* when the exit code is not 0 */
};

/* Takes the reference to request, which has "op" and what belongs to it. The
 * exit code: EXIT_DONE; EXIT_NO; EXIT_NO_DAEMON when nothing answers there, or
 * not in this protocol; EXIT_TIMEOUT; EXIT_DENIED. */
int client_ask(const char *socket_path, json_t *request, uint64_t timeout_ms,
	       struct client_reply *ret_reply);
void client_reply_free(struct client_reply *reply);

/* Milliseconds of a clock that only goes forward. */
uint64_t client_now_ms(void);
void client_sleep_ms(uint64_t ms);

#endif
