/* SPDX-License-Identifier: ISC */
/*
 * What the commands share: to ask the daemon with the options of the command
 * line, to print what went wrong, and to read results that may lack members.
 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/call.h"
#include "ctl/client.h"

enum { ASK_TIMEOUT_MS = 15000 };

/* "proxyctl: " and one line on standard error. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Asks within timeout_ms and says nothing; an exit code, the reply to be
 * freed. */
int ask_quietly(const struct call *call, json_t *request, uint64_t timeout_ms,
		struct client_reply *ret_reply);

/* Asks within --timeout. An error is printed: its sentence on standard error,
 * and with --json the whole as {"error":...} on standard output. With
 * EXIT_DONE the caller owns *ret_result. */
int ask(const struct call *call, json_t *request, json_t **ret_result);
int ask_within(const struct call *call, json_t *request, uint64_t timeout_ms,
	       json_t **ret_result);

/* Asks for all pages of a list; what is under member is joined. */
int ask_list(const struct call *call, json_t *request, const char *member,
	     json_t **ret_result);

/* Prints as ask() does, for ask_quietly(). Returns code. */
int ask_print_error(const struct call *call, const struct client_reply *reply,
		    int code);

/* The result as JSON, when --json asks for that: true if it was printed. */
bool ask_print_json(const struct call *call, const json_t *result);

/* A member, or "" and 0 when it is missing or of another type. */
const char *text_of(const json_t *object, const char *member);
uint64_t number_of(const json_t *object, const char *member);
bool is_true(const json_t *object, const char *member);

#endif
