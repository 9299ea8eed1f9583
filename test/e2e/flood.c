/* SPDX-License-Identifier: ISC */
/*
 * flood ADDRESS PORT RATE FILE BYTES: sends the datagrams of FILE, BYTES each,
 * over and over, RATE per second, from 64 ports, until stdin ends. Then prints
 * how many left. A load for tests, on networks that the test made itself.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 64, BATCH = 32 };

static const uint8_t *messages;
static size_t message_count, message_len;
static int sockets[SOCKETS];

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

static void open_sockets(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		fail(address);
	for (int i = 0; i < SOCKETS; i++) {
		sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (sockets[i] < 0 ||
		    connect(sockets[i], (struct sockaddr *)&to, sizeof(to)) !=
			    0)
			fail("socket");
	}
}

static void read_messages(const char *path, const char *bytes)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		fail(path);
	message_len = strtoul(bytes, NULL, 10);
	message_count = (size_t)st.st_size / message_len;
	messages =
		mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (messages == MAP_FAILED || message_count == 0)
		fail("messages");
}

/* One batch from one port; what does not fit is lost, as in life. */
static void send_batch(uint64_t sent)
{
	struct mmsghdr batch[BATCH];
	struct iovec iov[BATCH];

	memset(batch, 0, sizeof(batch));
	for (unsigned i = 0; i < BATCH; i++) {
		size_t index = (sent + i) % message_count;

		iov[i].iov_base =
			(void *)(uintptr_t)(messages + index * message_len);
		iov[i].iov_len = message_len;
		batch[i].msg_hdr.msg_iov = &iov[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	(void)sendmmsg(sockets[sent / BATCH % SOCKETS], batch, BATCH,
		       MSG_DONTWAIT);
}

int main(int argc, char **argv)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	uint64_t sent = 0;
	double start, rate;

	if (argc != 6) {
		fputs("flood ADDRESS PORT RATE FILE BYTES\n", stderr);
		return 64;
	}
	open_sockets(argv[1], argv[2]);
	rate = atof(argv[3]);
	read_messages(argv[4], argv[5]);
	start = now();
	while (poll(&input, 1, 1) == 0) {
		while ((double)sent < (now() - start) * rate) {
			send_batch(sent);
			sent += BATCH;
		}
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}
