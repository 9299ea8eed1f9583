/* SPDX-License-Identifier: ISC */
#ifdef HAVE_MICROHTTPD

#include "daemon/io_http_library.h"

#include <stddef.h>

#include "base/check.h"
#include "base/library.h"

#define SYMBOL(name)                                     \
	{                                                \
		"MHD_" #name, offsetof(struct mhd, name) \
	}

static const struct library_symbol symbols[] = {
	SYMBOL(add_response_header),
	SYMBOL(create_response_from_buffer),
	SYMBOL(destroy_response),
	SYMBOL(get_daemon_info),
	SYMBOL(get_timeout),
	SYMBOL(get_version),
	SYMBOL(lookup_connection_value),
	SYMBOL(queue_response),
	SYMBOL(quiesce_daemon),
	SYMBOL(resume_connection),
	SYMBOL(run),
	SYMBOL(start_daemon),
	SYMBOL(stop_daemon),
	SYMBOL(suspend_connection),
};

static_assert(ARRAY_SIZE(symbols) * sizeof(void *) == sizeof(struct mhd),
	      "each has its symbol");

/* Of 0.9.40 to 1.0. */
bool mhd_load(struct mhd *ret_mhd)
{
	return library_open("libmicrohttpd.so.12", symbols, ARRAY_SIZE(symbols),
			    ret_mhd) != NULL;
}

#endif
