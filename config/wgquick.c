/* SPDX-License-Identifier: ISC */
#include "config/wgquick.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/error.h"
#include "config/file.h"
#include "config/scalar.h"
#include "config/text.h"

enum section { SECTION_NONE, SECTION_INTERFACE, SECTION_PEER };

enum { NAME_SHOWN_MAX = 24 };

/* The state between two lines. */
struct conf {
	struct tunnel_draft *draft;
	enum section section;
	struct mark section_mark;
	struct config_peer *peer; /* in SECTION_PEER; moves when one is added */
	uint32_t seen_interface;  /* bits by index into conf_keys */
	uint32_t seen_peer;
};

enum key_kind {
	KEY_ONCE,
	KEY_LIST,    /* a comma list, maybe in several lines */
	KEY_IGNORED, /* about the host's own network */
};

struct conf_key {
	const char *name;
	enum section section;
	enum key_kind kind;
	/* The value, or each item of a list. */
	int (*read)(struct conf *conf, const struct scalar *value);
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static char *trim(char *text)
{
	size_t len;

	while (is_blank(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* wg(8) reads "1.2.3.4 : 51820" as if the blanks were not there. */
static void remove_blanks(char *text)
{
	char *out = text;

	for (; *text != '\0'; text++) {
		if (!is_blank(*text))
			*out++ = *text;
	}
	*out = '\0';
}

/* Characters before p on its line, without UTF-8 continuation bytes. */
static uint32_t column_of(const char *line, const char *p)
{
	uint32_t column = 1;

	for (; line < p; line++)
		column += ((unsigned char)*line & 0xc0) != 0x80;
	return column;
}

/* Calls read with each item of a comma list, where it stands. */
static int each_item(struct conf *conf, const struct scalar *value, char *text,
		     int (*read)(struct conf *, const struct scalar *))
{
	struct scalar item = *value;
	const char *counted = text; /* the column of which is in item */
	char *next = text;
	int err = 0;

	while (err == 0 && next != NULL) {
		char *part = next;

		next = strchr(part, ',');
		if (next != NULL)
			*next++ = '\0';
		part = trim(part);
		if (*part == '\0')
			continue;
		item.mark.column += column_of(counted, part) - 1;
		counted = part;
		/* Within the item only, so that no column moves. */
		remove_blanks(part);
		item.text = part;
		err = read(conf, &item);
	}
	return err;
}

static int read_private_key(struct conf *conf, const struct scalar *value)
{
	conf->draft->marks->has_private_key = true;
	return scalar_key(value, &conf->draft->tunnel->private_key);
}

static int read_listen_port(struct conf *conf, const struct scalar *value)
{
	return scalar_port(value, &conf->draft->tunnel->listen_port);
}

static int read_mtu(struct conf *conf, const struct scalar *value)
{
	return scalar_mtu(value, &conf->draft->tunnel->mtu);
}

static int read_address(struct conf *conf, const struct scalar *item)
{
	return scalar_add_address(item, conf->draft->tunnel);
}

/* wg-quick's rule: digits and dots, or a colon, is a server. */
static int read_dns(struct conf *conf, const struct scalar *item)
{
	const char *text = item->text;

	if (strchr(text, ':') != NULL ||
	    strspn(text, "0123456789.") == strlen(text))
		return scalar_add_dns(item, conf->draft->tunnel);
	return scalar_add_search(item, conf->draft->tunnel);
}

static int read_public_key(struct conf *conf, const struct scalar *value)
{
	return scalar_key(value, &conf->peer->public_key);
}

static int read_preshared_key(struct conf *conf, const struct scalar *value)
{
	conf->peer->has_preshared_key = true;
	return scalar_key(value, &conf->peer->preshared_key);
}

static int read_endpoint(struct conf *conf, const struct scalar *value)
{
	return scalar_endpoint(value, &conf->peer->endpoint);
}

static int read_keepalive(struct conf *conf, const struct scalar *value)
{
	return scalar_keepalive(value, &conf->peer->persistent_keepalive_s);
}

static int read_allowed_ips(struct conf *conf, const struct scalar *item)
{
	struct scalar plain = *item;
	struct prefix prefix;
	int err;

	/* "+" asks wg(8) to add to what is there; here it always does. */
	plain.text += plain.text[0] == '+';
	err = scalar_prefix(&plain, &prefix);
	if (err != 0)
		return err;
	return draft_add_allowed_ip(conf->draft, &item->mark, conf->peer,
				    &prefix);
}

static const struct conf_key conf_keys[] = {
	{"PrivateKey", SECTION_INTERFACE, KEY_ONCE, read_private_key},
	{"ListenPort", SECTION_INTERFACE, KEY_ONCE, read_listen_port},
	{"MTU", SECTION_INTERFACE, KEY_ONCE, read_mtu},
	{"Address", SECTION_INTERFACE, KEY_LIST, read_address},
	{"DNS", SECTION_INTERFACE, KEY_LIST, read_dns},
	{"FwMark", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"Table", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"PreUp", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"PostUp", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"PreDown", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"PostDown", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"SaveConfig", SECTION_INTERFACE, KEY_IGNORED, NULL},
	{"PublicKey", SECTION_PEER, KEY_ONCE, read_public_key},
	{"PresharedKey", SECTION_PEER, KEY_ONCE, read_preshared_key},
	{"Endpoint", SECTION_PEER, KEY_ONCE, read_endpoint},
	{"PersistentKeepalive", SECTION_PEER, KEY_ONCE, read_keepalive},
	{"AllowedIPs", SECTION_PEER, KEY_LIST, read_allowed_ips},
};
static_assert(ARRAY_SIZE(conf_keys) <= 32, "a bit for each key");

static const char *section_name(enum section section)
{
	return section == SECTION_INTERFACE ? "[Interface]" : "[Peer]";
}

/* What a finished section must have. */
static int end_section(struct conf *conf)
{
	if (conf->section != SECTION_PEER)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(conf_keys); i++) {
		if (conf_keys[i].read == read_public_key &&
		    (conf->seen_peer & 1U << i) != 0)
			return 0;
	}
	return report_error(conf->draft->report, &conf->section_mark,
			    -ERR_INVALID,
			    "this [Peer] has no PublicKey; add PublicKey = "
			    "the key of the other side");
}

static int start_section(struct conf *conf, const struct mark *mark,
			 const char *text)
{
	char hint[NEAREST_HINT_CAP];
	struct nearest nearest;
	int err = end_section(conf);

	if (err != 0)
		return err;
	conf->section_mark = *mark;
	if (strcasecmp(text, "[Interface]") == 0) {
		conf->section = SECTION_INTERFACE;
		conf->draft->marks->settings = *mark;
		return 0;
	}
	if (strcasecmp(text, "[Peer]") == 0) {
		conf->section = SECTION_PEER;
		conf->seen_peer = 0;
		return draft_add_peer(conf->draft, mark, &conf->peer);
	}
	nearest_init(&nearest, text);
	nearest_offer(&nearest, "[Interface]");
	nearest_offer(&nearest, "[Peer]");
	return report_error(conf->draft->report, mark, -ERR_SYNTAX,
			    "unknown section %.16s; expected [Interface] or "
			    "[Peer]%s",
			    text, nearest_hint(&nearest, hint));
}

/* A line may be a key that lost its name: only what looks like the name of a
 * setting is repeated in a message. */
static const char *shown_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (!(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= 'a' && name[i] <= 'z'))
			return "(hidden)";
	}
	return len <= NAME_SHOWN_MAX ? name : "(hidden)";
}

static int unknown_key(const struct conf *conf, const struct mark *mark,
		       const char *name)
{
	char hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (size_t i = 0; i < ARRAY_SIZE(conf_keys); i++) {
		if (strcasecmp(name, conf_keys[i].name) == 0)
			return report_error(conf->draft->report, mark,
					    -ERR_SYNTAX,
					    "%s belongs into %s, not into %s",
					    conf_keys[i].name,
					    section_name(conf_keys[i].section),
					    section_name(conf->section));
		if (conf_keys[i].section == conf->section)
			nearest_offer(&nearest, conf_keys[i].name);
	}
	return report_error(conf->draft->report, mark, -ERR_SYNTAX,
			    "unknown key %s in %s%s", shown_name(name),
			    section_name(conf->section),
			    nearest_hint(&nearest, hint));
}

/* An index into conf_keys, or their number. */
static size_t find_key(enum section section, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(conf_keys); i++) {
		if (conf_keys[i].section == section &&
		    strcasecmp(name, conf_keys[i].name) == 0)
			break;
	}
	return i;
}

static int read_once(struct conf *conf, struct scalar *value, char *text,
		     const struct conf_key *key)
{
	remove_blanks(text);
	if (*text == '\0')
		return report_error(value->report, &value->mark, -ERR_SYNTAX,
				    "%s has no value", key->name);
	value->text = text;
	return key->read(conf, value);
}

/* text, the value, may be changed in place. */
static int read_pair(struct conf *conf, const struct mark *mark,
		     struct scalar *value, const char *name, char *text)
{
	size_t index = find_key(conf->section, name);
	const struct conf_key *key = &conf_keys[index];
	uint32_t *seen = conf->section == SECTION_PEER ? &conf->seen_peer
						       : &conf->seen_interface;
	bool again;

	if (index == ARRAY_SIZE(conf_keys))
		return unknown_key(conf, mark, name);
	again = (*seen & 1U << index) != 0;
	*seen |= 1U << index;
	value->key = key->name;
	if (key->kind == KEY_LIST)
		return each_item(conf, value, text, key->read);
	if (key->kind == KEY_ONCE && again)
		return report_error(value->report, mark, -ERR_SYNTAX,
				    "%s is given twice; one %s has one %s",
				    key->name, section_name(conf->section),
				    key->name);
	if (key->kind == KEY_ONCE)
		return read_once(conf, value, text, key);
	report_warning(value->report, &value->mark,
		       "%s is ignored: wgproxyd does not change the host's "
		       "network",
		       key->name);
	return 0;
}

static int read_line(struct conf *conf, uint32_t number, char *line)
{
	struct mark mark = {conf->draft->marks->file, number, 1};
	struct scalar value = {.report = conf->draft->report, .mark = mark};
	char *name, *text, *equals;

	line[strcspn(line, "#")] = '\0';
	name = trim(line);
	mark.column = column_of(line, name);
	if (*name == '\0')
		return 0;
	if (*name == '[')
		return start_section(conf, &mark, name);
	equals = strchr(name, '=');
	if (equals == NULL)
		return report_error(conf->draft->report, &mark, -ERR_SYNTAX,
				    "this is not a setting; expected "
				    "Key = value");
	if (conf->section == SECTION_NONE)
		return report_error(conf->draft->report, &mark, -ERR_SYNTAX,
				    "a setting before any section; write "
				    "[Interface] above it");
	text = trim(equals + 1);
	value.mark.column = column_of(line, text);
	*equals = '\0';
	return read_pair(conf, &mark, &value, trim(name), text);
}

static int read_lines(struct conf *conf, char *text)
{
	char *next = text;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		next += 3; /* byte order mark */
	for (uint32_t number = 1; next != NULL; number++) {
		char *line = next;
		char *end = strchr(line, '\n');
		int err;

		next = end == NULL ? NULL : end + 1;
		if (end != NULL)
			*end = '\0';
		err = read_line(conf, number, line);
		if (err != 0)
			return err;
	}
	return end_section(conf);
}

int wgquick_read(const char *path, const struct mark *from,
		 struct tunnel_draft *draft)
{
	struct conf conf = {.draft = draft};
	struct file file;
	const char *reason;
	int err = file_read(path, CONFIG_FILE_MAX, &file, &reason);

	report_file(draft->report, path);
	if (err != 0)
		return report_error(draft->report, from, err,
				    "%.200s cannot be read: %s", path, reason);
	draft->marks->file = strdup(path);
	if (draft->marks->file == NULL) {
		file_free(&file);
		return report_error(draft->report, from, -ERR_NO_MEMORY,
				    "out of memory");
	}
	draft->marks->settings = (struct mark){draft->marks->file, 1, 1};
	err = read_lines(&conf, file.text);
	if (err == 0 && file_is_exposed(&file, path))
		report_warning(draft->report,
			       &(struct mark){.file = draft->marks->file},
			       "other users may read this file and the key in "
			       "it; chmod 600 it");
	file_free(&file);
	return err;
}
