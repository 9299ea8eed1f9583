/* SPDX-License-Identifier: ISC */
#include "base/library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static int release(struct dl_phdr_info *object, size_t len, void *context)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)len, (void)context;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t begin = object->dlpi_addr + part->p_vaddr;
		uintptr_t end = begin + part->p_memsz;

		if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0)
			continue;
		begin &= ~(page - 1);
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void library_release_pages(void)
{
	(void)dl_iterate_phdr(release, NULL);
}
