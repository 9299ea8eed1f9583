/* SPDX-License-Identifier: ISC */
/*
 * The least that any tunnel in user space must do for a byte: take it from a
 * local TCP socket, seal it, send it as UDP with segmentation offload; or
 * receive, open, and write. No TCP, no handshake, no loss: what is lost is not
 * counted. Prints one line of JSON: bytes that passed, CPU seconds, seconds.
 *
 *   floor up ADDRESS PORT SECONDS      TCP of its own child, to UDP there
 *   floor down PORT SECONDS            UDP, to TCP of its own child
 *   floor drain PORT SECONDS           the other end of up
 *   floor blast ADDRESS PORT SECONDS   the other end of down
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	PAYLOAD = 1368, /* of a TCP segment at MTU 1420 */
	HEAD = 16,
	IP = 52, /* headers of the inner packet */
	INNER = PAYLOAD + IP,
	STRIDE = HEAD + INNER + AEAD_TAG_LEN,
	RUN = 44,
};

static struct aead aead;
static uint8_t key[AEAD_KEY_LEN];
static uint8_t buffer[65536];
static uint64_t counter;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int udp(const char *address, const char *port, int bind_it)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int size = 8 << 20, on = 1;
	struct timeval patience = {.tv_usec = 200000};

	if (fd < 0 ||
	    (address != NULL && inet_pton(AF_INET, address, &at.sin_addr) != 1))
		fail("socket");
	setsockopt(fd, SOL_SOCKET, bind_it ? SO_RCVBUFFORCE : SO_SNDBUFFORCE,
		   &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind_it) {
		setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
			fail("bind");
	} else if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		fail("connect");
	}
	return fd;
}

/* A TCP connection over loopback to a child, which reads or writes it. */
static int child(int reads, double end)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) != 0 ||
	    listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) != 0)
		fail("listen");
	if (fork() == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
			fail("connect");
		while (now() < end &&
		       (reads ? read(fd, buffer, sizeof(buffer))
			      : write(fd, buffer, sizeof(buffer))) > 0)
			;
		_exit(0);
	}
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail("accept");
	close(listener);
	return fd;
}

static void jobs_of(struct aead_job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		jobs[i] = (struct aead_job){.data = buffer + i * STRIDE + HEAD,
					    .len = INNER,
					    .counter = counter++};
}

static void send_run(int fd, size_t count)
{
	struct iovec iov = {.iov_base = buffer, .iov_len = count * STRIDE};
	uint16_t segment = STRIDE;
	_Alignas(struct cmsghdr)
		uint8_t control[CMSG_SPACE(sizeof(segment))] = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(c), &segment, sizeof(segment));
	if (sendmsg(fd, &msg, 0) < 0 && errno != ECONNREFUSED)
		fail("sendmsg");
}

static void seal_and_send(int fd, size_t count)
{
	struct aead_job jobs[RUN];

	jobs_of(jobs, count);
	for (size_t i = 0; i < count; i++)
		put_le64(buffer + i * STRIDE + 8, jobs[i].counter);
	aead_seal_batch(&aead, key, jobs, count);
	send_run(fd, count);
}

static uint64_t up(int fd, double end)
{
	int tcp = child(0, end);
	struct iovec iov[RUN];
	uint64_t bytes = 0;

	for (size_t i = 0; i < RUN; i++)
		iov[i] = (struct iovec){.iov_base =
						buffer + i * STRIDE + HEAD + IP,
					.iov_len = PAYLOAD};
	while (now() < end) {
		ssize_t len = readv(tcp, iov, RUN);

		if (len <= 0)
			break;
		bytes += (uint64_t)len;
		seal_and_send(fd, ((size_t)len + PAYLOAD - 1) / PAYLOAD);
	}
	return bytes;
}

static void write_all(int fd, struct iovec *iov, int count)
{
	while (count > 0) {
		ssize_t len = writev(fd, iov, count);

		if (len < 0)
			fail("writev");
		for (; count > 0 && (size_t)len >= iov->iov_len; iov++, count--)
			len -= (ssize_t)iov->iov_len;
		if (count > 0) {
			iov->iov_base = (uint8_t *)iov->iov_base + len;
			iov->iov_len -= (size_t)len;
		}
	}
}

static uint64_t down(int fd, double end)
{
	int tcp = child(1, end + 1);
	struct aead_job jobs[RUN + 1];
	struct iovec iov[RUN + 1];
	uint64_t bytes = 0;

	while (now() < end) {
		ssize_t len = recv(fd, buffer, sizeof(buffer), 0);
		int count = len < 0 ? 0 : (int)(len / STRIDE), good = 0;

		jobs_of(jobs, (size_t)count);
		for (int i = 0; i < count; i++)
			jobs[i].counter = get_le64(buffer + i * STRIDE + 8);
		aead_open_batch(&aead, key, jobs, (size_t)count);
		for (int i = 0; i < count; i++) {
			if (!jobs[i].ok)
				continue;
			iov[good++] =
				(struct iovec){.iov_base = jobs[i].data + IP,
					       .iov_len = PAYLOAD};
			bytes += PAYLOAD;
		}
		write_all(tcp, iov, good);
	}
	return bytes;
}

static uint64_t drain(int fd, double end)
{
	uint64_t bytes = 0;

	while (now() < end) {
		ssize_t len = recv(fd, buffer, sizeof(buffer), 0);

		bytes += len > 0 ? (uint64_t)len : 0;
	}
	return bytes;
}

static uint64_t blast(int fd, double end)
{
	uint64_t bytes = 0;

	while (now() < end) {
		seal_and_send(fd, RUN);
		bytes += RUN * PAYLOAD;
	}
	return bytes;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int sends = strcmp(mode, "up") == 0 || strcmp(mode, "blast") == 0;
	double start = now(), end;
	uint64_t bytes;
	int fd;

	if (argc != (sends ? 5 : 4)) {
		fputs("see the comment at the top of floor.c\n", stderr);
		return 64;
	}
	if (crypto_init() != 0 || aead_load("auto", &aead) != 0)
		return 1;
	fd = sends ? udp(argv[2], argv[3], 0) : udp(NULL, argv[2], 1);
	end = start + atof(argv[argc - 1]);
	bytes = strcmp(mode, "up") == 0      ? up(fd, end)
		: strcmp(mode, "down") == 0  ? down(fd, end)
		: strcmp(mode, "drain") == 0 ? drain(fd, end)
					     : blast(fd, end);
	printf("{\"bytes\": %llu, \"cpu_s\": %.4f, \"seconds\": %.4f, "
	       "\"aead\": \"%s\"}\n",
	       (unsigned long long)bytes, cpu(), now() - start, aead.name);
	return 0;
}
