/* SPDX-License-Identifier: ISC */
#include "daemon/io_control.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/io_bind.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

#define LINE_LIMIT_NS  (10 * NS_PER_S)
#define REPLY_LIMIT_NS (10 * NS_PER_S)
#define REQUEST_NS     (NS_PER_S / CONTROL_RATE)
#define IDLE_LIMIT_NS  (30 * NS_PER_S)

/* ------------------------------------------------------------- clients */

static void on_client_gone(struct io_owner *owner)
{
	struct io_control_client *client =
		container_of(owner, struct io_control_client, owner);

	client->gone = false;
}

static void close_client(struct io_control_client *client)
{
	if (client->fd < 0)
		return;
	if (client->busy)
		control_cancel(client->io, &client->call);
	client->busy = false;
	client->gone = true;
	io_owner_close(&client->owner, (uv_handle_t *)&client->poll);
	close(client->fd);
	client->fd = -1;
	free(client->reply);
	client->reply = NULL;
	ctl_lines_free(&client->lines);
	io_owner_finish(&client->owner);
}

static void on_client(uv_poll_t *handle, int status, int events)
{
	struct io_owner *owner = handle->data;
	struct io_control_client *client =
		container_of(owner, struct io_control_client, owner);

	(void)status; /* reading will tell */
	(void)events;
	if (!owner->closing)
		client->readable = true;
}

static void open_client(struct io_loop *io, struct io_control_client *client,
			int fd)
{
	memset(client, 0, sizeof(*client));
	client->io = io;
	client->fd = fd;
	client->readable = true;
	client->deadline = io->now.awake + IDLE_LIMIT_NS;
	io_owner_init(&client->owner, on_client_gone);
	CHECK(uv_poll_init(&io->uv, &client->poll, fd) == 0);
	io_owner_track(&client->owner, (uv_handle_t *)&client->poll);
}

static void take_reply(struct io_control_client *client, char *reply)
{
	client->reply = reply;
	client->reply_len = reply == NULL ? 0 : strlen(reply);
	client->reply_sent = 0;
	client->deadline = client->io->now.awake + REPLY_LIMIT_NS;
	if (reply == NULL)
		close_client(client);
}

/* Tells what is wrong with the client itself, then cuts it. */
static void refuse_client(struct io_control_client *client,
			  enum ctl_error error, const char *message)
{
	struct ctl_request request = {.error = CTL_NONE};

	if (client->busy)
		control_cancel(client->io, &client->call);
	client->busy = false;
	client->last = true;
	ctl_fail(&request, error, "%s", message);
	take_reply(client, ctl_reply(&request, NULL));
	ctl_request_free(&request);
}

/* ------------------------------------------------------------- one client */

static void write_reply(struct io_control_client *client)
{
	while (client->reply_sent < client->reply_len) {
		ssize_t len =
			send(client->fd, client->reply + client->reply_sent,
			     client->reply_len - client->reply_sent,
			     MSG_DONTWAIT | MSG_NOSIGNAL);

		if (len < 0 && errno != EAGAIN)
			close_client(client);
		if (len < 0)
			return;
		client->reply_sent += (size_t)len;
	}
	free(client->reply);
	client->reply = NULL;
	client->deadline = client->io->now.awake + IDLE_LIMIT_NS;
	if (client->last)
		close_client(client);
}

/* One read: more waits for the next turn. */
static void read_lines(struct io_control_client *client)
{
	bool begun = ctl_lines_pending(&client->lines);
	char *space;
	size_t room = ctl_lines_space(&client->lines, &space);
	ssize_t len;

	if (room == 0) {
		refuse_client(client, CTL_SYNTAX,
			      "a request has at most 64 KiB with its line "
			      "feed");
		return;
	}
	len = recv(client->fd, space, room, MSG_DONTWAIT);
	client->readable = len > 0;
	if (len > 0) {
		ctl_lines_commit(&client->lines, (size_t)len);
		if (!begun)
			client->deadline =
				client->io->now.awake + LINE_LIMIT_NS;
	} else if (len == 0 || errno != EAGAIN) {
		close_client(client);
	}
}

/* Each request is paid for with a moment in time, a burst in advance. */
static bool take_turn(struct io_control *control)
{
	uint64_t now = control->io->now.awake;
	uint64_t earliest = now - time_min(now, CONTROL_BURST * REQUEST_NS);

	if (control->paid < earliest)
		control->paid = earliest;
	control->starved |= control->paid + REQUEST_NS > now;
	if (control->paid + REQUEST_NS > now)
		return false;
	control->paid += REQUEST_NS;
	return true;
}

/* The next request, if there is a whole line. */
static void begin_call(struct io_control_client *client)
{
	size_t len;
	char *line;

	if (!ctl_lines_whole(&client->lines) ||
	    !take_turn(&client->io->control))
		return;
	line = ctl_lines_next(&client->lines, &len);
	client->busy = true;
	if (control_begin(client->io, &client->call, line, len)) {
		client->busy = false;
		take_reply(client, control_reply(client->io, &client->call));
	}
}

static void serve(struct io_control_client *client)
{
	if (client->busy && control_continue(client->io, &client->call)) {
		client->busy = false;
		take_reply(client, control_reply(client->io, &client->call));
	}
	if (client->reply != NULL)
		write_reply(client);
	if (client->fd < 0 || client->busy || client->reply != NULL)
		return;
	begin_call(client);
	if (client->fd >= 0 && !client->busy && client->reply == NULL &&
	    client->readable && !ctl_lines_whole(&client->lines)) {
		read_lines(client);
		if (client->fd >= 0 && client->reply == NULL)
			begin_call(client);
	}
	if (client->fd >= 0 && client->reply != NULL)
		write_reply(client);
	/* What is left of this turn's input has its turn. */
	if (client->fd >= 0 && client->reply == NULL && !client->busy &&
	    !client->io->control.starved &&
	    (client->readable || ctl_lines_whole(&client->lines)))
		client->io->again = true;
}

static void check_deadline(struct io_control_client *client)
{
	bool stuck = client->reply != NULL;

	if (client->busy || client->io->now.awake < client->deadline ||
	    (client->reply == NULL && ctl_lines_whole(&client->lines)))
		return;
	if (stuck || !ctl_lines_pending(&client->lines))
		close_client(client);
	else
		refuse_client(client, CTL_TIMEOUT,
			      "the request did not end within 10 s");
}

/* While a request is worked on the client is watched only for its end. */
static void update_interest(struct io_control_client *client)
{
	bool rests = client->busy || ctl_lines_whole(&client->lines);
	int events = client->reply != NULL ? UV_WRITABLE
		     : rests               ? UV_PRIORITIZED
					   : UV_READABLE;

	if (client->fd < 0 || events == client->interest)
		return;
	client->interest = events;
	uv_poll_start(&client->poll, events, on_client);
}

/* ------------------------------------------------------------- the socket */

static void on_knock(uv_poll_t *handle, int status, int events)
{
	struct io_owner *owner = handle->data;

	(void)status;
	(void)events;
	container_of(owner, struct io_control, owner)->waiting = true;
}

static bool may_come_in(const struct io_control *control, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (control->group_only)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static struct io_control_client *free_place(struct io_control *control)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct io_control_client *client = &control->clients[i];

		if (client->fd < 0 && !client->gone)
			return client;
	}
	return NULL;
}

/* A client that gets no place is told so with what one send() takes. */
static void turn_away(int fd, enum ctl_error error, const char *message)
{
	struct ctl_request request = {.error = CTL_NONE};
	char *line;

	ctl_fail(&request, error, "%s", message);
	line = ctl_reply(&request, NULL);
	if (line != NULL)
		(void)send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(line);
	ctl_request_free(&request);
	close(fd);
}

static void accept_clients(struct io_control *control)
{
	for (unsigned i = 0; control->waiting && i < CONTROL_CLIENTS_MAX; i++) {
		int fd = accept4(control->fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct io_control_client *client = free_place(control);

		control->waiting = fd >= 0;
		if (fd < 0)
			return;
		if (!may_come_in(control, fd))
			turn_away(fd, CTL_DENIED,
				  "only the daemon's own user and root may; "
				  "name a group in the configuration: control: "
				  "{group: NAME}");
		else if (client == NULL)
			turn_away(fd, CTL_BUSY,
				  "16 clients are here already; try again");
		else
			open_client(control->io, client, fd);
	}
}

void io_control_turn(struct io_loop *io)
{
	struct io_control *control = &io->control;

	if (control->fd < 0)
		return;
	accept_clients(control);
	control->starved = false;
	control->first++;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct io_control_client *client =
			&control->clients[(control->first + i) %
					  CONTROL_CLIENTS_MAX];

		if (client->fd >= 0)
			serve(client);
		if (client->fd >= 0)
			check_deadline(client);
		if (client->fd >= 0)
			update_interest(client);
	}
}

uint64_t io_control_deadline(const struct io_loop *io)
{
	uint64_t deadline =
		io->control.starved ? io->control.paid + REQUEST_NS : NEVER;

	for (unsigned i = 0; io->control.fd >= 0 && i < CONTROL_CLIENTS_MAX;
	     i++) {
		const struct io_control_client *client =
			&io->control.clients[i];

		if (client->fd >= 0)
			deadline = time_min(deadline,
					    client->busy ? client->call.deadline
							 : client->deadline);
	}
	return deadline;
}

/* ------------------------------------------------------------- open, close */

/* The folder of the socket, if only its last part is missing. */
static void make_folder(const char *path)
{
	char folder[SOCKET_PATH_CAP];
	char *slash;

	strcpy(folder, path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	(void)mkdir(folder, 0755);
}

static int set_group(struct io_control *control, const char *group)
{
	const struct group *entry;

	if (group[0] == '\0')
		return 0;
	entry = getgrnam(group);
	if (entry == NULL) {
		log_error(
			"event=control_group group=%s text=\"there is no such "
			"group; only this user and root may use proxyctl\"",
			group);
		return 0;
	}
	if (entry->gr_gid != getegid() &&
	    chown(control->path, (uid_t)-1, entry->gr_gid) != 0)
		return -errno;
	control->group_only = true;
	return 0;
}

/* Its unit decides who may open it; without a word from there that is
 * everybody, and then only this user and root may come in. */
static void take_inherited(struct io_control *control)
{
	struct stat st;

	control->inherited = true;
	control->group_only =
		stat(control->path, &st) == 0 && (st.st_mode & S_IRWXO) == 0;
}

static int bind_socket(struct io_control *control, const char *group)
{
	struct listen_spec spec = {.kind = LISTEN_PATH};
	struct io_bind_source source = {
		.inherit = &control->io->service.inherit,
		.name = "control",
	};
	struct io_bound bound;
	int err;

	make_folder(control->path);
	strcpy(spec.path, control->path);
	err = io_bind(&spec, &source, &bound);
	if (err != 0)
		return err;
	control->fd = bound.fds[0];
	if (bound.kept_as[0] != '\0') {
		take_inherited(control);
		return 0;
	}
	return set_group(control, group);
}

static void on_listener_gone(struct io_owner *owner)
{
	(void)owner; /* embedded in the loop */
}

void io_control_open(struct io_loop *io, const char *path, const char *group)
{
	struct io_control *control = &io->control;
	int err;

	*control = (struct io_control){.io = io, .fd = -1};
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	strcpy(control->path, path);
	err = bind_socket(control, group);
	if (err != 0) {
		log_warning(
			"event=control_failed socket=%s text=\"%s: proxyctl "
			"cannot reach this daemon; choose another place "
			"with --socket\"",
			path,
			err == -EADDRINUSE ? "another wgproxyd has it"
					   : strerror(-err));
		if (control->fd >= 0)
			close(control->fd);
		control->fd = -1;
		return;
	}
	io_owner_init(&control->owner, on_listener_gone);
	CHECK(uv_poll_init(&io->uv, &control->poll, control->fd) == 0);
	io_owner_track(&control->owner, (uv_handle_t *)&control->poll);
	uv_poll_start(&control->poll, UV_READABLE, on_knock);
	log_info("event=control_open socket=%s", path);
}

void io_control_close(struct io_loop *io)
{
	struct io_control *control = &io->control;

	if (control->io == NULL || control->fd < 0)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close_client(&control->clients[i]);
	io_owner_close(&control->owner, (uv_handle_t *)&control->poll);
	close(control->fd);
	control->fd = -1;
	if (!control->inherited)
		unlink(control->path);
	io_owner_finish(&control->owner);
}
