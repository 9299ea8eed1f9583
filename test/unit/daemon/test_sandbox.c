/* SPDX-License-Identifier: ISC */
/* Each attempt is made by a child of its own, in a folder with a file. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"

static char top[] = "/tmp/wgproxyd-test-XXXXXX";
static int landlock_abi;

/* ------------------------------------------------------------- attempts */

/* Each returns 0 for what worked, or errno. */
static int result(long value)
{
	return value < 0 ? errno : 0;
}

static int path_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return result(fd);
}

static int read_free(void)
{
	return path_open("read/file", O_RDONLY);
}

static int write_free(void)
{
	return path_open("read/file", O_WRONLY);
}

static int read_other(void)
{
	return path_open("other/file", O_RDONLY);
}

static int read_program(void)
{
	return path_open("/proc/self/exe", O_RDONLY);
}

static int list_other(void)
{
	return path_open("other", O_RDONLY | O_DIRECTORY);
}

static int make_other(void)
{
	return path_open("other/new", O_WRONLY | O_CREAT);
}

static int remove_other(void)
{
	return result(unlink("other/file"));
}

static int remove_read(void)
{
	return result(unlink("read/file"));
}

static int keep_state(void)
{
	int err = path_open("write/new", O_WRONLY | O_CREAT | O_TRUNC);

	if (err == 0)
		err = result(rename("write/new", "write/kept"));
	if (err == 0)
		err = path_open("write/kept", O_WRONLY | O_TRUNC);
	return err != 0 ? err : result(unlink("write/kept"));
}

static int state_goes_nowhere(void)
{
	return result(rename("write/file", "sockets/file"));
}

static int unix_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	return result(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int make_socket(void)
{
	int err = unix_socket("sockets/s");

	return err != 0 ? err : result(unlink("sockets/s"));
}

static int make_socket_elsewhere(void)
{
	return unix_socket("read/s");
}

static int make_file_with_sockets(void)
{
	return path_open("sockets/new", O_WRONLY | O_CREAT);
}

static int listen_tcp(void)
{
	struct sockaddr_in local = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) != 0 ||
	    listen(fd, 1) != 0)
		return errno;
	return accept4(fd, NULL, NULL, 0) < 0 && errno == EAGAIN ? 0 : errno;
}

static int connect_tcp(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

/* Refused, unless there is one. */
static int connect_name_server(void)
{
	int err = connect_tcp(53);

	return err == ECONNREFUSED ? 0 : err;
}

static int connect_other(void)
{
	return connect_tcp(9);
}

static void *look_up(void *arg)
{
	struct addrinfo *answer = NULL;
	int *err = arg;

	*err = getaddrinfo("localhost", "1", NULL, &answer);
	if (*err == 0)
		freeaddrinfo(answer);
	return NULL;
}

static int look_up_in_thread(void)
{
	pthread_t thread;
	int outcome = -1,
	    err = pthread_create(&thread, NULL, look_up, &outcome);

	if (err != 0)
		return err;
	pthread_join(thread, NULL);
	return outcome == 0 ? 0 : ENOENT;
}

static void *open_there(void *arg)
{
	*(int *)arg = read_other();
	return NULL;
}

static int read_in_thread(void)
{
	pthread_t thread;
	int outcome = -1,
	    err = pthread_create(&thread, NULL, open_there, &outcome);

	if (err != 0)
		return err;
	pthread_join(thread, NULL);
	return outcome;
}

static int netlink_route(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int netlink_other(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 12));
}

static int packet_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int unknown_family(void)
{
	return result(socket(200, SOCK_STREAM, 0));
}

static int run_program(void)
{
	return result(execl("/bin/true", "true", NULL));
}

static int run_program_by_fd(void)
{
	return result(
		syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0));
}

static int make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int trace(void)
{
	return result(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
}

static int read_memory(void)
{
	return result(
		syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int new_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? errno : 0;
}

static int data_to_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(page, 4096, PROT_NONE));
}

static int kill_parent(void)
{
	return result(kill(getppid(), 0));
}

static int raise_limit(void)
{
	struct rlimit limit = {1, 1};

	return result(setrlimit(RLIMIT_NOFILE, &limit));
}

static int read_limit(void)
{
	struct rlimit limit;

	return result(getrlimit(RLIMIT_NOFILE, &limit));
}

static int fake_input(void)
{
	return result(ioctl(0, TIOCSTI, "x"));
}

static int change_root(void)
{
	return result(chroot("/"));
}

static int ring(void)
{
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : EPERM;
}

/* ------------------------------------------------------------- children */

enum { KILLED = -1 };

/* What became of it: 0, errno or KILLED. */
static int attempt(enum sandbox_mode mode, int (*try)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sandbox sandbox;

		sandbox_init(&sandbox, mode);
		sandbox_allow_read(&sandbox, "read");
		sandbox_allow_read(&sandbox, "nonexistent");
		sandbox_allow_read(&sandbox, NULL);
		sandbox_allow_write(&sandbox, "write");
		sandbox_allow_sockets(&sandbox, "sockets");
		sandbox_enter(&sandbox);
		_exit(try());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	return WEXITSTATUS(status);
}

struct expectation {
	const char *name;
	int (*try)(void);
	int on, strict;
};

#define EXPECT(function, on, strict)            \
	{                                       \
#function, function, on, strict \
	}

static void check(const struct expectation *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int on = attempt(SANDBOX_ON, table[i].try);
		int strict = attempt(SANDBOX_STRICT, table[i].try);

		if (on != table[i].on || strict != table[i].strict)
			fail_msg("%s: %d and %d, not %d and %d", table[i].name,
				 on, strict, table[i].on, table[i].strict);
	}
}

static void test_files(void **state)
{
	static const struct expectation table[] = {
		EXPECT(read_free, 0, 0),
		EXPECT(write_free, EACCES, EACCES),
		EXPECT(remove_read, EACCES, EACCES),
		EXPECT(read_other, EACCES, EACCES),
		EXPECT(read_in_thread, EACCES, EACCES),
		EXPECT(read_program, EACCES, EACCES),
		EXPECT(list_other, EACCES, EACCES),
		EXPECT(make_other, EACCES, EACCES),
		EXPECT(remove_other, EACCES, EACCES),
		EXPECT(keep_state, 0, 0),
		EXPECT(state_goes_nowhere, EACCES, EACCES),
		EXPECT(make_socket, 0, 0),
		EXPECT(make_socket_elsewhere, EACCES, EACCES),
		EXPECT(make_file_with_sockets, EACCES, EACCES),
	};

	(void)state;
	if (landlock_abi < 3)
		skip();
	check(table, ARRAY_SIZE(table));
}

static void test_network(void **state)
{
	static const struct expectation table[] = {
		EXPECT(listen_tcp, 0, 0),
		EXPECT(connect_name_server, 0, 0),
		EXPECT(connect_other, ECONNREFUSED, EACCES),
	};

	(void)state;
	if (landlock_abi < 4)
		skip();
	check(table, ARRAY_SIZE(table));
}

/* Valgrind lives in the process and makes calls of its own. */
static bool can_filter(void)
{
	const char *preload = getenv("LD_PRELOAD");
	bool valgrind = preload != NULL && strstr(preload, "vgpreload") != NULL;

#ifdef HAVE_LIBSECCOMP
	return !valgrind;
#else
	(void)valgrind;
	return false;
#endif
}

static void test_calls(void **state)
{
	static const struct expectation table[] = {
		EXPECT(look_up_in_thread, 0, 0),
		EXPECT(netlink_route, 0, 0),
		EXPECT(memory, 0, 0),
		EXPECT(read_limit, 0, 0),
		EXPECT(ring, EPERM, EPERM),
		EXPECT(netlink_other, EPERM, KILLED),
		EXPECT(kill_parent, EPERM, KILLED),
		EXPECT(raise_limit, EPERM, KILLED),
		EXPECT(fake_input, EPERM, KILLED),
		EXPECT(change_root, EPERM, KILLED),
		EXPECT(packet_socket, KILLED, KILLED),
		EXPECT(unknown_family, KILLED, KILLED),
		EXPECT(run_program, KILLED, KILLED),
		EXPECT(run_program_by_fd, KILLED, KILLED),
		EXPECT(make_process, KILLED, KILLED),
		EXPECT(trace, KILLED, KILLED),
		EXPECT(read_memory, KILLED, KILLED),
		EXPECT(new_code, KILLED, KILLED),
		EXPECT(data_to_code, KILLED, KILLED),
	};

	(void)state;
	if (!can_filter())
		skip();
	check(table, ARRAY_SIZE(table));
}

/* Everything that is closed above is closed by the sandbox. */
static void test_off(void **state)
{
	(void)state;
	assert_int_equal(attempt(SANDBOX_OFF, new_privileges), 0);
	assert_int_equal(attempt(SANDBOX_OFF, read_other), 0);
	assert_int_equal(attempt(SANDBOX_OFF, read_program), 0);
	assert_int_equal(attempt(SANDBOX_OFF, connect_other), ECONNREFUSED);
	assert_int_equal(attempt(SANDBOX_OFF, kill_parent), 0);
	assert_int_equal(attempt(SANDBOX_OFF, make_process), 0);
	assert_int_equal(attempt(SANDBOX_OFF, new_code), 0);
	assert_int_equal(attempt(SANDBOX_OFF, run_program), 0);
}

/* ------------------------------------------------------------- setup */

static int set_up(void **state)
{
	static const char *const folders[] = {"read", "write", "sockets",
					      "other"};
	char path[32];

	(void)state;
	log_init(LOG_LEVEL_ERROR);
	CHECK(mkdtemp(top) != NULL && chdir(top) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CHECK(mkdir(folders[i], 0700) == 0);
		snprintf(path, sizeof(path), "%s/file", folders[i]);
		CHECK(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) ==
		      0);
	}
	landlock_abi = (int)syscall(444, NULL, 0, 1);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
