/* SPDX-License-Identifier: ISC */
/* Everything that a seed decides before the clock starts. */
#ifndef TEST_SIM_SCENARIO_H
#define TEST_SIM_SCENARIO_H

#include "base/time.h"
#include "link.h"
#include "netstack/netstack.h"
#include "quirk.h"

/* The clock does not begin at 0. */
#define SCENARIO_START (100 * NS_PER_S)

enum { SCENARIO_PAIRS_MAX = 24, SCENARIO_WINDOWS = 3 };

/* What an application does with one end of a connection. Streams are known
 * patterns, so a receiver can check each byte. */
struct app_plan {
	uint64_t start_at;   /* of the connecting end */
	uint64_t send_total; /* then FIN */
	uint64_t turn_in;    /* request/response: so many bytes received ... */
	uint64_t turn_out;   /* ... allow so many to be sent; 0: all */
	uint64_t turn_first; /* may be sent before anything came */
	uint32_t write_max;  /* per call */
	uint32_t read_max;   /* per call */
	uint64_t read_every_ns; /* pause between two reads */
	uint64_t pause_after;   /* stops reading once after so many bytes ... */
	uint64_t pause_ns;      /* ... for this long */
	uint64_t abort_after;   /* aborts after receiving so much; NEVER: no */
	bool send_after_eof;    /* speaks when the other has ended */
	bool close_early;       /* gives the handle up when all is written */
};

/* One connection: end 0 connects, end 1 accepts. */
struct pair_plan {
	struct app_plan end[2];
	uint8_t connector; /* host of end 0 */
	uint8_t family;
	bool may_fail; /* one of them aborts */
};

struct span {
	uint64_t from, to;
};

struct host_plan {
	struct ns_tcp_config tcp;
	uint32_t chunks;
	uint64_t turn_ns;   /* least time between two turns */
	uint64_t tick_ns;   /* of its timers; 0: exact */
	bool read_lent;     /* reads before the batch's buffers go away */
	uint32_t batch_max; /* packets given to one netstack_input() */
	struct span hold[SCENARIO_WINDOWS];  /* the path cannot send */
	struct span stall[SCENARIO_WINDOWS]; /* the process does not run */
	enum quirk_kind quirk;
	uint64_t jump_at, jump_ns; /* its clock jumps ahead; 0: never */
};

struct scenario {
	uint64_t seed;
	bool tunnel; /* WireGuard on both ends */
	bool lengthened;
	bool clean;     /* no faults at all: nothing may be sent twice */
	bool unchecked; /* no invariants after each event: for long streams */
	uint16_t mtu;
	uint64_t heal_at; /* faults end */
	struct link_config link[2];
	struct host_plan host[2];
	struct pair_plan pairs[SCENARIO_PAIRS_MAX];
	unsigned pair_count;
	uint64_t end_by;     /* all must be over */
	uint64_t stop_at;    /* what was received until then is measured, and
			   * that was it; 0: run to the end */
	uint64_t settled_at; /* what came before does not count */
	uint64_t rival_at;   /* somebody else's stream starts; 0: none */
	bool rival_trains;   /* it leaves in large packets */
};

void scenario_make(struct scenario *ret_scenario, uint64_t seed, bool tunnel);
/* The same faults over ten minutes, with connections that come all the time. */
void scenario_lengthen(struct scenario *scenario);
void scenario_print(const struct scenario *scenario);

#endif
