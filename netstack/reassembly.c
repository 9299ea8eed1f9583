/* SPDX-License-Identifier: ISC */
#include "netstack/reassembly.h"

#include <string.h>

#include "base/check.h"
#include "base/time.h"

enum {
	DATAGRAM_MAX = 65535,
	QUOTE_MAX = 1024, /* of payload: more than an ICMP error has room for */
	LIFETIME_V4_S = 30,
	LIFETIME_V6_S = 60,
	PREFIX_V6_BYTES = 8, /* a host has a /64 to itself */
};

/* ------------------------------------------------------------- blocks */

static int take_block(struct reasm *reasm)
{
	for (unsigned i = 0; i < REASM_BLOCKS / 64; i++) {
		uint64_t unused = ~reasm->blocks_used[i];

		if (unused != 0) {
			int bit = __builtin_ctzll(unused);

			reasm->blocks_used[i] |= UINT64_C(1) << bit;
			return (int)i * 64 + bit;
		}
	}
	return -1;
}

static void give_blocks(struct reasm *reasm, struct reasm_datagram *datagram)
{
	for (unsigned i = 0; i < REASM_DATAGRAM_BLOCKS; i++) {
		unsigned block = datagram->blocks[i];

		if (block-- == 0)
			continue;
		reasm->blocks_used[block / 64] &= ~(UINT64_C(1) << block % 64);
		datagram->blocks[i] = 0;
	}
	datagram->block_count = 0;
}

static uint8_t *byte_at(struct reasm *reasm,
			const struct reasm_datagram *datagram, uint32_t at)
{
	unsigned block = datagram->blocks[at / REASM_BLOCK_BYTES];

	CHECK(block > 0);
	return &reasm->arena[block - 1][at % REASM_BLOCK_BYTES];
}

static uint32_t stretch(uint32_t at, uint32_t end)
{
	uint32_t len = REASM_BLOCK_BYTES - at % REASM_BLOCK_BYTES;

	return len < end - at ? len : end - at;
}

static void write_part(struct reasm *reasm,
		       const struct reasm_datagram *datagram,
		       struct reasm_part part, const uint8_t *data)
{
	uint32_t len;

	for (uint32_t at = part.at; at < part.end; at += len, data += len) {
		len = stretch(at, part.end);
		memcpy(byte_at(reasm, datagram, at), data, len);
	}
}

static bool same_bytes(struct reasm *reasm,
		       const struct reasm_datagram *datagram,
		       struct reasm_part part, const uint8_t *data)
{
	uint32_t len;

	for (uint32_t at = part.at; at < part.end; at += len, data += len) {
		len = stretch(at, part.end);
		if (memcmp(byte_at(reasm, datagram, at), data, len) != 0)
			return false;
	}
	return true;
}

static void read_bytes(struct reasm *reasm,
		       const struct reasm_datagram *datagram, uint8_t *ret_data,
		       uint32_t end)
{
	uint32_t len;

	for (uint32_t at = 0; at < end; at += len) {
		len = stretch(at, end);
		memcpy(ret_data + at, byte_at(reasm, datagram, at), len);
	}
}

/* ------------------------------------------------------------- places */

static void release(struct reasm *reasm, struct reasm_datagram *datagram)
{
	give_blocks(reasm, datagram);
	datagram->expires = 0;
	if (--reasm->count == 0)
		reasm->deadline = 0;
}

/* Refuses what is still to come of it, too. */
static void kill(struct reasm *reasm, struct reasm_datagram *datagram)
{
	give_blocks(reasm, datagram);
	datagram->dead = true;
	datagram->count = 0;
	datagram->header_len = 0;
}

struct usage {
	uint16_t by_path[REASM_BUCKETS], by_source[REASM_BUCKETS];
};

static bool goes_before(const struct usage *usage,
			const struct reasm_datagram *a,
			const struct reasm_datagram *b)
{
	int more = usage->by_path[a->by_path] - usage->by_path[b->by_path];

	if (more == 0)
		more = usage->by_source[a->by_source] -
		       usage->by_source[b->by_source];
	return more > 0 || (more == 0 && a->number < b->number);
}

/* Whose turn it is to go: one that has blocks, when these are wanted. */
static struct reasm_datagram *victim(struct reasm *reasm, bool for_blocks)
{
	struct reasm_datagram *found = NULL;
	struct usage usage = {0};

	for (unsigned i = 0; i < REASM_DATAGRAMS; i++) {
		struct reasm_datagram *each = &reasm->datagrams[i];
		uint16_t weight = 1 + each->block_count;

		if (each->expires == 0)
			continue;
		usage.by_path[each->by_path] += weight;
		usage.by_source[each->by_source] += weight;
	}
	for (unsigned i = 0; i < REASM_DATAGRAMS; i++) {
		struct reasm_datagram *each = &reasm->datagrams[i];

		if (each->expires == 0 ||
		    (for_blocks && each->block_count == 0))
			continue;
		if (found == NULL || goes_before(&usage, each, found))
			found = each;
	}
	CHECK(found != NULL);
	return found;
}

static bool is_named(const struct reasm_datagram *datagram, uint16_t path,
		     const struct ip_packet *fragment)
{
	return datagram->id == fragment->fragment_id &&
	       datagram->expires != 0 && datagram->path == path &&
	       (fragment->src.family == IP_V6 ||
		datagram->protocol == fragment->protocol) &&
	       ip_addr_equal(&datagram->src, &fragment->src) &&
	       ip_addr_equal(&datagram->dst, &fragment->dst);
}

static struct reasm_datagram *free_place(struct reasm *reasm)
{
	if (reasm->count == REASM_DATAGRAMS)
		release(reasm, victim(reasm, false));
	for (unsigned i = 0; i < REASM_DATAGRAMS; i++) {
		if (reasm->datagrams[i].expires == 0)
			return &reasm->datagrams[i];
	}
	UNREACHABLE();
}

static struct reasm_datagram *open_datagram(struct reasm *reasm, uint64_t now,
					    uint16_t path,
					    const struct ip_packet *fragment)
{
	bool v4 = fragment->src.family == IP_V4;
	struct reasm_datagram *datagram = free_place(reasm);

	*datagram = (struct reasm_datagram){
		.src = fragment->src,
		.dst = fragment->dst,
		.expires =
			now + (v4 ? LIFETIME_V4_S : LIFETIME_V6_S) * NS_PER_S,
		.number = reasm->numbers++,
		.id = fragment->fragment_id,
		.path = path,
		.protocol = fragment->protocol,
		.by_path = path % REASM_BUCKETS,
		.by_source = siphash(&reasm->key, fragment->src.bytes,
				     v4 ? 4 : PREFIX_V6_BYTES) %
			     REASM_BUCKETS,
	};
	if (reasm->count++ == 0 || datagram->expires < reasm->deadline)
		reasm->deadline = datagram->expires;
	return datagram;
}

static struct reasm_datagram *find_or_open(struct reasm *reasm, uint64_t now,
					   uint16_t path,
					   const struct ip_packet *fragment)
{
	for (unsigned i = 0; i < REASM_DATAGRAMS && reasm->count > 0; i++) {
		if (is_named(&reasm->datagrams[i], path, fragment))
			return &reasm->datagrams[i];
	}
	return open_datagram(reasm, now, path, fragment);
}

/* ------------------------------------------------------------- fragments */

/* Blocks for a part; others may lose theirs. False: it was this datagram's own
 * turn, and it is gone. */
static bool reserve(struct reasm *reasm, struct reasm_datagram *datagram,
		    struct reasm_part part)
{
	for (unsigned i = part.at / REASM_BLOCK_BYTES;
	     i <= (part.end - 1U) / REASM_BLOCK_BYTES; i++) {
		int block;

		if (datagram->blocks[i] != 0)
			continue;
		while ((block = take_block(reasm)) < 0) {
			struct reasm_datagram *other = victim(reasm, true);

			release(reasm, other);
			if (other == datagram)
				return false;
		}
		datagram->blocks[i] = (uint8_t)(block + 1);
		datagram->block_count++;
	}
	return true;
}

/* Lengths that a sender can have meant. */
static bool is_sane(const struct ip_packet *fragment)
{
	uint32_t headers = (uint32_t)(fragment->payload - fragment->header);
	uint32_t max = DATAGRAM_MAX - headers;

	if (fragment->src.family == IP_V6) /* the fragment header goes away */
		max += IP_FRAGMENT_HEADERS;
	if (fragment->payload_len == 0 ||
	    (fragment->more && fragment->payload_len % 8 != 0))
		return false;
	return fragment->fragment_at + fragment->payload_len <= max;
}

/* The end of the datagram is where all fragments say. */
static bool agrees(const struct reasm_datagram *datagram,
		   struct reasm_part part, bool more)
{
	uint32_t last = datagram->count > 0
				? datagram->parts[datagram->count - 1].end
				: 0;

	if (datagram->total != 0)
		return more ? part.end <= datagram->total
			    : part.end == datagram->total;
	return more || part.end >= last;
}

/* Where a part belongs among those that are there. */
static unsigned place_of(const struct reasm_datagram *datagram, uint16_t at)
{
	unsigned i = datagram->count;

	while (i > 0 && datagram->parts[i - 1].at >= at)
		i--;
	return i;
}

static bool overlaps(const struct reasm_datagram *datagram, unsigned place,
		     struct reasm_part part)
{
	return (place > 0 && datagram->parts[place - 1].end > part.at) ||
	       (place < datagram->count &&
		datagram->parts[place].at < part.end);
}

static void insert(struct reasm_datagram *datagram, unsigned place,
		   struct reasm_part part)
{
	memmove(&datagram->parts[place + 1], &datagram->parts[place],
		(datagram->count - place) * sizeof(part));
	datagram->parts[place] = part;
	datagram->count++;
	datagram->bytes = (uint16_t)(datagram->bytes + part.end - part.at);
}

/* Adds it. REASM_DROPPED: the datagram contradicts itself or is too much.
 * REASM_HIDDEN: its headers go on in a later fragment. */
static enum reasm_verdict add_part(struct reasm *reasm,
				   struct reasm_datagram *datagram,
				   const struct ip_packet *fragment)
{
	struct reasm_part part = {
		.at = fragment->fragment_at,
		.end = (uint16_t)(fragment->fragment_at +
				  fragment->payload_len),
	};
	unsigned place = place_of(datagram, part.at);

	if (place < datagram->count &&
	    memcmp(&datagram->parts[place], &part, sizeof(part)) == 0 &&
	    fragment->more == (part.end != datagram->total) &&
	    same_bytes(reasm, datagram, part, fragment->payload))
		return REASM_WAITS; /* a copy */
	if (!agrees(datagram, part, fragment->more) ||
	    overlaps(datagram, place, part) || datagram->count == REASM_PARTS) {
		kill(reasm, datagram);
		return REASM_DROPPED;
	}
	if (part.at == 0 && !ip_first_is_whole(fragment)) {
		kill(reasm, datagram);
		return REASM_HIDDEN;
	}
	if (!reserve(reasm, datagram, part))
		return REASM_DROPPED;
	insert(datagram, place, part);
	write_part(reasm, datagram, part, fragment->payload);
	if (!fragment->more)
		datagram->total = part.end;
	return datagram->bytes == datagram->total ? REASM_WHOLE : REASM_WAITS;
}

static void note_first(struct reasm_datagram *datagram,
		       const struct ip_packet *first)
{
	size_t len = (size_t)(first->payload - first->header);

	datagram->next_header = first->protocol;
	datagram->tos = first->tos;
	if (len > REASM_HEADERS_CAP)
		return;
	memcpy(datagram->header, first->header, len);
	datagram->header_len = (uint8_t)len;
}

/* As it was before it was cut, without IPv4 options and without the IPv6
 * headers that were there for routers. */
static enum reasm_verdict put_together(struct reasm *reasm,
				       struct reasm_datagram *datagram,
				       struct ip_packet *ret_whole)
{
	struct ip_build build = {
		.src = &datagram->src,
		.dst = &datagram->dst,
		.payload_len = datagram->total,
		.id = (uint16_t)datagram->id,
		.protocol = datagram->next_header,
		.tos = datagram->tos,
	};
	uint32_t header = ip_build(reasm->packet, &build);

	read_bytes(reasm, datagram, reasm->packet + header, datagram->total);
	release(reasm, datagram);
	if (ip_parse(reasm->packet, header + build.payload_len, ret_whole) !=
		    0 ||
	    ret_whole->fragment)
		return REASM_DROPPED;
	return REASM_WHOLE;
}

enum reasm_verdict reasm_take(struct reasm *reasm, uint64_t now, uint16_t path,
			      const struct ip_packet *fragment,
			      struct ip_packet *ret_whole)
{
	struct reasm_datagram *datagram;
	enum reasm_verdict verdict;

	if (!is_sane(fragment))
		return REASM_DROPPED;
	datagram = find_or_open(reasm, now, path, fragment);
	if (datagram->dead)
		return REASM_DROPPED;
	verdict = add_part(reasm, datagram, fragment);
	if ((verdict == REASM_WAITS || verdict == REASM_WHOLE) &&
	    fragment->fragment_at == 0)
		note_first(datagram, fragment);
	if (verdict == REASM_WHOLE)
		verdict = put_together(reasm, datagram, ret_whole);
	return verdict;
}

/* ------------------------------------------------------------- time */

uint64_t reasm_deadline(const struct reasm *reasm)
{
	return reasm->deadline != 0 ? reasm->deadline : NEVER;
}

/* The first fragment, as long as there is a block of it. */
static void restore_first(struct reasm *reasm,
			  const struct reasm_datagram *datagram,
			  struct ip_packet *ret_first)
{
	uint32_t len = datagram->parts[0].end;

	if (len > QUOTE_MAX)
		len = QUOTE_MAX;
	memcpy(reasm->packet, datagram->header, datagram->header_len);
	read_bytes(reasm, datagram, reasm->packet + datagram->header_len, len);
	*ret_first = (struct ip_packet){
		.src = datagram->src,
		.dst = datagram->dst,
		.header = reasm->packet,
		.payload = reasm->packet + datagram->header_len,
		.payload_len = len,
		.protocol = datagram->next_header,
	};
}

bool reasm_expire(struct reasm *reasm, uint64_t now,
		  struct reasm_expired *ret_expired)
{
	uint64_t deadline = NEVER;

	if (reasm_deadline(reasm) > now)
		return false;
	for (unsigned i = 0; i < REASM_DATAGRAMS; i++) {
		struct reasm_datagram *datagram = &reasm->datagrams[i];

		if (datagram->expires == 0)
			continue;
		if (datagram->expires > now) {
			deadline = time_min(deadline, datagram->expires);
			continue;
		}
		ret_expired->path = datagram->path;
		ret_expired->has_first = datagram->header_len > 0;
		if (ret_expired->has_first)
			restore_first(reasm, datagram, &ret_expired->packet);
		release(reasm, datagram);
		return true;
	}
	reasm->deadline = deadline;
	return false;
}

/* ------------------------------------------------------------- books */

static void check_datagram(const struct reasm_datagram *datagram)
{
	uint32_t bytes = 0;
	uint32_t before = 0;

	CHECK(datagram->count <= REASM_PARTS);
	for (unsigned i = 0; i < datagram->count; i++) {
		struct reasm_part part = datagram->parts[i];

		CHECK(part.at >= before && part.at < part.end);
		bytes += part.end - part.at;
		before = part.end;
	}
	if (datagram->dead)
		CHECK(datagram->block_count == 0);
	else
		CHECK(bytes == datagram->bytes && bytes != datagram->total);
}

void reasm_check(const struct reasm *reasm)
{
	uint64_t used[REASM_BLOCKS / 64] = {0};
	uint32_t count = 0;

	for (unsigned i = 0; i < REASM_DATAGRAMS; i++) {
		const struct reasm_datagram *datagram = &reasm->datagrams[i];
		unsigned blocks = 0;

		if (datagram->expires == 0)
			continue;
		count++;
		CHECK(reasm->deadline <= datagram->expires);
		check_datagram(datagram);
		for (unsigned k = 0; k < REASM_DATAGRAM_BLOCKS; k++) {
			unsigned block = datagram->blocks[k];

			if (block-- == 0)
				continue;
			CHECK(!(used[block / 64] >> block % 64 & 1));
			used[block / 64] |= UINT64_C(1) << block % 64;
			blocks++;
		}
		CHECK(blocks == datagram->block_count);
	}
	CHECK(count == reasm->count);
	CHECK(memcmp(used, reasm->blocks_used, sizeof(used)) == 0);
}
