/* SPDX-License-Identifier: ISC */
/* The commands' functions, for the table. Each returns an exit code. */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include "ctl/call.h"

int run_add(const struct call *call);
int run_rm(const struct call *call);
int run_expose(const struct call *call);
int run_unexpose(const struct call *call);
int run_ls(const struct call *call);
int run_status(const struct call *call);
int run_why(const struct call *call);
int run_resolve(const struct call *call);
int run_ping(const struct call *call);
int run_wait(const struct call *call);
int run_reload(const struct call *call);
int run_drain(const struct call *call);
int run_kill(const struct call *call);
int run_connections(const struct call *call);
int run_peers(const struct call *call);
int run_import(const struct call *call);
int run_network(const struct call *call);
int run_genkey(const struct call *call);
int run_pubkey(const struct call *call);
int run_psql(const struct call *call);
int run_completion(const struct call *call);
int run_help(const struct call *call);
int run_version(const struct call *call);

#endif
