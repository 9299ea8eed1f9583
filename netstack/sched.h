/* SPDX-License-Identifier: ISC */
/*
 * Who wants to send, in turn. One ready list for all paths; what belongs to a
 * held path is parked until the path is released. All operations are O(1).
 */
#ifndef NETSTACK_SCHED_H
#define NETSTACK_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct sched_list;

/* Embedded in connections and UDP sockets, whose memory does not move. */
struct sched_node {
	struct sched_node *next, *prev;
	struct sched_list *list; /* NULL: does not want to send */
	uint16_t path;
};

struct sched_list {
	struct sched_node *head, *tail;
};

struct sched_path {
	struct sched_list parked;
	bool held;
};

/* Owner: the netstack. All zero is the initial state. */
struct sched {
	struct sched_list ready;
	struct sched_path paths[PEERS_MAX];
};

/* Puts the node at the end; nothing happens when it waits already. */
void sched_add(struct sched *sched, struct sched_node *node);
void sched_remove(struct sched_node *node);

/* The next node whose path is not held, or NULL. It stays where it is. */
struct sched_node *sched_first(struct sched *sched);

void sched_hold(struct sched *sched, uint16_t path);
void sched_release(struct sched *sched, uint16_t path);

static inline bool sched_waits(const struct sched_node *node)
{
	return node->list != NULL;
}

#endif
