/* SPDX-License-Identifier: ISC */
#include "daemon/io_resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"

#define BACKOFF_MIN_NS (1 * NS_PER_S)
#define BACKOFF_MAX_NS (60 * NS_PER_S)

struct io_resolve *io_resolve_new(struct io_loop *io, struct tunnel *tunnel,
				  uint16_t peer)
{
	struct io_resolve *resolve = calloc(1, sizeof(*resolve));

	if (resolve == NULL)
		return NULL;
	resolve->io = io;
	resolve->tunnel = tunnel;
	resolve->peer = peer;
	resolve->backoff = BACKOFF_MIN_NS;
	return resolve;
}

void io_resolve_free(struct io_resolve *resolve)
{
	resolve->tunnel = NULL;
	if (!resolve->busy)
		free(resolve);
}

static bool same_answer(const struct io_resolve *resolve,
			const struct endpoint *addresses, uint32_t count)
{
	if (count != resolve->address_count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!endpoint_equal(&addresses[i], &resolve->addresses[i]))
			return false;
	}
	return true;
}

static void take_answer(struct io_resolve *resolve,
			const struct addrinfo *answer)
{
	struct endpoint addresses[NAME_ADDRESSES_MAX];
	uint32_t count = 0;

	for (; answer != NULL && count < NAME_ADDRESSES_MAX;
	     answer = answer->ai_next) {
		struct sockaddr_storage sockaddr = {.ss_family = AF_UNSPEC};

		if (answer->ai_addrlen > sizeof(sockaddr))
			continue;
		memcpy(&sockaddr, answer->ai_addr, answer->ai_addrlen);
		addresses[count] = io_endpoint(&sockaddr);
		if (addresses[count].addr.family != IP_NONE)
			count++;
	}
	if (!same_answer(resolve, addresses, count)) {
		memcpy(resolve->addresses, addresses,
		       count * sizeof(addresses[0]));
		resolve->address_count = count;
		resolve->address_next = 0;
	}
}

static void on_answer(uv_getaddrinfo_t *request, int status,
		      struct addrinfo *answer)
{
	struct io_resolve *resolve = request->data;

	resolve->busy = false;
	resolve->io->lookups--;
	if (resolve->tunnel == NULL) {
		uv_freeaddrinfo(answer);
		free(resolve);
		return;
	}
	resolve->answered = status == 0;
	if (status == 0)
		take_answer(resolve, answer);
	uv_freeaddrinfo(answer);
}

static void start(struct io_resolve *resolve)
{
	struct io_loop *io = resolve->io;
	struct tunnel_peer *peer = &resolve->tunnel->peers[resolve->peer];
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
				 .ai_flags = AI_ADDRCONFIG};
	char port[8];

	snprintf(port, sizeof(port), "%u", (unsigned)peer->endpoint.port);
	if (io->now.awake > resolve->not_before + BACKOFF_MAX_NS)
		resolve->backoff = BACKOFF_MIN_NS; /* all was well since */
	resolve->not_before = io->now.awake + resolve->backoff;
	resolve->backoff = time_min(resolve->backoff * 2, BACKOFF_MAX_NS);
	resolve->request.data = resolve;
	resolve->busy = uv_getaddrinfo(&io->uv, &resolve->request, on_answer,
				       peer->endpoint.host, port, &hints) == 0;
	if (resolve->busy)
		io->lookups++;
}

static void log_failure(struct io_resolve *resolve)
{
	if (!resolve->failed)
		log_warning(
			"event=endpoint_unresolved tunnel=%s peer=%u "
			"host=%s text=\"the host's resolver has no "
			"address for it; trying again\"",
			resolve->tunnel->name, (unsigned)resolve->peer,
			resolve->tunnel->peers[resolve->peer].endpoint.host);
	resolve->failed = true;
}

static void hand_over(struct io_resolve *resolve)
{
	uint32_t index = resolve->address_next % resolve->address_count;
	struct endpoint *endpoint = &resolve->addresses[index];
	char text[ENDPOINT_TEXT_CAP];

	resolve->address_next = index + 1;
	resolve->failed = false;
	resolve->tunnel->peers[resolve->peer].resolve = false;
	log_info("event=endpoint_resolved tunnel=%s peer=%u endpoint=%s",
		 resolve->tunnel->name, (unsigned)resolve->peer,
		 endpoint_format(endpoint, text));
	tunnel_peer_resolved(resolve->tunnel, &resolve->io->now, resolve->peer,
			     endpoint);
}

void io_resolve_turn(struct io_resolve *resolve)
{
	bool wanted = resolve->tunnel->peers[resolve->peer].resolve;

	if (resolve->busy)
		return;
	if (resolve->answered && resolve->address_count > 0)
		hand_over(resolve);
	else if (resolve->backoff > BACKOFF_MIN_NS && wanted &&
		 resolve->address_count == 0)
		log_failure(resolve);
	resolve->answered = false;
	wanted = resolve->tunnel->peers[resolve->peer].resolve;
	if (!wanted)
		return;
	if (resolve->io->now.awake >= resolve->not_before)
		start(resolve);
}

uint64_t io_resolve_deadline(const struct io_resolve *resolve)
{
	if (resolve->busy || !resolve->tunnel->peers[resolve->peer].resolve)
		return NEVER;
	return resolve->not_before;
}
