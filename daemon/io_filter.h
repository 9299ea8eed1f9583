/* SPDX-License-Identifier: ISC */
/*
 * The system calls that the program needs while it runs, and no others
 * (seccomp, by libseccomp where the build found it).
 *
 * What would start a program, make memory executable, look into another
 * process or open a socket of a strange family ends the program at once
 * (SIGSYS): there is no honest reason for it. Anything else that is not on the
 * list fails with EPERM, because the C library may try something new and do
 * without; when strict it ends the program as well, so that tests find it.
 */
#ifndef DAEMON_IO_FILTER_H
#define DAEMON_IO_FILTER_H

#include <stdbool.h>

/* For all threads of the process. 0, or -ERR_STATE with a reason in words and
 * no filter. */
int io_filter_enter(bool strict, const char **ret_reason);

#endif
