/* SPDX-License-Identifier: ISC */
/*
 * What happened, in order: a hash over everything for comparing two runs, and
 * the last events as text for the one who looks at a failure.
 */
#ifndef TEST_SIM_TRACE_H
#define TEST_SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum { TRACE_LINES = 16384, TRACE_LINE_CAP = 120 };

/* Owner: the world. */
struct trace {
	uint64_t hash;
	uint64_t count;
	char lines[TRACE_LINES][TRACE_LINE_CAP];
};

void trace_init(struct trace *trace);
void trace_add(struct trace *trace, uint64_t now, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One line about an IP packet with a TCP segment, or its length only. */
void trace_packet(struct trace *trace, uint64_t now, const char *what,
		  const uint8_t *data, uint32_t len);
void trace_print(const struct trace *trace, unsigned lines);

#endif
