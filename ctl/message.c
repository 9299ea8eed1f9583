/* SPDX-License-Identifier: ISC */
#include "ctl/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ctl/line.h"

const char *ctl_error_word(enum ctl_error error)
{
	static const char *const words[CTL_ERRORS] = {
#define X(name, word) [CTL_##name] = word,
		CTL_ERROR_LIST(X)
#undef X
	};

	CHECK(error < CTL_ERRORS);
	return words[error];
}

/* ------------------------------------------------------------- parsing */

/* The parser recurses, so depth is bounded before it runs. Brackets in strings
 * do not count. */
static bool too_deep(const char *line, size_t len)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = line[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > CTL_DEPTH_MAX)
			return true;
	}
	return false;
}

json_t *ctl_parse(const char *line, size_t len, char message[CTL_MESSAGE_CAP])
{
	json_error_t error;
	json_t *object;

	if (too_deep(line, len)) {
		snprintf(message, CTL_MESSAGE_CAP,
			 "more than %d levels of nesting", CTL_DEPTH_MAX);
		return NULL;
	}
	object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL) {
		snprintf(message, CTL_MESSAGE_CAP,
			 "not a JSON object: %.160s at column %d", error.text,
			 error.column);
		return NULL;
	}
	if (!json_is_object(object)) {
		snprintf(message, CTL_MESSAGE_CAP,
			 "a request is a JSON object, as in "
			 "{\"v\":1,\"op\":\"status\"}");
		json_decref(object);
		return NULL;
	}
	return object;
}

/* ------------------------------------------------------------- failing */

void ctl_fail(struct ctl_request *request, enum ctl_error error,
	      const char *format, ...)
{
	va_list args;

	if (request->error != CTL_NONE)
		return;
	request->error = error;
	va_start(args, format);
	vsnprintf(request->message, sizeof(request->message), format, args);
	va_end(args);
}

void ctl_fail_with(struct ctl_request *request, const char *member,
		   json_t *value)
{
	if (request->details == NULL)
		request->details = json_object();
	if (value != NULL)
		json_object_set_new(request->details, member, value);
}

static void fail_member(struct ctl_request *request, const char *member,
			const char *wanted)
{
	if (request->error != CTL_NONE)
		return;
	ctl_fail(request, CTL_MEMBER, "\"%.60s\": %s", member, wanted);
	ctl_fail_with(request, "member", json_string(member));
}

/* ------------------------------------------------------------- requests */

static void note_taken(struct ctl_request *request, const char *member)
{
	CHECK(request->taken_count < CTL_MEMBERS_MAX);
	request->taken[request->taken_count++] = member;
}

static bool was_taken(const struct ctl_request *request, const char *member)
{
	for (unsigned i = 0; i < request->taken_count; i++) {
		if (strcmp(request->taken[i], member) == 0)
			return true;
	}
	return false;
}

static void take_version(struct ctl_request *request)
{
	json_t *v = json_object_get(request->object, "v");

	note_taken(request, "v");
	if (json_is_integer(v) && json_integer_value(v) == CTL_PROTOCOL)
		return;
	ctl_fail(request, CTL_VERSION,
		 "this daemon speaks version %d of the protocol: \"v\":%d",
		 CTL_PROTOCOL, CTL_PROTOCOL);
	ctl_fail_with(request, "supported", json_pack("[i]", CTL_PROTOCOL));
}

static void take_id(struct ctl_request *request)
{
	json_t *id = json_object_get(request->object, "id");

	if (id == NULL)
		return;
	if (!json_is_integer(id) &&
	    !(json_is_string(id) && json_string_length(id) <= CTL_ID_MAX)) {
		fail_member(request, "id", "a number or a short string");
		return;
	}
	request->id = json_incref(id);
	note_taken(request, "id");
}

void ctl_request_init(struct ctl_request *request, const char *line, size_t len)
{
	char message[CTL_MESSAGE_CAP];

	memset(request, 0, sizeof(*request));
	request->object = ctl_parse(line, len, message);
	if (request->object == NULL) {
		ctl_fail(request, CTL_SYNTAX, "%s", message);
		return;
	}
	take_id(request);
	take_version(request);
	request->op = ctl_get_string(request, "op");
}

void ctl_request_free(struct ctl_request *request)
{
	json_decref(request->object);
	json_decref(request->id);
	json_decref(request->details);
	memset(request, 0, sizeof(*request));
}

/* The member if it is there and nothing went wrong before. */
static json_t *take(struct ctl_request *request, const char *member,
		    bool needed)
{
	json_t *value = NULL;

	if (request->error != CTL_NONE)
		return NULL;
	value = json_object_get(request->object, member);
	if (value != NULL)
		note_taken(request, member);
	else if (needed)
		fail_member(request, member, "is missing");
	return value;
}

static const char *string_of(struct ctl_request *request, const char *member,
			     json_t *value)
{
	if (value != NULL && !json_is_string(value)) {
		fail_member(request, member, "expected a string");
		return NULL;
	}
	return json_string_value(value);
}

const char *ctl_get_string(struct ctl_request *request, const char *member)
{
	return string_of(request, member, take(request, member, true));
}

const char *ctl_find_string(struct ctl_request *request, const char *member)
{
	return string_of(request, member, take(request, member, false));
}

bool ctl_find_bool(struct ctl_request *request, const char *member)
{
	json_t *value = take(request, member, false);

	if (value != NULL && !json_is_boolean(value))
		fail_member(request, member, "expected true or false");
	return json_is_true(value);
}

static uint64_t number_of(struct ctl_request *request, const char *member,
			  json_t *value, uint64_t max)
{
	char wanted[64];

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
	    (uint64_t)json_integer_value(value) <= max)
		return (uint64_t)json_integer_value(value);
	snprintf(wanted, sizeof(wanted), "expected a number from 0 to %llu",
		 (unsigned long long)max);
	fail_member(request, member, wanted);
	return 0;
}

uint64_t ctl_get_number(struct ctl_request *request, const char *member,
			uint64_t max)
{
	json_t *value = take(request, member, true);

	return value == NULL ? 0 : number_of(request, member, value, max);
}

uint64_t ctl_find_number(struct ctl_request *request, const char *member,
			 uint64_t max, uint64_t fallback)
{
	json_t *value = take(request, member, false);

	return value == NULL ? fallback
			     : number_of(request, member, value, max);
}

json_t *ctl_find_strings(struct ctl_request *request, const char *member)
{
	json_t *value = take(request, member, false);
	json_t *element;
	size_t index;

	if (value == NULL)
		return NULL;
	if (!json_is_array(value)) {
		fail_member(request, member, "expected a list of strings");
		return NULL;
	}
	json_array_foreach(value, index, element)
	{
		if (!json_is_string(element)) {
			fail_member(request, member,
				    "expected a list of strings");
			return NULL;
		}
	}
	return value;
}

bool ctl_request_done(struct ctl_request *request)
{
	const char *member;
	json_t *value;

	if (request->error != CTL_NONE)
		return false;
	json_object_foreach(request->object, member, value)
	{
		if (!was_taken(request, member))
			fail_member(request, member,
				    "this request does not take it");
	}
	return request->error == CTL_NONE;
}

/* ------------------------------------------------------------- replies */

/* A sentence may have been cut within a character, or quote the name of a
 * file. */
static json_t *text_of_message(const char *message)
{
	char plain[CTL_MESSAGE_CAP];
	json_t *text = json_string(message);

	if (text != NULL)
		return text;
	snprintf(plain, sizeof(plain), "%s", message);
	for (char *c = plain; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	return json_string(plain);
}

static json_t *error_object(struct ctl_request *request)
{
	json_t *error =
		json_pack("{s:s, s:o}", "code", ctl_error_word(request->error),
			  "message", text_of_message(request->message));

	if (error != NULL && request->details != NULL)
		json_object_update_missing(error, request->details);
	return error;
}

/* result is NULL when the request failed. */
static char *reply_line(struct ctl_request *request, json_t *result)
{
	json_t *reply = json_object();
	char *line = NULL;
	char *text;

	json_object_set_new(reply, "v", json_integer(CTL_PROTOCOL));
	if (request->id != NULL)
		json_object_set(reply, "id", request->id);
	json_object_set_new(reply, "ok", json_boolean(result != NULL));
	if (result != NULL)
		json_object_set(reply, "result", result);
	else
		json_object_set_new(reply, "error", error_object(request));
	text = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	if (text == NULL)
		return NULL;
	line = malloc(strlen(text) + 2);
	if (line != NULL)
		sprintf(line, "%s\n", text);
	free(text);
	return line;
}

char *ctl_reply(struct ctl_request *request, json_t *result)
{
	bool ok = request->error == CTL_NONE && result != NULL;
	char *line = ok ? reply_line(request, result) : NULL;

	json_decref(result);
	if (line != NULL && strlen(line) <= CTL_LINE_MAX)
		return line;
	free(line);
	ctl_fail(request, CTL_INTERNAL,
		 "the result is no text in UTF-8, or more than a line holds");
	return reply_line(request, NULL);
}
