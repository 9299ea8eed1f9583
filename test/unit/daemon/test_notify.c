/* SPDX-License-Identifier: ISC */
/* The test is the service manager: it owns the socket. */
#include "daemon/io_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/time.h"

#define NOW (1000 * NS_PER_S)

struct manager {
	int fd;
	char name[64]; /* as in NOTIFY_SOCKET */
	char folder[32];
	int got; /* the descriptor of the last message, or -1 */
	char text[IO_NOTIFY_MESSAGE_CAP];
};

static void manager_open(struct manager *manager, bool abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len;

	memset(manager, 0, sizeof(*manager));
	manager->got = -1;
	if (abstract) {
		snprintf(manager->name, sizeof(manager->name),
			 "@wgproxyd-test-%d", (int)getpid());
	} else {
		strcpy(manager->folder, "/tmp/notifyXXXXXX");
		assert_non_null(mkdtemp(manager->folder));
		snprintf(manager->name, sizeof(manager->name), "%s/s",
			 manager->folder);
	}
	len = strlen(manager->name);
	memcpy(address.sun_path, manager->name, len);
	if (abstract)
		address.sun_path[0] = '\0';
	manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(manager->fd >= 0);
	assert_int_equal(
		bind(manager->fd, (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", manager->name, 1);
}

static void manager_close(struct manager *manager)
{
	close(manager->fd);
	if (manager->got >= 0)
		close(manager->got);
	if (manager->folder[0] != '\0') {
		unlink(manager->name);
		rmdir(manager->folder);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* The next message, or "" when there is none. */
static const char *manager_next(struct manager *manager)
{
	char control[256] __attribute__((aligned(sizeof(size_t))));
	struct iovec iov = {.iov_base = manager->text,
			    .iov_len = sizeof(manager->text) - 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(manager->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = NULL;

	if (manager->got >= 0)
		close(manager->got);
	manager->got = -1;
	manager->text[n < 0 ? 0 : n] = '\0';
	if (n >= 0)
		cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL) {
		assert_int_equal(cmsg->cmsg_type, SCM_RIGHTS);
		assert_int_equal(cmsg->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&manager->got, CMSG_DATA(cmsg), sizeof(int));
	}
	return manager->text;
}

/* Messages until the socket takes no more; returns how many. */
static unsigned fill(const struct manager *manager)
{
	struct sockaddr_un address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned count = 0;

	assert_int_equal(
		getsockname(manager->fd, (struct sockaddr *)&address, &len), 0);
	while (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address,
		      len) == 1)
		count++;
	assert_int_equal(errno, EAGAIN);
	close(fd);
	return count;
}

static void test_states(void **state)
{
	for (int abstract = 0; abstract < 2; abstract++) {
		struct io_notify notify;
		struct manager manager;

		manager_open(&manager, abstract != 0);
		io_notify_open(&notify, NOW);
		io_notify_ready(&notify, NOW, "2 forwards");
		assert_string_equal(manager_next(&manager),
				    "READY=1\nSTATUS=2 forwards");
		io_notify_reloading(&notify, 12345678901);
		assert_string_equal(manager_next(&manager),
				    "RELOADING=1\nMONOTONIC_USEC=12345678\n"
				    "STATUS=reading the configuration");
		io_notify_stopping(&notify, NOW, "");
		assert_string_equal(manager_next(&manager), "STOPPING=1");
		assert_int_equal(io_notify_deadline(&notify), NEVER);
		io_notify_turn(&notify, NOW);
		assert_string_equal(manager_next(&manager), "");
		io_notify_close(&notify);
		manager_close(&manager);
	}
	(void)state;
}

static void test_status(void **state)
{
	struct io_notify notify;
	struct manager manager;

	manager_open(&manager, false);
	io_notify_open(&notify, NOW);
	io_notify_ready(&notify, NOW, "one");
	manager_next(&manager);
	io_notify_status(&notify, "one");
	assert_string_equal(manager_next(&manager), "");
	io_notify_status(&notify, "two");
	assert_string_equal(manager_next(&manager), "STATUS=two");
	/* No line of its own may come out of a text. */
	io_notify_status(&notify, "three\nMAINPID=1");
	assert_string_equal(manager_next(&manager), "STATUS=three?MAINPID=1");
	io_notify_close(&notify);
	manager_close(&manager);
	(void)state;
}

/* A full socket neither blocks nor loses the state. */
static void test_full(void **state)
{
	struct io_notify notify;
	struct manager manager;
	unsigned count;

	manager_open(&manager, false);
	io_notify_open(&notify, NOW);
	count = fill(&manager);
	io_notify_ready(&notify, NOW, "two");
	assert_int_equal(io_notify_deadline(&notify), NOW + 100 * NS_PER_MS);
	io_notify_turn(&notify, NOW + 100 * NS_PER_MS);
	assert_int_equal(io_notify_deadline(&notify), NOW + 200 * NS_PER_MS);
	for (unsigned i = 0; i < count; i++)
		assert_string_equal(manager_next(&manager), "x");
	io_notify_turn(&notify, NOW + 150 * NS_PER_MS);
	assert_string_equal(manager_next(&manager), "");
	io_notify_turn(&notify, NOW + 200 * NS_PER_MS);
	assert_string_equal(manager_next(&manager), "READY=1\nSTATUS=two");
	assert_int_equal(io_notify_deadline(&notify), NEVER);
	/* A status that was not taken is not held for sent. */
	count = fill(&manager);
	io_notify_status(&notify, "three");
	while (count-- > 0)
		manager_next(&manager);
	io_notify_status(&notify, "three");
	assert_string_equal(manager_next(&manager), "STATUS=three");
	io_notify_close(&notify);
	manager_close(&manager);
	(void)state;
}

static void test_watchdog(void **state)
{
	char pid[16];
	const struct {
		const char *usec, *pid;
		uint64_t interval;
	} cases[] = {
		{"30000000", NULL, 15 * NS_PER_S},
		{"30000000", pid, 15 * NS_PER_S},
		{"30000000", "1", 0},
		{"30000000", "", 0},
		{"1", NULL, NS_PER_MS},
		{"0", NULL, 0},
		{"", NULL, 0},
		{"-1", NULL, 0},
		{"3x", NULL, 0},
		{"99999999999999999999", NULL, 0},
		{"18446744073709551615", NULL, 0},
	};

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t interval = cases[i].interval;
		struct io_notify notify;
		struct manager manager;

		manager_open(&manager, false);
		setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid != NULL)
			setenv("WATCHDOG_PID", cases[i].pid, 1);
		io_notify_open(&notify, NOW);
		io_notify_turn(&notify, NOW);
		assert_string_equal(manager_next(&manager),
				    interval > 0 ? "WATCHDOG=1" : "");
		assert_int_equal(io_notify_deadline(&notify),
				 interval > 0 ? NOW + interval : NEVER);
		io_notify_turn(&notify, NOW + interval - 1);
		assert_string_equal(manager_next(&manager), "");
		io_notify_turn(&notify, NOW + interval);
		assert_string_equal(manager_next(&manager),
				    interval > 0 ? "WATCHDOG=1" : "");
		io_notify_close(&notify);
		manager_close(&manager);
	}
	(void)state;
}

/* A sign of life that was not taken follows soon, not half a period later. */
static void test_watchdog_full(void **state)
{
	struct io_notify notify;
	struct manager manager;

	manager_open(&manager, false);
	setenv("WATCHDOG_USEC", "30000000", 1);
	io_notify_open(&notify, NOW);
	fill(&manager);
	io_notify_turn(&notify, NOW);
	assert_int_equal(io_notify_deadline(&notify), NOW + 100 * NS_PER_MS);
	io_notify_close(&notify);
	manager_close(&manager);
	(void)state;
}

static bool same_file(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 &&
	       one.st_ino == two.st_ino && one.st_dev == two.st_dev;
}

static void test_store(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct io_notify notify;
	struct manager manager;

	manager_open(&manager, true);
	io_notify_open(&notify, NOW);
	assert_int_equal(io_notify_store(&notify, "forward-pg", fd), 0);
	assert_string_equal(manager_next(&manager),
			    "FDSTORE=1\nFDPOLL=0\nFDNAME=forward-pg");
	assert_true(same_file(manager.got, fd));
	io_notify_forget(&notify, "forward-pg");
	assert_string_equal(manager_next(&manager),
			    "FDSTOREREMOVE=1\nFDNAME=forward-pg");
	assert_int_equal(manager.got, -1);
	close(manager.fd);
	manager.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_notify_store(&notify, "forward-pg", fd), -ERR_IO);
	io_notify_close(&notify);
	manager_close(&manager);
	close(fd);
	(void)state;
}

/* A manager that starts anew binds the same path again. */
static void test_manager_restarts(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct io_notify notify;
	struct manager manager;

	manager_open(&manager, false);
	io_notify_open(&notify, NOW);
	close(manager.fd);
	unlink(manager.name);
	strcpy(address.sun_path, manager.name);
	manager.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(manager.fd, (struct sockaddr *)&address, sizeof(address)),
		0);
	io_notify_ready(&notify, NOW, "");
	assert_string_equal(manager_next(&manager), "READY=1");
	io_notify_close(&notify);
	manager_close(&manager);
	(void)state;
}

/* Without a manager, and with one that cannot be reached, all is silent. */
static void test_nobody(void **state)
{
	char long_name[200];
	const char *const values[] = {
		NULL,       "",        "/",       "@",
		"relative", "vsock:2", long_name, "/nonexistent/notify",
	};

	memset(long_name, 'x', sizeof(long_name));
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct io_notify notify;

		unsetenv("NOTIFY_SOCKET");
		if (values[i] != NULL)
			setenv("NOTIFY_SOCKET", values[i], 1);
		setenv("WATCHDOG_USEC", "1000", 1);
		io_notify_open(&notify, NOW);
		assert_int_equal(notify.fd, -1);
		io_notify_ready(&notify, NOW, "text");
		io_notify_status(&notify, "other");
		io_notify_reloading(&notify, NOW);
		io_notify_stopping(&notify, NOW, "text");
		io_notify_turn(&notify, NOW);
		assert_int_equal(io_notify_deadline(&notify), NEVER);
		assert_int_equal(io_notify_store(&notify, "x", 0), -ERR_STATE);
		io_notify_forget(&notify, "x");
		io_notify_close(&notify);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_watchdog_full),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_manager_restarts),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
