/* SPDX-License-Identifier: ISC */
/*
 * Clients and a server that cost little themselves.
 *
 *   load echo ADDRESS PORT                 serves until it is killed
 *   load connects ADDRESS PORT N PARALLEL  connect, a byte each way, close
 *   load hold ADDRESS PORT N               N connections with a byte each way,
 *                                          open until stdin ends
 *
 * connects prints one line of JSON, hold says "open" when they are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256 };

static struct sockaddr_in address;
static int epoll;

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

static void watch(int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		fail("epoll_ctl");
}

/* ------------------------------------------------------------- echo */

static void echo(int fd)
{
	char data[65536];
	ssize_t len = read(fd, data, sizeof(data));

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0 || write(fd, data, (size_t)len) != len)
		close(fd);
}

static void serve(void)
{
	struct epoll_event events[EVENTS];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int on = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 4096) != 0)
		fail("listen");
	watch(listener, EPOLLIN);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd != listener) {
				echo(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL,
					     SOCK_NONBLOCK)) >= 0) {
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
					   sizeof(on));
				watch(fd, EPOLLIN);
			}
		}
	}
}

/* ------------------------------------------------------------- clients */

static void start_one(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
	    errno != EINPROGRESS)
		fail("connect");
	watch(fd, EPOLLOUT);
}

/* The connection is there: a byte goes out, one is waited for. */
static void speak(int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (write(fd, "x", 1) != 1)
		fail("write");
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		fail("epoll_ctl");
}

/* Until count connections have had their byte; keep leaves them open. */
static void run(long count, long parallel, int keep)
{
	struct epoll_event events[EVENTS];
	long started = 0, done = 0;
	char byte;

	while (started < parallel && started < count) {
		start_one();
		started++;
	}
	while (done < count) {
		int ready = epoll_wait(epoll, events, EVENTS, 20000);

		if (ready <= 0)
			fail("nothing for 20 s");
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (events[i].events & EPOLLOUT) {
				speak(fd);
				continue;
			}
			if (read(fd, &byte, 1) != 1)
				fail("read");
			if (!keep)
				close(fd);
			else
				epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
			done++;
			if (started < count) {
				start_one();
				started++;
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	const char *mode = argc > 3 ? argv[1] : "";
	double start = now();

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	epoll = epoll_create1(0);
	if (argc > 3) {
		address.sin_family = AF_INET;
		address.sin_port = htons((uint16_t)atoi(argv[3]));
		if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
			fail(argv[2]);
	}
	if (strcmp(mode, "echo") == 0) {
		serve();
	} else if (strcmp(mode, "connects") == 0 && argc == 6) {
		run(atol(argv[4]), atol(argv[5]), 0);
		printf("{\"per_s\": %.1f}\n", atof(argv[4]) / (now() - start));
	} else if (strcmp(mode, "hold") == 0 && argc == 5) {
		run(atol(argv[4]), 64, 1);
		puts("open");
		fflush(stdout);
		while (read(0, &(char){0}, 1) > 0)
			;
	} else {
		fputs("see the comment at the top of load.c\n", stderr);
		return 64;
	}
	return 0;
}
