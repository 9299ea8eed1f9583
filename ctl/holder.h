/* SPDX-License-Identifier: ISC */
/* Who has a port: what a person asks next. The client looks, because the
 * daemon's sandbox keeps it from looking at other processes. */
#ifndef CTL_HOLDER_H
#define CTL_HOLDER_H

#include <stdint.h>

#include "config/mapping.h"

enum { CTL_HOLDER_CAP = 64 };

/* "nginx (pid 1234)", or "" when it cannot be known: other users' processes
 * hide their descriptors. Only looks where Linux shows it, in /proc. */
void ctl_holder(const struct listen_spec *listen, char holder[CTL_HOLDER_CAP]);

#endif
