/* SPDX-License-Identifier: ISC */
#include "config/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/keyfile.h"

enum { WARNINGS_MAX = 64 };

/* The file may be hostile: what is quoted from it stays on the line. */
static void replace_controls(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

static void format_message(char message[CONFIG_MESSAGE_CAP],
			   const struct mark *mark, const char *format,
			   va_list args) __attribute__((format(printf, 3, 0)));

static void format_message(char message[CONFIG_MESSAGE_CAP],
			   const struct mark *mark, const char *format,
			   va_list args)
{
	size_t cap = CONFIG_MESSAGE_CAP;
	int len;

	if (mark->line == 0)
		len = snprintf(message, cap, "%.200s: ", mark->file);
	else
		len = snprintf(message, cap, "%.200s:%u:%u: ", mark->file,
			       mark->line, mark->column);
	vsnprintf(message + len, cap - (size_t)len, format, args);
	replace_controls(message);
}

int report_error(struct config_report *report, const struct mark *mark, int err,
		 const char *format, ...)
{
	va_list args;

	if (report->error[0] != '\0')
		return err;
	va_start(args, format);
	format_message(report->error, mark, format, args);
	va_end(args);
	return err;
}

void report_warning(struct config_report *report, const struct mark *mark,
		    const char *format, ...)
{
	uint32_t index = report->warning_count;
	va_list args;

	if (index >= WARNINGS_MAX)
		return;
	if (report->warnings == NULL)
		report->warnings =
			calloc(WARNINGS_MAX, sizeof(*report->warnings));
	if (report->warnings == NULL)
		return;
	report->warning_count++;
	if (index == WARNINGS_MAX - 1) {
		strcpy(report->warnings[index],
		       "further warnings are left out");
		return;
	}
	va_start(args, format);
	format_message(report->warnings[index], mark, format, args);
	va_end(args);
}

/* "." for a name without a slash, "/" for a file there. */
static int folder_of(const char *path, char folder[PATH_CAP])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= PATH_CAP)
		return -ERR_TOO_LONG;
	memcpy(folder, path, len);
	folder[len] = '\0';
	if (len == 0)
		strcpy(folder, slash == NULL ? "." : "/");
	return 0;
}

void report_file(struct config_report *report, const char *path)
{
	char folder[PATH_CAP];

	if (folder_of(path, folder) != 0)
		return;
	for (uint32_t i = 0; i < report->folder_count; i++) {
		if (strcmp(report->folders[i], folder) == 0)
			return;
	}
	if (report->folder_count < CONFIG_FOLDERS_MAX)
		strcpy(report->folders[report->folder_count++], folder);
}

void config_report_free(struct config_report *report)
{
	free(report->warnings);
	*report = (struct config_report){.warning_count = 0};
}

static int no_memory(struct config_report *report, const struct mark *mark)
{
	return report_error(report, mark, -ERR_NO_MEMORY, "out of memory");
}

int draft_add_tunnel(struct draft *draft, const struct mark *mark,
		     struct tunnel_draft *ret_tunnel)
{
	struct config *config = &draft->config;
	uint32_t index = config->tunnel_count;

	if (index == TUNNELS_MAX)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "more than %d tunnels", TUNNELS_MAX);
	if (config->tunnels == NULL)
		config->tunnels = calloc(TUNNELS_MAX, sizeof(*config->tunnels));
	if (config->tunnels == NULL)
		return no_memory(draft->report, mark);
	config->tunnel_count++;
	config->tunnels[index].mtu = MTU_DEFAULT;
	draft->tunnels[index].self = *mark;
	draft->tunnels[index].settings = *mark;
	*ret_tunnel = (struct tunnel_draft){
		.tunnel = &config->tunnels[index],
		.marks = &draft->tunnels[index],
		.report = draft->report,
	};
	return 0;
}

int draft_add_forward(struct draft *draft, const struct mark *mark,
		      struct mapping **ret_forward,
		      struct forward_marks **ret_marks)
{
	struct config *config = &draft->config;
	uint32_t index = config->forward_count;

	if (index == FORWARDS_MAX)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "more than %d forwards", FORWARDS_MAX);
	if (config->forwards == NULL)
		config->forwards =
			calloc(FORWARDS_MAX, sizeof(*config->forwards));
	if (draft->forwards == NULL)
		draft->forwards =
			calloc(FORWARDS_MAX, sizeof(*draft->forwards));
	if (config->forwards == NULL || draft->forwards == NULL)
		return no_memory(draft->report, mark);
	config->forward_count++;
	draft->forwards[index] = (struct forward_marks){
		.self = *mark,
		.listen = *mark,
		.target = *mark,
		.tunnel = *mark,
	};
	*ret_forward = &config->forwards[index];
	*ret_marks = &draft->forwards[index];
	return 0;
}

/* An array grows whenever its count reaches a power of two, so its capacity
 * needs no field. The old copy may hold keys and is wiped. NULL: no memory. */
static void *array_grow(void *array, uint32_t count, size_t size)
{
	uint32_t cap = count == 0 ? 1 : count * 2;
	void *grown;

	if (count != 0 && (count & (count - 1)) != 0)
		return array;
	grown = calloc(cap, size);
	if (grown == NULL)
		return NULL;
	if (count != 0) {
		memcpy(grown, array, count * size);
		key_memory_wipe(array, count * size);
	}
	free(array);
	return grown;
}

int draft_add_peer(struct tunnel_draft *draft, const struct mark *mark,
		   struct config_peer **ret_peer)
{
	struct config_tunnel *tunnel = draft->tunnel;
	struct tunnel_marks *marks = draft->marks;
	uint32_t count = tunnel->peer_count;
	struct config_peer *peers;
	struct mark *grown;

	if (count == PEERS_MAX)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "more than %d peers in a tunnel",
				    PEERS_MAX);
	grown = array_grow(marks->peers, count, sizeof(*grown));
	if (grown == NULL)
		return no_memory(draft->report, mark);
	marks->peers = grown;
	peers = array_grow(tunnel->peers, count, sizeof(*peers));
	if (peers == NULL)
		return no_memory(draft->report, mark);
	tunnel->peers = peers;
	marks->peers[count] = *mark;
	tunnel->peer_count++;
	*ret_peer = &tunnel->peers[count];
	return 0;
}

static uint32_t tunnel_allowed_count(const struct config_tunnel *tunnel)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < tunnel->peer_count; i++)
		count += tunnel->peers[i].allowed_count;
	return count;
}

int draft_add_allowed_ip(struct tunnel_draft *draft, const struct mark *mark,
			 struct config_peer *peer, const struct prefix *prefix)
{
	struct prefix *grown;

	if (tunnel_allowed_count(draft->tunnel) == ALLOWED_IPS_MAX)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "more than %d allowed ips in a tunnel",
				    ALLOWED_IPS_MAX);
	grown = array_grow(peer->allowed_ips, peer->allowed_count,
			   sizeof(*grown));
	if (grown == NULL)
		return no_memory(draft->report, mark);
	peer->allowed_ips = grown;
	grown[peer->allowed_count++] = *prefix;
	return 0;
}

int draft_add_name(struct tunnel_draft *draft, const struct mark *mark,
		   struct config_name **ret_name)
{
	struct config_tunnel *tunnel = draft->tunnel;
	struct config_name *grown;

	if (tunnel->name_count == ZONE_NAMES_MAX)
		return report_error(draft->report, mark, -ERR_INVALID,
				    "more than %d names in a tunnel",
				    ZONE_NAMES_MAX);
	grown = array_grow(tunnel->names, tunnel->name_count, sizeof(*grown));
	if (grown == NULL)
		return no_memory(draft->report, mark);
	tunnel->names = grown;
	*ret_name = &grown[tunnel->name_count++];
	return 0;
}

void draft_remove_peer(struct config_tunnel *tunnel, struct tunnel_marks *marks,
		       uint32_t index)
{
	uint32_t after = tunnel->peer_count - index - 1;

	free(tunnel->peers[index].allowed_ips);
	memmove(&tunnel->peers[index], &tunnel->peers[index + 1],
		after * sizeof(tunnel->peers[0]));
	memmove(&marks->peers[index], &marks->peers[index + 1],
		after * sizeof(marks->peers[0]));
	tunnel->peer_count--;
	key_memory_wipe(&tunnel->peers[tunnel->peer_count],
			sizeof(tunnel->peers[0]));
}

void draft_free(struct draft *draft)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++) {
		free(draft->tunnels[i].peers);
		free(draft->tunnels[i].file);
	}
	free(draft->forwards);
	config_free(&draft->config);
}
