/* SPDX-License-Identifier: ISC */
#include "rival.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/time.h"

enum { FREE, FLYING, SACKED, LOST };
enum { DATA = 1, ACK = 2, DUPLICATES = 3, ACK_EVERY = 2, ACK_BYTES = 72 };
enum { HYSTART_LOW = 16, HYSTART_SAMPLES = 8, INITIAL_WINDOW = 10 };
#define BETA       (717.0 / 1024)
#define CUBIC_C    0.4
#define TRAIN_NS   1e6
#define TRAIN_GAP  (2 * NS_PER_MS)
#define RTO_MARGIN (200 * NS_PER_MS)

struct message {
	uint8_t zero, type;
	uint64_t number; /* DATA: its own; ACK: what is expected next */
	uint64_t at;     /* ACK: when it was sent */
};

void rival_init(struct rival *rival, struct link *data, struct link *acks,
		uint64_t start_at, bool in_trains)
{
	memset(rival, 0, sizeof(*rival));
	rival->data = data;
	rival->acks = acks;
	rival->start_at = start_at;
	rival->cwnd = INITIAL_WINDOW;
	rival->ssthresh = INFINITY;
	rival->min_rtt = rival->round_min = NEVER;
	rival->rto_at = NEVER;
	rival->in_trains = in_trains;
	memset(rival->got_at, 0xff, sizeof(rival->got_at));
}

static void put(struct link *link, uint64_t now, struct message *message,
		uint32_t len)
{
	uint8_t bytes[RIVAL_PACKET] = {0};

	memcpy(bytes, message, sizeof(*message));
	(void)link_send(link, now, bytes, len);
}

/* ------------------------------------------------------------- sender */

static void transmit(struct rival *rival, uint64_t now, uint64_t number)
{
	struct message message = {.type = DATA, .number = number};

	rival->sent_at[number % RIVAL_RING] = now;
	rival->state[number % RIVAL_RING] = FLYING;
	rival->pipe++;
	rival->prr_out++;
	put(rival->data, now, &message, RIVAL_PACKET);
}

static uint64_t first_lost(const struct rival *rival)
{
	uint64_t number = rival->una;

	while (rival->state[number % RIVAL_RING] != LOST)
		number++;
	return number;
}

/* A kernel saves up for a large packet that its card cuts up: what it would
 * send in a millisecond. */
static bool saves_up(const struct rival *rival)
{
	double most = 1.2 * rival->cwnd * TRAIN_NS / (double)rival->srtt;

	if (!rival->in_trains || rival->recovering || rival->srtt == 0)
		return false;
	most = fmin(floor(most), floor(rival->cwnd / 3));
	return rival->cwnd - rival->pipe < most;
}

static void send_allowed(struct rival *rival, uint64_t now)
{
	if (saves_up(rival))
		return;
	while (rival->pipe < (uint32_t)rival->cwnd) {
		if (rival->lost > 0) {
			rival->lost--;
			transmit(rival, now, first_lost(rival));
		} else {
			CHECK(rival->next - rival->una < RIVAL_RING / 2);
			rival->got_at[rival->next % RIVAL_RING] = NEVER;
			transmit(rival, now, rival->next++);
		}
	}
	rival->rto_at = now + rival->srtt + RTO_MARGIN +
			(rival->srtt == 0 ? NS_PER_S : 0);
}

static void reduce(struct rival *rival)
{
	rival->w_max = rival->cwnd < rival->w_max ? rival->cwnd * (1 + BETA) / 2
						  : rival->cwnd;
	rival->ssthresh = fmax(rival->cwnd * BETA, 2);
	rival->epoch = 0;
	rival->recover = rival->next;
}

static void hystart(struct rival *rival, uint64_t now, uint64_t rtt)
{
	uint64_t slack = rival->min_rtt / 8;

	if (rival->una >= rival->round_end) {
		rival->round_end = rival->next;
		rival->round_start = rival->train_at = now;
		rival->round_min = NEVER;
		rival->samples = 0;
	}
	if (rival->cwnd < HYSTART_LOW)
		return;
	if (now - rival->train_at <= TRAIN_GAP) {
		rival->train_at = now;
		if (now - rival->round_start > rival->min_rtt / 2)
			rival->ssthresh = rival->cwnd;
	}
	rival->round_min = time_min(rival->round_min, rtt);
	if (slack < 4 * NS_PER_MS)
		slack = 4 * NS_PER_MS;
	if (slack > 16 * NS_PER_MS)
		slack = 16 * NS_PER_MS;
	if (++rival->samples >= HYSTART_SAMPLES &&
	    rival->round_min > rival->min_rtt + slack)
		rival->ssthresh = rival->cwnd;
}

static void cubic(struct rival *rival, uint64_t now, unsigned acked)
{
	double t, target;

	if (rival->epoch == 0) {
		rival->epoch = now;
		rival->w_est = rival->cwnd;
		rival->origin = fmax(rival->w_max, rival->cwnd);
		rival->k = cbrt((rival->origin - rival->cwnd) / CUBIC_C);
	}
	t = (double)(now - rival->epoch + rival->min_rtt) / 1e9 - rival->k;
	target = rival->origin + CUBIC_C * t * t * t;
	rival->w_est += acked * 3 * (1 - BETA) / (1 + BETA) / rival->cwnd;
	target = fmin(fmax(target, rival->w_est), rival->cwnd * 1.5);
	if (target > rival->cwnd)
		rival->cwnd += (target - rival->cwnd) * acked / rival->cwnd;
}

static void sample(struct rival *rival, uint64_t rtt)
{
	rival->min_rtt = time_min(rival->min_rtt, rtt);
	rival->srtt = rival->srtt == 0 ? rtt : (7 * rival->srtt + rtt) / 8;
}

static void take(struct rival *rival, uint64_t number)
{
	uint8_t *state = &rival->state[number % RIVAL_RING];
	uint64_t sent = rival->sent_at[number % RIVAL_RING];

	if (*state == FLYING)
		rival->pipe--;
	else
		rival->lost--;
	*state = SACKED;
	if (sent > rival->newest_sent)
		rival->newest_sent = sent;
	if (number >= rival->highest)
		rival->highest = number + 1;
}

/* What the receiver had when it sent the acknowledgement. */
static unsigned deliver(struct rival *rival, const struct message *ack)
{
	unsigned count = 0;

	for (uint64_t i = rival->una; i < rival->next; i++) {
		uint8_t state = rival->state[i % RIVAL_RING];

		if (i >= ack->number + RIVAL_RING / 4)
			break;
		if ((state == FLYING || state == LOST) &&
		    (i < ack->number ||
		     rival->got_at[i % RIVAL_RING] <= ack->at)) {
			take(rival, i);
			count++;
		}
	}
	while (rival->una < ack->number)
		rival->state[rival->una++ % RIVAL_RING] = FREE;
	return count;
}

static bool find_losses(struct rival *rival)
{
	bool found = false;

	for (uint64_t i = rival->una; i + DUPLICATES < rival->highest; i++) {
		if (rival->state[i % RIVAL_RING] != FLYING ||
		    rival->sent_at[i % RIVAL_RING] >= rival->newest_sent)
			continue;
		rival->state[i % RIVAL_RING] = LOST;
		rival->pipe--;
		rival->lost++;
		found = true;
	}
	return found;
}

static void recover(struct rival *rival, unsigned count)
{
	double send;

	rival->prr_delivered += count;
	if (rival->pipe > rival->ssthresh) {
		send = ceil((double)rival->prr_delivered * rival->ssthresh /
			    (double)rival->prr_flight) -
		       (double)rival->prr_out;
	} else {
		send = fmax((double)rival->prr_delivered -
				    (double)rival->prr_out,
			    count) +
		       1;
		send = fmin(send, rival->ssthresh - rival->pipe);
	}
	if (rival->prr_out == 0)
		send = fmax(send, 1);
	rival->cwnd = rival->pipe + fmax(send, 0);
}

static void acknowledged(struct rival *rival, uint64_t now,
			 const struct message *ack)
{
	uint64_t newest = rival->sent_at[(ack->number - 1) % RIVAL_RING];
	bool moved = ack->number > rival->una;
	unsigned count = deliver(rival, ack);
	bool loss = find_losses(rival);

	if (moved && rival->lost == 0 && !rival->recovering)
		sample(rival, now - newest);
	if (rival->recovering && rival->una >= rival->recover) {
		rival->recovering = false;
		rival->cwnd = rival->ssthresh;
	}
	if (loss && !rival->recovering && rival->una >= rival->recover) {
		rival->prr_flight = rival->next - rival->una;
		rival->prr_delivered = rival->prr_out = 0;
		reduce(rival);
		rival->recovering = true;
	}
	if (rival->recovering) {
		recover(rival, count);
	} else if (count > 0 && rival->cwnd < rival->ssthresh) {
		hystart(rival, now, now - newest);
		rival->cwnd += count;
	} else if (count > 0) {
		cubic(rival, now, count);
	}
	send_allowed(rival, now);
}

/* ------------------------------------------------------------- receiver */

static void arrived(struct rival *rival, uint64_t now, uint64_t number)
{
	struct message ack = {.type = ACK, .at = now};
	bool in_order = number == rival->expected;

	if (number >= rival->expected &&
	    rival->got_at[number % RIVAL_RING] == NEVER) {
		rival->received++;
		rival->got_at[number % RIVAL_RING] = now;
	}
	while (rival->expected < rival->next &&
	       rival->got_at[rival->expected % RIVAL_RING] != NEVER)
		rival->expected++;
	if (in_order && rival->expected == number + 1 &&
	    ++rival->unacked < ACK_EVERY)
		return;
	rival->unacked = 0;
	ack.number = rival->expected;
	put(rival->acks, now, &ack, ACK_BYTES);
}

/* ------------------------------------------------------------- events */

bool rival_arrive(struct rival *rival, uint64_t now,
		  const struct link_packet *packet)
{
	struct message message;

	if (rival->start_at == NEVER || packet->data[0] != 0)
		return false;
	CHECK(packet->len >= sizeof(message));
	memcpy(&message, packet->data, sizeof(message));
	if (message.type == DATA)
		arrived(rival, now, message.number);
	else if (message.number >= rival->una && message.number > 0)
		acknowledged(rival, now, &message);
	return true;
}

static void timed_out(struct rival *rival, uint64_t now)
{
	for (uint64_t i = rival->una; i < rival->next; i++) {
		if (rival->state[i % RIVAL_RING] != FLYING)
			continue;
		rival->state[i % RIVAL_RING] = LOST;
		rival->lost++;
	}
	rival->pipe = 0;
	reduce(rival);
	rival->recovering = false;
	rival->cwnd = 1;
	send_allowed(rival, now);
}

void rival_expire(struct rival *rival, uint64_t now)
{
	if (!rival->started && now >= rival->start_at) {
		rival->started = true;
		send_allowed(rival, now);
	} else if (now >= rival->rto_at) {
		timed_out(rival, now);
	}
}

uint64_t rival_deadline(const struct rival *rival)
{
	return rival->started ? rival->rto_at : rival->start_at;
}
