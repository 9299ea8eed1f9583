/* SPDX-License-Identifier: ISC */
#include "netstack/tcp_option.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "netstack/tcp.h"

enum { SEGMENT_MAX = 65535, PROBES_MAX = 255, BUFFER_MIN = 2048 };
#define BUFFER_MAX (UINT64_C(1) << 30)

void tcp_options_init(struct netstack *ns)
{
	const struct ns_tcp_config *config = &ns->config.tcp;
	const uint64_t value[TCP_OPTIONS] = {
		[TCP_OPTION_NO_DELAY] = !config->nagle,
		[TCP_OPTION_KEEPALIVE_IDLE] = config->keepalive_idle_ns,
		[TCP_OPTION_KEEPALIVE_INTERVAL] = config->keepalive_interval_ns,
		[TCP_OPTION_KEEPALIVE_PROBES] = config->keepalive_probes,
		[TCP_OPTION_USER_TIMEOUT] = config->user_timeout_ns,
		[TCP_OPTION_MAX_SEGMENT] = SEGMENT_MAX,
		[TCP_OPTION_SEND_BUFFER] = config->send_buffer_max,
		[TCP_OPTION_RECV_BUFFER] = config->recv_buffer_max,
	};

	memcpy(ns->option_sets[0].value, value, sizeof(value));
}

void tcp_options_release(struct netstack *ns, struct tcp_conn *conn)
{
	if (conn->options != 0) {
		CHECK(ns->option_sets[conn->options].users > 0);
		ns->option_sets[conn->options].users--;
	}
	conn->options = 0;
}

static void use(struct netstack *ns, struct tcp_conn *conn, uint8_t set)
{
	tcp_options_release(ns, conn);
	conn->options = set;
	if (set != 0)
		ns->option_sets[set].users++;
}

void tcp_options_inherit(struct netstack *ns, struct tcp_conn *conn,
			 const struct tcp_conn *from)
{
	use(ns, conn, from->options);
}

/* The set with these values, new if need be; TCP_OPTION_SETS: no room. */
static uint8_t find_set(struct netstack *ns, const uint64_t value[TCP_OPTIONS])
{
	uint8_t unused = TCP_OPTION_SETS;

	for (uint8_t i = 0; i < TCP_OPTION_SETS; i++) {
		struct tcp_option_set *set = &ns->option_sets[i];

		if (i > 0 && set->users == 0)
			unused = i;
		else if (memcmp(set->value, value, sizeof(set->value)) == 0)
			return i;
	}
	if (unused != TCP_OPTION_SETS)
		memcpy(ns->option_sets[unused].value, value,
		       sizeof(ns->option_sets[unused].value));
	return unused;
}

static bool is_good(enum tcp_option option, uint64_t value)
{
	switch (option) {
	case TCP_OPTION_NO_DELAY:
	case TCP_OPTION_ABORT_ON_CLOSE:
		return value <= 1;
	case TCP_OPTION_KEEPALIVE_IDLE:
	case TCP_OPTION_USER_TIMEOUT:
		return value < NEVER / 2;
	case TCP_OPTION_KEEPALIVE_INTERVAL:
		return value > 0 && value < NEVER / 2;
	case TCP_OPTION_KEEPALIVE_PROBES:
		return value > 0 && value < PROBES_MAX;
	case TCP_OPTION_MAX_SEGMENT:
		return value >= TCP_MSS_MIN && value <= SEGMENT_MAX;
	case TCP_OPTION_SEND_BUFFER:
	case TCP_OPTION_RECV_BUFFER:
		return value >= BUFFER_MIN && value <= BUFFER_MAX;
	case TCP_OPTIONS:
		break;
	}
	return false;
}

/* What does not wait until it is looked at by itself. */
static void apply(struct netstack *ns, struct tcp_conn *conn, uint64_t now,
		  enum tcp_option option)
{
	uint32_t buffer =
		(uint32_t)tcp_option(ns, conn, TCP_OPTION_RECV_BUFFER);

	if (conn->rcv_buffer > buffer)
		conn->rcv_buffer = buffer; /* what was announced stays so */
	if (conn->state == TCPS_SYN_SENT && conn->snd_nxt == conn->iss)
		conn->rcv_wscale = tcp_own_wscale(ns, conn);
	if (!tcp_synchronized(conn))
		return;
	if (option == TCP_OPTION_KEEPALIVE_IDLE ||
	    option == TCP_OPTION_KEEPALIVE_INTERVAL) {
		tcp_stop_timer(ns, conn, TCP_TIMER_KEEPALIVE);
		tcp_arm_timers(ns, conn, now, false);
	}
	if (option == TCP_OPTION_MAX_SEGMENT)
		tcp_update_mss(ns, conn);
	tcp_schedule(ns, conn); /* Nagle held something, perhaps */
}

int tcp_set_option(struct netstack *ns, uint64_t now, struct ns_handle handle,
		   enum tcp_option option, uint64_t value)
{
	struct tcp_conn *conn = tcp_find(ns, handle);
	uint64_t values[TCP_OPTIONS];
	uint8_t set;

	if (conn == NULL)
		return -ERR_CLOSED;
	if (!is_good(option, value))
		return -ERR_INVALID;
	memcpy(values, ns->option_sets[conn->options].value, sizeof(values));
	values[option] = value;
	set = find_set(ns, values);
	if (set == TCP_OPTION_SETS)
		return -ERR_FULL;
	use(ns, conn, set);
	if (conn->state != TCPS_CLOSED && conn->state != TCPS_LISTEN)
		apply(ns, conn, now, option);
	return 0;
}

int tcp_get_option(const struct netstack *ns, struct ns_handle handle,
		   enum tcp_option option, uint64_t *ret_value)
{
	const struct tcp_conn *conn = tcp_find(ns, handle);

	if (conn == NULL)
		return -ERR_CLOSED;
	if (option >= TCP_OPTIONS)
		return -ERR_INVALID;
	*ret_value = tcp_option(ns, conn, option);
	return 0;
}
