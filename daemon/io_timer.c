/* SPDX-License-Identifier: ISC */
#include "daemon/io_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/time.h"

#define PRECISE_MAX_NS (4 * NS_PER_MS)
#define PRECISE_MIN_NS (NS_PER_MS / 10) /* many streams may share a wake-up */

static void on_coarse(uv_timer_t *handle)
{
	(void)handle; /* the turn of this iteration does the work */
}

static void on_precise(uv_poll_t *handle, int status, int events)
{
	struct io_timer *timer = container_of(handle, struct io_timer, precise);

	(void)status;
	(void)events;
	timer->fired = true;
}

void io_timer_open(struct io_timer *timer, uv_loop_t *loop,
		   struct io_owner *owner)
{
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	CHECK(timer->fd >= 0);
	timer->set_for = 0;
	timer->fired = false;
	CHECK(uv_timer_init(loop, &timer->coarse) == 0);
	io_owner_track(owner, (uv_handle_t *)&timer->coarse);
	CHECK(uv_poll_init(loop, &timer->precise, timer->fd) == 0);
	io_owner_track(owner, (uv_handle_t *)&timer->precise);
	CHECK(uv_poll_start(&timer->precise, UV_READABLE, on_precise) == 0);
}

void io_timer_close(struct io_timer *timer, struct io_owner *owner)
{
	io_owner_close(owner, (uv_handle_t *)&timer->coarse);
	io_owner_close(owner, (uv_handle_t *)&timer->precise);
	if (timer->fd >= 0)
		close(timer->fd);
	timer->fd = -1;
}

/* Setting it also makes it unreadable; one that is not needed any more may
 * fire, that is cheaper than to stop it. */
static void set_precise(struct io_timer *timer, uint64_t at)
{
	struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(at / NS_PER_S),
			     .tv_nsec = (long)(at % NS_PER_S)},
	};

	if (at == timer->set_for && !timer->fired)
		return;
	CHECK(timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
	timer->set_for = at;
	timer->fired = false;
}

static void clear_precise(struct io_timer *timer)
{
	uint64_t times;

	if (!timer->fired)
		return;
	(void)!read(timer->fd, &times, sizeof(times));
	timer->set_for = 0;
	timer->fired = false;
}

void io_timer_set(struct io_timer *timer, uint64_t now, uint64_t wait)
{
	if (wait > 0 && wait <= PRECISE_MAX_NS) {
		uv_timer_stop(&timer->coarse);
		if (wait < PRECISE_MIN_NS)
			wait = PRECISE_MIN_NS;
		set_precise(timer, now + wait);
		return;
	}
	clear_precise(timer);
	if (wait == NEVER)
		uv_timer_stop(&timer->coarse);
	else
		uv_timer_start(&timer->coarse, on_coarse,
			       (wait + NS_PER_MS - 1) / NS_PER_MS, 0);
}
