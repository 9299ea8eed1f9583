/* SPDX-License-Identifier: ISC */
/* What a device receives (checklist 1.2, 1.3, 1.7). */
#include "crypto/wg_peer.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

enum { BATCH_MAX = 64 };
enum { ECN_NOT_ECT = 0, ECN_CE = 3 };

/* E1: only after authentication. */
static void roam(struct wg_device *dev, struct wg_peer *peer,
		 const struct wg_datagram *in)
{
	if (!endpoint_equal(&peer->endpoint, &in->from)) {
		peer->endpoint = in->from;
		wg_peer_post(dev, peer, WG_EVENT_ENDPOINT_CHANGED);
	}
	peer->source = in->local;
	peer->ifindex = in->local.family == IP_V4 ? in->ifindex : 0;
}

/* ------------------------------------------------------------- handshake */

/* N16, N17: newer than every one before, and not too many. */
static bool is_fresh(const struct wg_peer *peer, uint64_t now,
		     const struct wg_opening *opening)
{
	if (memcmp(opening->timestamp, peer->latest_timestamp,
		   WG_TIMESTAMP_LEN) <= 0)
		return false;
	return peer->last_initiation == 0 ||
	       now - peer->last_initiation >= WG_INITIATION_GAP_NS;
}

static struct wg_peer *consume_initiation(struct wg_device *dev, uint64_t now,
					  const struct wg_initiation *message)
{
	struct wg_opening opening;
	struct wg_peer *peer = NULL;

	if (wg_noise_open_static(&dev->identity, message, &opening))
		peer = wg_peer_by_key(dev, opening.remote_static);
	if (peer != NULL &&
	    !(wg_noise_open_timestamp(&peer->noise, message, &opening) &&
	      is_fresh(peer, now, &opening)))
		peer = NULL;
	if (peer != NULL) {
		wg_noise_accept_initiation(message, &opening, &peer->handshake);
		memcpy(peer->latest_timestamp, opening.timestamp,
		       WG_TIMESTAMP_LEN);
		peer->last_initiation = now;
		wg_peer_send(dev, peer, WG_SEND_RESPONSE);
	}
	wg_noise_opening_wipe(&opening);
	return peer;
}

static struct wg_peer *consume_response(struct wg_device *dev, uint64_t now,
					const struct wg_response *message)
{
	const struct wg_index_entry *entry =
		wg_index_find(&dev->indices, get_le32(message->receiver));
	struct wg_transport_keys keys;
	struct wg_peer *peer;
	bool ok;

	if (entry == NULL || entry->slot != WG_SLOT_HANDSHAKE)
		return NULL;
	peer = &dev->peers[entry->peer];
	ok = wg_noise_consume_response(&dev->identity, &peer->noise,
				       &peer->handshake, message, &keys);
	if (ok) {
		wg_session_begin(dev, peer, now, get_le32(message->sender),
				 true, &keys);
		wg_timers_complete(dev, peer, now);
		wg_peer_send(dev, peer, WG_SEND_CONFIRMATION); /* K5 */
	}
	secret_wipe(&keys, sizeof(keys));
	return ok ? peer : NULL;
}

static void reply_cookie(struct wg_device *dev, uint64_t now,
			 const struct wg_datagram *in, const uint8_t *data,
			 uint32_t len)
{
	struct wg_pending_reply *reply = wg_load_reply(dev->load);

	if (reply == NULL)
		return;
	wg_cookie_make_reply(&dev->checker, now, &dev->config.random, &in->from,
			     data, len, &reply->message);
	reply->to = (struct wg_destination){
		.to = in->from,
		.source = in->local,
		.ifindex = in->local.family == IP_V4 ? in->ifindex : 0,
	};
}

/* C4: under load a message needs the cookie of its source. */
static bool may_pass(struct wg_device *dev, uint64_t now,
		     const struct wg_datagram *in, const uint8_t *data,
		     uint32_t len)
{
	wg_count(dev, WG_RX_LOAD);
	if (!wg_cookie_check_mac2(&dev->checker, now, &in->from, data, len)) {
		reply_cookie(dev, now, in, data, len);
		return false;
	}
	if (wg_load_allows(dev->load, now, &dev->config.random, &in->from.addr))
		return true;
	wg_count(dev, WG_RX_RATE);
	return false;
}

static void input_handshake(struct wg_device *dev, uint64_t now,
			    const struct wg_datagram *in, const uint8_t *data,
			    uint32_t len)
{
	bool initiation = len == sizeof(struct wg_initiation);
	struct wg_peer *peer;

	if (!wg_cookie_check_mac1(&dev->checker, data, len)) {
		wg_count(dev, WG_RX_MAC1);
		return;
	}
	if (!wg_load_at_ease(dev->load, now) &&
	    !may_pass(dev, now, in, data, len))
		return;
	peer = initiation
		       ? consume_initiation(dev, now,
					    (const struct wg_initiation *)data)
		       : consume_response(dev, now,
					  (const struct wg_response *)data);
	if (peer == NULL) {
		wg_count(dev, WG_RX_HANDSHAKE);
		return;
	}
	peer->rx_bytes += len;
	roam(dev, peer, in);
	wg_timers_received(dev, peer, now);
}

/* C7, C9: no roaming, no timers, the next retry carries mac2. */
static void input_cookie(struct wg_device *dev, uint64_t now,
			 const struct wg_cookie_reply *reply)
{
	const struct wg_index_entry *entry =
		wg_index_find(&dev->indices, get_le32(reply->receiver));

	if (entry == NULL ||
	    !wg_cookie_consume(&dev->peers[entry->peer].cookie, now, reply))
		wg_count(dev, WG_RX_COOKIE);
}

/* ------------------------------------------------------------- data */

/* D3-D5: the length that the inner header gives, 0 when it is not sound. */
static uint32_t inner_len(const uint8_t *ip, uint32_t len)
{
	uint32_t total = 0;

	if (len >= 20 && ip[0] >> 4 == 4) {
		total = get_be16(ip + 2);
		if (total < 20)
			return 0;
	} else if (len >= 40 && ip[0] >> 4 == 6) {
		total = 40 + (uint32_t)get_be16(ip + 4);
	}
	return total <= len ? total : 0;
}

/* D6: the longest match over all peers must be this one. */
static bool source_allowed(const struct wg_device *dev,
			   const struct wg_peer *peer, const uint8_t *ip)
{
	struct ip_addr source =
		ip[0] >> 4 == 4 ? ip_addr_v4(ip + 12) : ip_addr_v6(ip + 8);

	return route_lookup(&dev->routes, &source) == peer->index;
}

/* D8 (RFC 6040): a mark of the way counts where the inner packet may have one.
 * One that may not have it is delivered all the same, as the kernel does. */
static uint8_t inner_ecn(const uint8_t *ip, uint8_t outer_tos)
{
	unsigned inner = ip[0] >> 4 == 4 ? ip[1] & 3U : ip[1] >> 4 & 3U;
	bool marked = (outer_tos & 3) == ECN_CE && inner != ECN_NOT_ECT;

	return marked ? ECN_CE : (uint8_t)inner;
}

static bool deliver(struct wg_device *dev, const struct wg_peer *peer,
		    const struct wg_datagram *in, const struct aead_job *job,
		    struct packet *out)
{
	uint32_t len = inner_len(job->data, job->len);

	if (len == 0) {
		wg_count(dev, WG_RX_INNER);
		return false;
	}
	if (!source_allowed(dev, peer, job->data)) {
		wg_count(dev, WG_RX_SOURCE);
		return false;
	}
	*out = (struct packet){
		.data = job->data,
		.len = len,
		.path = peer->index,
		.ecn = inner_ecn(job->data, in->tos),
	};
	wg_count(dev, WG_RX_PACKETS);
	return true;
}

/* K11: once per key, a little before it dies. */
static void keep_key_fresh(struct wg_device *dev, struct wg_peer *peer,
			   uint64_t now)
{
	struct wg_keypair *keypair = wg_keypair_at(peer, peer->current);
	uint64_t limit = WG_REJECT_AFTER_TIME_NS - WG_KEEPALIVE_TIMEOUT_NS -
			 WG_REKEY_TIMEOUT_NS;

	if (keypair == NULL || !keypair->initiator || keypair->last_minute ||
	    now - keypair->birth < limit)
		return;
	keypair->last_minute = true;
	wg_timers_initiate(dev, peer, now, false);
}

/* Datagrams of one super-datagram that use one key, in order. */
struct batch {
	struct aead_job jobs[BATCH_MAX];
	size_t count;
	uint32_t index; /* the receiver index they share */
};

/* D1: the serial part, packet by packet; timers and endpoint once. */
static size_t finish_batch(struct wg_device *dev, uint64_t now,
			   const struct wg_datagram *in, struct batch *batch,
			   struct packet *out)
{
	const struct wg_index_entry *entry =
		wg_index_find(&dev->indices, batch->index);
	struct wg_peer *peer = &dev->peers[entry->peer];
	uint8_t slot = entry->slot;
	struct wg_keypair *keypair = &peer->keypairs[slot];
	bool any = false, data = false;
	size_t delivered = 0;

	aead_open_batch(dev->config.aead, keypair->keys->receive, batch->jobs,
			batch->count);
	for (size_t i = 0; i < batch->count; i++) {
		struct aead_job *job = &batch->jobs[i];

		if (!job->ok) {
			wg_count(dev, WG_RX_AUTH);
			continue;
		}
		if (!wg_replay_accept(&keypair->replay, job->counter)) {
			wg_count(dev, WG_RX_REPLAY);
			continue;
		}
		any = true;
		peer->rx_bytes += WG_DATA_LEN_MIN + job->len;
		if (job->len == 0)
			continue;
		data = true;
		if (deliver(dev, peer, in, job, &out[delivered]))
			delivered++;
	}
	batch->count = 0;
	if (!any)
		return 0;
	roam(dev, peer, in);
	wg_session_confirm(dev, peer, now, slot);
	keep_key_fresh(dev, peer, now);
	wg_timers_received(dev, peer, now);
	if (data)
		wg_timers_data_received(dev, peer, now);
	return delivered;
}

/* K8: whether the index names a key that may still receive. */
static bool may_receive(struct wg_device *dev, uint64_t now, uint32_t index)
{
	const struct wg_index_entry *entry =
		wg_index_find(&dev->indices, index);
	const struct wg_keypair *keypair;

	if (entry == NULL || entry->slot == WG_SLOT_HANDSHAKE) {
		wg_count(dev, WG_RX_INDEX);
		return false;
	}
	keypair = &dev->peers[entry->peer].keypairs[entry->slot];
	if (now - keypair->birth >= WG_REJECT_AFTER_TIME_NS ||
	    keypair->replay.next >= WG_REJECT_AFTER_MESSAGES) {
		wg_count(dev, WG_RX_EXPIRED);
		return false;
	}
	return true;
}

static void add_job(struct batch *batch, uint8_t *data, uint32_t len)
{
	const struct wg_data_header *header =
		(const struct wg_data_header *)data;

	batch->jobs[batch->count++] = (struct aead_job){
		.data = data + WG_DATA_HEADER_LEN,
		.len = len - WG_DATA_LEN_MIN,
		.counter = get_le64(header->counter),
	};
}

static void input_message(struct wg_device *dev, uint64_t now,
			  const struct wg_datagram *in, const uint8_t *data,
			  uint32_t len)
{
	switch (wg_message_classify(data, len)) {
	case WG_MESSAGE_INITIATION:
	case WG_MESSAGE_RESPONSE:
		input_handshake(dev, now, in, data, len);
		break;
	case WG_MESSAGE_COOKIE:
		input_cookie(dev, now, (const struct wg_cookie_reply *)data);
		break;
	case WG_MESSAGE_DATA:
	case WG_MESSAGE_INVALID:
		wg_count(dev, WG_RX_MALFORMED);
		break;
	}
}

size_t wg_device_input(struct wg_device *dev, uint64_t now,
		       const struct wg_datagram *in, struct packet *out,
		       size_t cap)
{
	uint32_t segment = in->segment != 0 ? in->segment : in->len;
	struct batch batch = {.count = 0};
	size_t count = 0;

	for (uint32_t at = 0; at < in->len; at += segment) {
		uint8_t *data = in->data + at;
		uint32_t len = in->len - at < segment ? in->len - at : segment;
		bool is_data =
			wg_message_classify(data, len) == WG_MESSAGE_DATA;
		uint32_t index = is_data ? get_le32(data + 4) : 0;

		if (batch.count > 0 && (!is_data || index != batch.index ||
					batch.count == BATCH_MAX))
			count +=
				finish_batch(dev, now, in, &batch, out + count);
		CHECK(count + batch.count < cap);
		if (!is_data) {
			input_message(dev, now, in, data, len);
		} else if (batch.count > 0 || may_receive(dev, now, index)) {
			batch.index = index;
			add_job(&batch, data, len);
		}
	}
	if (batch.count > 0)
		count += finish_batch(dev, now, in, &batch, out + count);
	return count;
}
