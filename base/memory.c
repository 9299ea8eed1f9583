/* SPDX-License-Identifier: ISC */
#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TABLE_BYTES_MIN = 32 * 1024 };

/* glibc would raise this limit when something larger is freed. */
void memory_keep_tables_apart(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, TABLE_BYTES_MIN);
#endif
}

void memory_release_heap(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

static int release_object(struct dl_phdr_info *object, size_t len,
			  void *context)
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
		memory_release((void *)begin, end - begin);
	}
	return 0;
}

void memory_release_code(void)
{
	(void)dl_iterate_phdr(release_object, NULL);
}

void memory_release(void *pages, size_t len)
{
	(void)madvise(pages, len, MADV_DONTNEED);
}
