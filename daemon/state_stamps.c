/* SPDX-License-Identifier: ISC */
#include "daemon/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char stamps_file[] = "stamps";

static bool take_stamp(struct state *state, const char *line)
{
	char key[KEY_TEXT_CAP];
	unsigned long long stamp;
	struct state_stamp *entry = &state->stamps[state->stamp_count];

	if (state->stamp_count == TUNNELS_MAX ||
	    sscanf(line, "%44s %llu", key, &stamp) != 2 ||
	    key_parse(key, &entry->public_key) != 0)
		return false;
	entry->stamp = stamp;
	state->stamp_count++;
	return true;
}

void state_load_stamps(struct state *state)
{
	char *text = state_read_file(state, stamps_file);
	char *rest = text;

	for (char *line = strsep(&rest, "\n"); line != NULL;
	     line = strsep(&rest, "\n")) {
		if (line[0] != '\0' && !take_stamp(state, line)) {
			state_set_aside(state, stamps_file);
			break;
		}
	}
	free(text);
}

static struct state_stamp *find_stamp(struct state *state,
				      const struct key *public_key)
{
	for (uint32_t i = 0; i < state->stamp_count; i++) {
		if (memcmp(&state->stamps[i].public_key, public_key,
			   sizeof(*public_key)) == 0)
			return &state->stamps[i];
	}
	return NULL;
}

uint64_t state_stamp(struct state *state, const struct key *public_key)
{
	const struct state_stamp *entry = find_stamp(state, public_key);

	return entry == NULL ? 0 : entry->stamp;
}

bool state_note_stamp(struct state *state, const struct key *public_key,
		      uint64_t stamp)
{
	struct state_stamp *entry = find_stamp(state, public_key);

	if (entry == NULL) {
		/* The oldest goes: its tunnel is no longer configured. */
		if (state->stamp_count == TUNNELS_MAX) {
			memmove(&state->stamps[0], &state->stamps[1],
				sizeof(state->stamps) -
					sizeof(state->stamps[0]));
			state->stamp_count--;
		}
		entry = &state->stamps[state->stamp_count++];
		*entry = (struct state_stamp){.public_key = *public_key};
	}
	if (stamp <= entry->stamp)
		return false;
	entry->stamp = stamp;
	return true;
}

void state_save_stamps(const struct state *state, bool durable)
{
	char text[TUNNELS_MAX * (KEY_TEXT_CAP + 24)];
	char key[KEY_TEXT_CAP];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < state->stamp_count; i++)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s %llu\n",
			key_format(&state->stamps[i].public_key, key),
			(unsigned long long)state->stamps[i].stamp);
	(void)state_replace_file(state, stamps_file, text, durable);
}
