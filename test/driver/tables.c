/* SPDX-License-Identifier: ISC */
/* Replay windows, rates of sources and tables of allowed IPs. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/route.h"
#include "crypto/wg_limiter.h"
#include "crypto/wg_replay.h"
#include "driver.h"

static void replay_new(struct request *request)
{
	const char *name = request_word(request);

	if (request_end(request))
		name_new(request, "replay", name, sizeof(struct wg_replay),
			 NULL);
}

/* All counters are looked at before the first is noted. */
static void replay_accept(struct request *request)
{
	struct wg_replay *replay = name_find(request, "replay");
	size_t count = request->count - request->at;
	uint64_t *counters = request_alloc(request, count * sizeof(uint64_t));

	for (size_t i = 0; i < count; i++)
		counters[i] = request_number(request, UINT64_MAX);
	if (count == 0)
		request_fail(request, "MISSING");
	if (!request_end(request))
		return;
	for (size_t i = 0; i < count; i++)
		answer(request, "%d", wg_replay_accept(replay, counters[i]));
}

static void run_replay(struct request *request)
{
	static const struct command commands[] = {
		{"new", replay_new},
		{"accept", replay_accept},
		{NULL, NULL},
	};

	request_sub(request, commands);
}

/* ------------------------------------------------------------- limiter */

static void limiter_new(struct request *request)
{
	const char *name = request_word(request);
	const uint8_t *key = request_key(request, 16);
	struct siphash_key siphash;
	struct wg_limiter *limiter;

	if (!request_end(request))
		return;
	limiter = name_new(request, "limiter", name, sizeof(*limiter), NULL);
	if (limiter == NULL)
		return;
	memcpy(&siphash, key, sizeof(siphash));
	wg_limiter_init(limiter, &siphash);
}

static void limiter_allow(struct request *request)
{
	struct wg_limiter *limiter = name_find(request, "limiter");
	uint64_t now = request_number(request, INT64_MAX);
	size_t count = request->count - request->at;
	struct ip_addr *sources =
		request_alloc(request, count * sizeof(*sources));

	for (size_t i = 0; i < count; i++)
		sources[i] = request_addr(request);
	if (count == 0)
		request_fail(request, "MISSING");
	if (!request_end(request))
		return;
	for (size_t i = 0; i < count; i++)
		answer(request, "%d",
		       wg_limiter_allow(limiter, now, &sources[i]));
}

static void run_limiter(struct request *request)
{
	static const struct command commands[] = {
		{"new", limiter_new},
		{"allow", limiter_allow},
		{NULL, NULL},
	};

	request_sub(request, commands);
}

/* ------------------------------------------------------------- routes */

enum { PREFIXES_MAX = 1 << 20 };

struct routes {
	struct route_table table;
	struct route_node *nodes;
};

static void forget_routes(void *object)
{
	struct routes *routes = object;

	free(routes->nodes);
}

static void route_new(struct request *request)
{
	const char *name = request_word(request);
	uint32_t cap = 2 * (uint32_t)request_number(request, PREFIXES_MAX);
	struct routes *routes;

	if (cap == 0)
		request_fail(request, "NUMBER");
	if (!request_end(request))
		return;
	routes = name_new(request, "route", name, sizeof(*routes),
			  forget_routes);
	if (routes == NULL)
		return;
	routes->nodes = calloc(cap, sizeof(*routes->nodes));
	CHECK(routes->nodes != NULL);
	route_init(&routes->table, routes->nodes, cap);
}

static void run_insert(struct request *request)
{
	struct routes *routes = name_find(request, "route");
	struct prefix prefix = request_prefix(request);
	uint16_t value = (uint16_t)request_number(request, ROUTE_NONE - 1);

	if (request_end(request))
		request_check(request,
			      route_insert(&routes->table, &prefix, value));
}

static void run_remove(struct request *request)
{
	struct routes *routes = name_find(request, "route");
	struct prefix prefix = request_prefix(request);

	if (request_end(request))
		request_check(request, route_remove(&routes->table, &prefix));
}

static void run_remove_value(struct request *request)
{
	struct routes *routes = name_find(request, "route");
	uint16_t value = (uint16_t)request_number(request, ROUTE_NONE - 1);

	if (request_end(request))
		route_remove_value(&routes->table, value);
}

static void run_lookup(struct request *request)
{
	struct routes *routes = name_find(request, "route");
	size_t count = request->count - request->at;
	struct ip_addr *addrs =
		request_alloc(request, (count + 1) * sizeof(*addrs));

	for (size_t i = 0; i < count || i == 0; i++)
		addrs[i] = request_addr(request);
	if (request_end(request))
		for (size_t i = 0; i < count; i++)
			answer_route(request, &routes->table, &addrs[i]);
}

void answer_route(struct request *request, const struct route_table *table,
		  const struct ip_addr *addr)
{
	uint16_t value = route_lookup(table, addr);

	if (value == ROUTE_NONE)
		answer(request, "none");
	else
		answer(request, "%u", value);
}

static void run_route(struct request *request)
{
	static const struct command commands[] = {
		{"new", route_new},     {"insert", run_insert},
		{"remove", run_remove}, {"remove-value", run_remove_value},
		{"lookup", run_lookup}, {NULL, NULL},
	};

	request_sub(request, commands);
}

const struct command table_commands[] = {
	{"replay", run_replay},
	{"limiter", run_limiter},
	{"route", run_route},
	{NULL, NULL},
};
