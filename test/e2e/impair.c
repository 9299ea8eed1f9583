/* SPDX-License-Identifier: ISC */
/*
 * A bad network for tests: a UDP relay that delays, loses, reorders and
 * duplicates datagrams between clients and one server, the same way for the
 * same seed.
 *
 *	impair LISTEN PORT SERVER PORT [KEY=VALUE]...
 *
 * delay_us=N     each way
 * rate_mbps=N    of each way, with a queue of queue_kib (default 1024)
 * loss_ppm=N  dup_ppm=N  reorder_ppm=N    per million datagrams
 * reorder_us=N   how much later a reordered one leaves (default 2000)
 * seed=N         default 1
 *
 * clients=N      share the link, default 1, at most 4
 *
 * Lines on standard input, "KEY=VALUE", change it while it runs. One client
 * more than that takes the place of the last. It prints "ready" when it
 * listens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	DATAGRAM_CAP = 2048,
	QUEUE_CAP = 32768, /* datagrams in flight, both ways together */
	SOCKET_BUFFER = 4 << 20,
	BATCH = 64,
	WAYS = 2,
	CLIENTS_MAX = 4,
};

struct datagram {
	uint64_t due_ns;
	uint64_t serial; /* keeps equal times in order */
	uint16_t len;
	uint8_t way; /* 0 to the server, 1 to the client */
	uint8_t client;
	uint8_t bytes[DATAGRAM_CAP];
};

struct settings {
	uint64_t delay_us;
	uint64_t rate_mbps;
	uint64_t queue_kib;
	uint64_t loss_ppm;
	uint64_t dup_ppm;
	uint64_t reorder_ppm;
	uint64_t reorder_us;
	uint64_t seed;
	uint64_t clients;
};

struct client {
	struct sockaddr_storage address;
	socklen_t len;
	int fd; /* to the server */
};

struct relay {
	struct settings settings;
	uint64_t random;
	int fd; /* hears clients */
	struct client clients[CLIENTS_MAX];
	uint32_t client_count;
	uint64_t busy_until[WAYS]; /* the link's, by rate_mbps */
	struct datagram *heap[QUEUE_CAP];
	struct datagram *spare[QUEUE_CAP];
	uint32_t count;
	uint32_t spares;
	uint64_t serial;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "impair: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* xorshift64*; the seed is never 0 */
static uint64_t next_random(struct relay *relay)
{
	uint64_t x = relay->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	relay->random = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static bool chance(struct relay *relay, uint64_t ppm)
{
	return ppm != 0 && next_random(relay) % 1000000 < ppm;
}

/* --------------------------------------------------------------- settings */

static int set_one(struct settings *settings, const char *text)
{
	const struct {
		const char *name;
		uint64_t *place;
	} table[] = {
		{"delay_us", &settings->delay_us},
		{"rate_mbps", &settings->rate_mbps},
		{"queue_kib", &settings->queue_kib},
		{"loss_ppm", &settings->loss_ppm},
		{"dup_ppm", &settings->dup_ppm},
		{"reorder_ppm", &settings->reorder_ppm},
		{"reorder_us", &settings->reorder_us},
		{"seed", &settings->seed},
		{"clients", &settings->clients},
	};
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strlen(table[i].name) == len && text[len] == '=' &&
		    strncmp(table[i].name, text, len) == 0) {
			*table[i].place = strtoull(text + len + 1, NULL, 10);
			return 0;
		}
	}
	fprintf(stderr, "impair: unknown setting %s\n", text);
	return -1;
}

/* False at the end of standard input: whoever started us is gone. */
static bool read_settings(struct relay *relay)
{
	char text[512];
	ssize_t len = read(STDIN_FILENO, text, sizeof(text) - 1);
	char *line, *rest = text;

	if (len <= 0)
		return len < 0 && errno == EINTR;
	text[len] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] != '\0')
			(void)set_one(&relay->settings, line);
	}
	return true;
}

/* ------------------------------------------------------------------ queue */

static bool before(const struct datagram *a, const struct datagram *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->serial < b->serial;
}

static void push(struct relay *relay, struct datagram *datagram)
{
	uint32_t i = relay->count++;

	while (i > 0 && before(datagram, relay->heap[(i - 1) / 2])) {
		relay->heap[i] = relay->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	relay->heap[i] = datagram;
}

static struct datagram *pop(struct relay *relay)
{
	struct datagram *first = relay->heap[0];
	struct datagram *last = relay->heap[--relay->count];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= relay->count)
			break;
		if (child + 1 < relay->count &&
		    before(relay->heap[child + 1], relay->heap[child]))
			child++;
		if (!before(relay->heap[child], last))
			break;
		relay->heap[i] = relay->heap[child];
		i = child;
	}
	relay->heap[i] = last;
	return first;
}

static struct datagram *take_spare(struct relay *relay)
{
	if (relay->spares > 0)
		return relay->spare[--relay->spares];
	if (relay->count >= QUEUE_CAP - 2)
		return NULL;
	return malloc(sizeof(struct datagram));
}

/* ---------------------------------------------------------------- the link */

/* When a datagram that arrives now has crossed; 0 when the queue is full. */
static uint64_t crossing_time(struct relay *relay, unsigned int way, size_t len,
			      uint64_t now)
{
	const struct settings *s = &relay->settings;
	uint64_t start = now;

	if (s->rate_mbps != 0) {
		if (relay->busy_until[way] > now)
			start = relay->busy_until[way];
		if ((start - now) * s->rate_mbps / 8000 > s->queue_kib * 1024)
			return 0;
		start += (uint64_t)(len + 28) * 8000 / s->rate_mbps;
		relay->busy_until[way] = start;
	}
	return start + s->delay_us * 1000;
}

struct arrival {
	uint64_t now;
	unsigned int way, client;
	const uint8_t *bytes;
	size_t len;
};

static void enqueue(struct relay *relay, const struct arrival *arrival)
{
	uint64_t due =
		crossing_time(relay, arrival->way, arrival->len, arrival->now);
	struct datagram *datagram;

	if (due == 0 || (datagram = take_spare(relay)) == NULL)
		return;
	if (chance(relay, relay->settings.reorder_ppm))
		due += relay->settings.reorder_us * 1000;
	datagram->due_ns = due;
	datagram->serial = relay->serial++;
	datagram->way = (uint8_t)arrival->way;
	datagram->client = (uint8_t)arrival->client;
	datagram->len = (uint16_t)arrival->len;
	memcpy(datagram->bytes, arrival->bytes, arrival->len);
	push(relay, datagram);
}

static void arrive(struct relay *relay, const struct arrival *arrival)
{
	if (chance(relay, relay->settings.loss_ppm))
		return;
	enqueue(relay, arrival);
	if (chance(relay, relay->settings.dup_ppm))
		enqueue(relay, arrival);
}

static unsigned int find_client(struct relay *relay,
				const struct sockaddr_storage *from,
				socklen_t len)
{
	uint32_t i = 0;

	while (i < relay->client_count &&
	       (relay->clients[i].len != len ||
		memcmp(&relay->clients[i].address, from, len) != 0))
		i++;
	if (i == relay->client_count) {
		if (i == relay->settings.clients)
			i--;
		else
			relay->client_count++;
		relay->clients[i].address = *from;
		relay->clients[i].len = len;
	}
	return i;
}

static void receive(struct relay *relay, unsigned int way, unsigned int client,
		    uint64_t now)
{
	int fd = way == 0 ? relay->fd : relay->clients[client].fd;
	uint8_t bytes[DATAGRAM_CAP];
	struct arrival arrival = {
		.now = now, .way = way, .client = client, .bytes = bytes};

	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t len;

		memset(&from, 0, sizeof(from));
		len = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0)
			return;
		if (way == 0)
			arrival.client = find_client(relay, &from, from_len);
		arrival.len = (size_t)len;
		arrive(relay, &arrival);
	}
}

static void deliver(struct relay *relay, uint64_t now)
{
	while (relay->count > 0 && relay->heap[0]->due_ns <= now) {
		struct datagram *datagram = pop(relay);
		struct client *client = &relay->clients[datagram->client];

		if (datagram->way == 0)
			(void)send(client->fd, datagram->bytes, datagram->len,
				   0);
		else
			(void)sendto(relay->fd, datagram->bytes, datagram->len,
				     0, (struct sockaddr *)&client->address,
				     client->len);
		relay->spare[relay->spares++] = datagram;
	}
}

static void turn(struct relay *relay)
{
	struct pollfd fds[2 + CLIENTS_MAX] = {{relay->fd, POLLIN, 0},
					      {STDIN_FILENO, POLLIN, 0}};
	struct timespec wait = {1, 0};
	uint64_t now = now_ns();

	if (relay->count > 0) {
		uint64_t due = relay->heap[0]->due_ns;
		uint64_t left = due > now ? due - now : 0;

		wait.tv_sec = (time_t)(left / 1000000000u);
		wait.tv_nsec = (long)(left % 1000000000u);
	}
	for (uint32_t i = 0; i < relay->client_count; i++)
		fds[2 + i] = (struct pollfd){relay->clients[i].fd, POLLIN, 0};
	if (ppoll(fds, 2 + relay->client_count, &wait, NULL) < 0 &&
	    errno != EINTR)
		die("ppoll");
	if (fds[1].revents != 0 && !read_settings(relay))
		exit(0);
	now = now_ns();
	receive(relay, 0, 0, now);
	for (uint32_t i = 0; i < relay->client_count; i++)
		receive(relay, 1, i, now);
	deliver(relay, now_ns());
}

/* ------------------------------------------------------------------- start */

static socklen_t parse_address(const char *host, const char *port,
			       struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	uint16_t number = htons((uint16_t)strtoul(port, NULL, 10));

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = number;
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) {
		fprintf(stderr, "impair: %s is no address\n", host);
		exit(64);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = number;
	return sizeof(*v6);
}

static int open_socket(const char *host, const char *port, bool server)
{
	struct sockaddr_storage address;
	socklen_t len = parse_address(host, port, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = SOCKET_BUFFER;

	if (fd < 0)
		die("socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (server ? connect(fd, (struct sockaddr *)&address, len)
		   : bind(fd, (struct sockaddr *)&address, len))
		die(host);
	return fd;
}

int main(int argc, char **argv)
{
	static struct relay relay;

	if (argc < 5) {
		fputs("usage: impair LISTEN PORT SERVER PORT [KEY=VALUE]...\n",
		      stderr);
		return 64;
	}
	relay.settings = (struct settings){
		.queue_kib = 1024, .reorder_us = 2000, .seed = 1, .clients = 1};
	for (int i = 5; i < argc; i++) {
		if (set_one(&relay.settings, argv[i]) != 0)
			return 64;
	}
	relay.random = relay.settings.seed * 0x9e3779b97f4a7c15ULL + 1;
	if (relay.settings.clients < 1 || relay.settings.clients > CLIENTS_MAX)
		return 64;
	relay.fd = open_socket(argv[1], argv[2], false);
	for (uint32_t i = 0; i < relay.settings.clients; i++)
		relay.clients[i].fd = open_socket(argv[3], argv[4], true);
	puts("ready");
	fflush(stdout);
	for (;;)
		turn(&relay);
}
