/* SPDX-License-Identifier: ISC */
#include "netstack/sched.h"

#include <stddef.h>

#include "base/check.h"

static void append(struct sched_list *list, struct sched_node *node)
{
	node->list = list;
	node->next = NULL;
	node->prev = list->tail;
	if (list->tail != NULL)
		list->tail->next = node;
	else
		list->head = node;
	list->tail = node;
}

void sched_remove(struct sched_node *node)
{
	struct sched_list *list = node->list;

	if (list == NULL)
		return;
	if (node->prev != NULL)
		node->prev->next = node->next;
	else
		list->head = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
	else
		list->tail = node->prev;
	node->list = NULL;
	node->next = node->prev = NULL;
}

void sched_add(struct sched *sched, struct sched_node *node)
{
	struct sched_path *path = &sched->paths[node->path];

	CHECK(node->path < PEERS_MAX);
	if (node->list == NULL)
		append(path->held ? &path->parked : &sched->ready, node);
}

struct sched_node *sched_first(struct sched *sched)
{
	struct sched_node *node = sched->ready.head;

	while (node != NULL && sched->paths[node->path].held) {
		sched_remove(node);
		append(&sched->paths[node->path].parked, node);
		node = sched->ready.head;
	}
	return node;
}

void sched_hold(struct sched *sched, uint16_t path)
{
	CHECK(path < PEERS_MAX);
	sched->paths[path].held = true;
}

void sched_release(struct sched *sched, uint16_t path)
{
	struct sched_node *node;

	CHECK(path < PEERS_MAX);
	sched->paths[path].held = false;
	while ((node = sched->paths[path].parked.head) != NULL) {
		sched_remove(node);
		append(&sched->ready, node);
	}
}
