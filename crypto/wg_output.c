/* SPDX-License-Identifier: ISC */
/* What a device sends: runs sealed in place, and messages made when pulled. */
#include "crypto/wg_peer.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/secret.h"

enum {
	DSCP_HANDSHAKE = 0x88, /* AF41 (W8) */
	TAI64_OFFSET = 10,     /* as the kernel counts (N15) */
	STAMP_STEP_NS = 1 << 24,
};

static void fill_destination(const struct wg_peer *peer, uint8_t tos,
			     struct wg_destination *to)
{
	*to = (struct wg_destination){
		.to = peer->endpoint,
		.source = peer->source,
		.ifindex = peer->ifindex,
		.tos = tos,
	};
}

/* ------------------------------------------------------------- data */

int wg_peer_want(struct wg_device *dev, uint64_t now, uint16_t index)
{
	struct wg_peer *peer = &dev->peers[index];

	CHECK(index < dev->peer_count);
	if (peer->endpoint.addr.family == IP_NONE)
		return -ERR_NO_ENDPOINT;
	if (wg_session_current(peer, now) != NULL)
		return 0;
	wg_timers_initiate(dev, peer, now, false);
	return -ERR_NO_SESSION;
}

static void put_header(uint8_t *datagram, const struct wg_keypair *keypair,
		       uint64_t counter)
{
	struct wg_data_header *header = (struct wg_data_header *)datagram;

	put_le32(header->type, WG_MESSAGE_DATA);
	put_le32(header->receiver, keypair->remote_index);
	put_le64(header->counter, counter);
}

/* K10, S8. */
static void keep_key_fresh(struct wg_device *dev, struct wg_peer *peer,
			   const struct wg_keypair *keypair, uint64_t now)
{
	if (keypair->tx_counter > WG_REKEY_AFTER_MESSAGES ||
	    (keypair->initiator &&
	     now - keypair->birth >= WG_REKEY_AFTER_TIME_NS))
		wg_timers_initiate(dev, peer, now, false);
}

void wg_device_seal(struct wg_device *dev, uint64_t now, struct run *run,
		    struct wg_destination *ret_to)
{
	struct wg_peer *peer = &dev->peers[run->path];
	struct wg_keypair *keypair = wg_session_current(peer, now);
	struct aead_job jobs[RUN_PACKETS_MAX];

	CHECK(keypair != NULL && run->count > 0 &&
	      run->count <= RUN_PACKETS_MAX);
	for (uint16_t i = 0; i < run->count; i++) {
		uint32_t len = i + 1 < run->count ? run->ip_len : run->last_len;
		uint32_t padded = run_padded(len, run->mtu);
		uint8_t *ip = run_ip(run, run->ip_len, i);

		memset(ip + len, 0, padded - len);
		jobs[i] = (struct aead_job){
			.data = ip,
			.len = padded,
			.counter = keypair->tx_counter++,
		};
		put_header(ip - RUN_HEAD, keypair, jobs[i].counter);
	}
	aead_seal_batch(dev->config.aead, keypair->keys->send, jobs,
			run->count);
	peer->tx_bytes += run_sealed_len(run);
	dev->counters[WG_TX_PACKETS] += run->count;
	peer->send &= (uint8_t) ~(WG_SEND_CONFIRMATION | WG_SEND_KEEPALIVE);
	wg_timers_sent(dev, peer, now);
	wg_timers_data_sent(dev, peer, now);
	keep_key_fresh(dev, peer, keypair, now);
	fill_destination(peer, run->ecn, ret_to);
}

/* ------------------------------------------------------------- messages */

/* N15: rounded to 2^24 ns, and always greater than the one before, even when
 * the clock was set back. */
static void make_timestamp(struct wg_device *dev, uint64_t wall,
			   uint8_t timestamp[WG_TIMESTAMP_LEN])
{
	uint64_t stamp = wall - wall % NS_PER_S % STAMP_STEP_NS;

	if (stamp <= dev->greatest_stamp) {
		stamp = dev->greatest_stamp + STAMP_STEP_NS;
		if (stamp / NS_PER_S != dev->greatest_stamp / NS_PER_S)
			stamp -= stamp % NS_PER_S;
	}
	dev->greatest_stamp = stamp;
	put_be64(timestamp, UINT64_C(0x4000000000000000) + TAI64_OFFSET +
				    stamp / NS_PER_S);
	put_be32(timestamp + 8, (uint32_t)(stamp % NS_PER_S));
}

static void fresh_ephemeral(struct wg_device *dev, struct wg_peer *peer)
{
	uint8_t *ephemeral = peer->handshake.secret->ephemeral;

	random_fill(&dev->config.random, ephemeral, DH_LEN);
	dh_clamp(ephemeral);
}

static size_t make_initiation(struct wg_device *dev, struct wg_peer *peer,
			      uint64_t now, uint64_t wall, uint8_t *buf)
{
	struct wg_initiation *message = (struct wg_initiation *)buf;
	uint8_t timestamp[WG_TIMESTAMP_LEN];

	wg_timers_initiated(dev, peer, now);
	make_timestamp(dev, wall, timestamp);
	fresh_ephemeral(dev, peer);
	wg_session_new_index(dev, peer);
	if (!wg_noise_create_initiation(&dev->identity, &peer->noise,
					&peer->handshake, timestamp, message))
		return 0;
	wg_cookie_add_macs(&peer->cookie, now, message, sizeof(*message));
	wg_timers_sent(dev, peer, now);
	return sizeof(*message);
}

static size_t make_response(struct wg_device *dev, struct wg_peer *peer,
			    uint64_t now, uint8_t *buf)
{
	struct wg_response *message = (struct wg_response *)buf;
	struct wg_transport_keys keys;
	uint32_t remote_index = peer->handshake.remote_index;
	bool ok;

	if (peer->handshake.state != WG_HANDSHAKE_CONSUMED_INITIATION)
		return 0; /* our own initiation has replaced it */
	peer->last_sent = now;
	peer->send &= (uint8_t)~WG_SEND_INITIATION; /* T6 */
	fresh_ephemeral(dev, peer);
	wg_session_new_index(dev, peer);
	ok = wg_noise_create_response(&peer->noise, &peer->handshake, message,
				      &keys);
	if (ok) {
		wg_cookie_add_macs(&peer->cookie, now, message,
				   sizeof(*message));
		wg_session_begin(dev, peer, now, remote_index, false, &keys);
		wg_timers_sent(dev, peer, now);
	}
	secret_wipe(&keys, sizeof(keys));
	return ok ? sizeof(*message) : 0;
}

/* Without a session a keepalive asks for one (T5, K7). */
static size_t make_keepalive(struct wg_device *dev, struct wg_peer *peer,
			     uint64_t now, uint8_t *buf)
{
	struct wg_keypair *keypair = wg_session_current(peer, now);
	struct aead_job job = {.data = buf + WG_DATA_HEADER_LEN};

	if (keypair == NULL) {
		wg_timers_initiate(dev, peer, now, false);
		return 0;
	}
	job.counter = keypair->tx_counter++;
	put_header(buf, keypair, job.counter);
	aead_seal_batch(dev->config.aead, keypair->keys->send, &job, 1);
	wg_timers_sent(dev, peer, now);
	keep_key_fresh(dev, peer, keypair, now);
	return WG_DATA_LEN_MIN;
}

/* One message of the peer; what it was is taken from peer->send. */
static size_t make_message(struct wg_device *dev, struct wg_peer *peer,
			   uint64_t now, uint64_t wall, uint8_t *buf)
{
	unsigned keepalives = WG_SEND_KEEPALIVE | WG_SEND_CONFIRMATION;

	if (peer->send & WG_SEND_RESPONSE) {
		peer->send &= (uint8_t)~WG_SEND_RESPONSE;
		return make_response(dev, peer, now, buf);
	}
	if (peer->send & keepalives) {
		peer->send &= (uint8_t)~keepalives;
		return make_keepalive(dev, peer, now, buf);
	}
	peer->send &= (uint8_t)~WG_SEND_INITIATION;
	return make_initiation(dev, peer, now, wall, buf);
}

/* C13: an answer to somebody unknown, shorter than what it answers. */
static size_t pull_cookie(struct wg_device *dev, uint8_t *buf,
			  struct wg_destination *ret_to)
{
	struct wg_pending_reply reply;

	if (!wg_load_next_reply(dev->load, &reply))
		return 0;
	memcpy(buf, &reply.message, sizeof(reply.message));
	*ret_to = reply.to;
	ret_to->tos = DSCP_HANDSHAKE;
	wg_count(dev, WG_TX_COOKIES);
	return sizeof(reply.message);
}

size_t wg_device_pull(struct wg_device *dev, uint64_t now, uint64_t wall,
		      uint8_t *buf, struct wg_destination *ret_to)
{
	size_t cookie = pull_cookie(dev, buf, ret_to);

	if (cookie != 0)
		return cookie;
	while (dev->output.head != ROUTE_NONE) {
		struct wg_peer *peer = &dev->peers[dev->output.head];
		size_t len;

		if (peer->send == 0 || peer->endpoint.addr.family == IP_NONE) {
			peer->in_output = false;
			dev->output.head = peer->output_next;
			if (dev->output.head == ROUTE_NONE)
				dev->output.tail = ROUTE_NONE;
			continue;
		}
		len = make_message(dev, peer, now, wall, buf);
		if (len == 0)
			continue;
		peer->tx_bytes += len;
		fill_destination(peer,
				 len > WG_DATA_LEN_MIN ? DSCP_HANDSHAKE : 0,
				 ret_to);
		return len;
	}
	return 0;
}
