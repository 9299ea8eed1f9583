/* SPDX-License-Identifier: ISC */
/*
 * A mapping as members of an "add" request: the control socket and the state
 * file speak the same grammar.
 */
#ifndef DAEMON_CONTROL_MAPPING_H
#define DAEMON_CONTROL_MAPPING_H

#include "config/mapping.h"
#include "ctl/message.h"

/* Takes all members of an "add"; what is wrong is noted in the request. */
void mapping_from_request(struct ctl_request *request,
			  struct mapping *ret_mapping);

/* The members of the request that makes this mapping; a new reference. */
json_t *mapping_to_members(const struct mapping *mapping);

/* The allowed prefixes as a list of texts; a new reference. */
json_t *mapping_allow_list(const struct mapping *mapping);

#endif
