/* SPDX-License-Identifier: ISC */
#include "crypto/wg_replay.h"

enum { WORDS = WG_REPLAY_BITS / 64 };

/* Clears the words between the old front and the new one. */
static void move_front(struct wg_replay *replay, uint64_t counter)
{
	uint64_t old = replay->next == 0 ? 0 : (replay->next - 1) / 64;
	uint64_t steps = counter / 64 - old;

	if (steps > WORDS)
		steps = WORDS;
	for (uint64_t i = 1; i <= steps; i++)
		replay->bits[(old + i) % WORDS] = 0;
	replay->next = counter + 1;
}

bool wg_replay_accept(struct wg_replay *replay, uint64_t counter)
{
	uint64_t mask = UINT64_C(1) << (counter % 64);
	uint64_t *word = &replay->bits[counter / 64 % WORDS];

	if (counter >= WG_REJECT_AFTER_MESSAGES)
		return false;
	if (counter >= replay->next)
		move_front(replay, counter);
	else if (replay->next - 1 - counter > WG_REPLAY_WINDOW)
		return false;
	if (*word & mask)
		return false;
	*word |= mask;
	return true;
}
