/* SPDX-License-Identifier: ISC */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/io_filter.h"

/* ------------------------------------------------------------- Landlock */

/* The kernel's interface; the headers of the oldest system that we build on
 * know only a part of it. */
enum {
	CALL_CREATE_RULESET = 444,
	CALL_ADD_RULE = 445,
	CALL_RESTRICT_SELF = 446,
	CREATE_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	RULE_NET_PORT = 2,

	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_TRUNCATE = 1 << 14,
	FS_FILE_ONLY = FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,

	NAME_SERVER_PORT = 53,
};

struct ruleset_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct path_attr {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

struct port_attr {
	uint64_t allowed;
	uint64_t port;
};

/* Every right over files that a version knows is taken. */
static uint64_t fs_rights(int abi)
{
	if (abi >= 5)
		return (1 << 16) - 1; /* ioctl() of devices */
	if (abi >= 3)
		return (1 << 15) - 1; /* truncate() */
	if (abi == 2)
		return (1 << 14) - 1; /* rename() between folders */
	return (1 << 13) - 1;
}

static bool closes_connects(const struct sandbox *sandbox)
{
	return sandbox->mode == SANDBOX_STRICT && sandbox->abi >= 4;
}

static int create_ruleset(const struct sandbox *sandbox)
{
	int abi = sandbox->abi;
	struct ruleset_attr attr = {.fs = fs_rights(abi)};
	size_t len = sizeof(attr.fs);

	if (abi >= 4) {
		attr.net = closes_connects(sandbox) ? NET_CONNECT_TCP : 0;
		len = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		len = sizeof(attr);
	}
	return (int)syscall(CALL_CREATE_RULESET, &attr, len, 0);
}

static void allow(const struct sandbox *sandbox, const char *path,
		  uint64_t rights)
{
	struct path_attr attr;
	struct stat st;

	if (sandbox->ruleset < 0 || path == NULL || path[0] == '\0')
		return;
	attr.folder = open(path, O_PATH | O_CLOEXEC);
	if (attr.folder < 0)
		return;
	attr.allowed = rights & fs_rights(sandbox->abi);
	if (fstat(attr.folder, &st) == 0 && !S_ISDIR(st.st_mode))
		attr.allowed &= FS_FILE_ONLY;
	if (syscall(CALL_ADD_RULE, sandbox->ruleset, RULE_PATH_BENEATH, &attr,
		    0) != 0)
		log_warning("event=sandbox_incomplete path=\"%s\" text=\"%s\"",
			    path, strerror(errno));
	close(attr.folder);
}

/* The folder that a link such as /etc/resolv.conf leads to. Files there are
 * replaced, so the file alone would not do. */
static void allow_read_beside(struct sandbox *sandbox, const char *link)
{
	char path[PATH_MAX];
	char *slash;

	if (realpath(link, path) == NULL)
		return;
	slash = strrchr(path, '/');
	CHECK(slash != NULL);
	if (slash == path)
		return; /* never all there is */
	*slash = '\0';
	sandbox_allow_read(sandbox, path);
}

/* getaddrinfo() reads its configuration, and loads modules when a name is
 * looked up for the first time. */
static void allow_lookups(struct sandbox *sandbox)
{
	static const char *const folders[] = {
		"/etc",
		"/lib",
		"/lib64",
		"/usr/lib",
		"/usr/lib64",
		"/usr/local/lib",
		"/run/systemd/resolve",
		"/run/NetworkManager",
		"/run/resolvconf",
	};
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		sandbox_allow_read(sandbox, folders[i]);
	allow_read_beside(sandbox, "/etc/resolv.conf");
	allow_read_beside(sandbox, "/etc/hosts");
	allow_read_beside(sandbox, "/etc/nsswitch.conf");
	sandbox_allow_connect(sandbox, NAME_SERVER_PORT);
}

/* Returns false when files stay open. */
static bool enter_landlock(struct sandbox *sandbox)
{
	bool done = false;

	if (sandbox->ruleset >= 0) {
		allow_lookups(sandbox);
		done = syscall(CALL_RESTRICT_SELF, sandbox->ruleset, 0) == 0;
	}
	if (!done)
		log_warning("event=sandbox_missing part=landlock text=\"files "
			    "are not closed to the program: %s\"",
			    errno == ENOSYS || errno == EOPNOTSUPP
				    ? "this kernel has no Landlock"
				    : strerror(errno));
	if (sandbox->ruleset >= 0)
		close(sandbox->ruleset);
	sandbox->ruleset = -1;
	return done;
}

/* ------------------------------------------------------------- interface */

void sandbox_init(struct sandbox *sandbox, enum sandbox_mode mode)
{
	long abi = 0;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	*sandbox = (struct sandbox){.mode = mode, .ruleset = -1};
	if (mode == SANDBOX_OFF)
		return;
	abi = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_VERSION);
	if (abi <= 0)
		return;
	sandbox->abi = (int)abi;
	sandbox->ruleset = create_ruleset(sandbox);
}

void sandbox_allow_connect(struct sandbox *sandbox, uint16_t port)
{
	struct port_attr attr = {.allowed = NET_CONNECT_TCP, .port = port};

	if (sandbox->ruleset >= 0 && closes_connects(sandbox) && port != 0)
		(void)syscall(CALL_ADD_RULE, sandbox->ruleset, RULE_NET_PORT,
			      &attr, 0);
}

void sandbox_allow_read(struct sandbox *sandbox, const char *folder)
{
	allow(sandbox, folder, FS_READ_FILE | FS_READ_DIR);
}

void sandbox_allow_write(struct sandbox *sandbox, const char *folder)
{
	allow(sandbox, folder,
	      FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE |
		      FS_MAKE_REG | FS_REMOVE_FILE);
}

void sandbox_allow_sockets(struct sandbox *sandbox, const char *folder)
{
	allow(sandbox, folder, FS_MAKE_SOCK | FS_REMOVE_FILE);
}

void sandbox_enter(struct sandbox *sandbox)
{
	char landlock[16] = "off";
	const char *reason;
	bool filtered;

	if (sandbox->mode == SANDBOX_OFF) {
		log_notice("event=sandbox seccomp=off landlock=off");
		return;
	}
	if (enter_landlock(sandbox))
		snprintf(landlock, sizeof(landlock), "abi%d", sandbox->abi);
	filtered =
		io_filter_enter(sandbox->mode == SANDBOX_STRICT, &reason) == 0;
	if (!filtered)
		log_warning("event=sandbox_missing part=seccomp text=\"system "
			    "calls are not filtered: %s\"",
			    reason);
	log_notice("event=sandbox seccomp=%s landlock=%s",
		   !filtered                         ? "off"
		   : sandbox->mode == SANDBOX_STRICT ? "strict"
						     : "on",
		   landlock);
}
