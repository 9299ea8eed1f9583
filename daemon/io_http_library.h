/* SPDX-License-Identifier: ISC */
/*
 * libmicrohttpd, loaded when metrics are first configured: with the TLS library
 * that it brings along it takes more memory than all the rest of an idle
 * program.
 */
#ifndef DAEMON_IO_HTTP_LIBRARY_H
#define DAEMON_IO_HTTP_LIBRARY_H

#include <microhttpd.h>
#include <stdbool.h>

/* The functions of the same name with MHD_ before it. */
struct mhd {
	__typeof__(MHD_add_response_header) *add_response_header;
	__typeof__(MHD_create_response_from_buffer)
		*create_response_from_buffer;
	__typeof__(MHD_destroy_response) *destroy_response;
	__typeof__(MHD_get_daemon_info) *get_daemon_info;
	__typeof__(MHD_get_timeout) *get_timeout;
	__typeof__(MHD_get_version) *get_version;
	__typeof__(MHD_lookup_connection_value) *lookup_connection_value;
	__typeof__(MHD_queue_response) *queue_response;
	__typeof__(MHD_quiesce_daemon) *quiesce_daemon;
	__typeof__(MHD_resume_connection) *resume_connection;
	__typeof__(MHD_run) *run;
	__typeof__(MHD_start_daemon) *start_daemon;
	__typeof__(MHD_stop_daemon) *stop_daemon;
	__typeof__(MHD_suspend_connection) *suspend_connection;
};

/* false: it is not installed. It is never unloaded. */
bool mhd_load(struct mhd *ret_mhd);

#endif
