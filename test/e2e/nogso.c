/* SPDX-License-Identifier: ISC */
/*
 * LD_PRELOAD: a kernel or device without UDP segmentation offload. With
 * NOGSO=option the socket options do not exist, with NOGSO=send sendmsg()
 * fails with EIO when a control message asks for it, as it does on devices
 * that cannot checksum. NOGSO=emsgsize: EMSGSIZE, as beyond a small path MTU.
 * NOGSO=ipv4: there is no IPv6 at all.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool mode_is(const char *word)
{
	const char *mode = getenv("NOGSO");

	return mode != NULL && strcmp(mode, word) == 0;
}

int socket(int family, int type, int protocol)
{
	int (*next)(int, int, int);

	*(void **)&next = dlsym(RTLD_NEXT, "socket");
	if (family == AF_INET6 && mode_is("ipv4")) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return next(family, type, protocol);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int (*next)(int, int, int, const void *, socklen_t);

	*(void **)&next = dlsym(RTLD_NEXT, "setsockopt");
	if (level == IPPROTO_UDP && (name == UDP_GRO || name == UDP_SEGMENT) &&
	    mode_is("option")) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return next(fd, level, name, value, len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr copy = *message;
	ssize_t (*next)(int, const struct msghdr *, int);

	*(void **)&next = dlsym(RTLD_NEXT, "sendmsg");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&copy); c != NULL;
	     c = CMSG_NXTHDR(&copy, c)) {
		if (c->cmsg_level != IPPROTO_UDP ||
		    c->cmsg_type != UDP_SEGMENT || mode_is("") ||
		    mode_is("ipv4"))
			continue;
		errno = mode_is("emsgsize") ? EMSGSIZE : EIO;
		return -1;
	}
	return next(fd, message, flags);
}
