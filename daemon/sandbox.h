/* SPDX-License-Identifier: ISC */
/*
 * What the program can no longer do once it runs, whoever makes it try.
 *
 * Landlock: files are closed but for those that are named here, and for what
 * looking up host names needs; no signal and no abstract Unix socket reaches
 * another program. In the strict mode TCP goes out to port 53 (a name server
 * that truncates) and to the ports of exposes that are known at the start; else
 * it is open, for exposes may be added while the program runs.
 * seccomp (daemon/io_filter.h): no other program is started and no system call
 * made that the program has no use for.
 *
 * Both hold for this thread and those it makes from then on, so the sandbox is
 * entered before the first name is looked up. A kernel without them is worth a
 * warning, not a failure.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <stdint.h>

enum sandbox_mode {
	SANDBOX_ON,
	/* A forbidden system call ends the program. */
	SANDBOX_STRICT,
	SANDBOX_OFF,
};

/* Owner: main. */
struct sandbox {
	enum sandbox_mode mode;
	int ruleset; /* -1: there is no Landlock */
	int abi;     /* of Landlock; 0: there is none */
};

/* Gives up new privileges in any mode. */
void sandbox_init(struct sandbox *sandbox, enum sandbox_mode mode);

/* Folders that stay open, with all below them; one that does not exist is left
 * out, and so is one that belongs to nobody: NULL or "". */
void sandbox_allow_read(struct sandbox *sandbox, const char *folder);
void sandbox_allow_write(struct sandbox *sandbox, const char *folder);
/* Unix sockets may be made and removed, which includes any other file of the
 * folder. */
void sandbox_allow_sockets(struct sandbox *sandbox, const char *folder);

/* TCP to that port. */
void sandbox_allow_connect(struct sandbox *sandbox, uint16_t port);

/* Closes the door, and logs what there is now. */
void sandbox_enter(struct sandbox *sandbox);

#endif
