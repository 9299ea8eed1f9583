/* SPDX-License-Identifier: ISC */
/* The command line of proxyctl as a value. No side effects. */
#ifndef CTL_CALL_H
#define CTL_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/command.h"

enum {
	CALL_ARGS_MAX = 64,
	CALL_OPTIONS_MAX = 32,
	CALL_MESSAGE_CAP = 512,
};

/* Exit codes; numbers of <sysexits.h> where it has one. */
enum {
	EXIT_DONE = 0,
	EXIT_NO = 1,   /* the daemon said no, or it could not be done */
	EXIT_DOWN = 2, /* status --check only */
	EXIT_USAGE = 64,
	EXIT_NO_DAEMON = 69,
	EXIT_TIMEOUT = 75,
	EXIT_DENIED = 77,
};

/* Texts point into argv. */
struct call {
	const struct command *command; /* NULL: none was named */
	const char *args[CALL_ARGS_MAX];
	unsigned arg_count;
	struct {
		const struct option_spec *spec;
		const char *value; /* "" for a switch */
	} options[CALL_OPTIONS_MAX];
	unsigned option_count;
	char *const *rest; /* after "--", ends with NULL; NULL: no "--" */
};

/* 0, or -ERR_SYNTAX with one line that says what to do. */
int call_parse(int argc, char *const *argv, struct call *ret_call,
	       char message[CALL_MESSAGE_CAP]);

bool call_has(const struct call *call, const char *option);
/* The last value given, or NULL. */
const char *call_value(const struct call *call, const char *option);
/* Milliseconds of an option of VALUE_SECONDS, or fallback. */
uint64_t call_ms(const struct call *call, const char *option,
		 uint64_t fallback);
uint64_t call_number(const struct call *call, const char *option,
		     uint64_t fallback);

/* "30", "0.5". 0 or -ERR_SYNTAX. */
int call_parse_seconds(const char *text, uint64_t *ret_ms);

#endif
