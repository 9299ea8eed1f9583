/* SPDX-License-Identifier: ISC */
#include "netstack/dial.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/time.h"
#include "base/timer.h"
#include "netstack/tag.h"

#define DIAL_TIMEOUT_NS     (10 * NS_PER_S)
#define ATTEMPT_DELAY_NS    (250 * NS_PER_MS)
#define RESOLUTION_DELAY_NS (50 * NS_PER_MS)
#define DIAL_NONE           UINT32_MAX

struct attempt {
	struct ns_handle handle;
	struct ip_addr addr;
	bool open; /* false: it failed */
};

enum dial_state { DIAL_FREE, DIAL_ACTIVE, DIAL_ENDED, DIAL_CANCELLED };

struct dial {
	enum dial_state state;
	char host[NAME_CAP];
	uint16_t port;
	bool shuffle;
	struct ip_addr literal; /* IP_NONE: host is a name */
	struct ip_addr preferred;
	uint64_t user;
	uint64_t generation; /* of the resolver, as last looked at */
	uint64_t ends_at;
	uint64_t next_at;  /* the next attempt may start */
	uint64_t alone_at; /* first address known while others may come */
	bool complete;     /* no further addresses will come */
	int error;         /* most telling so far */
	struct dns_answer answer; /* in the order to try */
	uint32_t attempt_count;
	struct attempt attempts[NAME_ADDRESSES_MAX];
	struct dial_result result;
	uint32_t next, prev; /* active, ended or free list */
};

struct dialer {
	struct dialer_config config;
	uint32_t fresh, free;
	uint32_t active;      /* list */
	uint32_t ended, last; /* queue */
	uint64_t generation;  /* of the resolver, as last looked at */
	struct timer_heap timers;
	struct dial dials[];
};

size_t dialer_size(const struct dialer_config *config)
{
	return sizeof(struct dialer) + config->dials_max * sizeof(struct dial) +
	       timer_size(config->dials_max);
}

struct dialer *dialer_init(void *memory, const struct dialer_config *config)
{
	struct dialer *dialer = memory;

	dialer->config = *config;
	dialer->free = dialer->active = DIAL_NONE;
	dialer->ended = dialer->last = DIAL_NONE;
	timer_init(&dialer->timers, &dialer->dials[config->dials_max],
		   config->dials_max);
	return dialer;
}

/* ------------------------------------------------------------- lists */

static uint32_t number_of(const struct dialer *dialer, const struct dial *dial)
{
	return (uint32_t)(dial - dialer->dials);
}

static struct dial *take_dial(struct dialer *dialer)
{
	uint32_t index = dialer->free;
	struct dial *dial;

	if (index != DIAL_NONE)
		dialer->free = dialer->dials[index].next;
	else if (dialer->fresh < dialer->config.dials_max)
		index = dialer->fresh++;
	else
		return NULL;
	dial = &dialer->dials[index];
	memset(dial, 0, sizeof(*dial));
	dial->prev = DIAL_NONE;
	dial->next = dialer->active;
	if (dial->next != DIAL_NONE)
		dialer->dials[dial->next].prev = index;
	dialer->active = index;
	dial->state = DIAL_ACTIVE;
	return dial;
}

static void leave_active(struct dialer *dialer, struct dial *dial)
{
	if (dial->prev != DIAL_NONE)
		dialer->dials[dial->prev].next = dial->next;
	else
		dialer->active = dial->next;
	if (dial->next != DIAL_NONE)
		dialer->dials[dial->next].prev = dial->prev;
	timer_set(&dialer->timers, number_of(dialer, dial), NEVER);
}

static void free_dial(struct dialer *dialer, struct dial *dial)
{
	dial->state = DIAL_FREE;
	dial->next = dialer->free;
	dialer->free = number_of(dialer, dial);
}

/* ------------------------------------------------------------- the end */

static void abort_attempts(struct dialer *dialer, struct dial *dial,
			   uint64_t now, const struct attempt *except)
{
	for (uint32_t i = 0; i < dial->attempt_count; i++) {
		struct attempt *attempt = &dial->attempts[i];

		if (attempt->open && attempt != except)
			(void)tcp_abort(dialer->config.ns, now,
					attempt->handle);
		attempt->open = false;
	}
}

static void end(struct dialer *dialer, struct dial *dial, uint64_t now,
		const struct attempt *winner, int error)
{
	dial->result = (struct dial_result){.user = dial->user, .error = error};
	if (winner != NULL) {
		dial->result.handle = winner->handle;
		dial->result.to = (struct endpoint){.addr = winner->addr,
						    .port = dial->port};
	}
	abort_attempts(dialer, dial, now, winner);
	leave_active(dialer, dial);
	dial->state = DIAL_ENDED;
	dial->next = DIAL_NONE;
	if (dialer->last == DIAL_NONE)
		dialer->ended = number_of(dialer, dial);
	else
		dialer->dials[dialer->last].next = number_of(dialer, dial);
	dialer->last = number_of(dialer, dial);
}

bool dial_next_result(struct dialer *dialer, struct dial_result *ret_result)
{
	struct dial *dial;
	bool cancelled;

	if (dialer->ended == DIAL_NONE)
		return false;
	dial = &dialer->dials[dialer->ended];
	dialer->ended = dial->next;
	if (dialer->ended == DIAL_NONE)
		dialer->last = DIAL_NONE;
	*ret_result = dial->result;
	cancelled = dial->state == DIAL_CANCELLED;
	free_dial(dialer, dial);
	return cancelled ? dial_next_result(dialer, ret_result) : true;
}

void dial_cancel(struct dialer *dialer, uint64_t now, uint32_t number)
{
	struct dial *dial = &dialer->dials[number];

	CHECK(number < dialer->fresh);
	if (dial->state == DIAL_ENDED) { /* the result was not taken yet */
		if (dial->result.error == 0)
			(void)tcp_abort(dialer->config.ns, now,
					dial->result.handle);
		dial->state = DIAL_CANCELLED;
		return;
	}
	CHECK(dial->state == DIAL_ACTIVE);
	abort_attempts(dialer, dial, now, NULL);
	leave_active(dialer, dial);
	free_dial(dialer, dial);
}

/* ------------------------------------------------------------- addresses */

static void swap(struct dns_answer *answer, uint32_t a, uint32_t b)
{
	struct ip_addr addr = answer->addresses[a];

	answer->addresses[a] = answer->addresses[b];
	answer->addresses[b] = addr;
}

/* RFC 8305 section 4: the families in turn, IPv6 first; each keeps its order.
 */
static void interleave(struct dns_answer *answer)
{
	struct dns_answer sorted = {.complete = answer->complete};
	bool taken[NAME_ADDRESSES_MAX] = {false};
	uint8_t want = IP_V6;

	while (sorted.count < answer->count) {
		uint32_t i = 0;

		while (i < answer->count &&
		       (taken[i] || answer->addresses[i].family != want))
			i++;
		want = want == IP_V6 ? IP_V4 : IP_V6;
		if (i == answer->count)
			continue; /* that family has no more */
		taken[i] = true;
		sorted.addresses[sorted.count++] = answer->addresses[i];
	}
	*answer = sorted;
}

static void order(struct dialer *dialer, const struct dial *dial,
		  struct dns_answer *answer)
{
	for (uint32_t i = answer->count; dial->shuffle && i > 1; i--)
		swap(answer, i - 1, random_below(&dialer->config.random, i));
	interleave(answer);
	for (uint32_t i = 1; i < answer->count; i++) {
		if (!ip_addr_equal(&answer->addresses[i], &dial->preferred))
			continue;
		for (uint32_t j = i; j > 0; j--)
			swap(answer, j, j - 1);
	}
}

static bool was_tried(const struct dial *dial, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < dial->attempt_count; i++) {
		if (ip_addr_equal(&dial->attempts[i].addr, addr))
			return true;
	}
	return false;
}

static const struct ip_addr *next_address(const struct dial *dial)
{
	for (uint32_t i = 0; i < dial->answer.count; i++) {
		if (!was_tried(dial, &dial->answer.addresses[i]))
			return &dial->answer.addresses[i];
	}
	return NULL;
}

/* A refusal says more than silence, an answer about the name more than that. */
static int more_telling(int a, int b)
{
	static const int ranking[] = {-ERR_REFUSED, -ERR_RESET,
				      -ERR_UNREACHABLE, -ERR_NO_ROUTE,
				      -ERR_TIMEOUT};

	for (unsigned i = 0; i < ARRAY_SIZE(ranking); i++) {
		if (a == ranking[i] || b == ranking[i])
			return ranking[i];
	}
	return a != 0 ? a : b;
}

static void look_up(struct dialer *dialer, struct dial *dial, uint64_t now)
{
	struct dns_answer answer;
	int err;

	if (dial->literal.family != IP_NONE || dial->complete)
		return;
	err = resolver_lookup(dialer->config.resolver, now, dial->host,
			      &answer);
	dial->generation = resolver_generation(dialer->config.resolver);
	if (err == -ERR_AGAIN)
		return;
	if (err != 0) {
		dial->error = more_telling(dial->error, err);
		dial->complete = true;
		return;
	}
	if (dial->answer.count == 0)
		dial->alone_at = now;
	order(dialer, dial, &answer);
	dial->answer = answer;
	dial->complete = answer.complete;
}

/* ------------------------------------------------------------- attempts */

static void attempt_failed(struct dial *dial, struct attempt *attempt,
			   uint64_t now, int err)
{
	attempt->open = false;
	dial->error = more_telling(dial->error, err);
	dial->next_at = now; /* do not wait for the next one */
}

static void start_attempt(struct dialer *dialer, struct dial *dial,
			  uint64_t now, const struct ip_addr *addr)
{
	struct attempt *attempt = &dial->attempts[dial->attempt_count++];
	struct endpoint to = {.addr = *addr, .port = dial->port};
	uint64_t tag = tag_make(TAG_DIAL, number_of(dialer, dial));
	int err;

	attempt->addr = *addr;
	attempt->open = true;
	dial->next_at = now + ATTEMPT_DELAY_NS;
	err = tcp_connect(dialer->config.ns, now, &to, tag, &attempt->handle);
	if (err != 0)
		attempt_failed(dial, attempt, now, err);
}

static bool any_open(const struct dial *dial)
{
	for (uint32_t i = 0; i < dial->attempt_count; i++) {
		if (dial->attempts[i].open)
			return true;
	}
	return false;
}

/* An IPv4 answer that came alone waits a moment for IPv6 (section 3). */
static uint64_t may_start_at(const struct dial *dial)
{
	uint64_t at = dial->next_at;

	if (dial->attempt_count == 0 && !dial->complete &&
	    dial->answer.addresses[0].family == IP_V4 &&
	    at < dial->alone_at + RESOLUTION_DELAY_NS)
		at = dial->alone_at + RESOLUTION_DELAY_NS;
	return at;
}

/* When step() has something to do for the dial. */
static uint64_t due_at(const struct dial *dial)
{
	if (next_address(dial) != NULL &&
	    dial->attempt_count < NAME_ADDRESSES_MAX)
		return time_min(dial->ends_at, may_start_at(dial));
	return dial->ends_at;
}

static void step(struct dialer *dialer, struct dial *dial, uint64_t now)
{
	const struct ip_addr *addr;

	look_up(dialer, dial, now);
	while ((addr = next_address(dial)) != NULL &&
	       dial->attempt_count < NAME_ADDRESSES_MAX &&
	       now >= may_start_at(dial))
		start_attempt(dialer, dial, now, addr);
	if (now >= dial->ends_at)
		end(dialer, dial, now, NULL,
		    dial->error != 0 ? dial->error
		    : dial->attempt_count > 0 || dial->complete
			    ? -ERR_TIMEOUT
			    : -ERR_NAME_TIMEOUT);
	else if (addr == NULL && dial->complete && !any_open(dial))
		end(dialer, dial, now, NULL,
		    dial->error != 0 ? dial->error : -ERR_NO_ADDRESS);
	else
		timer_set(&dialer->timers, number_of(dialer, dial),
			  due_at(dial));
}

int dial_start(struct dialer *dialer, uint64_t now,
	       const struct dial_request *request, uint32_t *ret_dial)
{
	struct dial *dial;

	if (strlen(request->host) >= NAME_CAP)
		return -ERR_INVALID;
	dial = take_dial(dialer);
	if (dial == NULL)
		return -ERR_FULL;
	strcpy(dial->host, request->host);
	dial->port = request->port;
	dial->shuffle = request->shuffle;
	dial->preferred = request->preferred;
	dial->user = request->user;
	dial->ends_at = now + (request->timeout != 0 ? request->timeout
						     : DIAL_TIMEOUT_NS);
	if (ip_addr_parse(dial->host, &dial->literal) == 0) {
		dial->answer.addresses[0] = dial->literal;
		dial->answer.count = 1;
		dial->complete = true;
	}
	*ret_dial = number_of(dialer, dial);
	step(dialer, dial, now);
	return 0;
}

/* ------------------------------------------------------------- events */

static struct attempt *find_attempt(struct dial *dial, struct ns_handle handle)
{
	for (uint32_t i = 0; i < dial->attempt_count; i++) {
		struct attempt *attempt = &dial->attempts[i];

		if (attempt->open && attempt->handle.index == handle.index &&
		    attempt->handle.generation == handle.generation)
			return attempt;
	}
	return NULL;
}

void dial_event(struct dialer *dialer, uint64_t now,
		const struct ns_event *event)
{
	uint32_t number = tag_index(event->user);
	struct dial *dial = &dialer->dials[number];
	struct attempt *attempt;

	CHECK(number < dialer->fresh);
	if (dial->state != DIAL_ACTIVE)
		return;
	attempt = find_attempt(dial, event->handle);
	if (attempt == NULL)
		return;
	if (event->bits & NS_FAILED) {
		(void)tcp_abort(dialer->config.ns, now, event->handle);
		attempt_failed(dial, attempt, now, event->error);
		step(dialer, dial, now);
	} else if (event->bits & NS_CONNECTED) {
		end(dialer, dial, now, attempt, 0);
	}
}

void dial_advance(struct dialer *dialer, uint64_t now)
{
	uint64_t generation = resolver_generation(dialer->config.resolver);
	uint32_t index = dialer->active;

	if (dialer->generation == generation)
		return;
	dialer->generation = generation;
	while (index != DIAL_NONE) {
		struct dial *dial = &dialer->dials[index];

		index = dial->next;
		if (!dial->complete && dial->generation != generation)
			step(dialer, dial, now);
	}
}

uint64_t dial_deadline(const struct dialer *dialer)
{
	return timer_next(&dialer->timers);
}

void dial_expire(struct dialer *dialer, uint64_t now)
{
	uint32_t index;

	while (timer_pop(&dialer->timers, now, &index))
		step(dialer, &dialer->dials[index], now);
}
