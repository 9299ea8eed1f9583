/* SPDX-License-Identifier: ISC */
/* The rules of the protocol that an onlooker of the wire can check. */
#include "test/wgsim/world.h"

#include "base/bytes.h"
#include "crypto/wg_message.h"

#define REJECT_NS (180 * NS_PER_S)

static void derive(struct world *world, unsigned side, const uint8_t *data)
{
	struct session *session;

	if (world->session_count == SESSIONS_MAX)
		world_fail(world, "too many handshakes");
	session = &world->sessions[world->session_count++];
	*session = (struct session){.responder = side};
	session->index[side] = get_le32(data + 4);
	session->index[!side] = get_le32(data + 8);
	session->birth[side] = world->now;
	session->life[side] = world->side[side].life;
}

/* The session of this life of side whose data comes to index. */
static struct session *find(struct world *world, unsigned side,
			    unsigned receiver, uint32_t index)
{
	for (unsigned i = world->session_count; i-- > 0;) {
		struct session *session = &world->sessions[i];

		if (session->birth[side] != 0 &&
		    session->life[side] == world->side[side].life &&
		    session->index[receiver] == index)
			return session;
	}
	world_fail(world, "data of a session that was never agreed");
}

static void data_leaving(struct world *world, unsigned from,
			 const uint8_t *data)
{
	struct session *session = find(world, from, !from, get_le32(data + 4));

	if (get_le64(data + 8) != session->next[from]++)
		world_fail(world, "a nonce again, or left out");
	if (world->now - session->birth[from] >= REJECT_NS)
		world_fail(world, "sealed with a key of 180 s");
}

void rules_leaving(struct world *world, unsigned from, const uint8_t *data,
		   uint32_t len)
{
	struct side *side = &world->side[from];

	switch (wg_message_classify(data, len)) {
	case WG_MESSAGE_INITIATION:
		if (side->last_initiation != 0 &&
		    world->now - side->last_initiation < 5 * NS_PER_S)
			world_fail(world, "two initiations within 5 s");
		side->last_initiation = world->now;
		break;
	case WG_MESSAGE_RESPONSE:
		derive(world, from, data);
		break;
	case WG_MESSAGE_DATA:
		data_leaving(world, from, data);
		break;
	default:
		world_fail(world, "a message of no use has left");
	}
}

static void response_taken(struct world *world, const struct datagram *copy)
{
	for (unsigned i = world->session_count; i-- > 0;) {
		struct session *session = &world->sessions[i];

		if (session->responder == copy->to ||
		    session->index[!copy->to] != get_le32(copy->data + 4))
			continue;
		session->birth[copy->to] = world->now;
		session->life[copy->to] = world->side[copy->to].life;
		return;
	}
	world_fail(world, "took a response that was never sent");
}

void rules_taken(struct world *world, const struct datagram *copy)
{
	unsigned *life = &world->accepted[copy->number];
	unsigned now_life = world->side[copy->to].life;
	struct session *session;

	if (copy->corrupt)
		world_fail(world, "took a changed datagram");
	if (*life == now_life)
		world_fail(world, "took a datagram twice");
	*life = now_life;
	switch (wg_message_classify(copy->data, copy->len)) {
	case WG_MESSAGE_RESPONSE:
		response_taken(world, copy);
		break;
	case WG_MESSAGE_DATA:
		session = find(world, copy->to, copy->to,
			       get_le32(copy->data + 4));
		if (world->now - session->birth[copy->to] >= REJECT_NS)
			world_fail(world, "opened with a key of 180 s");
		break;
	default:
		break;
	}
}
