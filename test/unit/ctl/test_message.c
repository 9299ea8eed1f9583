/* SPDX-License-Identifier: ISC */
#include "ctl/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void take(struct ctl_request *request, const char *text)
{
	ctl_request_init(request, text, strlen(text));
}

/* Lines that are refused before their op is looked at. */
static void test_bad_lines(void **state)
{
	static const struct {
		const char *name, *line;
		enum ctl_error error;
	} cases[] = {
		{"nothing", "", CTL_SYNTAX},
		{"not JSON", "status", CTL_SYNTAX},
		{"a list", "[1]", CTL_SYNTAX},
		{"a string", "\"x\"", CTL_SYNTAX},
		{"two objects", "{\"v\":1,\"op\":\"a\"}{}", CTL_SYNTAX},
		{"a member twice", "{\"v\":1,\"v\":1,\"op\":\"a\"}",
		 CTL_SYNTAX},
		{"nine levels", "{\"a\":[[[[[[[[1]]]]]]]]}", CTL_SYNTAX},
		{"broken UTF-8", "{\"v\":1,\"op\":\"\xff\"}", CTL_SYNTAX},
		{"NUL", "{\"v\":1,\"op\":\"a\\u0000b\"}", CTL_SYNTAX},
		{"no version", "{\"op\":\"a\"}", CTL_VERSION},
		{"version 2", "{\"v\":2,\"op\":\"a\"}", CTL_VERSION},
		{"version as text", "{\"v\":\"1\",\"op\":\"a\"}", CTL_VERSION},
		{"no op", "{\"v\":1}", CTL_MEMBER},
		{"op a number", "{\"v\":1,\"op\":1}", CTL_MEMBER},
		{"id a list", "{\"v\":1,\"id\":[],\"op\":\"a\"}", CTL_MEMBER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ctl_request request;
		char *line;

		take(&request, cases[i].line);
		if (request.error != cases[i].error)
			fail_msg("%s: %s", cases[i].name,
				 ctl_error_word(request.error));
		line = ctl_reply(&request, NULL);
		assert_non_null(strstr(line, "\"ok\":false"));
		assert_non_null(strstr(line, ctl_error_word(cases[i].error)));
		assert_int_equal(line[strlen(line) - 1], '\n');
		free(line);
		ctl_request_free(&request);
	}
}

static void test_members(void **state)
{
	struct ctl_request request;
	json_t *list;

	(void)state;
	take(&request,
	     "{\"v\":1,\"id\":\"x\",\"op\":\"add\",\"spec\":\"1:a:2\","
	     "\"temporary\":true,\"allow\":[\"10.0.0.0/8\"],"
	     "\"max_connections\":5}");
	assert_string_equal(request.op, "add");
	assert_string_equal(ctl_get_string(&request, "spec"), "1:a:2");
	assert_true(ctl_find_bool(&request, "temporary"));
	assert_false(ctl_find_bool(&request, "kill"));
	assert_null(ctl_find_string(&request, "name"));
	list = ctl_find_strings(&request, "allow");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(ctl_find_number(&request, "max_connections", 9, 0), 5);
	assert_int_equal(ctl_find_number(&request, "after", 9, 7), 7);
	assert_true(ctl_request_done(&request));
	ctl_request_free(&request);
}

/* Each is an error that names the member. */
static void test_bad_members(void **state)
{
	static const char *const lines[] = {
		"{\"v\":1,\"op\":\"x\",\"spec\":1}",
		"{\"v\":1,\"op\":\"x\"}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"kill\":1}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"count\":11}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"count\":-1}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"count\":1.5}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"allow\":\"y\"}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"allow\":[1]}",
		"{\"v\":1,\"op\":\"x\",\"spec\":\"s\",\"typo\":1}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct ctl_request request;

		take(&request, lines[i]);
		(void)ctl_get_string(&request, "spec");
		(void)ctl_find_bool(&request, "kill");
		(void)ctl_find_number(&request, "count", 10, 0);
		(void)ctl_find_strings(&request, "allow");
		if (ctl_request_done(&request))
			fail_msg("taken: %s", lines[i]);
		assert_int_equal(request.error, CTL_MEMBER);
		assert_non_null(json_object_get(request.details, "member"));
		ctl_request_free(&request);
	}
}

static void test_reply(void **state)
{
	struct ctl_request request;
	char *line;

	(void)state;
	take(&request, "{\"v\":1,\"id\":7,\"op\":\"x\"}");
	line = ctl_reply(&request, json_pack("{s:i}", "n", 3));
	assert_string_equal(
		line, "{\"v\":1,\"id\":7,\"ok\":true,\"result\":{\"n\":3}}\n");
	free(line);
	ctl_fail(&request, CTL_PORT_TAKEN, "taken by %s", "nginx");
	ctl_fail(&request, CTL_INTERNAL, "the first stays");
	ctl_fail_with(&request, "suggest", json_integer(15433));
	line = ctl_reply(&request, NULL);
	assert_string_equal(
		line, "{\"v\":1,\"id\":7,\"ok\":false,\"error\":{\"code\":"
		      "\"port_taken\",\"message\":\"taken by nginx\","
		      "\"suggest\":15433}}\n");
	free(line);
	ctl_request_free(&request);
}

/* Brackets in strings are no levels. */
static void test_depth(void **state)
{
	char message[CTL_MESSAGE_CAP];
	static const char text[] = "{\"a\":\"[[[[[[[[[[[[\\\"[[[[\"}";
	json_t *object = ctl_parse(text, sizeof(text) - 1, message);

	(void)state;
	assert_non_null(object);
	json_decref(object);
}

static void expect_reply(struct ctl_request *request, json_t *result,
			 const char *code, const char *text)
{
	char *line = ctl_reply(request, result);
	char message[CTL_MESSAGE_CAP];
	json_t *reply;
	const json_t *error;

	assert_non_null(line);
	assert_true(strlen(line) <= CTL_LINE_MAX);
	reply = ctl_parse(line, strlen(line), message);
	assert_non_null(reply);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	error = json_object_get(reply, "error");
	assert_string_equal(json_string_value(json_object_get(error, "code")),
			    code);
	assert_non_null(strstr(
		json_string_value(json_object_get(error, "message")), text));
	json_decref(reply);
	free(line);
}

/* A sentence that was cut within a character, or quotes what is no text, is
 * still a reply. */
static void test_message_no_text(void **state)
{
	char line[256] = "{\"v\":1,\"op\":\"a\",\"";
	struct ctl_request request;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(line, i == 0 ? "x\xc3\xa4" : "\xc3\xa4");
	strcat(line, "\":1}");
	take(&request, line);
	assert_false(ctl_request_done(&request));
	expect_reply(&request, NULL, "member", "this request does not take it");
	ctl_request_free(&request);
	take(&request, "{\"v\":1,\"op\":\"a\"}");
	ctl_fail(&request, CTL_CONFIG, "/etc/\xff: no such file");
	expect_reply(&request, NULL, "config", "/etc/?: no such file");
	ctl_request_free(&request);
}

/* A result that could not be built, or is no line, is a fault that is told. */
static void test_bad_result(void **state)
{
	static char text[CTL_LINE_MAX];
	struct ctl_request request;

	(void)state;
	take(&request, "{\"v\":1,\"op\":\"a\"}");
	expect_reply(&request, NULL, "internal", "result");
	ctl_request_free(&request);
	memset(text, 'x', sizeof(text) - 1);
	take(&request, "{\"v\":1,\"op\":\"a\"}");
	expect_reply(&request, json_pack("{s:s}", "x", text), "internal",
		     "result");
	ctl_request_free(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_bad_members),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_message_no_text),
		cmocka_unit_test(test_bad_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
