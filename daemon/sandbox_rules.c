/* SPDX-License-Identifier: ISC */
#include "daemon/sandbox_rules.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/socket_path.h"

/* The folder of a socket's path. */
static void allow_socket(struct sandbox *sandbox, const char *path)
{
	char folder[SOCKET_PATH_CAP];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len == 0 || len >= sizeof(folder))
		return;
	memcpy(folder, path, len);
	folder[len] = '\0';
	sandbox_allow_sockets(sandbox, folder);
}

static void allow_control(struct sandbox *sandbox, const char *option,
			  const struct config *config)
{
	struct ctl_socket_choice choice =
		ctl_socket_choice(option, config->control_socket);
	char path[SOCKET_PATH_CAP];

	if (ctl_socket_daemon(&choice, path) == 0)
		allow_socket(sandbox, path);
}

void sandbox_open_folders(struct sandbox *sandbox,
			  const struct options *options,
			  const struct config *config,
			  const struct config_report *report, const char *state)
{
	for (uint32_t i = 0; i < report->folder_count; i++)
		sandbox_allow_read(sandbox, report->folders[i]);
	sandbox_allow_write(sandbox, state);
	allow_control(sandbox, options->socket, config);
	for (uint32_t i = 0; i < config->forward_count; i++) {
		const struct mapping *mapping = &config->forwards[i];

		if (mapping->listen.kind == LISTEN_PATH)
			allow_socket(sandbox, mapping->listen.path);
		if (mapping->kind == MAPPING_EXPOSE)
			sandbox_allow_connect(sandbox, mapping->target.port);
	}
	if (config->metrics.listen.kind == LISTEN_PATH)
		allow_socket(sandbox, config->metrics.listen.path);
	sandbox_allow_sockets(sandbox, getenv("RUNTIME_DIRECTORY"));
	sandbox_allow_sockets(sandbox, getenv("XDG_RUNTIME_DIR"));
	sandbox_allow_sockets(sandbox, "/run/wgproxyd");
	sandbox_allow_sockets(sandbox, "/tmp");
}
