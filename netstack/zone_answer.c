/* SPDX-License-Identifier: ISC */
/*
 * One DNS message in, one out (RFC 1035 section 4), with EDNS(0) of RFC 6891.
 *
 * The answer starts with the question as it came, letters in their case, so
 * that a client may check both (RFC 5452 section 9.1). Names in records point
 * into it. A question by UDP is answered in full or with TC and no records: an
 * answer must not be cut short unseen (RFC 2181 section 9), and must not be a
 * weapon.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "netstack/zone.h"

enum {
	HEADER_LEN = 12,
	LABEL_MAX = 63,
	OPT_LEN = 11,
	UDP_PAYLOAD_MIN = 512, /* without EDNS, RFC 1035 section 4.2.1 */
};

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_SOA = 6, TYPE_AAAA = 28, TYPE_OPT = 41 };
enum { TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_ANY = 255 };
enum { CLASS_IN = 1 };
enum { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };

enum {
	FLAG_QR = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_CD = 0x0010,
	OPT_FLAG_DO = 0x8000,
};

enum {
	RCODE_OK = 0,
	RCODE_FORMERR = 1,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16,
};

struct question {
	const uint8_t *data; /* the message */
	size_t len;
	size_t end; /* of the question; 0: it could not be read */
	uint8_t name[ZONE_WIRE_MAX]; /* lower case */
	uint32_t name_len;
	uint16_t type, class;
	bool edns;
	uint8_t edns_version;
	uint16_t edns_payload, edns_flags;
};

/* What to say: which records of which name. */
struct verdict {
	enum zone_counter counter;
	unsigned rcode;
	struct zone_name *name; /* its addresses of that type */
	uint16_t type;          /* 0: no answer records */
	bool soa;               /* in the authority section */
};

struct writer {
	uint8_t *data; /* ZONE_ANSWER_MAX bytes */
	size_t len;
};

/* ------------------------------------------------------------- question */

static uint8_t to_lower(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* A question's name is never compressed: there is nothing before it. */
static bool read_name(struct question *question)
{
	size_t at = HEADER_LEN;
	uint8_t label;

	do {
		if (at >= question->len)
			return false;
		label = question->data[at];
		if (label > LABEL_MAX || at + label >= question->len ||
		    at - HEADER_LEN + label + 1U > ZONE_WIRE_MAX)
			return false;
		question->name[question->name_len++] = label;
		for (unsigned i = 1; i <= label; i++)
			question->name[question->name_len++] =
				to_lower(question->data[at + i]);
		at += label + 1U;
	} while (label != 0);
	return true;
}

static bool read_question(struct question *question)
{
	size_t end;

	if (get_be16(question->data + 4) != 1 || !read_name(question))
		return false;
	end = HEADER_LEN + question->name_len;
	if (question->len - end < 4)
		return false;
	question->type = get_be16(question->data + end);
	question->class = get_be16(question->data + end + 2);
	question->end = end + 4;
	return true;
}

/* Returns what follows the name; 0: it is no name. */
static size_t skip_name(const struct question *question, size_t at)
{
	while (at < question->len) {
		uint8_t label = question->data[at];

		if (label == 0)
			return at + 1;
		if (label > LABEL_MAX)
			return label >= 0xc0 ? at + 2 : 0;
		at += label + 1U;
	}
	return 0;
}

static bool note_opt(struct question *question, const uint8_t *fixed,
		     bool is_root)
{
	if (question->edns || !is_root)
		return false;
	question->edns = true;
	question->edns_payload = get_be16(fixed + 2);
	question->edns_version = fixed[5];
	question->edns_flags = get_be16(fixed + 6);
	return true;
}

/* Only OPT means anything here; the message must end where they end. */
static bool read_additional(struct question *question)
{
	unsigned count = get_be16(question->data + 10);
	size_t at = question->end;

	if (get_be16(question->data + 6) != 0 ||
	    get_be16(question->data + 8) != 0)
		return false;
	while (count-- > 0) {
		size_t fixed = skip_name(question, at);
		const uint8_t *record = question->data + fixed;

		if (fixed == 0 || fixed > question->len ||
		    question->len - fixed < 10)
			return false;
		if (get_be16(record) == TYPE_OPT &&
		    !note_opt(question, record, fixed == at + 1))
			return false;
		at = fixed + 10 + get_be16(record + 8);
	}
	return at == question->len;
}

/* ------------------------------------------------------------- verdict */

static bool has_family(const struct zone_name *name, uint8_t family)
{
	for (uint32_t i = 0; i < name->count; i++) {
		if (name->addresses[i].family == family)
			return true;
	}
	return false;
}

/* ANY is answered with one set of records (RFC 8482 section 4.1). */
static uint16_t settle_type(const struct zone_name *name, bool is_origin,
			    uint16_t type)
{
	if (type != TYPE_ANY)
		return type;
	if (is_origin)
		return TYPE_SOA;
	return has_family(name, IP_V6) ? TYPE_AAAA : TYPE_A;
}

static struct verdict look_up(const struct zone *zone,
			      const struct question *question)
{
	struct verdict verdict = {.soa = true};
	struct zone_name *name =
		zone_find(zone, question->name, question->name_len);
	bool is_origin = name == &zone->names[0];
	bool found;

	if (name == NULL) {
		verdict.counter = ZONE_NO_NAME;
		verdict.rcode = RCODE_NXDOMAIN;
		return verdict;
	}
	verdict.name = name;
	verdict.type = settle_type(name, is_origin, question->type);
	found = (verdict.type == TYPE_A && has_family(name, IP_V4)) ||
		(verdict.type == TYPE_AAAA && has_family(name, IP_V6)) ||
		(is_origin &&
		 (verdict.type == TYPE_SOA || verdict.type == TYPE_NS));
	verdict.counter = found ? ZONE_ANSWERED : ZONE_NO_DATA;
	verdict.soa = !found;
	if (!found)
		verdict.type = 0;
	return verdict;
}

static struct verdict refuse(enum zone_counter counter, unsigned rcode)
{
	return (struct verdict){.counter = counter, .rcode = rcode};
}

static struct verdict judge(const struct zone *zone, struct question *question)
{
	unsigned opcode = (question->data[2] >> 3) & 15;
	bool whole = read_question(question) && read_additional(question);

	if (opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE)
		return refuse(ZONE_REFUSED, RCODE_REFUSED);
	if (opcode != OPCODE_QUERY)
		return refuse(ZONE_NOT_IMPLEMENTED, RCODE_NOTIMP);
	if (!whole)
		return refuse(ZONE_MALFORMED, RCODE_FORMERR);
	if (question->edns && question->edns_version != 0)
		return refuse(ZONE_BAD_VERSION, RCODE_BADVERS);
	if (question->class != CLASS_IN || question->type == TYPE_AXFR ||
	    question->type == TYPE_IXFR ||
	    !zone_contains(zone, question->name, question->name_len))
		return refuse(ZONE_REFUSED, RCODE_REFUSED);
	return look_up(zone, question);
}

/* ------------------------------------------------------------- answer */

static void write_bytes(struct writer *writer, const void *data, size_t len)
{
	CHECK(len <= ZONE_ANSWER_MAX - writer->len);
	memcpy(writer->data + writer->len, data, len);
	writer->len += len;
}

static void write_u16(struct writer *writer, unsigned value)
{
	uint8_t bytes[2];

	put_be16(bytes, (uint16_t)value);
	write_bytes(writer, bytes, sizeof(bytes));
}

static void write_u32(struct writer *writer, uint32_t value)
{
	write_u16(writer, value >> 16);
	write_u16(writer, value & 0xffff);
}

/* A name that stands in the question, from that byte on. */
static void write_pointer(struct writer *writer, size_t offset)
{
	write_u16(writer, 0xc000U | (unsigned)offset);
}

static void write_record_head(struct writer *writer, size_t name, unsigned type,
			      uint32_t ttl)
{
	write_pointer(writer, name);
	write_u16(writer, type);
	write_u16(writer, CLASS_IN);
	write_u32(writer, ttl);
}

/* Where the zone's own name begins in the question. */
static size_t origin_offset(const struct zone *zone,
			    const struct question *question)
{
	return HEADER_LEN + question->name_len - zone->names[0].len;
}

/* ns.ZONE */
static void write_server(struct writer *writer, size_t origin)
{
	write_bytes(writer, "\2ns", 3);
	write_pointer(writer, origin);
}

static void write_ns(struct writer *writer, size_t origin)
{
	write_record_head(writer, origin, TYPE_NS, ZONE_TTL_S);
	write_u16(writer, 5);
	write_server(writer, origin);
}

/* RFC 1035 section 3.3.13; the last number is how long "no" may be kept, and
 * so is this record's own (RFC 2308 section 3). */
static void write_soa(struct writer *writer, const struct zone *zone,
		      size_t origin)
{
	static const uint32_t refresh_s = 3600, retry_s = 600, expire_s = 86400;
	static const char mailbox[] = "\12hostmaster";

	write_record_head(writer, origin, TYPE_SOA, ZONE_NEGATIVE_TTL_S);
	write_u16(writer, 5 + (sizeof(mailbox) - 1) + 2 + 5 * 4);
	write_server(writer, origin);
	write_bytes(writer, mailbox, sizeof(mailbox) - 1);
	write_pointer(writer, origin);
	write_u32(writer, zone->serial);
	write_u32(writer, refresh_s);
	write_u32(writer, retry_s);
	write_u32(writer, expire_s);
	write_u32(writer, ZONE_NEGATIVE_TTL_S);
}

static void write_address(struct writer *writer, const struct ip_addr *addr)
{
	bool is_v4 = addr->family == IP_V4;

	write_record_head(writer, HEADER_LEN, is_v4 ? TYPE_A : TYPE_AAAA,
			  ZONE_TTL_S);
	write_u16(writer, ip_addr_len(addr));
	write_bytes(writer, addr->bytes, ip_addr_len(addr));
}

/* Each answer starts with the next one of them. */
static unsigned write_addresses(struct writer *writer,
				const struct verdict *verdict)
{
	struct zone_name *name = verdict->name;
	bool is_v4 = verdict->type == TYPE_A;
	uint8_t *turn = is_v4 ? &name->turn_v4 : &name->turn_v6;
	const struct ip_addr *found[ZONE_ADDRESSES_MAX];
	unsigned count = 0;

	for (uint32_t i = 0; i < name->count; i++) {
		if (name->addresses[i].family == (is_v4 ? IP_V4 : IP_V6))
			found[count++] = &name->addresses[i];
	}
	for (unsigned i = 0; i < count; i++)
		write_address(writer, found[(*turn + i) % count]);
	*turn = (uint8_t)((*turn + 1U) % count);
	return count;
}

static unsigned write_answers(struct writer *writer, const struct zone *zone,
			      const struct question *question,
			      const struct verdict *verdict)
{
	switch (verdict->type) {
	case 0:
		return 0;
	case TYPE_SOA:
		write_soa(writer, zone, origin_offset(zone, question));
		return 1;
	case TYPE_NS:
		write_ns(writer, origin_offset(zone, question));
		return 1;
	default:
		return write_addresses(writer, verdict);
	}
}

/* The question goes back as it came; of a message that could not be read only
 * the header does. */
static void write_head(struct writer *writer, const struct question *question,
		       const struct verdict *verdict)
{
	unsigned asked = get_be16(question->data + 2);
	unsigned flags = FLAG_QR | (asked & (FLAG_OPCODE | FLAG_RD | FLAG_CD));

	flags |= verdict->rcode & 15;
	if (verdict->name != NULL || verdict->soa)
		flags |= FLAG_AA;
	memset(writer->data, 0, HEADER_LEN);
	memcpy(writer->data, question->data, 2);
	put_be16(writer->data + 2, (uint16_t)flags);
	writer->len = HEADER_LEN;
	if (question->end == 0)
		return;
	write_bytes(writer, question->data + HEADER_LEN,
		    question->end - HEADER_LEN);
	put_be16(writer->data + 4, 1);
}

static void write_opt(struct writer *writer, const struct question *question,
		      unsigned rcode)
{
	if (!question->edns)
		return;
	write_bytes(writer, "", 1); /* the root */
	write_u16(writer, TYPE_OPT);
	write_u16(writer, ZONE_ANSWER_MAX);
	write_u16(writer, rcode >> 4 << 8); /* version 0 */
	write_u16(writer, question->edns_flags & OPT_FLAG_DO);
	write_u16(writer, 0);
	put_be16(writer->data + 10, 1);
}

static size_t answer_max(enum zone_transport transport,
			 const struct question *question)
{
	size_t payload = UDP_PAYLOAD_MIN;

	if (transport == ZONE_TCP)
		return ZONE_ANSWER_MAX;
	if (question->edns && question->edns_payload > payload)
		payload = question->edns_payload;
	if (payload > ZONE_ANSWER_MAX)
		payload = ZONE_ANSWER_MAX;
	if (payload > question->len * ZONE_AMPLIFICATION)
		payload = question->len * ZONE_AMPLIFICATION;
	return payload;
}

size_t zone_answer(struct zone *zone, enum zone_transport transport,
		   const uint8_t *query, size_t len,
		   uint8_t answer[ZONE_ANSWER_MAX])
{
	struct question question = {.data = query, .len = len};
	struct writer writer = {.data = answer};
	struct verdict verdict;
	unsigned count;

	if (len < HEADER_LEN || (query[2] & (FLAG_QR >> 8)) != 0) {
		zone->counters[ZONE_DROPPED]++;
		return 0;
	}
	verdict = judge(zone, &question);
	zone->counters[verdict.counter]++;
	write_head(&writer, &question, &verdict);
	count = write_answers(&writer, zone, &question, &verdict);
	put_be16(answer + 6, (uint16_t)count);
	if (verdict.soa) {
		write_soa(&writer, zone, origin_offset(zone, &question));
		put_be16(answer + 8, 1);
	}
	write_opt(&writer, &question, verdict.rcode);
	if (writer.len <= answer_max(transport, &question))
		return writer.len;
	zone->counters[ZONE_TRUNCATED]++;
	write_head(&writer, &question, &verdict);
	answer[2] |= FLAG_TC >> 8;
	write_opt(&writer, &question, verdict.rcode);
	return writer.len;
}
