/* SPDX-License-Identifier: ISC */
#include "ctl/socket_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

static const char system_folder[] = "/run/wgproxyd";

struct ctl_socket_choice ctl_socket_choice(const char *option,
					   const char *configured)
{
	return (struct ctl_socket_choice){
		.option = option,
		.environment = getenv("WGPROXYD_SOCKET"),
		.configured = configured,
		.runtime_directory = getenv("RUNTIME_DIRECTORY"),
		.xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
		.root = geteuid() == 0,
	};
}

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int put(char path[SOCKET_PATH_CAP], const char *folder, const char *rest)
{
	int len = snprintf(path, SOCKET_PATH_CAP, "%s%s", folder, rest);

	return len < SOCKET_PATH_CAP ? 0 : -ERR_TOO_LONG;
}

static const char *named(const struct ctl_socket_choice *choice)
{
	return given(choice->option) ? choice->option : choice->environment;
}

int ctl_socket_daemon(const struct ctl_socket_choice *choice,
		      char ret_path[SOCKET_PATH_CAP])
{
	if (given(named(choice)))
		return put(ret_path, named(choice), "");
	if (given(choice->configured))
		return put(ret_path, choice->configured, "");
	if (given(choice->runtime_directory))
		return put(ret_path, choice->runtime_directory,
			   "/control.sock");
	if (!choice->root && given(choice->xdg_runtime_dir))
		return put(ret_path, choice->xdg_runtime_dir,
			   "/wgproxyd/control.sock");
	return put(ret_path, system_folder, "/control.sock");
}

int ctl_socket_client(const struct ctl_socket_choice *choice,
		      char ret_path[SOCKET_PATH_CAP])
{
	int err = 0;

	if (given(named(choice)))
		return put(ret_path, named(choice), "");
	if (given(choice->xdg_runtime_dir)) {
		err = put(ret_path, choice->xdg_runtime_dir,
			  "/wgproxyd/control.sock");
		if (err == 0 && access(ret_path, F_OK) == 0)
			return 0;
	}
	return put(ret_path, system_folder, "/control.sock");
}
