/* SPDX-License-Identifier: ISC */
#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/call.h"
#include "ctl/line.h"
#include "ctl/message.h"

static_assert((int)CLIENT_MESSAGE_CAP >= (int)CTL_MESSAGE_CAP, "a sentence");

struct exchange {
	const char *path;
	int fd;
	uint64_t deadline; /* of client_now_ms() */
	uint64_t timeout_ms;
	char *message;
};

uint64_t client_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void client_sleep_ms(uint64_t ms)
{
	struct timespec rest = {(time_t)(ms / 1000),
				(long)(ms % 1000) * 1000000};

	while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
		;
}

/* ---------------------------------------------------------- what went wrong */

static int timed_out(const struct exchange *exchange)
{
	snprintf(exchange->message, CLIENT_MESSAGE_CAP,
		 "the daemon at %s did not answer within %.3g s; it may be "
		 "busy, see its log, or give it longer with --timeout",
		 exchange->path, (double)exchange->timeout_ms / 1000);
	return EXIT_TIMEOUT;
}

static int not_reached(const struct exchange *exchange, int error)
{
	const char *what = strerror(error);

	if (error == ENOENT)
		what = "there is no such socket; start wgproxyd, or name its "
		       "socket with --socket";
	else if (error == ECONNREFUSED)
		what = "nobody listens there; start wgproxyd";
	else if (error == EACCES || error == EPERM)
		what = "permission denied; run as the daemon's user, or join "
		       "the group that owns the socket";
	snprintf(exchange->message, CLIENT_MESSAGE_CAP, "no daemon at %s: %s",
		 exchange->path, what);
	return error == EACCES || error == EPERM ? EXIT_DENIED : EXIT_NO_DAEMON;
}

static int no_protocol(const struct exchange *exchange, const char *what)
{
	snprintf(exchange->message, CLIENT_MESSAGE_CAP,
		 "what answers at %s does not speak this protocol: %.300s; "
		 "are wgproxyd and proxyctl of one version?",
		 exchange->path, what);
	return EXIT_NO_DAEMON;
}

/* ------------------------------------------------------------- the socket */

/* Waits for events until the deadline; exit code. */
static int wait_for(const struct exchange *exchange, short events)
{
	for (;;) {
		struct pollfd pollfd = {.fd = exchange->fd, .events = events};
		uint64_t now = client_now_ms();
		int ready;

		if (now >= exchange->deadline)
			return timed_out(exchange);
		ready = poll(&pollfd, 1, (int)(exchange->deadline - now));
		if (ready > 0)
			return EXIT_DONE;
		if (ready < 0 && errno != EINTR)
			return not_reached(exchange, errno);
	}
}

static int open_socket(struct exchange *exchange)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(exchange->path) >= sizeof(address.sun_path))
		return not_reached(exchange, ENAMETOOLONG);
	strcpy(address.sun_path, exchange->path);
	exchange->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (exchange->fd < 0)
		return not_reached(exchange, errno);
	while (connect(exchange->fd, (const struct sockaddr *)&address,
		       sizeof(address)) != 0) {
		/* A full queue of a Unix socket cannot be polled for. */
		if (errno != EAGAIN && errno != EINTR)
			return not_reached(exchange, errno);
		if (client_now_ms() >= exchange->deadline)
			return timed_out(exchange);
		client_sleep_ms(20);
	}
	return EXIT_DONE;
}

/* A daemon that cuts us off may have said why before, so a closed pipe is
 * left to read_line(). */
static int send_line(const struct exchange *exchange, const char *line)
{
	size_t len = strlen(line);

	while (len > 0) {
		ssize_t n = send(exchange->fd, line, len, MSG_NOSIGNAL);
		int code = EXIT_DONE;

		if (n >= 0) {
			line += n;
			len -= (size_t)n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return EXIT_DONE;
		} else if (errno == EAGAIN) {
			code = wait_for(exchange, POLLOUT);
		} else if (errno != EINTR) {
			return not_reached(exchange, errno);
		}
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

/* Reads what is there; exit code. */
static int read_some(const struct exchange *exchange, struct ctl_lines *lines)
{
	char *space;
	size_t room = ctl_lines_space(lines, &space);
	ssize_t n;

	if (room == 0)
		return no_protocol(exchange, "its line is too long");
	n = recv(exchange->fd, space, room, 0);
	if (n > 0) {
		ctl_lines_commit(lines, (size_t)n);
		return EXIT_DONE;
	}
	if (n < 0 && errno == EAGAIN)
		return wait_for(exchange, POLLIN);
	if (n < 0 && errno == EINTR)
		return EXIT_DONE;
	snprintf(exchange->message, CLIENT_MESSAGE_CAP,
		 "the daemon at %s closed the connection without an answer; "
		 "its log says why",
		 exchange->path);
	return EXIT_NO_DAEMON;
}

static int read_line(const struct exchange *exchange, struct ctl_lines *lines,
		     char **ret_line, size_t *ret_len)
{
	for (;;) {
		int code;

		*ret_line = ctl_lines_next(lines, ret_len);
		if (*ret_line != NULL)
			return EXIT_DONE;
		code = read_some(exchange, lines);
		if (code != EXIT_DONE)
			return code;
	}
}

/* -------------------------------------------------------------- the reply */

static int exit_code_of(const char *code)
{
	if (strcmp(code, ctl_error_word(CTL_TIMEOUT)) == 0)
		return EXIT_TIMEOUT;
	if (strcmp(code, ctl_error_word(CTL_DENIED)) == 0)
		return EXIT_DENIED;
	return EXIT_NO;
}

static int take_error(const struct exchange *exchange,
		      struct client_reply *reply)
{
	json_t *error = json_object_get(reply->object, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *message =
		json_string_value(json_object_get(error, "message"));

	if (code == NULL || message == NULL)
		return no_protocol(exchange, "an error without code or "
					     "message");
	reply->error = error;
	snprintf(reply->message, sizeof(reply->message), "%s", message);
	return exit_code_of(code);
}

static int take_reply(const struct exchange *exchange, const char *line,
		      size_t len, struct client_reply *reply)
{
	char what[CTL_MESSAGE_CAP];
	json_t *ok;

	reply->object = ctl_parse(line, len, what);
	if (reply->object == NULL)
		return no_protocol(exchange, what);
	if (json_integer_value(json_object_get(reply->object, "v")) !=
	    CTL_PROTOCOL)
		return no_protocol(exchange, "another version of it");
	ok = json_object_get(reply->object, "ok");
	if (json_is_false(ok))
		return take_error(exchange, reply);
	reply->result = json_object_get(reply->object, "result");
	if (json_is_true(ok) && json_is_object(reply->result))
		return EXIT_DONE;
	reply->result = NULL;
	return no_protocol(exchange, "an answer without a result");
}

static int exchange_line(struct exchange *exchange, const char *line,
			 struct client_reply *reply)
{
	struct ctl_lines lines = {.bytes = NULL};
	char *answer;
	size_t len;
	int code = open_socket(exchange);

	if (code == EXIT_DONE)
		code = send_line(exchange, line);
	if (code == EXIT_DONE)
		code = read_line(exchange, &lines, &answer, &len);
	if (code == EXIT_DONE)
		code = take_reply(exchange, answer, len, reply);
	ctl_lines_free(&lines);
	if (exchange->fd >= 0)
		close(exchange->fd);
	return code;
}

/* The request with its version as a line, or NULL. */
static char *line_of(json_t *request)
{
	json_t *whole = json_pack("{s:i}", "v", CTL_PROTOCOL);
	char *line = NULL;
	char *text;

	json_object_update(whole, request);
	text = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	if (text != NULL && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

int client_ask(const char *socket_path, json_t *request, uint64_t timeout_ms,
	       struct client_reply *ret_reply)
{
	struct exchange exchange = {
		.path = socket_path,
		.fd = -1,
		.deadline = client_now_ms() + timeout_ms,
		.timeout_ms = timeout_ms,
	};
	char *line = line_of(request);
	int code = EXIT_USAGE;

	json_decref(request);
	memset(ret_reply, 0, sizeof(*ret_reply));
	exchange.message = ret_reply->message;
	if (line == NULL || strlen(line) > CTL_LINE_MAX)
		snprintf(ret_reply->message, sizeof(ret_reply->message), "%s",
			 line == NULL ? "the request is no text in UTF-8"
				      : "the request is too long");
	else
		code = exchange_line(&exchange, line, ret_reply);
	free(line);
	return code;
}

void client_reply_free(struct client_reply *reply)
{
	json_decref(reply->object);
	memset(reply, 0, sizeof(*reply));
}
