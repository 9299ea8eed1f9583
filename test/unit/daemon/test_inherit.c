/* SPDX-License-Identifier: ISC */
#include "daemon/io_inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/io_socket.h"

enum { PASSED_MAX = 16 };

/* Sockets are made above the places that they are passed in; what the test
 * itself has there is put aside. */
struct passing {
	int saved[PASSED_MAX];
	int count;
	char names[512];
};

static void passing_init(struct passing *passing)
{
	memset(passing, 0, sizeof(*passing));
	for (int i = 0; i < PASSED_MAX; i++)
		passing->saved[i] = fcntl(3 + i, F_DUPFD_CLOEXEC, 100);
}

/* Takes the descriptor over. */
static void pass(struct passing *passing, int fd, const char *name)
{
	int place = 3 + passing->count++;

	assert_true(fd >= 0);
	assert_true(passing->count <= PASSED_MAX);
	assert_int_equal(dup2(fd, place), place);
	if (fd != place)
		close(fd);
	if (passing->count > 1)
		strcat(passing->names, ":");
	strcat(passing->names, name);
}

static void passing_env(const struct passing *passing)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%d", passing->count);
	setenv("LISTEN_FDS", text, 1);
	setenv("LISTEN_FDNAMES", passing->names, 1);
}

static void passing_fini(struct passing *passing)
{
	for (int i = 0; i < PASSED_MAX; i++) {
		close(3 + i);
		if (passing->saved[i] >= 0) {
			dup2(passing->saved[i], 3 + i);
			close(passing->saved[i]);
		}
	}
}

static int high(int fd)
{
	int copy = fcntl(fd, F_DUPFD, 200);

	close(fd);
	return copy;
}

/* *port: wanted; then what it is. */
static int make_ip(int type, const char *text, uint16_t *port, bool v6only)
{
	struct endpoint local = {.port = *port};
	struct sockaddr_storage sockaddr;
	int value = v6only, fd;
	socklen_t len;

	assert_int_equal(ip_addr_parse(text, &local.addr), 0);
	len = io_sockaddr(&local, &sockaddr);
	fd = high(socket(sockaddr.ss_family, type, 0));
	if (sockaddr.ss_family == AF_INET6)
		setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &value, sizeof(value));
	assert_int_equal(bind(fd, (struct sockaddr *)&sockaddr, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sockaddr, &len),
			 0);
	*port = io_endpoint(&sockaddr).port;
	return fd;
}

static int tcp(const char *text, uint16_t *port)
{
	return make_ip(SOCK_STREAM, text, port, true);
}

static int unix_socket(const char *path, bool listens)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = high(socket(AF_UNIX, SOCK_STREAM, 0));

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	if (listens)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static int take(struct io_inherit *inherit, enum io_inherited_kind kind,
		const char *name, const char *text, uint16_t *port)
{
	struct io_wanted wanted = {
		.kind = kind, .name = name, .path = text, .local.port = *port};

	if (kind != INHERITED_PATH)
		assert_int_equal(ip_addr_parse(text, &wanted.local.addr), 0);
	return io_inherit_take(inherit, &wanted, port);
}

static void close_rest(struct io_inherit *inherit)
{
	struct io_notify notify = {.fd = -1};

	io_inherit_close(inherit, &notify);
}

static void test_by_address(void **state)
{
	uint16_t a = 0, b = 0, c = 0, any = 0;
	struct io_inherit inherit;
	struct passing passing;

	passing_init(&passing);
	pass(&passing, tcp("127.0.0.1", &a), "wgproxyd.socket");
	pass(&passing, tcp("127.0.0.1", &b), "wgproxyd.socket");
	pass(&passing, tcp("::1", &c), "wgproxyd.socket");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-x", "127.0.0.1", &b),
		4);
	assert_int_equal(fcntl(4, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(4, F_GETFL) & O_NONBLOCK);
	/* Once only, and neither another address nor another family. */
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-x", "127.0.0.1", &b),
		-1);
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-x", "127.0.0.2", &a),
		-1);
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-x", "0.0.0.0", &a),
		-1);
	assert_int_equal(take(&inherit, INHERITED_DATAGRAM, "forward-x",
			      "127.0.0.1", &a),
			 -1);
	/* Any port is a matter of names. */
	assert_int_equal(take(&inherit, INHERITED_STREAM, "forward-x",
			      "127.0.0.1", &any),
			 -1);
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-y", "::1", &c), 5);
	close_rest(&inherit);
	assert_int_equal(fcntl(3, F_GETFD), -1);
	assert_true(fcntl(4, F_GETFD) >= 0);
	passing_fini(&passing);
	(void)state;
}

static void test_by_name(void **state)
{
	uint16_t pg = 0, web = 0, other = 0, any = 0;
	struct io_inherit inherit;
	struct passing passing;

	passing_init(&passing);
	pass(&passing, tcp("127.0.0.1", &web), "forward-web");
	pass(&passing, tcp("127.0.0.1", &pg), "forward-pg");
	pass(&passing, tcp("::1", &other), "forward-pg");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(take(&inherit, INHERITED_STREAM, "forward-pg",
			      "127.0.0.1", &any),
			 4);
	assert_int_equal(any, pg);
	/* The name does not make another port right. */
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-pg", "::1", &any),
		-1);
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-pg", "::1", &other),
		5);
	/* A forward that has a new name keeps its port. */
	assert_int_equal(take(&inherit, INHERITED_STREAM, "forward-site",
			      "127.0.0.1", &web),
			 3);
	close_rest(&inherit);
	passing_fini(&passing);
	(void)state;
}

/* With the same address twice (SO_REUSEPORT) the name decides. */
static void test_name_before_address(void **state)
{
	uint16_t port = 0;
	int one = 1, fds[2];
	struct sockaddr_in local = {.sin_family = AF_INET};
	struct io_inherit inherit;
	struct passing passing;
	socklen_t len = sizeof(local);

	passing_init(&passing);
	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 2; i++) {
		fds[i] = high(socket(AF_INET, SOCK_STREAM, 0));
		setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
		assert_int_equal(bind(fds[i], (struct sockaddr *)&local, len),
				 0);
		assert_int_equal(listen(fds[i], 1), 0);
		assert_int_equal(
			getsockname(fds[i], (struct sockaddr *)&local, &len),
			0);
	}
	port = ntohs(local.sin_port);
	pass(&passing, fds[0], "forward-a");
	pass(&passing, fds[1], "forward-b");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(take(&inherit, INHERITED_STREAM, "forward-b",
			      "127.0.0.1", &port),
			 4);
	close_rest(&inherit);
	passing_fini(&passing);
	(void)state;
}

static void test_paths(void **state)
{
	static const char path[] = "/tmp/wgproxyd-test-inherit";
	uint16_t port = 0;
	struct io_inherit inherit;
	struct passing passing;
	char long_path[108];

	memset(long_path, 'x', sizeof(long_path));
	memcpy(long_path, "/tmp/", 5);
	long_path[sizeof(long_path) - 1] = '\0';
	passing_init(&passing);
	pass(&passing, unix_socket(path, true), "x");
	pass(&passing, unix_socket(long_path, true), "x");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(
		take(&inherit, INHERITED_PATH, "x", "/tmp/other", &port), -1);
	assert_int_equal(take(&inherit, INHERITED_PATH, "y", path, &port), 3);
	assert_int_equal(take(&inherit, INHERITED_PATH, "y", long_path, &port),
			 4);
	close_rest(&inherit);
	passing_fini(&passing);
	unlink(path);
	unlink(long_path);
	(void)state;
}

static void test_datagram(void **state)
{
	uint16_t v4 = 0, v6 = 0, any = 0;
	struct io_inherit inherit;
	struct passing passing;

	passing_init(&passing);
	pass(&passing, make_ip(SOCK_DGRAM, "0.0.0.0", &v4, true), "tunnel-fly");
	v6 = v4;
	pass(&passing, make_ip(SOCK_DGRAM, "::", &v6, true), "tunnel-fly");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(take(&inherit, INHERITED_DATAGRAM, "tunnel-fly",
			      "0.0.0.0", &any),
			 3);
	assert_int_equal(any, v4);
	assert_int_equal(
		take(&inherit, INHERITED_DATAGRAM, "tunnel-fly", "::", &any),
		4);
	close_rest(&inherit);
	passing_fini(&passing);
	(void)state;
}

/* [::] that takes IPv4 clients would listen wider than configured. */
static void test_wide(void **state)
{
	uint16_t wide = 0, narrow = 0;
	struct io_inherit inherit;
	struct passing passing;

	passing_init(&passing);
	pass(&passing, make_ip(SOCK_STREAM, "::", &wide, false), "forward-x");
	pass(&passing, make_ip(SOCK_STREAM, "::", &narrow, true), "forward-x");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-x", "::", &wide), -1);
	assert_int_equal(
		take(&inherit, INHERITED_STREAM, "forward-x", "::", &narrow),
		4);
	close_rest(&inherit);
	passing_fini(&passing);
	(void)state;
}

static bool accepts(int fd, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int err;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	err = connect(client, (struct sockaddr *)&to, sizeof(to));
	close(client);
	if (err == 0)
		close(accept(fd, NULL, NULL));
	return err == 0;
}

/* The program may have died while a listener refused. */
static void test_paused(void **state)
{
	uint16_t port = 0;
	int fd = tcp("127.0.0.1", &port);
	struct io_inherit inherit;
	struct passing passing;

	/* Only a port that was asked for outlives a pause. */
	close(fd);
	fd = tcp("127.0.0.1", &port);
	assert_int_equal(shutdown(fd, SHUT_RD), 0);
	assert_false(accepts(fd, port));
	passing_init(&passing);
	pass(&passing, fd, "forward-x");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(take(&inherit, INHERITED_STREAM, "forward-x",
			      "127.0.0.1", &port),
			 3);
	assert_true(accepts(3, port));
	close_rest(&inherit);
	passing_fini(&passing);
	(void)state;
}

/* The same socket twice is one socket. */
static void test_double(void **state)
{
	uint16_t port = 0;
	int fd = tcp("127.0.0.1", &port);
	struct io_inherit inherit;
	struct passing passing;

	passing_init(&passing);
	pass(&passing, dup(fd), "wgproxyd.socket");
	pass(&passing, fd, "forward-x");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(inherit.count, 1);
	assert_int_equal(fcntl(4, F_GETFD), -1);
	close_rest(&inherit);
	passing_fini(&passing);
	(void)state;
}

/* What cannot be used is closed. */
static void test_useless(void **state)
{
	static const char path[] = "/tmp/wgproxyd-test-useless";
	uint16_t port = 0;
	int pair[2], server = tcp("127.0.0.1", &port), client;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	struct io_inherit inherit;
	struct passing passing;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client = high(socket(AF_INET, SOCK_STREAM, 0));
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)),
			 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pair[0] = high(pair[0]);
	pair[1] = high(pair[1]);
	passing_init(&passing);
	pass(&passing, high(open("/dev/null", O_RDONLY)), "file");
	pass(&passing, pair[0], "pair");
	pass(&passing, client, "client");
	pass(&passing, unix_socket(path, false), "deaf");
	pass(&passing, high(socket(AF_INET, SOCK_STREAM, 0)), "unbound");
	passing_env(&passing);
	io_inherit_open(&inherit);
	assert_int_equal(inherit.count, 0);
	for (int i = 0; i < passing.count; i++)
		assert_int_equal(fcntl(3 + i, F_GETFD), -1);
	close_rest(&inherit);
	passing_fini(&passing);
	close(pair[1]);
	close(server);
	unlink(path);
	(void)state;
}

/* Variables that are wrong or meant for another process. */
static void test_environment(void **state)
{
	static const struct {
		const char *pid, *fds, *names;
		uint32_t count;
	} cases[] = {
		{"self", "1", "a", 1},
		{"self", "1", NULL, 1},
		{"self", "1", "", 1},
		{"self", "1", "a:b:c", 1},
		{"self", "2", "a", 1},
		{"1", "1", "a", 0},
		{"", "1", "a", 0},
		{NULL, "1", "a", 0},
		{"self", NULL, "a", 0},
		{"self", "", "a", 0},
		{"self", "x", "a", 0},
		{"self", "-1", "a", 0},
		{"self", "1x", "a", 0},
		{"self", "0", "a", 0},
		{"self", "99999999999999999999", "a", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *pid = cases[i].pid;
		uint16_t port = 0;
		struct io_inherit inherit;
		struct passing passing;

		passing_init(&passing);
		pass(&passing, tcp("127.0.0.1", &port), "a");
		passing_env(&passing);
		if (pid == NULL)
			unsetenv("LISTEN_PID");
		else if (strcmp(pid, "self") != 0)
			setenv("LISTEN_PID", pid, 1);
		unsetenv("LISTEN_FDS");
		unsetenv("LISTEN_FDNAMES");
		if (cases[i].fds != NULL)
			setenv("LISTEN_FDS", cases[i].fds, 1);
		if (cases[i].names != NULL)
			setenv("LISTEN_FDNAMES", cases[i].names, 1);
		io_inherit_open(&inherit);
		assert_int_equal(inherit.count, cases[i].count);
		assert_null(getenv("LISTEN_PID"));
		assert_null(getenv("LISTEN_FDS"));
		assert_null(getenv("LISTEN_FDNAMES"));
		close_rest(&inherit);
		passing_fini(&passing);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_address),
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_name_before_address),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_datagram),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_double),
		cmocka_unit_test(test_useless),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
