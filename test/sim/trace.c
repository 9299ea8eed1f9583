/* SPDX-License-Identifier: ISC */
#include "trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

static void hash_bytes(struct trace *trace, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) /* FNV-1a */
		trace->hash = (trace->hash ^ p[i]) * UINT64_C(0x100000001b3);
}

void trace_init(struct trace *trace)
{
	memset(trace, 0, sizeof(*trace));
	trace->hash = UINT64_C(0xcbf29ce484222325);
}

void trace_add(struct trace *trace, uint64_t now, const char *format, ...)
{
	char *line = trace->lines[trace->count++ % TRACE_LINES];
	va_list args;
	int len;

	len = snprintf(line, TRACE_LINE_CAP, "%13.6f ", (double)now / 1e9);
	va_start(args, format);
	vsnprintf(line + len, TRACE_LINE_CAP - (size_t)len, format, args);
	va_end(args);
	hash_bytes(trace, line, strlen(line));
}

void trace_packet(struct trace *trace, uint64_t now, const char *what,
		  const uint8_t *data, uint32_t len)
{
	static const char letters[] = "FSRP.UEW";
	uint32_t ip = len > 0 && data[0] >> 4 == 6 ? 40 : 20;
	const uint8_t *tcp = data + ip;
	char flags[9] = "";
	uint32_t header;

	hash_bytes(trace, data, len);
	if (len < ip + 20 || (data[0] >> 4 != 4 && data[0] >> 4 != 6)) {
		trace_add(trace, now, "%s %u bytes", what, len);
		return;
	}
	for (unsigned i = 0, k = 0; i < 8; i++)
		if (tcp[13] & 1U << i)
			flags[k++] = letters[i];
	header = (tcp[12] >> 4) * 4U;
	trace_add(trace, now, "%s %u>%u %s %u(%u) ack %u win %u +%u", what,
		  get_be16(tcp), get_be16(tcp + 2), flags, get_be32(tcp + 4),
		  len - ip - header, get_be32(tcp + 8), get_be16(tcp + 14),
		  header - 20);
}

void trace_print(const struct trace *trace, unsigned lines)
{
	uint64_t first = trace->count > lines ? trace->count - lines : 0;

	for (uint64_t i = first; i < trace->count; i++)
		fprintf(stderr, "  %s\n", trace->lines[i % TRACE_LINES]);
}
