/* SPDX-License-Identifier: ISC */
/* The folders that stay open in the sandbox, from what the program was told. */
#ifndef DAEMON_SANDBOX_RULES_H
#define DAEMON_SANDBOX_RULES_H

#include "config/config.h"
#include "daemon/options.h"
#include "daemon/sandbox.h"

/* For reading: where the configuration and its keys are, for the next reload.
 * For writing: the folder of state, "" if there is none. For sockets: the
 * control socket's folder, those of the forwards, and where a forward added
 * later may have one: $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR, /run/wgproxyd and
 * /tmp. */
void sandbox_open_folders(struct sandbox *sandbox,
			  const struct options *options,
			  const struct config *config,
			  const struct config_report *report,
			  const char *state);

#endif
