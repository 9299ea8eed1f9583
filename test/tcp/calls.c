/* SPDX-License-Identifier: ISC */
/* Calls on the netstack's API, written as C calls on descriptors. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/time.h"

enum { SERVER_PORT = 8080, IO_CAP = 1 << 20 };

static struct script_fd *fd_at(struct runner *runner, int64_t number)
{
	if (number < 0 || number >= SCRIPT_FDS_MAX) {
		(void)runner_fail(runner, "no such descriptor");
		return NULL;
	}
	return &runner->fds[number];
}

/* ------------------------------------------------------------- events */

static const char *const bit_names[] = {"CONNECTED",  "READABLE", "WRITABLE",
					"ACCEPTABLE", "EOF",      "SENT",
					"FAILED"};

void calls_take_events(struct runner *runner)
{
	struct ns_event event;

	while (netstack_next_event(runner->world.ns, &event)) {
		CHECK(event.user < SCRIPT_FDS_MAX);
		runner->fds[event.user].events |= event.bits;
		if (event.bits & NS_FAILED)
			runner->fds[event.user].error = event.error;
	}
}

static void format_bits(unsigned bits, char *text, size_t cap)
{
	text[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(bit_names); i++) {
		size_t len = strlen(text);

		if (bits & 1U << i)
			snprintf(text + len, cap - len, "%s%s",
				 len > 0 ? "|" : "", bit_names[i]);
	}
}

static int bit_of(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bit_names); i++)
		if (strcmp(bit_names[i], name) == 0)
			return (int)i;
	return -1;
}

/* One of "READABLE", "!READABLE", "FAILED:RESET". */
static bool event_agrees(struct runner *runner, const struct script_fd *fd,
			 char *word)
{
	bool wanted = *word != '!';
	char *error = strchr(word, ':');
	int bit;

	if (error != NULL)
		*error++ = '\0';
	bit = bit_of(wanted ? word : word + 1);
	if (bit < 0)
		return runner_fail(runner, "no event '%s'", word);
	if (error != NULL && strcmp(error_name(fd->error), error) != 0)
		return runner_fail(runner, "expected error %s, got %s", error,
				   error_name(fd->error));
	return wanted == ((fd->events & 1U << bit) != 0);
}

/* event(fd) = A|!B: what must and must not have happened since the last one. */
static bool call_event(struct runner *runner, const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);
	char want[SCRIPT_TEXT_CAP], got[SCRIPT_TEXT_CAP];
	char *save = NULL;

	if (fd == NULL)
		return false;
	format_bits(fd->events, got, sizeof(got));
	snprintf(want, sizeof(want), "%s", call->want);
	for (char *word = strtok_r(want, "| ", &save); word != NULL;
	     word = strtok_r(NULL, "| ", &save))
		if (!event_agrees(runner, fd, word))
			return runner_fail(runner, "expected %s, got %s",
					   call->want, got);
	fd->events = 0;
	return true;
}

/* ------------------------------------------------------------- opening */

static int64_t call_listen(struct runner *runner,
			   const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);
	struct endpoint local = {.port = SERVER_PORT};
	uint32_t backlog = call->count > 1 ? (uint32_t)call->args[1] : 16;

	if (fd == NULL)
		return 0;
	*fd = (struct script_fd){.open = true, .listener = true};
	return tcp_listen(runner->world.ns, &local, backlog,
			  (uint64_t)call->args[0], &fd->handle);
}

/* connect(fd[, flow]): each flow goes to a port of its own. */
static int64_t call_connect(struct runner *runner,
			    const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);
	int64_t number = call->count > 1 ? call->args[1] : 1;
	struct endpoint to = {.addr = runner->world.peers};
	struct flow *flow;

	if (fd == NULL || number < 1 || number > SCRIPT_FLOWS_MAX)
		return 0;
	flow = &runner->flows[number - 1];
	flow->peer_port = to.port = (uint16_t)(SERVER_PORT + number - 1);
	flow->our_port = 0;
	flow->knows_our_isn = flow->knows_timestamp = false;
	*fd = (struct script_fd){.open = true};
	runner->last_fd = (int)call->args[0];
	return tcp_connect(runner->world.ns, runner->world.now, &to,
			   (uint64_t)call->args[0], &fd->handle);
}

/* accept(listener) = new descriptor */
static int64_t call_accept(struct runner *runner,
			   const struct script_call *call)
{
	struct script_fd *listener = fd_at(runner, call->args[0]);
	int64_t number = atoi(call->want);
	struct script_fd *fd;
	struct ns_handle handle;
	struct endpoint from;
	int err;

	if (number < 0)
		number = 0;
	fd = fd_at(runner, number);
	if (listener == NULL || fd == NULL)
		return 0;
	err = tcp_accept(runner->world.ns, listener->handle, (uint64_t)number,
			 &handle, &from);
	if (err != 0)
		return err;
	*fd = (struct script_fd){.open = true, .handle = handle};
	runner->last_fd = (int)number;
	if (!ip_addr_equal(&from.addr, &runner->world.peers))
		(void)runner_fail(runner, "accepted from a wrong address");
	return number;
}

/* ------------------------------------------------------------- data */

static int64_t call_write(struct runner *runner, const struct script_call *call)
{
	static uint8_t data[IO_CAP];
	struct script_fd *fd = fd_at(runner, call->args[0]);
	size_t len = (size_t)call->args[1];
	int done;

	if (fd == NULL || len > IO_CAP)
		return 0;
	for (size_t i = 0; i < len; i++)
		data[i] = packets_pattern((uint32_t)(fd->written + 1 + i));
	done = tcp_send(runner->world.ns, runner->world.now, fd->handle, data,
			len);
	if (done > 0)
		fd->written += (uint64_t)done;
	return done;
}

static int64_t read_some(struct runner *runner, struct script_fd *fd,
			 size_t cap)
{
	static uint8_t data[IO_CAP];
	int done = tcp_recv(runner->world.ns, runner->world.now, fd->handle,
			    data, cap < IO_CAP ? cap : IO_CAP);

	for (int i = 0; i < done; i++)
		if (data[i] !=
		    packets_pattern((uint32_t)fd->read + 1 + (uint32_t)i)) {
			(void)runner_fail(runner, "read a wrong byte at %u",
					  (unsigned)fd->read + (unsigned)i);
			break;
		}
	if (done > 0)
		fd->read += (uint64_t)done;
	return done;
}

static int64_t call_read(struct runner *runner, const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);

	if (fd == NULL)
		return 0;
	return read_some(runner, fd, (size_t)call->args[1]);
}

/* feed(fd, count, len): the peer sends count segments in order, the application
 * reads each, and what the stack answers is not looked at. */
static int64_t call_feed(struct runner *runner, const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);
	int64_t total = 0;

	if (fd == NULL)
		return 0;
	for (int64_t i = 0; i < call->args[1]; i++) {
		int64_t done;

		packets_feed(runner, (uint32_t)call->args[2]);
		done = read_some(runner, fd, IO_CAP);
		total += done > 0 ? done : 0;
		world_settle(&runner->world);
		while (world_first(&runner->world) != NULL)
			world_drop(&runner->world);
	}
	return total;
}

/* ------------------------------------------------------------- closing */

static int64_t call_shutdown(struct runner *runner,
			     const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);

	return fd == NULL ? 0
			  : tcp_shutdown(runner->world.ns, runner->world.now,
					 fd->handle);
}

static int64_t call_close(struct runner *runner, const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);

	if (fd == NULL)
		return 0;
	fd->open = false;
	return tcp_close(runner->world.ns, runner->world.now, fd->handle);
}

static int64_t call_abort(struct runner *runner, const struct script_call *call)
{
	struct script_fd *fd = fd_at(runner, call->args[0]);

	if (fd == NULL)
		return 0;
	fd->open = false;
	return tcp_abort(runner->world.ns, runner->world.now, fd->handle);
}

/* hold(): the path cannot send; release(): it can again. */
static int64_t call_hold(struct runner *runner, const struct script_call *call)
{
	(void)call;
	netstack_path_hold(runner->world.ns, 0);
	return 0;
}

static int64_t call_release(struct runner *runner,
			    const struct script_call *call)
{
	(void)call;
	netstack_path_release(runner->world.ns, runner->world.now, 0);
	return 0;
}

/* renew(flow): the stack's next SYN on the flow begins a new connection. */
static int64_t call_renew(struct runner *runner, const struct script_call *call)
{
	if (call->args[0] < 1 || call->args[0] > SCRIPT_FLOWS_MAX)
		return -ERR_INVALID;
	runner->flows[call->args[0] - 1].knows_our_isn = false;
	return 0;
}

/* connections() = TCP control blocks in use */
static int64_t call_connections(struct runner *runner,
				const struct script_call *call)
{
	(void)call;
	return netstack_connection_count(runner->world.ns);
}

/* ------------------------------------------------------------- running */

static const struct {
	const char *name;
	unsigned args_min;
	int64_t (*run)(struct runner *runner, const struct script_call *call);
} calls[] = {
	{"listen", 1, call_listen},
	{"connect", 1, call_connect},
	{"accept", 1, call_accept},
	{"write", 2, call_write},
	{"read", 2, call_read},
	{"feed", 3, call_feed},
	{"shutdown", 1, call_shutdown},
	{"close", 1, call_close},
	{"abort", 1, call_abort},
	{"hold", 0, call_hold},
	{"release", 0, call_release},
	{"renew", 1, call_renew},
	{"connections", 0, call_connections},
};

static bool result_agrees(struct runner *runner, int64_t got)
{
	const char *want = runner->event->call.want;

	if (want[0] == '\0')
		return true;
	if (want[0] == '-' && want[1] >= 'A' && want[1] <= 'Z') {
		if (got < 0 && strcmp(error_name((int)got), want + 1) == 0)
			return true;
	} else if (got == strtoll(want, NULL, 10)) {
		return true;
	}
	if (got < 0)
		return runner_fail(runner, "expected %s, got -%s", want,
				   error_name((int)got));
	return runner_fail(runner, "expected %s, got %lld", want,
			   (long long)got);
}

bool calls_run(struct runner *runner)
{
	const struct script_call *call = &runner->event->call;

	if (strcmp(call->name, "event") == 0 && call->count == 1)
		return call_event(runner, call);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		int64_t got;

		if (strcmp(calls[i].name, call->name) != 0)
			continue;
		if (call->count < calls[i].args_min)
			return runner_fail(runner, "too few arguments");
		got = calls[i].run(runner, call);
		world_settle(&runner->world);
		calls_take_events(runner);
		return !runner->failed && result_agrees(runner, got);
	}
	return runner_fail(runner, "no call '%s'", call->name);
}
