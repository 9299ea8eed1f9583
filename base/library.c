/* SPDX-License-Identifier: ISC */
#include "base/library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

static bool has_all(void *library, const struct library_symbol *symbols,
		    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (dlsym(library, symbols[i].name) == NULL)
			return false;
	}
	return true;
}

void *library_open(const char *file, const struct library_symbol *symbols,
		   size_t count, void *ret_pointers)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return NULL;
	if (!has_all(library, symbols, count)) {
		dlclose(library);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		void *address = dlsym(library, symbols[i].name);

		memcpy((char *)ret_pointers + symbols[i].at, &address,
		       sizeof(address));
	}
	return library;
}

void library_close(void *library)
{
	dlclose(library);
}
