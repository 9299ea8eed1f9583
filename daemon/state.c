/* SPDX-License-Identifier: ISC */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "config/file.h"

enum {
	STATE_FILE_MAX = 4 * 1024 * 1024,
	STATE_PATH_CAP = PATH_CAP + 64,
};

/* ------------------------------------------------------------- the folder */

static bool given(const char *text)
{
	return text != NULL && text[0] == '/';
}

static int choose_folder(const char *option, char folder[PATH_CAP])
{
	const char *service = getenv("STATE_DIRECTORY");
	const char *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int len = 0;

	folder[0] = '\0';
	if (option != NULL)
		len = snprintf(folder, PATH_CAP, "%s", option);
	else if (given(service)) /* may list several: the first is ours */
		len = snprintf(folder, PATH_CAP, "%.*s",
			       (int)strcspn(service, ":"), service);
	else if (given(xdg))
		len = snprintf(folder, PATH_CAP, "%s/wgproxyd", xdg);
	else if (given(home))
		len = snprintf(folder, PATH_CAP, "%s/.local/state/wgproxyd",
			       home);
	return len > 0 && len < PATH_CAP ? 0 : -ERR_NOT_FOUND;
}

/* The folder and those above it that are missing. 0 or -errno. */
static int make_folders(const char *folder)
{
	char path[PATH_CAP];

	strcpy(path, folder);
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	return access(path, W_OK | X_OK) == 0 ? 0 : -errno;
}

static void path_of(const struct state *state, const char *file,
		    char path[STATE_PATH_CAP])
{
	snprintf(path, STATE_PATH_CAP, "%s/%s", state->folder, file);
}

static int lock_folder(struct state *state)
{
	char path[STATE_PATH_CAP];

	path_of(state, "lock", path);
	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->lock < 0)
		return -errno;
	return flock(state->lock, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

void state_open(struct state *state, const char *option)
{
	int err = 0;

	*state = (struct state){.lock = -1};
	if (choose_folder(option, state->folder) != 0) {
		log_info(
			"event=state_none text=\"no folder for state: forwards "
			"cannot be kept; give --state-dir\"");
		state->folder[0] = '\0';
		return;
	}
	err = make_folders(state->folder);
	if (err == 0)
		err = lock_folder(state);
	if (err == 0)
		return;
	log_warning("event=state_failed folder=%s text=\"%s: forwards cannot "
		    "be kept\"",
		    state->folder,
		    err == -EWOULDBLOCK ? "another wgproxyd uses it; give this "
					  "one its own --state-dir"
					: strerror(-err));
	state_close(state);
}

void state_close(struct state *state)
{
	if (state->lock >= 0)
		close(state->lock);
	free(state->shelved);
	*state = (struct state){.lock = -1};
}

/* ------------------------------------------------------------- whole files */

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t part = write(fd, text, len);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -ERR_IO;
		text += part;
		len -= (size_t)part;
	}
	return 0;
}

static int sync_folder(const struct state *state)
{
	int fd = open(state->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) != 0 ? -ERR_IO : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

int state_replace_file(const struct state *state, const char *file,
		       const char *text, bool durable)
{
	char path[STATE_PATH_CAP], next[STATE_PATH_CAP];
	int fd, err;

	if (state->folder[0] == '\0')
		return -ERR_STATE;
	path_of(state, file, path);
	snprintf(next, sizeof(next), "%s/%s.new", state->folder, file);
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -ERR_IO;
	err = write_all(fd, text, strlen(text));
	if (err == 0 && durable && fsync(fd) != 0)
		err = -ERR_IO;
	if (close(fd) != 0)
		err = -ERR_IO;
	if (err == 0 && rename(next, path) != 0)
		err = -ERR_IO;
	if (err != 0)
		(void)unlink(next);
	if (err == 0 && durable)
		err = sync_folder(state);
	return err;
}

void state_set_aside(const struct state *state, const char *file)
{
	char path[STATE_PATH_CAP], aside[STATE_PATH_CAP];

	path_of(state, file, path);
	snprintf(aside, sizeof(aside), "%s/%s.damaged-%lld", state->folder,
		 file, (long long)time(NULL));
	if (rename(path, aside) != 0)
		strcpy(aside, path);
	log_error("event=state_damaged file=%s text=\"this file is damaged and "
		  "was set aside; what it kept is not in use\"",
		  aside);
}

char *state_read_file(const struct state *state, const char *file)
{
	char path[STATE_PATH_CAP];
	const char *reason;
	struct file found;

	if (state->folder[0] == '\0')
		return NULL;
	path_of(state, file, path);
	if (access(path, F_OK) != 0)
		return NULL;
	if (file_read(path, STATE_FILE_MAX, &found, &reason) != 0) {
		log_error("event=state_unreadable file=%s text=\"%s\"", path,
			  reason);
		state_set_aside(state, file);
		return NULL;
	}
	return found.text;
}
