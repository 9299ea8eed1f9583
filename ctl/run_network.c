/* SPDX-License-Identifier: ISC */
/* network: which of its commands, and list */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "ctl/ask.h"
#include "ctl/network_files.h"
#include "ctl/print.h"
#include "ctl/run.h"

struct action {
	const char *name, *args;
	unsigned args_max;
	const char *const *options; /* ends with NULL */
	int (*run)(const struct call *call);
};

static const char *const no_options[] = {NULL};
static const char *const add_options[] = {"--gateway", NULL};
static const char *const init_options[] = {"--gateway", "--clients", "--name",
					   "--expose",  "--ipv4",    NULL};

static const struct action actions[] = {
	{"init", "--gateway HOST:PORT DIR", 2, init_options, network_init},
	{"add-client", "DIR [NAME]", 3, add_options, network_add_client},
	{"list", "DIR", 2, no_options, network_list},
	{"remove-client", "DIR NAME", 3, no_options, network_remove_client},
};

static bool has_option(const struct action *action, const char *option)
{
	for (size_t i = 0; action->options[i] != NULL; i++) {
		if (strcmp(action->options[i], option) == 0)
			return true;
	}
	return false;
}

static bool is_global(const char *option)
{
	const struct option_spec *spec = ctl_global_options;

	while (spec->name != NULL && strcmp(spec->name, option) != 0)
		spec++;
	return spec->name != NULL;
}

static int run_action(const struct action *action, const struct call *call)
{
	for (unsigned i = 0; i < call->option_count; i++) {
		const char *option = call->options[i].spec->name;

		if (is_global(option) || has_option(action, option))
			continue;
		say("%s is no option of network %s", option, action->name);
		return EXIT_USAGE;
	}
	if (call->arg_count <= action->args_max)
		return action->run(call);
	say("unexpected \"%.60s\"; write proxyctl network %s %s",
	    call->args[action->args_max], action->name, action->args);
	return EXIT_USAGE;
}

int run_network(const struct call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, call->args[0]) == 0)
			return run_action(&actions[i], call);
	}
	say("\"%.40s\" is not one of: init, add-client, list, remove-client",
	    call->args[0]);
	return EXIT_USAGE;
}

/* ------------------------------------------------------------------- list */

static json_t *row_of(const json_t *client)
{
	const json_t *addresses = json_object_get(client, "allowed_ips");
	const char *name = text_of(client, "name");
	const char *first = json_string_value(json_array_get(addresses, 0));

	return json_pack("[s, s, s]", name[0] != '\0' ? name : "-",
			 first != NULL ? first : "-",
			 text_of(client, "public_key"));
}

static json_t *client_of(const struct network_files *files,
			 const struct config_peer *peer)
{
	struct yaml_peer text = network_peer_text(files, peer);
	char key[KEY_TEXT_CAP], prefix[PREFIX_TEXT_CAP];
	json_t *allowed = json_array();

	for (uint32_t i = 0; i < peer->allowed_count; i++)
		json_array_append_new(allowed,
				      json_string(prefix_format(
					      &peer->allowed_ips[i], prefix)));
	return json_pack("{s:s, s:s, s:o}", "name", text.name, "public_key",
			 key_format(&peer->public_key, key), "allowed_ips",
			 allowed);
}

int network_list(const struct call *call)
{
	static const struct column columns[] = {
		{.head = "NAME"}, {.head = "ADDRESS"}, {.head = "PUBLIC KEY"}};
	struct network_files files;
	json_t *result;
	int code = network_open(call->args[1], &files);

	if (code != EXIT_DONE)
		return code;
	result = json_pack("{s:[]}", "clients");
	for (uint32_t i = 0; i < files.tunnel->peer_count; i++)
		json_array_append_new(
			json_object_get(result, "clients"),
			client_of(&files, &files.tunnel->peers[i]));
	if (!ask_print_json(call, result))
		print_list(columns, ARRAY_SIZE(columns),
			   json_object_get(result, "clients"), row_of);
	json_decref(result);
	network_close(&files);
	return EXIT_DONE;
}
