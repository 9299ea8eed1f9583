/* SPDX-License-Identifier: ISC */
#include "daemon/io_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "daemon/io_socket.h"

#define AGAIN_NS     (100 * NS_PER_MS)
#define ALIVE_MIN_NS (1 * NS_PER_MS)

/* ------------------------------------------------------------- environment */

/* 0, or -ERR_INVALID for what is neither a path nor an abstract name. */
static int parse_address(const char *text, struct io_notify *notify)
{
	struct sockaddr_un *address = &notify->address;
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || text[1] == '\0' ||
	    len >= sizeof(address->sun_path))
		return -ERR_INVALID;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, len);
	if (text[0] == '@')
		address->sun_path[0] = '\0';
	notify->address_len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
			    (text[0] == '/'));
	return 0;
}

/* A whole positive number, or 0. */
static uint64_t number(const char *text)
{
	char *end;
	unsigned long long value;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' ? value : 0;
}

/* Half of the watchdog's time, in ns; 0: there is none, or it is meant for
 * another process. */
static uint64_t watchdog_interval(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t time = number(getenv("WATCHDOG_USEC"));

	if (pid != NULL && number(pid) != (uint64_t)getpid())
		return 0;
	if (time == 0 || time > NEVER / NS_PER_US)
		return 0;
	time = time * NS_PER_US / 2;
	return time > ALIVE_MIN_NS ? time : ALIVE_MIN_NS;
}

/* ------------------------------------------------------------- send */

static int dial(const struct io_notify *notify)
{
	return connect(notify->fd, (const struct sockaddr *)&notify->address,
		       notify->address_len);
}

/* Sends text, with a copy of fd unless that is -1. 0 or -errno. */
static int send_once(const struct io_notify *notify, const char *text, int fd)
{
	char control[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(sizeof(struct cmsghdr)))) = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)text,
			    .iov_len = strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	if (sendmsg(notify->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/* A manager that was started anew has a new socket at the old address. */
static int send_text(const struct io_notify *notify, const char *text, int fd)
{
	int err = send_once(notify, text, fd);

	if ((err == -ECONNREFUSED || err == -ENOTCONN || err == -ECONNRESET) &&
	    dial(notify) == 0)
		err = send_once(notify, text, fd);
	return err;
}

/* Copies without what would begin another line of the message. */
static void set_status(struct io_notify *notify, const char *status)
{
	size_t i;

	for (i = 0; status[i] != '\0' && i < sizeof(notify->status) - 1; i++)
		notify->status[i] =
			(unsigned char)status[i] < ' ' ? '?' : status[i];
	notify->status[i] = '\0';
}

/* The state is owed until it is sent; a newer one takes its place. */
static void send_owed(struct io_notify *notify, uint64_t now)
{
	int err = send_text(notify, notify->owed, -1);

	if (err == -EAGAIN || err == -ENOBUFS)
		notify->owed_at = now + AGAIN_NS;
	else
		notify->owed[0] = '\0';
	if (err != 0 && notify->owed[0] == '\0')
		log_warning("event=notify_failed text=\"the service manager "
			    "does not answer: %s\"",
			    strerror(-err));
}

static void send_state(struct io_notify *notify, uint64_t now,
		       const char *state, const char *status)
{
	if (notify->fd < 0)
		return;
	set_status(notify, status);
	snprintf(notify->owed, sizeof(notify->owed), "%s%s%s", state,
		 status[0] == '\0' ? "" : "\nSTATUS=", notify->status);
	send_owed(notify, now);
}

/* ------------------------------------------------------------- interface */

void io_notify_open(struct io_notify *notify, uint64_t now)
{
	const char *text = getenv("NOTIFY_SOCKET");
	int err;

	memset(notify, 0, sizeof(*notify));
	notify->fd = -1;
	notify->alive_interval = watchdog_interval();
	notify->alive_at = now;
	if (text == NULL || text[0] == '\0')
		return;
	err = parse_address(text, notify);
	if (err == 0)
		notify->fd = io_socket(AF_UNIX, SOCK_DGRAM);
	if (notify->fd >= 0 && dial(notify) == 0)
		return;
	log_warning(
		"event=notify_failed socket=\"%.108s\" text=\"NOTIFY_SOCKET "
		"cannot be used: %s\"",
		text, err != 0 ? error_text(err) : strerror(errno));
	io_notify_close(notify);
}

void io_notify_close(struct io_notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

void io_notify_ready(struct io_notify *notify, uint64_t now, const char *status)
{
	send_state(notify, now, "READY=1", status);
}

void io_notify_reloading(struct io_notify *notify, uint64_t now)
{
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(now / NS_PER_US));
	send_state(notify, now, state, "reading the configuration");
}

void io_notify_stopping(struct io_notify *notify, uint64_t now,
			const char *status)
{
	send_state(notify, now, "STOPPING=1", status);
}

void io_notify_status(struct io_notify *notify, const char *status)
{
	char before[IO_NOTIFY_STATUS_CAP];
	char message[IO_NOTIFY_MESSAGE_CAP];

	if (notify->fd < 0)
		return;
	memcpy(before, notify->status, sizeof(before));
	set_status(notify, status);
	if (strcmp(before, notify->status) == 0)
		return;
	snprintf(message, sizeof(message), "STATUS=%s", notify->status);
	if (send_text(notify, message, -1) != 0)
		memcpy(notify->status, before, sizeof(before));
}

int io_notify_store(const struct io_notify *notify, const char *name, int fd)
{
	char message[IO_NOTIFY_MESSAGE_CAP];

	CHECK(strchr(name, ':') == NULL && strlen(name) < IO_NOTIFY_NAME_CAP);
	if (notify->fd < 0)
		return -ERR_STATE;
	/* The manager would take a listener that is paused for a dead one. */
	snprintf(message, sizeof(message), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s",
		 name);
	return send_text(notify, message, fd) == 0 ? 0 : -ERR_IO;
}

void io_notify_forget(const struct io_notify *notify, const char *name)
{
	char message[IO_NOTIFY_MESSAGE_CAP];

	CHECK(strchr(name, ':') == NULL && strlen(name) < IO_NOTIFY_NAME_CAP);
	if (notify->fd < 0)
		return;
	snprintf(message, sizeof(message), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	(void)send_text(notify, message, -1);
}

void io_notify_turn(struct io_notify *notify, uint64_t now)
{
	if (notify->fd < 0)
		return;
	if (notify->owed[0] != '\0' && now >= notify->owed_at)
		send_owed(notify, now);
	if (notify->alive_interval == 0 || now < notify->alive_at)
		return;
	if (send_text(notify, "WATCHDOG=1", -1) == 0)
		notify->alive_at = now + notify->alive_interval;
	else
		notify->alive_at =
			now + time_min(AGAIN_NS, notify->alive_interval);
}

uint64_t io_notify_deadline(const struct io_notify *notify)
{
	uint64_t deadline = NEVER;

	if (notify->fd < 0)
		return NEVER;
	if (notify->owed[0] != '\0')
		deadline = notify->owed_at;
	if (notify->alive_interval != 0)
		deadline = time_min(deadline, notify->alive_at);
	return deadline;
}
