/* SPDX-License-Identifier: ISC */
/* The notation, one line at a time: [TIME] EVENT, or an option, or nothing. */
#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

/* What is left of the line, and where to complain. */
struct cursor {
	const char *file;
	unsigned line;
	const char *at;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct cursor *in,
						       const char *format, ...)
{
	va_list args;

	if (in->failed)
		return false;
	in->failed = true;
	fprintf(stderr, "%s:%u: ", in->file, in->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ", at '%s'\n", in->at);
	return false;
}

/* ------------------------------------------------------------- tokens */

static void skip(struct cursor *in)
{
	while (isspace((unsigned char)*in->at))
		in->at++;
}

/* Takes the text if it comes next; a word must end where text ends. */
static bool take(struct cursor *in, const char *text)
{
	size_t len = strlen(text);

	skip(in);
	if (strncmp(in->at, text, len) != 0)
		return false;
	if (isalnum((unsigned char)text[len - 1]) &&
	    (isalnum((unsigned char)in->at[len]) || in->at[len] == '_'))
		return false;
	in->at += len;
	return true;
}

static bool need(struct cursor *in, const char *text)
{
	return take(in, text) || fail(in, "expected '%s'", text);
}

static bool need_u32(struct cursor *in, uint32_t *ret)
{
	char *end;
	unsigned long long value;

	skip(in);
	errno = 0;
	value = strtoull(in->at, &end, 10);
	if (end == in->at || errno != 0 || value > UINT32_MAX ||
	    !isdigit((unsigned char)*in->at))
		return fail(in, "expected a number");
	in->at = end;
	*ret = (uint32_t)value;
	return true;
}

/* Decimal seconds, exactly. */
static bool need_seconds(struct cursor *in, uint64_t *ret)
{
	uint64_t value = 0;
	uint64_t unit = NS_PER_S;
	const char *start = in->at;

	for (; isdigit((unsigned char)*in->at); in->at++)
		value = value * 10 + (uint64_t)(*in->at - '0');
	value *= NS_PER_S;
	if (*in->at == '.')
		for (in->at++; isdigit((unsigned char)*in->at); in->at++) {
			unit /= 10;
			value += unit * (uint64_t)(*in->at - '0');
		}
	*ret = value;
	return in->at != start || fail(in, "expected seconds");
}

static bool need_word(struct cursor *in, char *word, size_t cap)
{
	size_t len = 0;

	skip(in);
	while ((isalnum((unsigned char)in->at[len]) || in->at[len] == '_') &&
	       len + 1 < cap) {
		word[len] = in->at[len];
		len++;
	}
	word[len] = '\0';
	in->at += len;
	return len > 0 || fail(in, "expected a word");
}

/* ------------------------------------------------------------- packets */

/* "seq:end(len)" */
static bool need_range(struct cursor *in, uint32_t *ret_seq, uint32_t *ret_len)
{
	uint32_t end;

	if (!need_u32(in, ret_seq) || !need(in, ":") || !need_u32(in, &end) ||
	    !need(in, "(") || !need_u32(in, ret_len) || !need(in, ")"))
		return false;
	if (end != *ret_seq + *ret_len)
		return fail(in, "%u:%u is not %u bytes", *ret_seq, end,
			    *ret_len);
	return true;
}

static bool need_value(struct cursor *in, struct wire_option *option,
		       unsigned which)
{
	option->any[which] = take(in, "*");
	return option->any[which] || need_u32(in, &option->value[which]);
}

static bool need_sacks(struct cursor *in, struct wire_option *option)
{
	do {
		uint32_t *sack = option->sacks[option->sack_count];

		if (!need_u32(in, &sack[0]) || !need(in, ":") ||
		    !need_u32(in, &sack[1]))
			return false;
		option->sack_count++;
		skip(in);
	} while (isdigit((unsigned char)*in->at) &&
		 option->sack_count < WIRE_SACKS_MAX);
	return true;
}

static bool need_option(struct cursor *in, struct wire_option *option)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} plain[] = {{"nop", WIRE_NOP},
		     {"eol", WIRE_EOL},
		     {"sackOK", WIRE_SACK_OK},
		     {"unknown", WIRE_UNKNOWN}};

	memset(option, 0, sizeof(*option));
	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (take(in, plain[i].name)) {
			option->kind = plain[i].kind;
			return true;
		}
	if (take(in, "mss")) {
		option->kind = WIRE_MSS;
		return need_value(in, option, 0);
	}
	if (take(in, "wscale")) {
		option->kind = WIRE_WSCALE;
		return need_value(in, option, 0);
	}
	if (take(in, "sack")) {
		option->kind = WIRE_SACK;
		return need_sacks(in, option);
	}
	if (!take(in, "TS"))
		return fail(in, "expected a TCP option");
	option->kind = WIRE_TS;
	return need(in, "val") && need_value(in, option, 0) &&
	       need(in, "ecr") && need_value(in, option, 1);
}

static bool need_options(struct cursor *in, struct script_packet *packet)
{
	struct wire_segment *segment = &packet->segment;

	if (take(in, "...>")) {
		packet->any_options = true;
		return true;
	}
	do {
		if (segment->option_count == WIRE_OPTIONS_MAX)
			return fail(in, "too many options");
		if (!need_option(in, &segment->options[segment->option_count]))
			return false;
		segment->option_count++;
	} while (take(in, ","));
	return need(in, ">");
}

static bool need_win(struct cursor *in, struct script_packet *packet)
{
	uint32_t value;

	packet->win_op = '=';
	if (take(in, ">"))
		packet->win_op = '>';
	else if (take(in, "<"))
		packet->win_op = '<';
	if (!need_u32(in, &value))
		return false;
	if (value > 0xffff)
		return fail(in, "a window has 16 bits");
	packet->segment.win = (uint16_t)value;
	return true;
}

static bool need_flags(struct cursor *in, struct wire_segment *segment)
{
	char word[9];
	size_t len = 0;
	int flags;

	skip(in);
	while (len < 8 && in->at[len] != '\0' &&
	       !isspace((unsigned char)in->at[len])) {
		word[len] = in->at[len];
		len++;
	}
	word[len] = '\0';
	flags = strcmp(word, "-") == 0 ? 0 : wire_flags(word);
	if (flags < 0)
		return fail(in, "expected flags");
	in->at += len;
	segment->flags = (uint8_t)flags;
	return true;
}

static bool need_packet(struct cursor *in, struct script_packet *packet)
{
	struct wire_segment *segment = &packet->segment;
	uint32_t value;

	if (!need_flags(in, segment) ||
	    !need_range(in, &segment->seq, &segment->len))
		return false;
	if (segment->flags & WIRE_ACK &&
	    (!need(in, "ack") || !need_u32(in, &segment->ack)))
		return false;
	if (take(in, "win") && !need_win(in, packet))
		return false;
	if (take(in, "urg")) {
		if (!need_u32(in, &value))
			return false;
		segment->urgent = (uint16_t)value;
	}
	if (take(in, "<") && !need_options(in, packet))
		return false;
	packet->bad_checksum = take(in, "badsum");
	return true;
}

/* "[seq:end(len)] icmp kind [mtu n]" */
static bool need_icmp(struct cursor *in, struct script_icmp *icmp)
{
	if (!need_range(in, &icmp->seq, &icmp->len) || !need(in, "]") ||
	    !need(in, "icmp") || !need_word(in, icmp->kind, sizeof(icmp->kind)))
		return false;
	return !take(in, "mtu") || need_u32(in, &icmp->mtu);
}

/* ------------------------------------------------------------- calls */

static bool need_argument(struct cursor *in, struct script_call *call)
{
	bool negative;
	uint32_t value;

	if (take(in, "...")) /* the data, as in packetdrill */
		return true;
	if (call->count == SCRIPT_ARGS_MAX)
		return fail(in, "too many arguments");
	negative = take(in, "-");
	if (!need_u32(in, &value))
		return false;
	call->args[call->count++] = negative ? -(int64_t)value : value;
	return true;
}

static void rest_of_line(struct cursor *in, char *text, size_t cap)
{
	size_t len;

	skip(in);
	len = strlen(in->at);
	while (len > 0 && isspace((unsigned char)in->at[len - 1]))
		len--;
	if (len >= cap)
		len = cap - 1;
	memcpy(text, in->at, len);
	text[len] = '\0';
	in->at += strlen(in->at);
}

static bool need_call(struct cursor *in, struct script_call *call)
{
	if (!need_word(in, call->name, sizeof(call->name)) || !need(in, "("))
		return false;
	if (!take(in, ")")) {
		do {
			if (!need_argument(in, call))
				return false;
		} while (take(in, ","));
		if (!need(in, ")"))
			return false;
	}
	if (take(in, "="))
		rest_of_line(in, call->want, sizeof(call->want));
	return true;
}

static bool need_assert(struct cursor *in, struct script_event *event)
{
	char *end;

	rest_of_line(in, event->text, sizeof(event->text));
	end = strstr(event->text, "}%");
	if (end == NULL || end[2] != '\0')
		return fail(in, "expected '}%%' at the end");
	*end = '\0';
	return true;
}

/* ------------------------------------------------------------- lines */

static bool take_time(struct cursor *in, struct script_event *event)
{
	event->time = TIME_RELATIVE;
	if (take(in, "*")) {
		event->time = TIME_ANY;
		return true;
	}
	if (!take(in, "+")) {
		if (!isdigit((unsigned char)*in->at))
			return true; /* no time: at once */
		event->time = TIME_ABSOLUTE;
	}
	if (!need_seconds(in, &event->from))
		return false;
	event->to = event->from;
	if (!take(in, "~"))
		return true;
	(void)take(in, "+");
	return need_seconds(in, &event->to);
}

static bool need_flow(struct cursor *in, struct script_event *event)
{
	event->flow = 1;
	if (!take(in, "#"))
		return true;
	if (!need_u32(in, &event->flow))
		return false;
	if (event->flow == 0 || event->flow > SCRIPT_FLOWS_MAX)
		return fail(in, "no such flow");
	return true;
}

static bool need_event(struct cursor *in, struct script_event *event)
{
	if (!take_time(in, event))
		return false;
	skip(in);
	if (take(in, "%{")) {
		event->kind = SCRIPT_ASSERT;
		return need_assert(in, event);
	}
	if (take(in, "<")) {
		event->kind = SCRIPT_INJECT;
		event->packet.more = take(in, "&");
	} else if (take(in, ">")) {
		event->kind = SCRIPT_EXPECT;
	} else {
		event->kind = SCRIPT_CALL;
		return need_call(in, &event->call);
	}
	if (!need_flow(in, event))
		return false;
	if (event->kind == SCRIPT_INJECT && take(in, "[")) {
		event->kind = SCRIPT_ICMP;
		return need_icmp(in, &event->icmp);
	}
	return need_packet(in, &event->packet);
}

static bool parse_option(struct cursor *in, struct script *script)
{
	char name[32], value[32];

	in->at += 2;
	if (!need_word(in, name, sizeof(name)) || !need(in, "="))
		return false;
	rest_of_line(in, value, sizeof(value));
	return script_option(&script->options, name, value) == 0 ||
	       fail(in, "no option '%s' with value '%s'", name, value);
}

static bool parse_line(struct cursor *in, struct script *script)
{
	struct script_event *event = &script->events[script->count];

	skip(in);
	if (*in->at == '\0')
		return true;
	if (strncmp(in->at, "--", 2) == 0)
		return parse_option(in, script);
	if (script->count == SCRIPT_EVENTS_MAX)
		return fail(in, "too many events");
	memset(event, 0, sizeof(*event));
	event->line = in->line;
	if (!need_event(in, event))
		return false;
	skip(in);
	if (*in->at != '\0')
		return fail(in, "rest of the line");
	script->count++;
	return true;
}

bool script_parse(const char *file, struct script *ret_script)
{
	struct cursor in = {.file = file};
	FILE *stream = fopen(file, "r");
	char line[512];

	if (stream == NULL) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		return false;
	}
	ret_script->file = file;
	ret_script->count = 0;
	while (!in.failed && fgets(line, sizeof(line), stream) != NULL) {
		char *comment = strstr(line, "//");

		if (comment != NULL)
			*comment = '\0';
		in.line++;
		in.at = line;
		(void)parse_line(&in, ret_script);
	}
	fclose(stream);
	if (!in.failed && ret_script->count == 0)
		return fail(&in, "no events");
	return !in.failed;
}
