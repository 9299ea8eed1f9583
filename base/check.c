/* SPDX-License-Identifier: ISC */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* write(2) and abort(3) only: both are allowed by every sandbox, and neither
 * allocates, so the line is seen even when memory is what is broken. */
_Noreturn void check_failed(const char *file, int line, const char *what)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "%s:%d: check failed: %s\n",
			   file, line, what);

	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
		abort();
	abort();
}
