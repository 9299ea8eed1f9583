/* SPDX-License-Identifier: ISC */
/* Configuration files for tests, in a folder of their own that is the working
 * directory while a test runs, so that messages begin with a short name. */
#ifndef TEST_UNIT_CONFIG_FILES_H
#define TEST_UNIT_CONFIG_FILES_H

#include <stddef.h>
#include <sys/types.h>

#include "config/config.h"

#define TEST_PRIVATE_KEY "4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8="
#define TEST_PEER_KEY    "wD4Zz0mwFxGx+FkZF5wGZmY4hVU6rRTjGJ8n4lR2ryg="
#define TEST_PEER2_KEY   "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

/* The file `fly wireguard create` writes, with its blank first line. */
#define TEST_FLY_CONF                             \
	"\n"                                      \
	"[Interface]\n"                           \
	"PrivateKey = " TEST_PRIVATE_KEY "\n"     \
	"Address = fdaa:0:18:a7b:d6b:0:a:2/120\n" \
	"DNS = fdaa:0:18::3\n"                    \
	"\n"                                      \
	"[Peer]\n"                                \
	"PublicKey = " TEST_PEER_KEY "\n"         \
	"AllowedIPs = fdaa:0:18::/48\n"           \
	"Endpoint = ams1.gateway.6pn.dev:51820\n" \
	"PersistentKeepalive = 15\n"              \
	"\n"

/* cmocka group fixtures. The folder holds fly.conf, key, open.key (readable by
 * all), bad.key, broken.conf and folder/. */
int files_setup(void **state);
int files_teardown(void **state);

void file_write(const char *name, const char *text, size_t len, mode_t mode);
void file_write_text(const char *name, const char *text);

/* A file that must be refused: the error, and the report's whole line. */
struct bad_file {
	const char *name;
	const char *text;
	int err;
	const char *message;
};

/* Write each text as c.yaml or c.conf, load it, compare, and fail with the
 * case's name. */
void bad_yaml_check(const struct bad_file *files, size_t count);
void bad_wgquick_check(const struct bad_file *files, size_t count);

/* Milliseconds of CPU time this process has used. */
double cpu_ms(void);

#endif
