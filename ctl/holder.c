/* SPDX-License-Identifier: ISC */
#include "ctl/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TCP_LISTENING = 0x0a, /* in the st column of /proc/net/tcp */
};

/* Inode of a listening socket on the port; 0: none in this table. */
static unsigned long listening_inode(const char *table, uint16_t port)
{
	FILE *file = fopen(table, "re");
	unsigned long found = 0;
	char line[512];

	while (file != NULL && found == 0 &&
	       fgets(line, sizeof(line), file) != NULL) {
		unsigned local_port, state;
		unsigned long inode;

		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			   "%*x:%*x %*x:%*x %*x %*d %*d %lu",
			   &local_port, &state, &inode) == 3 &&
		    local_port == port && state == TCP_LISTENING)
			found = inode;
	}
	if (file != NULL)
		fclose(file);
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[320], link[64], wanted[64];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	folder = opendir(path);
	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		ssize_t len = readlinkat(dirfd(folder), entry->d_name, link,
					 sizeof(link) - 1);

		if (len > 0) {
			link[len] = '\0';
			found = strcmp(link, wanted) == 0;
		}
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static void name_process(const char *pid, char holder[CTL_HOLDER_CAP])
{
	char path[320], name[32] = "a process";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(name, sizeof(name), file) != NULL)
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	snprintf(holder, CTL_HOLDER_CAP, "%s (pid %.10s)", name, pid);
}

void ctl_holder(const struct listen_spec *listen, char holder[CTL_HOLDER_CAP])
{
	unsigned long inode;
	struct dirent *entry;
	DIR *folder;

	holder[0] = '\0';
	if (listen->kind == LISTEN_PATH)
		return;
	inode = listening_inode("/proc/self/net/tcp", listen->port);
	if (inode == 0)
		inode = listening_inode("/proc/self/net/tcp6", listen->port);
	folder = inode == 0 ? NULL : opendir("/proc");
	while (folder != NULL && holder[0] == '\0' &&
	       (entry = readdir(folder)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    has_socket(entry->d_name, inode))
			name_process(entry->d_name, holder);
	}
	if (folder != NULL)
		closedir(folder);
}
