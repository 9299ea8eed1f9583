/* SPDX-License-Identifier: ISC */
/* Objects that outlive a request, by kind and name. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "driver.h"

enum { NAME_CAP = 32 };

struct named {
	struct named *next;
	const char *kind;
	char name[NAME_CAP];
	void *object;
	void (*forget)(void *object);
};

static struct named *all;

static struct named **find(const char *kind, const char *name)
{
	struct named **at = &all;

	while (*at != NULL && (strcmp((*at)->kind, kind) != 0 ||
			       strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static void drop(struct named **at)
{
	struct named *named = *at;

	*at = named->next;
	if (named->forget != NULL)
		named->forget(named->object);
	free(named->object);
	free(named);
}

void *name_new(struct request *request, const char *kind, const char *name,
	       size_t size, void (*forget)(void *object))
{
	struct named **at = find(kind, name);
	struct named *named;

	if (strlen(name) >= NAME_CAP)
		request_fail(request, "NAME");
	if (request->error != NULL)
		return NULL;
	if (*at != NULL)
		drop(at);
	named = calloc(1, sizeof(*named));
	CHECK(named != NULL);
	named->kind = kind;
	named->forget = forget;
	named->object = calloc(1, size);
	CHECK(named->object != NULL);
	memcpy(named->name, name, strlen(name));
	named->next = all;
	all = named;
	return named->object;
}

void *name_find(struct request *request, const char *kind)
{
	struct named **at = find(kind, request_word(request));

	if (request->error != NULL)
		return NULL;
	if (*at == NULL) {
		request_fail(request, "NAME");
		return NULL;
	}
	return (*at)->object;
}

void name_forget_all(void)
{
	while (all != NULL)
		drop(&all);
}
