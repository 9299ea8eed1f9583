/* SPDX-License-Identifier: ISC */
#include "daemon/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/control_mapping.h"

static const char forwards_file[] = "forwards";

/* One line of the file; the last says how many there are. */
static char *line_of(const struct mapping *mapping)
{
	json_t *members = mapping_to_members(mapping);
	char *text;

	json_object_set_new(members, "v", json_integer(CTL_PROTOCOL));
	json_object_set_new(members, "op", json_string("add"));
	text = json_dumps(members, JSON_COMPACT);
	json_decref(members);
	return text;
}

static void put_lines(FILE *out, const struct mapping *mappings, uint32_t count,
		      uint32_t *kept)
{
	for (uint32_t i = 0; i < count; i++) {
		char *line;

		if (mappings[i].origin != ORIGIN_RUNTIME)
			continue;
		line = line_of(&mappings[i]);
		fprintf(out, "%s\n", line);
		free(line);
		(*kept)++;
	}
}

int state_save_forwards(const struct state *state, const struct config *config)
{
	uint32_t kept = 0;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (out == NULL)
		return -ERR_NO_MEMORY;
	put_lines(out, config->forwards, config->forward_count, &kept);
	put_lines(out, state->shelved, state->shelved_count, &kept);
	fprintf(out, "{\"v\":%d,\"op\":\"end\",\"forwards\":%u}\n",
		CTL_PROTOCOL, kept);
	err = fclose(out) != 0 ? -ERR_NO_MEMORY : 0;
	if (err == 0)
		err = state_replace_file(state, forwards_file, text, true);
	free(text);
	return err;
}

/* One line: a forward, or the end. */
static bool take_line(const char *line, struct mapping *mapping, bool *ret_end,
		      uint64_t *ret_total)
{
	struct ctl_request request;
	bool good;

	ctl_request_init(&request, line, strlen(line));
	*ret_end = request.error == CTL_NONE && strcmp(request.op, "end") == 0;
	if (*ret_end)
		*ret_total = ctl_get_number(&request, "forwards", UINT32_MAX);
	else
		mapping_from_request(&request, mapping);
	good = ctl_request_done(&request) &&
	       (*ret_end || strcmp(request.op, "add") == 0);
	ctl_request_free(&request);
	return good;
}

/* All forwards of the text, or none: false when it is damaged. */
static bool take_text(char *text, struct mapping *mappings, uint32_t *ret_count)
{
	uint64_t total = 0;
	char *rest = text;
	bool end = false;

	*ret_count = 0;
	while (!end) {
		const char *line = strsep(&rest, "\n");
		struct mapping mapping;

		if (line == NULL || !take_line(line, &mapping, &end, &total))
			return false;
		if (!end && *ret_count == FORWARDS_MAX)
			return false;
		if (!end)
			mappings[(*ret_count)++] = mapping;
	}
	return total == *ret_count && rest != NULL && *rest == '\0';
}

static void shelve(struct state *state, const struct mapping *mapping,
		   const char *why)
{
	struct mapping *grown =
		realloc(state->shelved,
			(state->shelved_count + 1) * sizeof(*state->shelved));

	log_warning("event=forward_shelved forward=%s text=\"%s; it is not in "
		    "use, and tried again at the next start\"",
		    mapping->name, why);
	if (grown == NULL)
		return;
	state->shelved = grown;
	state->shelved[state->shelved_count++] = *mapping;
}

static void use_forwards(struct state *state, struct config *config,
			 const struct mapping *mappings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct config_report report = {.warning_count = 0};

		if (config_add_mapping(config, &mappings[i], &report) != 0)
			shelve(state, &mappings[i], report.error);
		config_report_free(&report);
	}
}

void state_load_forwards(struct state *state, struct config *config)
{
	char *text = state_read_file(state, forwards_file);
	struct mapping *mappings;
	uint32_t count;

	if (text == NULL)
		return;
	mappings = calloc(FORWARDS_MAX, sizeof(*mappings));
	if (mappings != NULL && take_text(text, mappings, &count))
		use_forwards(state, config, mappings, count);
	else if (mappings != NULL)
		state_set_aside(state, forwards_file);
	free(mappings);
	free(text);
}
