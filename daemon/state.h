/* SPDX-License-Identifier: ISC */
/*
 * What outlives the process, in one folder that belongs to one daemon at a time
 * (a lock says so):
 *
 *   forwards   those added while running: one "add" request per line, as on the
 *              control socket, and a last line with their count. Written whole
 *              to another name, flushed to the disk, renamed.
 *   stamps     the greatest TAI64N stamp sent by each private key's owner, so
 *              that a clock that was set back does not lock us out (checklist
 *              4.1). One line each: public key, Unix nanoseconds.
 *
 * Without a folder the daemon runs and says so once; then nothing can be kept.
 * A damaged file is set aside under another name, never used in part.
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/limits.h"
#include "config/config.h"

struct state {
	char folder[PATH_CAP]; /* "": there is none */
	int lock;              /* descriptor */
	/* Forwards that the configuration has no room for now: kept for the
	 * next start. Owned. */
	struct mapping *shelved;
	uint32_t shelved_count;
	struct state_stamp {
		struct key public_key;
		uint64_t stamp;
	} stamps[TUNNELS_MAX];
	uint32_t stamp_count;
};

/* The folder that was named, or the first of $STATE_DIRECTORY,
 * $XDG_STATE_HOME/wgproxyd and ~/.local/state/wgproxyd; made if missing. What
 * goes wrong is logged. */
void state_open(struct state *state, const char *option);
void state_close(struct state *state);

/* Replaces a file: whoever reads it, and a crash at any moment, sees the old or
 * the new one. durable: the new one is on the disk when this returns. 0,
 * -ERR_STATE without a folder, or -ERR_IO; then the old file is whole. */
int state_replace_file(const struct state *state, const char *file,
		       const char *text, bool durable);
/* The file's text, to be freed; NULL: there is none, or it cannot be read. */
char *state_read_file(const struct state *state, const char *file);
/* Gives a damaged file another name, and says so. */
void state_set_aside(const struct state *state, const char *file);

/* Adds the forwards that were kept to a configuration; what no longer fits is
 * shelved with a warning. */
void state_load_forwards(struct state *state, struct config *config);
/* Returns as state_replace_file() does. */
int state_save_forwards(const struct state *state, const struct config *config);

void state_load_stamps(struct state *state);
/* 0 = none is known. */
uint64_t state_stamp(struct state *state, const struct key *public_key);
/* Notes a stamp. Returns whether state_save_stamps() has work. */
bool state_note_stamp(struct state *state, const struct key *public_key,
		      uint64_t stamp);
/* durable: on the disk when this returns, at the cost of waiting for it. */
void state_save_stamps(const struct state *state, bool durable);

#endif
