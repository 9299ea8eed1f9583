/* SPDX-License-Identifier: ISC */
/* Files with secrets, and files that people wrote: nothing is lost. Each
 * returns an exit code and says what went wrong. */
#ifndef CTL_WRITE_H
#define CTL_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"

/* Makes a file of mode 0600 and writes it to disk; EXIT_NO when there is one
 * of that name already. */
int write_new_file(const char *path, const char *text, size_t len);

/* The same with a key and a line end. */
int write_key_file(const char *path, const struct key *key);

/* Moves a file that write_new_file() made to its place. With replace the file
 * there is replaced at once and its mode stays; without it there must be none.
 */
int write_move(const char *fresh, const char *path, bool replace);

/* Makes a folder of mode 0700, and those above it that are missing. */
int write_make_folder(const char *path);

#endif
