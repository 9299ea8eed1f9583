/* SPDX-License-Identifier: ISC */
#include "daemon/io_apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/io_listener.h"
#include "daemon/io_loop.h"
#include "daemon/io_socket.h"
#include "daemon/io_state.h"

/* ------------------------------------------------------------- start */

int io_apply_tunnel(struct io_loop *io, const struct config_tunnel *config,
		    uint32_t *ret_slot)
{
	int err = proxy_add_tunnel(&io->proxy, &io->now, config,
				   io_state_stamp(io, config), ret_slot);

	if (err != 0)
		return err;
	err = io_tunnel_open(io, *ret_slot);
	if (err != 0)
		proxy_close_tunnel(&io->proxy, &io->now, *ret_slot);
	return err;
}

static int start_forward(struct io_loop *io, const struct mapping *mapping)
{
	struct io_listener *listener;
	uint32_t slot;
	int err = proxy_add_forward(&io->proxy, &io->now, mapping, &slot);

	if (err != 0 || mapping->kind == MAPPING_EXPOSE)
		return err;
	listener = io_listener_new(io, &mapping->listen);
	if (listener == NULL)
		return -ERR_NO_MEMORY;
	io_listener_serve(listener, slot);
	return io_error(io_listener_open(listener));
}

int io_apply_start(struct io_loop *io, struct config *config, bool strict)
{
	uint32_t slot;
	int err = 0;

	io->config = config;
	for (uint32_t i = 0; err == 0 && i < config->tunnel_count; i++)
		err = io_apply_tunnel(io, &config->tunnels[i], &slot);
	config_wipe_keys(config);
	for (uint32_t i = 0; err == 0 && i < config->forward_count; i++) {
		err = start_forward(io, &config->forwards[i]);
		if (!strict && err != -ERR_NO_MEMORY)
			err = 0;
	}
	return err;
}

/* ------------------------------------------------------------- one by one */

static int open_added(struct io_loop *io, const struct mapping *mapping,
		      struct io_listener **ret_listener,
		      char message[CONFIG_MESSAGE_CAP])
{
	char text[SOCKET_PATH_CAP + 64];
	struct io_bound bound;
	int err = io_bind(&mapping->listen, NULL, &bound);

	if (err != 0) {
		snprintf(message, CONFIG_MESSAGE_CAP, "cannot listen on %s: %s",
			 listen_spec_format(&mapping->listen, text,
					    sizeof(text)),
			 strerror(-err));
		return io_error(err);
	}
	*ret_listener = io_listener_new(io, &mapping->listen);
	if (*ret_listener == NULL) {
		io_bound_close(&bound, &mapping->listen);
		return -ERR_NO_MEMORY;
	}
	io_listener_take(*ret_listener, &bound);
	return 0;
}

/* Keeps what is configured now, if a change to it must be kept. */
static int keep(struct io_loop *io, enum mapping_origin origin,
		char message[CONFIG_MESSAGE_CAP])
{
	int err = origin == ORIGIN_RUNTIME
			  ? state_save_forwards(&io->state, io->config)
			  : 0;

	if (err == -ERR_STATE)
		snprintf(message, CONFIG_MESSAGE_CAP,
			 "there is no folder for state; start the daemon with "
			 "--state-dir, or add it with --temporary");
	else if (err != 0)
		snprintf(message, CONFIG_MESSAGE_CAP,
			 "the state in %s cannot be written: %s",
			 io->state.folder, error_text(err));
	return err == 0 ? 0 : -ERR_STATE;
}

static int add_configured(struct io_loop *io, uint32_t *ret_slot,
			  char message[CONFIG_MESSAGE_CAP])
{
	const struct mapping *mapping =
		&io->config->forwards[io->config->forward_count - 1];
	struct io_listener *listener = NULL;
	int err = 0;

	if (mapping->kind == MAPPING_FORWARD)
		err = open_added(io, mapping, &listener, message);
	if (err != 0)
		return err;
	err = keep(io, mapping->origin, message);
	if (err == 0) {
		err = proxy_add_forward(&io->proxy, &io->now, mapping,
					ret_slot);
		if (err != 0)
			snprintf(message, CONFIG_MESSAGE_CAP, "%s",
				 error_text(err));
	}
	if (listener != NULL && err != 0)
		io_listener_close(listener);
	else if (listener != NULL)
		io_listener_serve(listener, *ret_slot);
	return err;
}

int io_apply_add(struct io_loop *io, const struct mapping *mapping,
		 uint32_t *ret_slot, char message[CONFIG_MESSAGE_CAP])
{
	struct config_report report = {.warning_count = 0};
	int err = config_add_mapping(io->config, mapping, &report);

	memcpy(message, report.error, CONFIG_MESSAGE_CAP);
	config_report_free(&report);
	if (err != 0)
		return err;
	err = add_configured(io, ret_slot, message);
	if (err != 0) {
		config_remove_forward(io->config,
				      io->config->forward_count - 1);
		if (err == -ERR_FULL) /* it was kept already */
			(void)keep(io, mapping->origin, message);
	}
	return err;
}

int io_apply_remove(struct io_loop *io, uint32_t slot)
{
	const struct mapping *mapping = &io->proxy.forwards[slot].mapping;
	struct mapping removed;
	char message[CONFIG_MESSAGE_CAP];
	uint32_t index = 0;

	while (strcmp(io->config->forwards[index].name, mapping->name) != 0) {
		index++;
		CHECK(index < io->config->forward_count);
	}
	removed = io->config->forwards[index];
	config_remove_forward(io->config, index);
	if (keep(io, removed.origin, message) != 0) {
		/* At the end is as good as in the middle. */
		io->config->forwards[io->config->forward_count++] = removed;
		return -ERR_STATE;
	}
	if (io->listeners[slot] != NULL)
		io_listener_close(io->listeners[slot]);
	proxy_retire_forward(&io->proxy, &io->now, slot);
	return 0;
}
