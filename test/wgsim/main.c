/* SPDX-License-Identifier: ISC */
/* wgsim [--seed N] [--count N] [--trace] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/secret.h"
#include "test/wgsim/world.h"

enum { TWICE_EVERY = 16 };

int main(int argc, char **argv)
{
	static struct world world;
	uint64_t seed = 1, count = 1, packets = 0, delivered = 0, sessions = 0;

	CHECK(crypto_init() == 0);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			world.trace = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
			count = strtoull(argv[++i], NULL, 10);
		else
			return 2;
	}
	for (uint64_t i = seed; i < seed + count; i++) {
		uint64_t hash = world_run(&world, i);

		packets += world.packet_count;
		delivered += world.delivered;
		sessions += world.session_count;
		if (i % TWICE_EVERY == 0 && world_run(&world, i) != hash)
			world_fail(&world, "two runs of a seed differ");
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " handshakes, %" PRIu64
	       " of %" PRIu64 " packets delivered\n",
	       count, sessions, delivered, packets);
	return 0;
}
