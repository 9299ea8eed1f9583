/* SPDX-License-Identifier: ISC */
#include "ctl/yaml_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char peers_key[] = "peers:";
static const char public_key[] = "- public_key:";
static const char preshared[] = "preshared_key_file:";
static const char suffix[] = ".psk";

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL ? line + strlen(line) : end + 1;
}

static size_t indent_of(const char *line)
{
	return strspn(line, " ");
}

/* Nothing but blanks and a comment. */
static bool is_blank(const char *text)
{
	text += strspn(text, " \t\r");
	return *text == '\n' || *text == '#' || *text == '\0';
}

/* What follows a key at the start of a line, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	line += indent_of(line);
	return strncmp(line, key, len) == 0 ? line + len : NULL;
}

/* Whether a line belongs to the list below the key: further in, or as far but
 * with a dash. */
static bool is_within(const char *line, size_t indent)
{
	size_t own = indent_of(line);

	return own > indent || (own == indent && line[own] == '-');
}

static void find_end(struct yaml_peers *peers)
{
	size_t indent = indent_of(peers->key);
	const char *line = next_line(peers->key);

	peers->end = line;
	peers->indent = (int)indent + 2;
	for (bool first = true; *line != '\0'; line = next_line(line)) {
		if (is_blank(line))
			continue;
		if (!is_within(line, indent))
			return;
		if (first)
			peers->indent = (int)indent_of(line);
		first = false;
		peers->end = next_line(line);
	}
}

int yaml_peers_find(const char *text, struct yaml_peers *ret_peers)
{
	struct yaml_peers peers = {.text = text};

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		const char *value = value_of(line, peers_key);

		if (value == NULL)
			continue;
		if (peers.key != NULL)
			return -ERR_EXISTS;
		if (!is_blank(value))
			return -ERR_NOT_FOUND;
		peers.key = line;
	}
	if (peers.key == NULL)
		return -ERR_NOT_FOUND;
	find_end(&peers);
	*ret_peers = peers;
	return 0;
}

/* A value without blanks and quotes around it; "" when it is longer. */
static void copy_value(const char *value, char *text, size_t cap)
{
	size_t len;

	value += strspn(value, " \t\"'");
	len = strcspn(value, " \t\r\n\"'");
	if (len >= cap)
		len = 0;
	memcpy(text, value, len);
	text[len] = '\0';
}

static void read_name(const char *value, char name[LABEL_CAP])
{
	char file[LABEL_CAP + sizeof(suffix)];
	size_t len;

	copy_value(value, file, sizeof(file));
	len = strlen(file);
	if (len < sizeof(suffix) ||
	    strcmp(file + len - (sizeof(suffix) - 1), suffix) != 0)
		return;
	len -= sizeof(suffix) - 1;
	memcpy(name, file, len);
	name[len] = '\0';
}

/* The lines below the dash, which are further in than it. */
static void read_peer(const struct yaml_peers *peers, struct yaml_peer *peer)
{
	size_t indent = indent_of(peer->start);
	const char *line = next_line(peer->start);

	peer->end = line;
	for (; line < peers->end; line = next_line(line)) {
		const char *value = value_of(line, preshared);

		if (is_blank(line))
			continue;
		if (indent_of(line) <= indent)
			return;
		if (value != NULL)
			read_name(value, peer->name);
		peer->end = next_line(line);
	}
}

bool yaml_peers_next(const struct yaml_peers *peers, const char *line,
		     struct yaml_peer *ret_peer)
{
	struct yaml_peer peer = {.name = ""};

	if (line == NULL)
		line = next_line(peers->key);
	for (; line < peers->end; line = next_line(line)) {
		const char *value = value_of(line, public_key);
		char text[KEY_TEXT_CAP];

		if (value == NULL)
			continue;
		copy_value(value, text, sizeof(text));
		if (key_parse(text, &peer.public_key) != 0)
			continue;
		peer.start = line;
		read_peer(peers, &peer);
		*ret_peer = peer;
		return true;
	}
	return false;
}

char *yaml_peers_add(const struct yaml_peers *peers, const char *lines)
{
	size_t len = (size_t)(peers->end - peers->text);
	bool torn = len > 0 && peers->end[-1] != '\n';
	char *result;

	if (asprintf(&result, "%.*s%s%s%s", (int)len, peers->text,
		     torn ? "\n" : "", lines, peers->end) < 0)
		return NULL;
	return result;
}

char *yaml_peers_remove(const struct yaml_peers *peers,
			const struct yaml_peer *peer)
{
	char *result;

	if (asprintf(&result, "%.*s%s", (int)(peer->start - peers->text),
		     peers->text, peer->end) < 0)
		return NULL;
	return result;
}
