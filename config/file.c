/* SPDX-License-Identifier: ISC */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "config/keyfile.h"

static int read_all(int fd, size_t max, struct file *file,
		    const char **ret_reason)
{
	/* One byte more than allowed tells a longer file from a full one. */
	while (file->len <= max) {
		ssize_t n =
			read(fd, file->text + file->len, max + 1 - file->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*ret_reason = strerror(errno);
			return -ERR_IO;
		}
		if (n == 0)
			break;
		file->len += (size_t)n;
	}
	if (file->len > max) {
		*ret_reason = "the file is too long";
		return -ERR_TOO_LONG;
	}
	file->text[file->len] = '\0';
	if (strlen(file->text) != file->len) {
		*ret_reason = "this is no text file";
		return -ERR_INVALID;
	}
	return 0;
}

static int read_regular(int fd, size_t max, struct file *file,
			const char **ret_reason)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		*ret_reason = strerror(errno);
		return -ERR_IO;
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_reason = "this is no regular file";
		return -ERR_IO;
	}
	file->mode = st.st_mode;
	file->owner = st.st_uid;
	file->text = malloc(max + 1);
	if (file->text == NULL) {
		*ret_reason = error_text(ERR_NO_MEMORY);
		return -ERR_NO_MEMORY;
	}
	return read_all(fd, max, file, ret_reason);
}

int file_read(const char *path, size_t max, struct file *ret_file,
	      const char **ret_reason)
{
	struct file file = {.len = 0};
	/* Non-blocking: opening a FIFO must not wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err;

	if (fd < 0) {
		*ret_reason = strerror(errno);
		return -ERR_IO;
	}
	err = read_regular(fd, max, &file, ret_reason);
	close(fd);
	if (err != 0)
		file_free(&file);
	else
		*ret_file = file;
	return err;
}

void file_free(struct file *file)
{
	if (file->text != NULL)
		key_memory_wipe(file->text, file->len);
	free(file->text);
	*file = (struct file){.len = 0};
}

/* NULL: there are none. */
static const char *credentials(void)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	return folder != NULL && folder[0] == '/' ? folder : NULL;
}

static bool is_credential(const char *path)
{
	const char *folder = credentials();
	size_t len;

	if (folder == NULL)
		return false;
	len = strlen(folder);
	return strncmp(path, folder, len) == 0 && path[len] == '/' &&
	       strstr(path + len, "/../") == NULL;
}

bool file_is_exposed(const struct file *file, const char *path)
{
	if (is_credential(path))
		return false;
	return (file->mode & (S_IRWXG | S_IRWXO)) != 0 ||
	       (file->owner != geteuid() && file->owner != 0);
}

static int path_beside(const char *base, const char *path, char *ret_path,
		       size_t cap)
{
	const char *slash = strrchr(base, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - base) + 1;

	if (path[0] == '/')
		folder = 0;
	if (folder + strlen(path) >= cap)
		return -ERR_TOO_LONG;
	memcpy(ret_path, base, folder);
	strcpy(ret_path + folder, path);
	return 0;
}

/* Whether there is a credential for the path; then it is in ret_path. */
static bool find_credential(const char *path, char *ret_path, size_t cap)
{
	const char *folder = credentials();
	size_t len;

	if (folder == NULL || path[0] == '/' || path[0] == '.')
		return false;
	len = strlen(folder);
	if (len + 1 + strlen(path) >= cap)
		return false;
	memcpy(ret_path, folder, len);
	ret_path[len] = '/';
	strcpy(ret_path + len + 1, path);
	for (char *c = ret_path + len + 1; *c != '\0'; c++) {
		if (*c == '/')
			*c = '_';
	}
	return access(ret_path, F_OK) == 0;
}

int file_path_find(const char *base, const char *path, char *ret_path,
		   size_t cap)
{
	if (find_credential(path, ret_path, cap))
		return 0;
	return path_beside(base, path, ret_path, cap);
}
