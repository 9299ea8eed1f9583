/* SPDX-License-Identifier: ISC */
/* The words of a request and of its answer. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/error.h"
#include "driver.h"

void request_fail(struct request *request, const char *word)
{
	if (request->error == NULL)
		request->error = word;
}

bool request_check(struct request *request, int err)
{
	if (err != 0)
		request_fail(request, error_name(err));
	return err == 0;
}

const char *request_word(struct request *request)
{
	if (request->at < request->count)
		return request->words[request->at++];
	request_fail(request, "MISSING");
	return "";
}

bool request_more(const struct request *request)
{
	return request->error == NULL && request->at < request->count;
}

const char *request_option(struct request *request, const char *name)
{
	size_t len = strlen(name);
	const char *word;

	if (!request_more(request))
		return NULL;
	word = request->words[request->at];
	if (strncmp(word, name, len) != 0 || word[len] != '=')
		return NULL;
	request->at++;
	return word + len + 1;
}

bool request_end(struct request *request)
{
	if (request->at < request->count)
		request_fail(request, "EXCESS");
	return request->error == NULL;
}

bool request_run(struct request *request, const struct command *commands,
		 const char *name)
{
	while (commands->name != NULL && strcmp(commands->name, name) != 0)
		commands++;
	if (commands->name != NULL)
		commands->run(request);
	return commands->name != NULL;
}

void request_sub(struct request *request, const struct command *commands)
{
	if (!request_run(request, commands, request_word(request)))
		request_fail(request, "COMMAND");
}

/* ------------------------------------------------------------- values */

void *request_alloc(struct request *request, size_t len)
{
	size_t count = request->memory_count + 1;
	void *memory = calloc(1, len > 0 ? len : 1);

	request->memory = realloc(request->memory, count * sizeof(void *));
	CHECK(memory != NULL && request->memory != NULL);
	request->memory[request->memory_count++] = memory;
	return memory;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	/* Letters stand twice: once small, once large. */
	return at != NULL ? (int)((at - digits) & 15) : -1;
}

uint8_t *parse_hex(struct request *request, const char *text, size_t *ret_len)
{
	size_t len = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
	uint8_t *bytes = request_alloc(request, len);

	*ret_len = 0;
	if (request->error != NULL)
		return bytes;
	if (*text == '\0' || (len > 0 && strlen(text) % 2 != 0)) {
		request_fail(request, "HEX");
		return bytes;
	}
	if (len == 0 && strcmp(text, "-") != 0)
		request_fail(request, "HEX");
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			request_fail(request, "HEX");
		bytes[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	*ret_len = len;
	return bytes;
}

uint8_t *parse_key(struct request *request, const char *text, size_t len)
{
	size_t is;
	uint8_t *bytes = parse_hex(request, text, &is);

	if (is == len)
		return bytes;
	request_fail(request, "LENGTH");
	return request_alloc(request, len);
}

uint64_t parse_number(struct request *request, const char *text, uint64_t max)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	/* strtoull() takes blanks and signs too. */
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    number > max) {
		request_fail(request, "NUMBER");
		return 0;
	}
	return number;
}

uint8_t *request_hex(struct request *request, size_t *ret_len)
{
	return parse_hex(request, request_word(request), ret_len);
}

uint8_t *request_key(struct request *request, size_t len)
{
	return parse_key(request, request_word(request), len);
}

uint64_t request_number(struct request *request, uint64_t max)
{
	return parse_number(request, request_word(request), max);
}

struct prefix request_prefix(struct request *request)
{
	struct prefix prefix = {.bits = 0};

	request_check(request, prefix_parse(request_word(request), &prefix));
	return prefix;
}

struct ip_addr request_addr(struct request *request)
{
	struct ip_addr addr = {.family = IP_NONE};

	request_check(request, ip_addr_parse(request_word(request), &addr));
	return addr;
}

struct endpoint request_endpoint(struct request *request)
{
	struct endpoint to = {.port = 0};

	request_check(request, endpoint_parse(request_word(request), &to));
	return to;
}

/* ------------------------------------------------------------- answers */

void answer(struct request *request, const char *format, ...)
{
	va_list args;

	if (request->answered++ > 0)
		fputc(' ', request->answer);
	va_start(args, format);
	vfprintf(request->answer, format, args);
	va_end(args);
}

void answer_bytes(struct request *request, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	if (len == 0)
		fputc('-', request->answer);
	for (size_t i = 0; i < len; i++) {
		fputc(digits[bytes[i] >> 4], request->answer);
		fputc(digits[bytes[i] & 15], request->answer);
	}
}

void answer_hex(struct request *request, const void *data, size_t len)
{
	answer(request, "%s", "");
	answer_bytes(request, data, len);
}
