/* SPDX-License-Identifier: ISC */
/* "--name=value" lines: times in seconds, sizes in bytes, switches 0 or 1. */
#include "script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

enum option_type {
	OPTION_U8,
	OPTION_U16,
	OPTION_U32,
	OPTION_SECONDS,
	OPTION_SWITCH
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset;
};

#define AT(member) offsetof(struct script_options, member)

static const struct option options[] = {
	{"mtu", OPTION_U16, AT(mtu)},
	{"isn", OPTION_U32, AT(isn)},
	{"iss", OPTION_U32, AT(iss)},
	{"tolerance", OPTION_SECONDS, AT(tolerance)},
	{"connections", OPTION_U32, AT(connections)},
	{"chunks", OPTION_U32, AT(chunks)},
	{"ipv4", OPTION_SWITCH, AT(ipv4)},
	{"ipv6", OPTION_SWITCH, AT(ipv6)},
	{"recv_buffer", OPTION_U32, AT(tcp.recv_buffer_max)},
	{"send_buffer", OPTION_U32, AT(tcp.send_buffer_max)},
	{"initial_window", OPTION_U32, AT(tcp.initial_window)},
	{"loss_tolerance", OPTION_U32, AT(tcp.loss_tolerance)},
	{"delayed_ack", OPTION_SECONDS, AT(tcp.delayed_ack_ns)},
	{"rto_min", OPTION_SECONDS, AT(tcp.rto_min_ns)},
	{"rto_max", OPTION_SECONDS, AT(tcp.rto_max_ns)},
	{"user_timeout", OPTION_SECONDS, AT(tcp.user_timeout_ns)},
	{"keepalive_idle", OPTION_SECONDS, AT(tcp.keepalive_idle_ns)},
	{"keepalive_interval", OPTION_SECONDS, AT(tcp.keepalive_interval_ns)},
	{"keepalive_probes", OPTION_U32, AT(tcp.keepalive_probes)},
	{"time_wait", OPTION_SECONDS, AT(tcp.time_wait_ns)},
	{"fin_wait2", OPTION_SECONDS, AT(tcp.fin_wait2_ns)},
	{"rto_initial", OPTION_SECONDS, AT(tcp.rto_initial_ns)},
	{"quick_acks", OPTION_U8, AT(tcp.quick_acks)},
	{"window_scale", OPTION_U8, AT(tcp.window_scale)},
	{"nagle", OPTION_SWITCH, AT(tcp.nagle)},
	{"pacing", OPTION_SWITCH, AT(tcp.pacing)},
	{"cubic", OPTION_SWITCH, AT(tcp.cubic)},
	{"timestamps", OPTION_SWITCH, AT(tcp.timestamps)},
	{"sack", OPTION_SWITCH, AT(tcp.sack)},
	{"wscale", OPTION_SWITCH, AT(tcp.window_scaling)},
};

static int store(void *at, enum option_type type, const char *value)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(value, &end);
	if (end == value || *end != '\0' || errno != 0 || number < 0)
		return -1;
	switch (type) {
	case OPTION_U8:
		if (number > UINT8_MAX)
			return -1;
		*(uint8_t *)at = (uint8_t)number;
		return 0;
	case OPTION_U16:
		if (number > UINT16_MAX)
			return -1;
		*(uint16_t *)at = (uint16_t)number;
		return 0;
	case OPTION_U32:
		if (number > UINT32_MAX)
			return -1;
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	case OPTION_SECONDS: /* exact to the microsecond */
		*(uint64_t *)at = (uint64_t)(number * 1e6 + 0.5) * NS_PER_US;
		return 0;
	case OPTION_SWITCH:
		*(bool *)at = number > 0;
		return 0;
	}
	return -1;
}

int script_option(struct script_options *ret_options, const char *name,
		  const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return store((char *)ret_options + options[i].offset,
				     options[i].type, value);
	return -1;
}
