/* SPDX-License-Identifier: ISC */
#include "daemon/io_state.h"

#include "config/keyfile.h"
#include "daemon/io_loop.h"
#include "daemon/options.h"

#define STAMPS_PERIOD_NS NS_PER_S

void io_state_open(struct io_loop *io, struct config *config)
{
	state_open(&io->state, io->options->state_dir);
	state_load_stamps(&io->state);
	state_load_forwards(&io->state, config);
}

uint64_t io_state_stamp(struct io_loop *io, const struct config_tunnel *config)
{
	struct key public_key;

	if (key_derive_public(&config->private_key, &public_key) != 0)
		return 0;
	return state_stamp(&io->state, &public_key);
}

static void note_stamps(struct io_loop *io)
{
	for (uint32_t i = 0; i < TUNNEL_SLOTS; i++) {
		const struct tunnel *tunnel = io->proxy.tunnels[i];
		struct key public_key;
		uint64_t stamp;

		if (tunnel == NULL)
			continue;
		stamp = wg_device_greatest_stamp(tunnel->wg);
		if (stamp == io->stamps_noted[i])
			continue;
		io->stamps_noted[i] = stamp;
		wg_device_public_key(tunnel->wg, &public_key);
		io->stamps_due |=
			state_note_stamp(&io->state, &public_key, stamp);
	}
}

void io_state_turn(struct io_loop *io)
{
	note_stamps(io);
	if (!io->stamps_due || io->now.awake < io->stamps_at)
		return;
	state_save_stamps(&io->state, false);
	io->stamps_due = false;
	io->stamps_at = io->now.awake + STAMPS_PERIOD_NS;
}

uint64_t io_state_deadline(const struct io_loop *io)
{
	return io->stamps_due ? io->stamps_at : NEVER;
}

void io_state_close(struct io_loop *io)
{
	if (io->stamps_due)
		state_save_stamps(&io->state, true);
	state_close(&io->state);
}
