/* SPDX-License-Identifier: ISC */
/* Requests that show tunnels and peers. */
#include <string.h>

#include "base/check.h"
#include "daemon/control_ops.h"
#include "daemon/io_udp.h"

static const char *tunnel_text(const struct io_loop *io,
			       const struct tunnel *tunnel)
{
	bool unresolved;

	switch (tunnel_state(tunnel, &io->now)) {
	case TUNNEL_IDLE:
		return "nothing was sent through it yet, or not for long";
	case TUNNEL_CONNECTING:
		return "a handshake is under way";
	case TUNNEL_UP:
		return "a peer has a session";
	case TUNNEL_DOWN:
		(void)tunnel_is_down(tunnel, &io->now, &unresolved);
		return reason_text(unresolved ? REASON_ENDPOINT_UNKNOWN
					      : REASON_TUNNEL_DOWN);
	case TUNNEL_STATES:
		break;
	}
	UNREACHABLE();
}

static void put_peers(const struct io_loop *io, const struct tunnel *tunnel,
		      json_t *object)
{
	uint64_t rx = 0, tx = 0, newest = 0;
	uint32_t up = 0, count = 0;

	for (uint16_t i = 0; i < tunnel->peer_count; i++) {
		struct wg_peer_info info;

		wg_peer_info(tunnel->wg, io->now.boot, i, &info);
		if (!info.used)
			continue;
		count++;
		rx += info.rx_bytes;
		tx += info.tx_bytes;
		up += info.session && info.handshake_attempts == 0;
		if (info.last_handshake > newest)
			newest = info.last_handshake;
	}
	set(object, "peers", number(count));
	set(object, "peers_up", number(up));
	if (newest != 0)
		set(object, "last_handshake_at",
		    wall_seconds(io, newest, io->now.boot));
	set(object, "rx_bytes", number(rx));
	set(object, "tx_bytes", number(tx));
}

static const struct config_tunnel *configured(const struct io_loop *io,
					      const struct tunnel *tunnel)
{
	uint32_t i = 0;

	while (strcmp(io->config->tunnels[i].name, tunnel->name) != 0) {
		i++;
		CHECK(i < io->config->tunnel_count);
	}
	return &io->config->tunnels[i];
}

json_t *control_tunnel(const struct io_loop *io, uint32_t slot)
{
	const struct tunnel *tunnel = io->proxy.tunnels[slot];
	const struct config_tunnel *config = configured(io, tunnel);
	json_t *object = json_object();
	json_t *addresses = json_array(), *dns = json_array();
	char text[KEY_TEXT_CAP + IP_TEXT_CAP];
	struct key key;

	wg_device_public_key(tunnel->wg, &key);
	for (uint32_t i = 0; i < config->address_count; i++)
		json_array_append_new(
			addresses, json_string(ip_addr_format(
					   &config->addresses_host[i], text)));
	for (uint32_t i = 0; i < config->dns_count; i++)
		json_array_append_new(dns, json_string(ip_addr_format(
						   &config->dns[i], text)));
	set(object, "name", json_string(tunnel->name));
	set(object, "state",
	    json_string(tunnel_state_word(tunnel_state(tunnel, &io->now))));
	set(object, "text", json_string(tunnel_text(io, tunnel)));
	set(object, "public_key", json_string(key_format(&key, text)));
	set(object, "listen_port", number(io->tunnels[slot].udp->port));
	set(object, "addresses", addresses);
	set(object, "mtu", number(tunnel->mtu));
	set(object, "dns", dns);
	if (config->zone[0] != '\0')
		set(object, "zone", json_string(config->zone));
	put_peers(io, tunnel, object);
	return object;
}

static json_t *show_peer(const struct io_loop *io, const struct tunnel *tunnel,
			 uint16_t index)
{
	const struct tunnel_peer *peer = &tunnel->peers[index];
	json_t *object = json_object();
	char text[ENDPOINT_TEXT_CAP];
	struct wg_peer_info info;
	bool up;

	wg_peer_info(tunnel->wg, io->now.boot, index, &info);
	up = info.session && info.handshake_attempts == 0;
	set(object, "number", number(index));
	set(object, "public_key",
	    json_string(key_format(&info.public_key, text)));
	set(object, "endpoint",
	    json_string(info.endpoint.addr.family == IP_NONE
				? ""
				: endpoint_format(&info.endpoint, text)));
	set(object, "endpoint_name", json_string(peer->endpoint.host));
	set(object, "state",
	    json_string(up                             ? "up"
			: info.handshake_attempts > 1  ? "down"
			: info.handshake_attempts == 1 ? "connecting"
						       : "idle"));
	if (info.last_handshake != 0)
		set(object, "last_handshake_at",
		    wall_seconds(io, info.last_handshake, io->now.boot));
	set(object, "handshake_attempts", number(info.handshake_attempts));
	set(object, "rx_bytes", number(info.rx_bytes));
	set(object, "tx_bytes", number(info.tx_bytes));
	return object;
}

bool control_peers(struct io_loop *io, struct control_call *call)
{
	const char *name = ctl_find_string(&call->request, "tunnel");
	uint64_t index =
		ctl_find_number(&call->request, "after", UINT16_MAX, 0);
	const struct tunnel *tunnel;
	json_t *list;

	if (!ctl_request_done(&call->request))
		return true;
	tunnel = control_find_tunnel(io, call, name);
	if (tunnel == NULL)
		return true;
	list = json_array();
	for (;
	     index < tunnel->peer_count && json_array_size(list) < CONTROL_PAGE;
	     index++) {
		if (tunnel->peers[index].used)
			json_array_append_new(
				list, show_peer(io, tunnel, (uint16_t)index));
	}
	call->result = json_pack("{s:o}", "peers", list);
	if (index < tunnel->peer_count)
		set(call->result, "next", number(index));
	return true;
}
