/* SPDX-License-Identifier: ISC */
/* Whole small files in memory. They may hold keys, so they are wiped. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CONFIG_FILE_MAX = 256 * 1024 }; /* bytes */

struct file {
	char *text; /* owned; ends with a NUL that len does not count */
	size_t len;
	mode_t mode;
	uid_t owner;
};

/* Reads a regular file of at most max bytes. 0, or with a reason in words:
 * -ERR_IO, -ERR_TOO_LONG, -ERR_INVALID when there is a NUL in it,
 * -ERR_NO_MEMORY. */
int file_read(const char *path, size_t max, struct file *ret_file,
	      const char **ret_reason);
void file_free(struct file *file);

/* Another user may read it. Files below $CREDENTIALS_DIRECTORY are guarded by
 * the service manager and count as private, whatever their mode. */
bool file_is_exposed(const struct file *file, const char *path);

/* Where a file is that a configuration names; base is the configuration's own
 * path. A relative path a/b is first looked for among the credentials, where
 * the service manager calls it a_b ("LoadCredential=a:/some/a"), and otherwise
 * beside base. 0, or -ERR_TOO_LONG. cap counts the NUL. */
int file_path_find(const char *base, const char *path, char *ret_path,
		   size_t cap);

#endif
