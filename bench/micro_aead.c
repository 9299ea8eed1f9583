/* SPDX-License-Identifier: ISC */
/*
 * What sealing and opening costs: nanoseconds of processor time per packet, for
 * each backend that runs here, for ACKs, queries and full packets, one by one
 * and in batches. The fastest of many rounds counts, because whatever disturbs
 * a round makes it slower.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

enum {
	BATCH_MAX = 32,
	LEN_MAX = 1424,
	STRIDE = LEN_MAX + 64,
	ROUNDS = 60,
	PACKETS = 320, /* of one round */
};

struct bench {
	struct aead aead;
	uint8_t key[AEAD_KEY_LEN];
	uint8_t data[BATCH_MAX][STRIDE];
	uint8_t sealed[BATCH_MAX][STRIDE];
	struct aead_job jobs[BATCH_MAX];
};

static double now_ns(void)
{
	struct timespec ts;

	CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) == 0);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void prepare(struct bench *bench, uint32_t len, size_t batch)
{
	for (size_t i = 0; i < batch; i++)
		bench->jobs[i] = (struct aead_job){
			.data = bench->data[i],
			.len = len,
			.counter = i,
		};
	aead_seal_batch(&bench->aead, bench->key, bench->jobs, batch);
	memcpy(bench->sealed, bench->data, sizeof(bench->sealed));
}

static double seal_round(struct bench *bench, size_t batch)
{
	double begin = now_ns();

	for (size_t i = 0; i < PACKETS; i += batch)
		aead_seal_batch(&bench->aead, bench->key, bench->jobs, batch);
	return now_ns() - begin;
}

/* What is opened has to be sealed again: the copy back is not counted, and
 * leaves the packets in the cache, where a receive would have left them. */
static double open_round(struct bench *bench, size_t batch)
{
	double sum = 0;

	for (size_t i = 0; i < PACKETS; i += batch) {
		double begin;

		memcpy(bench->data, bench->sealed, sizeof(bench->data));
		begin = now_ns();
		aead_open_batch(&bench->aead, bench->key, bench->jobs, batch);
		sum += now_ns() - begin;
		for (size_t k = 0; k < batch; k++)
			CHECK(bench->jobs[k].ok);
	}
	return sum;
}

/* What now_ns() itself adds to a measurement. */
static double clock_cost(void)
{
	double best = 1e9;

	for (unsigned i = 0; i < 1000; i++) {
		double begin = now_ns();
		double cost = now_ns() - begin;

		best = cost < best ? cost : best;
	}
	return best;
}

static double fastest(struct bench *bench, size_t batch, double clock,
		      double (*round)(struct bench *bench, size_t batch))
{
	double reads = round == open_round ? (double)(PACKETS / batch) : 1;
	double best = 1e12;

	for (unsigned i = 0; i < ROUNDS; i++) {
		double cost = round(bench, batch) - reads * clock;

		best = cost < best ? cost : best;
	}
	return best / (double)PACKETS;
}

static void measure(struct bench *bench)
{
	static const uint32_t lengths[] = {64, 256, LEN_MAX};
	static const size_t batches[] = {1, 8, BATCH_MAX};
	double clock = clock_cost();

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(batches); k++) {
			double seal, open;

			prepare(bench, lengths[i], batches[k]);
			open = fastest(bench, batches[k], clock, open_round);
			seal = fastest(bench, batches[k], clock, seal_round);
			printf("%-10s %6u %6zu %9.0f %9.0f %11.2f %9.2f\n",
			       bench->aead.name, lengths[i], batches[k], seal,
			       open, seal / lengths[i], open / lengths[i]);
		}
	}
}

int main(void)
{
	static const char *const names[] = {"libsodium", "libcrypto",
					    "ipsec-mb"};
	static struct bench bench;

	CHECK(crypto_init() == 0);
	printf("%-10s %6s %6s %9s %9s %11s %9s\n", "backend", "bytes", "batch",
	       "seal ns", "open ns", "seal s/GB", "open s/GB");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (aead_load(names[i], &bench.aead) != 0) {
			printf("%-10s not here\n", names[i]);
			continue;
		}
		measure(&bench);
		aead_unload(&bench.aead);
	}
	return 0;
}
