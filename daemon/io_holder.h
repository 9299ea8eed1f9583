/* SPDX-License-Identifier: ISC */
/* Who has a port, and which one is free: what a person asks next. */
#ifndef DAEMON_IO_HOLDER_H
#define DAEMON_IO_HOLDER_H

#include <stdint.h>

#include "config/mapping.h"

enum { HOLDER_CAP = 64 };

/* "nginx (pid 1234)", or "" when it cannot be known: other users' processes
 * hide their descriptors. Only looks where Linux shows it, in /proc. */
void io_holder(const struct listen_spec *listen, char holder[HOLDER_CAP]);

/* A free port near the one wanted, or 0. */
uint16_t io_free_port(const struct listen_spec *listen);

#endif
