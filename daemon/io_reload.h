/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration again and bringing it into force, from SIGHUP and
 * from the control socket alike. All or nothing (daemon/io_apply.h).
 */
#ifndef DAEMON_IO_RELOAD_H
#define DAEMON_IO_RELOAD_H

#include "daemon/io_apply.h"

/* 0; or -ERR_* with the reason in ret_result->message, and nothing changed. The
 * outcome is logged; warnings are in the report, which the caller frees. */
int io_reload(struct io_loop *io, struct config_report *report,
	      struct io_apply_result *ret_result);

#endif
