/* SPDX-License-Identifier: ISC */
/*
 * The driver: the WireGuard core behind lines of text (test/README.md). Here is
 * what its subjects share: the words of a request, its answer, and objects with
 * names.
 *
 * A handler takes its words in order; the first that is wrong sets the error,
 * and all that follow give zeros. It looks at request_end() before it changes
 * anything. Bytes it took live until the answer is written.
 */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct endpoint;
struct ip_addr;
struct prefix;
struct route_table;

struct request {
	char **words;
	size_t count, at;
	const char *error; /* NULL: none yet */
	FILE *answer;      /* thrown away when there is an error */
	size_t answered;   /* words */
	void **memory;     /* given back after the answer */
	size_t memory_count;
};

/* The first error stays. */
void request_fail(struct request *request, const char *word);
/* err as a core returned it. True when it is 0. */
bool request_check(struct request *request, int err);

/* ------------------------------------------------------------- words in */

const char *request_word(struct request *request);
bool request_more(const struct request *request);
/* The value of the next word when it is "NAME=VALUE"; else NULL, and the word
 * stays. */
const char *request_option(struct request *request, const char *name);
/* Zeroed memory of exactly len bytes, so that a sanitizer sees each excess. */
void *request_alloc(struct request *request, size_t len);
uint8_t *request_hex(struct request *request, size_t *ret_len);
uint8_t *request_key(struct request *request, size_t len);
uint64_t request_number(struct request *request, uint64_t max);
struct prefix request_prefix(struct request *request);
struct ip_addr request_addr(struct request *request);
struct endpoint request_endpoint(struct request *request);
/* False: there was an error, or there are words too many. */
bool request_end(struct request *request);

/* The same for a word, or a part of one, that was taken already. */
uint8_t *parse_hex(struct request *request, const char *text, size_t *ret_len);
uint8_t *parse_key(struct request *request, const char *text, size_t len);
uint64_t parse_number(struct request *request, const char *text, uint64_t max);

/* ------------------------------------------------------------- words out */

__attribute__((format(printf, 2, 3))) void answer(struct request *request,
						  const char *format, ...);
/* Bytes without a blank before them; none are "-". */
void answer_bytes(struct request *request, const void *data, size_t len);
void answer_hex(struct request *request, const void *data, size_t len);

/* ------------------------------------------------------------- names */

/* Takes the word that names an object. A new one is zeroed and has size bytes;
 * one of the same kind and name goes first. forget() frees what it holds. */
void *name_new(struct request *request, const char *kind, const char *name,
	       size_t size, void (*forget)(void *object));
/* The next word names it. NULL is an error that the request knows. */
void *name_find(struct request *request, const char *kind);
void name_forget_all(void);

/* ------------------------------------------------------------- subjects */

/* A table ends with NULL. */
struct command {
	const char *name;
	void (*run)(struct request *request);
};

/* False: the name is not in the table. */
bool request_run(struct request *request, const struct command *commands,
		 const char *name);
/* The next word is a command of the table. */
void request_sub(struct request *request, const struct command *commands);

extern const struct command primitive_commands[];
extern const struct command noise_commands[];
extern const struct command table_commands[];
extern const struct command device_commands[];

void answer_route(struct request *request, const struct route_table *table,
		  const struct ip_addr *addr);
#endif
