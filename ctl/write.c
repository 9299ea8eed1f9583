/* SPDX-License-Identifier: ISC */
#include "ctl/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "config/keyfile.h"
#include "ctl/ask.h"

static int failed(const char *path, int error)
{
	say("%s: %s", path,
	    error == EEXIST ? "exists already and is not overwritten"
			    : strerror(error));
	return error == EACCES || error == EPERM ? EXIT_DENIED : EXIT_NO;
}

/* 0 or an errno. */
static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : errno;
}

/* 0 or an errno; a file that could not be written whole is removed. */
static int create(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return errno;
	error = write_all(fd, text, len);
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error != 0)
		unlink(path);
	return error;
}

int write_new_file(const char *path, const char *text, size_t len)
{
	int error = create(path, text, len);

	return error == 0 ? EXIT_DONE : failed(path, error);
}

int write_key_file(const char *path, const struct key *key)
{
	char line[KEY_TEXT_CAP + 1];
	int code;

	key_format(key, line);
	strcat(line, "\n");
	code = write_new_file(path, line, strlen(line));
	key_memory_wipe(line, sizeof(line));
	return code;
}

int write_move(const char *fresh, const char *path, bool replace)
{
	struct stat st;

	if (replace && stat(path, &st) != 0)
		return failed(path, errno);
	if (replace && chmod(fresh, st.st_mode & 07777) != 0)
		return failed(fresh, errno);
	if (replace && rename(fresh, path) != 0)
		return failed(path, errno);
	if (!replace && link(fresh, path) != 0)
		return failed(path, errno);
	if (!replace)
		unlink(fresh);
	return EXIT_DONE;
}

int write_make_folder(const char *path)
{
	char part[PATH_CAP];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return failed(path, ENAMETOOLONG);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST &&
		    errno != EROFS && access(part, F_OK) != 0)
			return failed(part, errno);
	}
	return EXIT_DONE;
}
