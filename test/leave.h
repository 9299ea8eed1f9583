/* SPDX-License-Identifier: ISC */
/* How a child of a test ends: at once, but not without its coverage. */
#ifndef TEST_LEAVE_H
#define TEST_LEAVE_H

#include <unistd.h>

#ifdef COVERAGE
void __gcov_dump(void);
#endif

static inline _Noreturn void leave(int code)
{
#ifdef COVERAGE
	__gcov_dump();
#endif
	_exit(code);
}

#endif
