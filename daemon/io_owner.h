/* SPDX-License-Identifier: ISC */
/*
 * One object with several libuv handles, and one end.
 *
 * The count is the truth: it goes up when a handle is initialised and down in
 * its close callback. No order of closing is assumed. gone() runs once, last,
 * and is the only place that may release the object.
 *
 * After uv_*_init() succeeded the only way out is io_owner_close(). Every
 * callback but the close callback starts with `if (owner->closing) return`.
 */
#ifndef DAEMON_IO_OWNER_H
#define DAEMON_IO_OWNER_H

#include <stdbool.h>
#include <uv.h>

struct io_owner {
	unsigned open;
	bool closing;
	void (*gone)(struct io_owner *owner);
};

void io_owner_init(struct io_owner *owner,
		   void (*gone)(struct io_owner *owner));
/* Right after uv_*_init(); sets handle->data to the owner. */
void io_owner_track(struct io_owner *owner, uv_handle_t *handle);
/* Marks the object as closing; gone() follows when no handle is open, in this
 * call when there was none. Call io_owner_close() for each handle before. */
void io_owner_finish(struct io_owner *owner);
void io_owner_close(struct io_owner *owner, uv_handle_t *handle);

#endif
