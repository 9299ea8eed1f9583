/* SPDX-License-Identifier: ISC */
/*
 * Requests and replies of the control protocol as values
 * (doc/control-protocol.md). Both ends use it; nothing here does I/O.
 */
#ifndef CTL_MESSAGE_H
#define CTL_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/error_code.h"

enum {
	CTL_PROTOCOL = 1,
	CTL_DEPTH_MAX = 8,
	CTL_ID_MAX = 64, /* bytes of a request's id */
	CTL_MEMBERS_MAX = 16,
	CTL_MESSAGE_CAP = 512,
};

/* Parses one line into an object: bounded depth, no duplicate members, no NUL.
 * NULL with a sentence in message. The caller owns the reference. */
json_t *ctl_parse(const char *line, size_t len, char message[CTL_MESSAGE_CAP]);

/* One request while it is answered. The getters take members out, one by one;
 * the first that goes wrong is kept, and later ones give nothing. What no
 * getter asked for is an error at ctl_request_done(). */
struct ctl_request {
	json_t *object;                     /* owned */
	json_t *id;                         /* owned; NULL: none was given */
	const char *op;                     /* lives as long as object */
	const char *taken[CTL_MEMBERS_MAX]; /* names asked for and there */
	unsigned taken_count;
	enum ctl_error error;
	json_t *details; /* owned; further members of the error, or NULL */
	char message[CTL_MESSAGE_CAP];
};

/* Takes the line in; what is wrong with it is in request->error. */
void ctl_request_init(struct ctl_request *request, const char *line,
		      size_t len);
void ctl_request_free(struct ctl_request *request);

/* A member that must be there, or may be missing (then NULL, false, fallback).
 * Strings live as long as the request. */
const char *ctl_get_string(struct ctl_request *request, const char *member);
const char *ctl_find_string(struct ctl_request *request, const char *member);
bool ctl_find_bool(struct ctl_request *request, const char *member);
uint64_t ctl_get_number(struct ctl_request *request, const char *member,
			uint64_t max);
uint64_t ctl_find_number(struct ctl_request *request, const char *member,
			 uint64_t max, uint64_t fallback);
/* An array of strings, borrowed; NULL when it is missing. */
json_t *ctl_find_strings(struct ctl_request *request, const char *member);

/* Whether all is well: no getter failed and every member was asked for. */
bool ctl_request_done(struct ctl_request *request);

/* Notes why the request fails; the first stays. */
void ctl_fail(struct ctl_request *request, enum ctl_error error,
	      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds a member to the error; takes the reference. */
void ctl_fail_with(struct ctl_request *request, const char *member,
		   json_t *value);

/* The reply as a line with its line feed, to be freed by the caller; NULL:
 * out of memory. Takes the reference to result, which may be NULL when the
 * request failed; otherwise that, and a result that is longer than a line, is
 * answered with CTL_INTERNAL. */
char *ctl_reply(struct ctl_request *request, json_t *result);

#endif
