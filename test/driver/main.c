/* SPDX-License-Identifier: ISC */
/* One request per line on stdin, one line of answer on stdout. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/secret.h"
#include "driver.h"

static const struct command *const subjects[] = {
	primitive_commands,
	noise_commands,
	table_commands,
	device_commands,
};

static void split(struct request *request, char *line)
{
	static const char blanks[] = " \t\r\n";
	char *rest;

	/* No line has more words than every second character. */
	request->words =
		request_alloc(request, (strlen(line) / 2 + 1) * sizeof(char *));
	for (char *word = strtok_r(line, blanks, &rest); word != NULL;
	     word = strtok_r(NULL, blanks, &rest))
		request->words[request->count++] = word;
}

static void run(struct request *request)
{
	const char *name = request_word(request);

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (request_run(request, subjects[i], name))
			return;
	request_fail(request, "COMMAND");
}

static void reply(const struct request *request, const char *text)
{
	if (request->error != NULL)
		printf("error %s\n", request->error);
	else
		puts(request->answered > 0 ? text : "ok");
	fflush(stdout);
}

static void serve(char *line, size_t len)
{
	struct request request = {.at = 0};
	char *text = NULL;
	size_t text_len = 0;

	request.answer = open_memstream(&text, &text_len);
	CHECK(request.answer != NULL);
	if (strlen(line) != len)
		request_fail(&request, "SYNTAX"); /* a NUL */
	split(&request, line);
	if (request.error == NULL && request.count > 0 &&
	    request.words[0][0] != '#')
		run(&request);
	fclose(request.answer);
	if (request.error != NULL ||
	    (request.count > 0 && request.words[0][0] != '#'))
		reply(&request, text);
	free(text);
	for (size_t i = 0; i < request.memory_count; i++)
		free(request.memory[i]);
	free(request.memory);
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (crypto_init() != 0) {
		fputs("wg_driver: the self-test failed\n", stderr);
		return 1;
	}
	while ((len = getline(&line, &cap, stdin)) >= 0)
		serve(line, (size_t)len);
	free(line);
	name_forget_all();
	return ferror(stdin) || ferror(stdout) ? 1 : 0;
}
