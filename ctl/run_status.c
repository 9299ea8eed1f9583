/* SPDX-License-Identifier: ISC */
/* status, peers, version */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "ctl/ask.h"
#include "ctl/print.h"
#include "ctl/run.h"

enum { INTERVAL_MS = 2000 };

/* "12 s ago", or never for a time that is missing. */
static char *format_ago(const json_t *object, const char *member,
			char text[TIME_TEXT_CAP])
{
	const json_t *at = json_object_get(object, member);
	double now = (double)time(NULL), then = json_number_value(at);
	char span[TIME_TEXT_CAP];

	if (at == NULL || then <= 0)
		return strcpy(text, "never");
	if (now - then < 1)
		return strcpy(text, "now");
	print_duration((uint64_t)(now - then) * 1000, span);
	snprintf(text, TIME_TEXT_CAP, "%.24s ago", span);
	return text;
}

/* ----------------------------------------------------------------- status */

static const struct column tunnel_columns[] = {
	{.head = "TUNNEL", .flexible = true}, {.head = "STATE", .state = true},
	{.head = "PEERS", .right = true},     {.head = "HANDSHAKE"},
	{.head = "RX", .right = true},        {.head = "TX", .right = true},
};

static json_t *tunnel_row(const json_t *tunnel)
{
	char peers[48], rx[SIZE_TEXT_CAP], tx[SIZE_TEXT_CAP];
	char ago[TIME_TEXT_CAP];

	snprintf(peers, sizeof(peers), "%" PRIu64 "/%" PRIu64,
		 number_of(tunnel, "peers_up"), number_of(tunnel, "peers"));
	return json_pack("[ssssss]", text_of(tunnel, "name"),
			 text_of(tunnel, "state"), peers,
			 format_ago(tunnel, "last_handshake_at", ago),
			 print_size(number_of(tunnel, "rx_bytes"), rx),
			 print_size(number_of(tunnel, "tx_bytes"), tx));
}

/* Sentences are too long for a column. */
static void print_tunnel_texts(const json_t *tunnels)
{
	size_t index;
	json_t *tunnel;

	json_array_foreach(tunnels, index, tunnel)
	{
		const char *text = text_of(tunnel, "text");

		if (text[0] == '\0' ||
		    strcmp(text_of(tunnel, "state"), "up") == 0)
			continue;
		print_clean(stdout, text_of(tunnel, "name"));
		fputs(": ", stdout);
		print_clean(stdout, text);
		putchar('\n');
	}
}

static void print_label(const char *label)
{
	printf("%-12s ", label);
}

static void print_text(const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	print_label(label);
	print_clean(stdout, text);
	putchar('\n');
}

/* "2 listening, 1 paused" */
static void print_counts(const json_t *status)
{
	static const char *const states[] = {"listening", "paused", "failed",
					     "draining"};
	const json_t *forwards = json_object_get(status, "forwards");
	bool any = false;

	print_label("forwards");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		uint64_t count = number_of(forwards, states[i]);

		if (count == 0)
			continue;
		printf("%s%" PRIu64 " %s", any ? ", " : "", count, states[i]);
		any = true;
	}
	puts(any ? "" : "none");
}

static void print_load(const json_t *status)
{
	char a[SIZE_TEXT_CAP], b[SIZE_TEXT_CAP];

	print_label("connections");
	printf("%" PRIu64 " of %" PRIu64 ", %" PRIu64 " accepted so far\n",
	       number_of(status, "connections"),
	       number_of(status, "connections_max"),
	       number_of(status, "accepted"));
	print_label("bytes");
	printf("%s received, %s sent\n",
	       print_size(number_of(status, "bytes_down"), a),
	       print_size(number_of(status, "bytes_up"), b));
	print_label("memory");
	printf("%s of %s\n", print_size(number_of(status, "memory_used"), a),
	       print_size(number_of(status, "memory_max"), b));
}

static void print_config(const json_t *status)
{
	char ago[TIME_TEXT_CAP];
	const char *path = text_of(status, "config");

	print_label("config");
	print_clean(stdout, path[0] != '\0' ? path : "command line");
	printf(", read %s\n", format_ago(status, "config_loaded_at", ago));
	print_text("not reloaded", text_of(status, "config_error"));
	print_text("state in", text_of(status, "state_dir"));
}

static void print_status(const json_t *status)
{
	struct style style = style_of(stdout);
	const json_t *tunnels = json_object_get(status, "tunnels");
	const char *text = text_of(status, "text");
	char uptime[TIME_TEXT_CAP];

	print_label("state");
	print_state(stdout, &style, text_of(status, "state"));
	if (text[0] != '\0')
		fputs(": ", stdout);
	print_clean(stdout, text);
	fputs("\n", stdout);
	print_label("daemon");
	fputs("wgproxyd ", stdout);
	print_clean(stdout, text_of(status, "version"));
	printf(", pid %" PRIu64 ", up %s\n", number_of(status, "pid"),
	       print_duration(number_of(status, "uptime_ms"), uptime));
	print_text("ciphers", text_of(status, "aead"));
	print_counts(status);
	print_load(status);
	print_config(status);
	putchar('\n');
	print_list(tunnel_columns, ARRAY_SIZE(tunnel_columns), tunnels,
		   tunnel_row);
	print_tunnel_texts(tunnels);
}

/* A state of a later version is not trusted to be good. */
static int check_code(const json_t *status)
{
	const char *state = text_of(status, "state");

	if (strcmp(state, "ready") == 0)
		return EXIT_DONE;
	return strcmp(state, "down") == 0 ? EXIT_DOWN : EXIT_NO;
}

static void print_check(const json_t *status)
{
	const char *text = text_of(status, "text");

	print_clean(stdout, text_of(status, "state"));
	if (text[0] != '\0')
		fputs(": ", stdout);
	print_clean(stdout, text);
	putchar('\n');
}

/* A daemon that is away may come back, so only the user ends this. */
static int watch(const struct call *call)
{
	struct style style = style_of(stdout);
	uint64_t interval = call_ms(call, "--interval", INTERVAL_MS);

	for (;;) {
		struct client_reply reply;
		int code = ask_quietly(
			call, json_pack("{s:s}", "op", "status"),
			call_ms(call, "--timeout", ASK_TIMEOUT_MS), &reply);

		if (style.width > 0)
			fputs("\033[H\033[J", stdout);
		fflush(stdout);
		if (code == EXIT_DONE && call_has(call, "--json")) {
			json_dumpf(reply.result, stdout, JSON_COMPACT);
			putchar('\n');
		} else if (code == EXIT_DONE) {
			print_status(reply.result);
			if (style.width == 0)
				putchar('\n');
		} else {
			say("%s", reply.message);
		}
		client_reply_free(&reply);
		if (fflush(stdout) != 0)
			return EXIT_NO;
		client_sleep_ms(interval);
	}
}

int run_status(const struct call *call)
{
	bool check = call_has(call, "--check");
	json_t *status;
	int code;

	if (check && call_has(call, "--watch")) {
		say("--check and --watch do not go together");
		return EXIT_USAGE;
	}
	if (call_has(call, "--watch"))
		return watch(call);
	code = ask(call, json_pack("{s:s}", "op", "status"), &status);
	if (code != EXIT_DONE)
		return code;
	if (check)
		code = check_code(status);
	if (!ask_print_json(call, status)) {
		if (check)
			print_check(status);
		else
			print_status(status);
	}
	json_decref(status);
	return code;
}

/* ------------------------------------------------------------------ peers */

static const struct column peer_columns[] = {
	{.head = "PEER", .right = true},
	{.head = "KEY"},
	{.head = "ENDPOINT", .flexible = true},
	{.head = "STATE", .state = true},
	{.head = "HANDSHAKE"},
	{.head = "RX", .right = true},
	{.head = "TX", .right = true},
};

/* A key is told by its beginning; --json has all of it. */
static json_t *peer_row(const json_t *peer)
{
	char number[32], key[16], rx[SIZE_TEXT_CAP], tx[SIZE_TEXT_CAP];
	char ago[TIME_TEXT_CAP];
	const char *endpoint = text_of(peer, "endpoint");

	snprintf(number, sizeof(number), "%" PRIu64, number_of(peer, "number"));
	snprintf(key, sizeof(key), "%.8s", text_of(peer, "public_key"));
	if (endpoint[0] == '\0')
		endpoint = text_of(peer, "endpoint_name");
	return json_pack("[sssssss]", number, key, endpoint,
			 text_of(peer, "state"),
			 format_ago(peer, "last_handshake_at", ago),
			 print_size(number_of(peer, "rx_bytes"), rx),
			 print_size(number_of(peer, "tx_bytes"), tx));
}

int run_peers(const struct call *call)
{
	json_t *request = json_pack("{s:s}", "op", "peers");
	json_t *result;
	int code;

	if (call_has(call, "--tunnel"))
		json_object_set_new(request, "tunnel",
				    json_string(call_value(call, "--tunnel")));
	code = ask_list(call, request, "peers", &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result))
		print_list(peer_columns, ARRAY_SIZE(peer_columns),
			   json_object_get(result, "peers"), peer_row);
	json_decref(result);
	return code;
}

/* ---------------------------------------------------------------- version */

int run_version(const struct call *call)
{
	json_t *result;
	int code;

	if (!call_has(call, "--json"))
		puts("proxyctl " PROXYCTL_VERSION);
	fflush(stdout);
	code = ask(call, json_pack("{s:s}", "op", "version"), &result);
	if (code != EXIT_DONE)
		return code;
	if (!ask_print_json(call, result)) {
		print_clean(stdout, text_of(result, "program"));
		putchar(' ');
		print_clean(stdout, text_of(result, "version"));
		printf(", pid %" PRIu64 "\n", number_of(result, "pid"));
	}
	json_decref(result);
	return code;
}
