/* SPDX-License-Identifier: ISC */
#include "daemon/io_filter.h"

#include "base/error.h"

#ifndef HAVE_LIBSECCOMP

int io_filter_enter(bool strict, const char **ret_reason)
{
	(void)strict;
	*ret_reason = "built without libseccomp";
	return -ERR_STATE;
}

#else

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

static const int allowed[] = {
	/* descriptors and files; Landlock says which files */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(pipe2),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(flock),
	SCMP_SYS(umask),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(chown),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	/* sockets; socket() itself is below */
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(connect),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	/* waiting, and time */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	/* memory; mmap() and mprotect() are below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),
	SCMP_SYS(mlock2),
	SCMP_SYS(munlock),
	/* threads and signals; clone() and tgkill() are below */
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	/* who and what we are */
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getgroups),
	SCMP_SYS(getresuid),
	SCMP_SYS(getresgid),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
};

static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
};

/* Never deadly: whoever tries these does without them. */
static const int refused[] = {
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static const unsigned long ioctls[] = {FIONBIO, FIOCLEX, FIONREAD, TCGETS,
				       SIOCGIFINDEX};

/* ------------------------------------------------------------- rules */

/* The filter while it is made; the first error stays. */
struct filter {
	scmp_filter_ctx ctx;
	uint32_t otherwise; /* what happens to a call without a rule */
	int err;
};

static void rule(struct filter *filter, uint32_t action, int call,
		 const struct scmp_arg_cmp *args, unsigned count)
{
	if (filter->err == 0 && action != filter->otherwise)
		filter->err = seccomp_rule_add_array(filter->ctx, action, call,
						     count, args);
}

static void rules(struct filter *filter, uint32_t action, const int *calls,
		  size_t count)
{
	for (size_t i = 0; i < count; i++)
		rule(filter, action, calls[i], NULL, 0);
}

static void rule_if(struct filter *filter, uint32_t action, int call,
		    struct scmp_arg_cmp arg)
{
	rule(filter, action, call, &arg, 1);
}

static bool is_family(int family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i] == family)
			return true;
	}
	return false;
}

/* Netlink is what getaddrinfo() asks for the machine's addresses. */
static void socket_rules(struct filter *filter)
{
	const struct scmp_arg_cmp route[] = {
		SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK, 0),
		SCMP_A2_64(SCMP_CMP_EQ, NETLINK_ROUTE, 0),
	};

	for (unsigned family = 0; family < AF_MAX; family++) {
		if (family == AF_NETLINK)
			continue;
		rule_if(filter,
			is_family((int)family) ? SCMP_ACT_ALLOW
					       : SCMP_ACT_KILL_PROCESS,
			SCMP_SYS(socket), SCMP_A0_64(SCMP_CMP_EQ, family, 0));
	}
	rule_if(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket),
		SCMP_A0_64(SCMP_CMP_GE, AF_MAX, 0));
	rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), route,
	     ARRAY_SIZE(route));
}

/* Code comes from files, never from memory that could be written. */
static void memory_rules(struct filter *filter)
{
	static const uint64_t both = PROT_WRITE | PROT_EXEC;
	static const uint64_t good[] = {0, PROT_WRITE, PROT_EXEC};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap),
			SCMP_A2_64(SCMP_CMP_MASKED_EQ, both, good[i]));
	rule_if(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mmap),
		SCMP_A2_64(SCMP_CMP_MASKED_EQ, both, both));
	rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect),
		SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rule_if(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mprotect),
		SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
}

/* clone3() keeps its flags where no filter sees them; the C library does
 * without it. */
static void thread_rules(struct filter *filter)
{
	rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone),
		SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	rule_if(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone),
		SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	rule(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), NULL, 0);
	rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
		SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl),
		SCMP_A0_64(SCMP_CMP_EQ, PR_SET_NAME, 0));
}

static void other_rules(struct filter *filter)
{
	for (size_t i = 0; i < ARRAY_SIZE(ioctls); i++)
		rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl),
			SCMP_A1_64(SCMP_CMP_EQ, ioctls[i], 0));
	/* Limits are looked at, not set. */
	rule_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64),
		SCMP_A2_64(SCMP_CMP_EQ, 0, 0));
}

static void attribute(struct filter *filter, enum scmp_filter_attr name,
		      uint32_t value)
{
	if (filter->err == 0)
		filter->err = seccomp_attr_set(filter->ctx, name, value);
}

int io_filter_enter(bool strict, const char **ret_reason)
{
	struct filter filter = {
		.otherwise =
			strict ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM),
	};

	filter.ctx = seccomp_init(filter.otherwise);
	if (filter.ctx == NULL) {
		*ret_reason = "libseccomp does not work on this system";
		return -ERR_STATE;
	}
	attribute(&filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	attribute(&filter, SCMP_FLTATR_CTL_TSYNC, 1);
	attribute(&filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rules(&filter, SCMP_ACT_ALLOW, allowed, ARRAY_SIZE(allowed));
	rules(&filter, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_SIZE(deadly));
	rules(&filter, SCMP_ACT_ERRNO(EPERM), refused, ARRAY_SIZE(refused));
	socket_rules(&filter);
	memory_rules(&filter);
	thread_rules(&filter);
	other_rules(&filter);
	if (filter.err == 0)
		filter.err = seccomp_load(filter.ctx);
	seccomp_release(filter.ctx);
	if (filter.err == 0)
		return 0;
	*ret_reason = strerror(-filter.err);
	return -ERR_STATE;
}

#endif
