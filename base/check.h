/* SPDX-License-Identifier: ISC */
/*
 * Assertions that stay on in release builds.
 *
 * CHECK guards what cannot happen: a broken invariant of our own. It is never
 * used on input from a file, a socket or a peer; those are counted and dropped
 * or answered with an error. A failed CHECK writes one line and aborts.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <assert.h> /* static_assert */
#include <stddef.h>

_Noreturn void check_failed(const char *file, int line, const char *what);

/* clang-format 14 would join the two lines beyond the limit */
/* clang-format off */
#define CHECK(cond) \
	((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))
/* clang-format on */

#define UNREACHABLE() check_failed(__FILE__, __LINE__, "unreachable")

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
