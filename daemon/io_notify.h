/* SPDX-License-Identifier: ISC */
/*
 * What the service manager is told: sd_notify(3), sd_watchdog_enabled(3) and
 * sd_pid_notify_with_fds(3), without libsystemd.
 *
 * Each message is one datagram of "NAME=value" lines to the Unix socket that
 * $NOTIFY_SOCKET names, by path or, with a leading @, in the abstract space.
 * Without that variable every function does nothing. Nothing waits: a message
 * that changes the service's state and that the manager does not take at once
 * is sent again from io_notify_turn().
 */
#ifndef DAEMON_IO_NOTIFY_H
#define DAEMON_IO_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	IO_NOTIFY_STATUS_CAP = 200,
	IO_NOTIFY_MESSAGE_CAP = 512,
	IO_NOTIFY_NAME_CAP = 128, /* of a stored descriptor, with NUL */
};

/* Owner: the service. */
struct io_notify {
	int fd; /* connected; -1: nobody wants messages */
	struct sockaddr_un address;
	socklen_t address_len;
	uint64_t alive_interval; /* ns between signs of life; 0: no watchdog */
	uint64_t alive_at;       /* awake time */
	char owed[IO_NOTIFY_MESSAGE_CAP];  /* to be sent again; "": nothing */
	uint64_t owed_at;                  /* awake time */
	char status[IO_NOTIFY_STATUS_CAP]; /* as the manager has it */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment. A
 * socket that cannot be used is worth one warning, no more: the program works
 * without a manager. Times are awake time (CLOCK_MONOTONIC) in ns. */
void io_notify_open(struct io_notify *notify, uint64_t now);
void io_notify_close(struct io_notify *notify);

/* The service serves: READY=1. */
void io_notify_ready(struct io_notify *notify, uint64_t now,
		     const char *status);
/* A reload has begun; io_notify_ready() ends it. */
void io_notify_reloading(struct io_notify *notify, uint64_t now);
void io_notify_stopping(struct io_notify *notify, uint64_t now,
			const char *status);
/* The line that systemctl status shows. The same text is not sent twice. */
void io_notify_status(struct io_notify *notify, const char *status);

/* Leaves a copy of a descriptor with the manager, which gives it to the next
 * start under this name (sd_listen_fds_with_names(3)); several may have one
 * name. A name has no colon. 0, -ERR_STATE without a manager, or -ERR_IO. */
int io_notify_store(const struct io_notify *notify, const char *name, int fd);
/* The manager closes its copies of that name. */
void io_notify_forget(const struct io_notify *notify, const char *name);

/* Signs of life at half of the watchdog's time, and what is owed. */
void io_notify_turn(struct io_notify *notify, uint64_t now);
uint64_t io_notify_deadline(const struct io_notify *notify);

#endif
