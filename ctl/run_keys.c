/* SPDX-License-Identifier: ISC */
/* genkey, pubkey */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "config/keyfile.h"
#include "ctl/ask.h"
#include "ctl/make_key.h"
#include "ctl/run.h"
#include "ctl/write.h"

static int print_public(const struct key *key)
{
	struct key public_key;
	char text[KEY_TEXT_CAP];

	if (key_derive_public(key, &public_key) != 0) {
		say("this is no usable private key");
		return EXIT_NO;
	}
	puts(key_format(&public_key, text));
	return EXIT_DONE;
}

/* Whether standard output is a file that others may read. */
static bool output_is_exposed(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

static int key_to_output(const struct key *key)
{
	char text[KEY_TEXT_CAP];

	if (output_is_exposed()) {
		say("others may read the file that the key would go to; write "
		    "proxyctl genkey FILE");
		return EXIT_NO;
	}
	puts(key_format(key, text));
	fflush(stdout);
	key_memory_wipe(text, sizeof(text));
	return EXIT_DONE;
}

static int key_to_file(const struct key *key, const char *path)
{
	int code = write_key_file(path, key);

	if (code != EXIT_DONE)
		return code;
	say("%s has the private key; this is the public one:", path);
	return print_public(key);
}

int run_genkey(const struct call *call)
{
	struct key key;
	int code = make_private_key(&key);

	if (code == EXIT_DONE && call->arg_count > 0)
		code = key_to_file(&key, call->args[0]);
	else if (code == EXIT_DONE)
		code = key_to_output(&key);
	key_memory_wipe(&key, sizeof(key));
	return code;
}

/* A key and blanks around it, from standard input. */
static int read_key(struct key *key)
{
	char text[256];
	size_t len = fread(text, 1, sizeof(text) - 1, stdin);
	char *end;
	int err;

	text[len] = '\0';
	end = text + strlen(text);
	while (end > text && strchr(" \t\r\n", end[-1]) != NULL)
		*--end = '\0';
	err = key_parse(text + strspn(text, " \t\r\n"), key);
	key_memory_wipe(text, sizeof(text));
	return err;
}

int run_pubkey(const struct call *call)
{
	struct key key;
	int code;

	(void)call;
	if (read_key(&key) != 0) {
		say("standard input is no key: 44 characters of base64, as "
		    "proxyctl genkey prints them");
		return EXIT_NO;
	}
	code = print_public(&key);
	key_memory_wipe(&key, sizeof(key));
	return code;
}
