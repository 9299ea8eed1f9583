/* SPDX-License-Identifier: ISC */
/*
 * Fixed work for the whole program without sockets: a proxy and the far end of
 * its tunnel in memory, a clock moved by hand, random numbers that are always
 * the same. Run alone it prints what a unit of work takes; under callgrind it
 * is what bench/guard.py counts instructions of.
 *
 *   micro_turn [NAME ROUNDS]     without a name: all of them
 *
 *   up, down   64 KiB through one connection      per round
 *   query      100 bytes there, 1,000 bytes back
 *   connect    connect, a byte each way, close
 *   handshake  two new ends, WireGuard's handshake and a connect
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "test/unit/daemon/far.h"

enum { PIECE = 65536, IOVECS = 64 };

static struct far far;
static uint32_t relay;
static uint8_t bytes[PIECE];

static struct relay *current(void)
{
	return &far.proxy.relays[relay];
}

static void open_relay(void)
{
	struct endpoint from = {
		.addr = ip_addr_v4((const uint8_t[4]){127, 0, 0, 1}),
		.port = 40000};
	enum reason refused;

	relay = proxy_accept(&far.proxy, &far.now, 0, &from, &refused);
	CHECK(relay != RELAY_NONE);
	CHECK(far_run_until(&far, relay, RELAY_OPEN, 1000));
	while (!far_accept(&far))
		far_step(&far, NS_PER_MS / 10);
}

/* What the client's socket would have given: len bytes, as they fit. */
static size_t give(size_t len)
{
	struct iovec iov[IOVECS];
	int count = relay_upstream_space(current(), iov, IOVECS, len);
	size_t done = 0;

	for (int i = 0; i < count && done < len; i++) {
		size_t part = iov[i].iov_len < len - done ? iov[i].iov_len
							  : len - done;

		memcpy(iov[i].iov_base, bytes, part);
		done += part;
	}
	if (count > 0)
		relay_read(current(), &far.now, done);
	return done;
}

/* What the client's socket would have taken. */
static size_t take(void)
{
	struct iovec iov[IOVECS];
	int count = relay_downstream(current(), iov, IOVECS);
	size_t done = 0;

	for (int i = 0; i < count; i++)
		done += iov[i].iov_len;
	if (done > 0)
		relay_written(current(), &far.now, done);
	return done;
}

/* The far end takes what there is. */
static size_t drain(void)
{
	static uint8_t data[PIECE];
	int len = tcp_recv(far.tunnel.ns, far.now.awake, far.conn, data,
			   sizeof(data));

	return len > 0 ? (size_t)len : 0;
}

static size_t answer(size_t len)
{
	int done = tcp_send(far.tunnel.ns, far.now.awake, far.conn, bytes, len);

	return done > 0 ? (size_t)done : 0;
}

static void up(size_t len)
{
	size_t given = 0, taken = 0;

	while (taken < len) {
		given += given < len ? give(len - given) : 0;
		far_step(&far, NS_PER_MS / 10);
		taken += drain();
	}
}

static void down(size_t len)
{
	size_t given = 0, taken = 0;

	while (taken < len) {
		given += given < len ? answer(len - given) : 0;
		far_step(&far, NS_PER_MS / 10);
		taken += take();
	}
}

static void connect_once(void)
{
	open_relay();
	up(1);
	down(1);
	relay_client_eof(current(), &far.now);
	far_step(&far, NS_PER_MS);
	tcp_close(far.tunnel.ns, far.now.awake, far.conn);
	while (current()->state != RELAY_DOOMED) {
		far_step(&far, NS_PER_MS);
		if (relay_downstream(current(), &(struct iovec){0}, 1) < 0)
			relay_client_shut(current(), &far.now);
	}
	while (proxy_next_work(&far.proxy) != RELAY_NONE)
		;
	proxy_release(&far.proxy, &far.now, relay);
}

static void one_round(const char *name)
{
	if (strcmp(name, "up") == 0) {
		up(PIECE);
	} else if (strcmp(name, "down") == 0) {
		down(PIECE);
	} else if (strcmp(name, "query") == 0) {
		up(100);
		down(1000);
	} else {
		connect_once();
	}
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void measure(const char *name, long rounds)
{
	double start;

	far_open(&far, "0:10.9.0.1:5432", false);
	if (strcmp(name, "connect") != 0)
		open_relay();
	one_round(name);
	start = now_ns();
	for (long i = 0; i < rounds; i++)
		one_round(name);
	printf("%-9s %8.0f ns a round, both ends together\n", name,
	       (now_ns() - start) / (double)rounds);
	far_close(&far);
}

/* Nearly all of it is X25519, four times at each end. */
static void handshakes(long rounds)
{
	double start = now_ns();

	for (long i = 0; i < rounds; i++) {
		far_open(&far, "0:10.9.0.1:5432", false);
		open_relay();
		far_close(&far);
	}
	printf("%-9s %8.0f ns a round, both ends together\n", "handshake",
	       (now_ns() - start) / (double)rounds);
}

int main(int argc, char **argv)
{
	log_init(LOG_LEVEL_ERROR);
	if (argc == 3) {
		measure(argv[1], atol(argv[2]));
		return 0;
	}
	measure("up", 4000);
	measure("down", 4000);
	measure("query", 50000);
	measure("connect", 20000);
	handshakes(200);
	return 0;
}
