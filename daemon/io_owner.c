/* SPDX-License-Identifier: ISC */
#include "daemon/io_owner.h"

#include <stddef.h>

#include "base/check.h"

void io_owner_init(struct io_owner *owner, void (*gone)(struct io_owner *owner))
{
	owner->open = 0;
	owner->closing = false;
	owner->gone = gone;
}

void io_owner_track(struct io_owner *owner, uv_handle_t *handle)
{
	CHECK(!owner->closing);
	handle->data = owner;
	owner->open++;
}

static void on_closed(uv_handle_t *handle)
{
	struct io_owner *owner = handle->data;

	CHECK(owner->open > 0);
	owner->open--;
	if (owner->open == 0 && owner->closing)
		owner->gone(owner);
}

void io_owner_close(struct io_owner *owner, uv_handle_t *handle)
{
	CHECK(handle->data == owner);
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

void io_owner_finish(struct io_owner *owner)
{
	if (owner->closing)
		return;
	owner->closing = true;
	if (owner->open == 0)
		owner->gone(owner);
}
