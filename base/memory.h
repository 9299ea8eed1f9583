/* SPDX-License-Identifier: ISC */
/* Memory that nobody needs any more goes back to the system. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Large tables are pages that nobody touches before they are needed, if each is
 * memory of its own and no part of a heap that was used before. To be called
 * first of all. */
void memory_keep_tables_apart(void);

/* What was given to free(). Takes some 100 us: not for every turn. */
void memory_release_heap(void);

/* Takes what only the start needed of the program's code and that of its
 * libraries out of memory: the system has it in the files, and brings back what
 * is used. To be called once, when everything is ready. */
void memory_release_code(void);

/* Whole pages whose content does not matter any more. */
void memory_release(void *pages, size_t len);

#endif
