/* SPDX-License-Identifier: ISC */
/*
 * Where the control socket is. The first that applies:
 *
 *   --socket PATH, $WGPROXYD_SOCKET, the configuration (daemon only),
 *   $RUNTIME_DIRECTORY/control.sock (daemon only: a service's own folder),
 *   $XDG_RUNTIME_DIR/wgproxyd/control.sock, /run/wgproxyd/control.sock
 *
 * root has no socket of its own in $XDG_RUNTIME_DIR: its daemon is the
 * system's.
 */
#ifndef CTL_SOCKET_PATH_H
#define CTL_SOCKET_PATH_H

#include <stdbool.h>

#include "base/limits.h"

/* What decides; NULL or "" is nothing. */
struct ctl_socket_choice {
	const char *option;
	const char *environment; /* $WGPROXYD_SOCKET */
	const char *configured;
	const char *runtime_directory; /* $RUNTIME_DIRECTORY */
	const char *xdg_runtime_dir;
	bool root;
};

/* Reads the environment for the rest. */
struct ctl_socket_choice ctl_socket_choice(const char *option,
					   const char *configured);

/* Where the daemon makes it. 0 or -ERR_TOO_LONG. */
int ctl_socket_daemon(const struct ctl_socket_choice *choice,
		      char ret_path[SOCKET_PATH_CAP]);

/* Where a client looks for it: what is named, else the first that exists,
 * else the last. 0 or -ERR_TOO_LONG. */
int ctl_socket_client(const struct ctl_socket_choice *choice,
		      char ret_path[SOCKET_PATH_CAP]);

#endif
