/* SPDX-License-Identifier: ISC */
/*
 * Shared libraries that are loaded when they are first wanted, so that those
 * who do not use them neither wait for them nor pay for their memory.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stddef.h>

/* A function and where its address goes: an offset in a struct of pointers. */
struct library_symbol {
	const char *name;
	size_t at;
};

/* NULL when there is no such library, or one that lacks a symbol; then no
 * pointer was written. */
void *library_open(const char *file, const struct library_symbol *symbols,
		   size_t count, void *ret_pointers);
void library_close(void *library);

#endif
