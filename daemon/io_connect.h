/* SPDX-License-Identifier: ISC */
/*
 * The connect to the local target of an expose.
 *
 * Happy path: a relay whose client is held comes up on the work list without a
 * socket; io_connect() starts a connect that does not block; when the socket is
 * writable io_connect_step() sees that it worked and lets the client in.
 *
 * Failure modes: every failure dooms the relay with its reason, so the client
 * gets RST. An address that swallows packets fails after CONNECT_TIMEOUT_MS.
 */
#ifndef DAEMON_IO_CONNECT_H
#define DAEMON_IO_CONNECT_H

#include <stdint.h>

#include "config/mapping.h"

struct io_client;
struct io_loop;

/* For the relay of the same index. */
void io_connect(struct io_client *client, struct io_loop *io, uint32_t relay);
/* Whether the target answers at once: 0, EINPROGRESS when that takes time, or
 * what connect() said. */
int io_connect_try(const struct target *target);
/* While client->connecting. */
void io_connect_step(struct io_client *client);

#endif
