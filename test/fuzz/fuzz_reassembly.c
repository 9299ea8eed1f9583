/* SPDX-License-Identifier: ISC */
/*
 * Fragments of four datagrams, beside a model that keeps a byte for each byte
 * and a list of what came. Four fit into the limits, so both must always say
 * the same. Six bytes of the input are a fragment or a step in time.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/time.h"
#include "netstack/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MODELS = 4, STEP = 6, BYTES = 65536, FRAGMENT_CAP = BYTES + 64 };

struct fragment {
	uint32_t id, at, len;
	bool more;
	uint8_t salt; /* other bytes at the same place */
};

struct model {
	bool known, dead, whole;
	uint64_t expires;
	uint32_t total, count;
	struct fragment came[REASM_PARTS];
	bool has[BYTES];
	uint8_t bytes[BYTES];
};

static struct reasm reasm;
static struct model models[MODELS];
static uint64_t now;

static bool is_v6(uint32_t id)
{
	return id % 2 == 1;
}

static uint8_t byte_of(const struct fragment *fragment, uint32_t i)
{
	return (uint8_t)((fragment->at + i) * 5 + fragment->salt);
}

/* ------------------------------------------------------------- the model */

static bool came_before(const struct model *model, const struct fragment *f)
{
	for (uint32_t i = 0; i < model->count; i++) {
		if (memcmp(&model->came[i], f, sizeof(*f)) == 0)
			return true;
	}
	return false;
}

static bool contradicts(const struct model *model, const struct fragment *f)
{
	uint32_t end = f->at + f->len;

	if (model->count == REASM_PARTS)
		return true;
	if (model->total != 0 &&
	    (f->more ? end > model->total : end != model->total))
		return true;
	for (uint32_t i = f->at; i < BYTES; i++) {
		if (model->has[i] && (i < end || !f->more))
			return true;
	}
	return false;
}

static bool is_complete(const struct model *model)
{
	for (uint32_t i = 0; i < model->total; i++) {
		if (!model->has[i])
			return false;
	}
	return model->total != 0;
}

static enum reasm_verdict model_take(struct model *model,
				     const struct fragment *f)
{
	uint32_t max = is_v6(f->id) ? 65535 : 65515;

	if (f->len == 0 || (f->more && f->len % 8 != 0) || f->at + f->len > max)
		return REASM_DROPPED;
	if (!model->known || model->expires <= now) {
		memset(model, 0, sizeof(*model));
		model->known = true;
		model->expires = now + (is_v6(f->id) ? 60 : 30) * NS_PER_S;
	}
	if (model->dead)
		return REASM_DROPPED;
	if (came_before(model, f))
		return REASM_WAITS;
	if (contradicts(model, f)) {
		model->dead = true;
		return REASM_DROPPED;
	}
	model->came[model->count++] = *f;
	if (!f->more)
		model->total = f->at + f->len;
	for (uint32_t i = 0; i < f->len; i++) {
		model->has[f->at + i] = true;
		model->bytes[f->at + i] = byte_of(f, i);
	}
	if (!is_complete(model))
		return REASM_WAITS;
	model->known = false;
	return REASM_WHOLE;
}

/* ------------------------------------------------------------- the real one */

static enum reasm_verdict real_take(const struct fragment *f,
				    struct ip_packet *ret_whole)
{
	static const uint8_t addr[16] = {10};
	static uint8_t data[BYTES];
	struct ip_addr src = is_v6(f->id) ? ip_addr_v6(addr) : ip_addr_v4(addr);
	struct ip_build build = {.src = &src,
				 .dst = &src,
				 .payload_len = f->len,
				 .protocol = IP_PROTO_UDP};
	struct ip_part part = {.data = data,
			       .id = f->id,
			       .at = (uint16_t)f->at,
			       .more = f->more};
	uint8_t *packet = malloc(FRAGMENT_CAP);
	struct ip_packet ip;
	enum reasm_verdict verdict;
	uint32_t len;

	CHECK(packet != NULL);
	for (uint32_t i = 0; i < f->len; i++)
		data[i] = byte_of(f, i);
	len = ip_build_fragment(packet, &build, &part);
	packet = realloc(packet, len); /* no byte more than there is */
	CHECK(packet != NULL && ip_parse(packet, len, &ip) == 0);
	CHECK(ip.fragment && ip.fragment_at == f->at && ip.more == f->more);
	verdict = reasm_take(&reasm, now, 0, &ip, ret_whole);
	free(packet);
	return verdict;
}

static void take(const struct fragment *f)
{
	struct model *model = &models[f->id];
	enum reasm_verdict verdict;
	struct ip_packet whole;

	if (f->at == 0 && !f->more)
		return; /* not a fragment */
	verdict = real_take(f, &whole);
	CHECK(verdict == model_take(model, f));
	if (verdict == REASM_WHOLE)
		CHECK(whole.payload_len == model->total &&
		      memcmp(whole.payload, model->bytes, model->total) == 0);
	reasm_check(&reasm);
}

static void advance(uint32_t seconds)
{
	struct reasm_expired expired;

	now += seconds * NS_PER_S;
	while (reasm_expire(&reasm, now, &expired))
		reasm_check(&reasm);
	CHECK(reasm_deadline(&reasm) > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&reasm, 0, offsetof(struct reasm, packet));
	for (unsigned i = 0; i < MODELS; i++)
		models[i].known = false;
	now = NS_PER_S;
	for (; size >= STEP; data += STEP, size -= STEP) {
		struct fragment f;

		memset(&f, 0, sizeof(f)); /* compared as bytes */
		f.id = data[0] & 3;
		f.more = data[0] & 4;
		f.salt = data[0] >> 4;
		f.at = get_be16(data + 2) & 0xfff8;
		f.len = get_be16(data + 4);
		if (f.at + f.len > BYTES - 64)
			f.len %= 64;
		if (data[0] & 8)
			advance(data[1] & 63);
		else
			take(&f);
	}
	return 0;
}
