/* SPDX-License-Identifier: ISC */
#include "ctl/command.h"

#include <string.h>

#include "ctl/run.h"

/* clang-format off */
const struct option_spec ctl_global_options[] = {
	{"--socket", "PATH", VALUE_FILE, "the daemon's control socket", NULL},
	{"--json", NULL, VALUE_NONE, "print the daemon's answer as JSON", NULL},
	{"--timeout", "S", VALUE_SECONDS,
	 "give up after so many seconds (15)", NULL},
	{"--help", NULL, VALUE_NONE, "print help and exit", NULL},
	{"-h", NULL, VALUE_NONE, "the same", NULL},
	{"--version", NULL, VALUE_NONE, "print the version and exit", NULL},
	{.name = NULL},
};

#define TUNNEL_OPTION \
	{"--tunnel", "NAME", VALUE_TEXT, "needed when there are several", NULL}

const struct command ctl_commands[] = {
	{
		.name = "add", .run = run_add,
		.args = "SPEC", .args_min = 1, .args_max = 1,
		.summary = "listen on a local port and forward it",
		.text =
"SPEC is [[BIND:]PORT|/SOCKET]:HOST:PORT, as for ssh -L. A port alone means\n"
"127.0.0.1 and ::1 together; port 0 lets the system choose. The forward is\n"
"kept over a restart. It listens when the command returns.\n",
		.example =
"  proxyctl add 15432:appname.internal:5432\n"
"  proxyctl add 15432:5432 -a appname\n"
"  proxyctl add --temporary --name pg 0:appname.internal:5432\n",
		.options = {
			{"-a", "APP", VALUE_TEXT,
			 "SPEC is [PORT:]PORT, the host APP.internal", NULL},
			{"--temporary", NULL, VALUE_NONE,
			 "not kept over a restart", NULL},
			{"--name", "NAME", VALUE_TEXT,
			 "default: made from the host", NULL},
			TUNNEL_OPTION,
			{"--allow", "PREFIX", VALUE_PREFIX,
			 "let in these clients only; may be repeated", NULL},
			{"--max-connections", "N", VALUE_NUMBER,
			 "at the same time", NULL},
			{"--address-policy", "WORD", VALUE_WORD,
			 "address that is tried first", "sticky random first"},
		},
	}, {
		.name = "rm", .run = run_rm, .kind = ARGUMENT_FORWARD,
		.args = "FORWARD", .args_min = 1, .args_max = 1,
		.summary = "stop listening",
		.text =
"FORWARD is a name, a port, or what it listens on. Open connections live\n"
"on.\n",
		.example =
"  proxyctl rm pg\n"
"  proxyctl rm 15432 --kill\n",
		.options = {
			{"--kill", NULL, VALUE_NONE,
			 "reset its connections too", NULL},
		},
	}, {
		.name = "expose", .run = run_expose,
		.args = "SPEC", .args_min = 1, .args_max = 1,
		.summary = "let the peers of a tunnel reach a local service",
		.text =
"SPEC is [ADDRESS:]PORT[:TARGET]: where the daemon listens inside the tunnel,\n"
"on all its addresses there or on one of them, and the service: a port, as\n"
"HOST:PORT with localhost or an address, or the path of a socket. The expose\n"
"is kept over a restart.\n",
		.example =
"  proxyctl expose 5432\n"
"  proxyctl expose --name appname 5432:/run/postgresql/.s.PGSQL.5432\n",
		.options = {
			{"--temporary", NULL, VALUE_NONE,
			 "not kept over a restart", NULL},
			{"--name", "NAME", VALUE_TEXT,
			 "default: port-PORT; with a zone its name there",
			 NULL},
			TUNNEL_OPTION,
			{"--allow", "PREFIX", VALUE_PREFIX,
			 "let in these peers only; may be repeated", NULL},
			{"--max-connections", "N", VALUE_NUMBER,
			 "at the same time", NULL},
		},
	}, {
		.name = "unexpose", .run = run_unexpose,
		.kind = ARGUMENT_FORWARD,
		.args = "EXPOSE", .args_min = 1, .args_max = 1,
		.summary = "stop exposing",
		.text =
"EXPOSE is a name or a port. Open connections live on.\n",
		.example = "  proxyctl unexpose appname --kill\n",
		.options = {
			{"--kill", NULL, VALUE_NONE,
			 "reset its connections too", NULL},
		},
	}, {
		.name = "ls", .run = run_ls, .args = "",
		.summary = "list forwards and exposes",
		.text =
"RX is what came out of the tunnel, TX what went into it. What is exposed\n"
"listens inside the tunnel.\n",
		.example =
"  proxyctl ls\n"
"  proxyctl ls --json | jq -r '.forwards[].listen'\n",
		.options = {
			{"--names", NULL, VALUE_NONE,
			 "only names, one a line", NULL},
		},
	}, {
		.name = "status", .run = run_status, .args = "",
		.summary = "show the daemon, its tunnels and how they are",
		.example =
"  proxyctl status --watch\n"
"  proxyctl status --check || echo look at it\n",
		.options = {
			{"--watch", NULL, VALUE_NONE,
			 "again and again, until Ctrl-C", NULL},
			{"--interval", "S", VALUE_SECONDS,
			 "of --watch (2)", NULL},
			{"--check", NULL, VALUE_NONE,
			 "exit with 0 ready, 1 degraded, 2 down", NULL},
		},
	}, {
		.name = "why", .run = run_why, .kind = ARGUMENT_FORWARD,
		.args = "FORWARD", .args_min = 1, .args_max = 1,
		.summary = "try a forward and say what is wrong with it",
		.text =
"Looks at the listener and the tunnel, resolves the name and connects to\n"
"the target. Exits with 1 when a step fails.\n",
		.example = "  proxyctl why 15432\n",
	}, {
		.name = "resolve", .run = run_resolve,
		.args = "NAME", .args_min = 1, .args_max = 1,
		.summary = "ask the tunnel's name servers",
		.example = "  proxyctl resolve appname.internal\n",
		.options = { TUNNEL_OPTION },
	}, {
		.name = "ping", .run = run_ping, .kind = ARGUMENT_FORWARD,
		.args = "TARGET", .args_min = 1, .args_max = 1,
		.summary = "measure the way to a host inside",
		.text =
"TARGET is HOST:PORT, a forward, or the host of a forward. A TCP connection\n"
"is opened and closed again; a refusal is an answer too.\n",
		.example =
"  proxyctl ping appname.internal:5432 -c 3\n",
		.options = {
			{"-c", "N", VALUE_NUMBER, "so many times (1)", NULL},
			TUNNEL_OPTION,
		},
	}, {
		.name = "wait", .run = run_wait, .kind = ARGUMENT_FORWARD,
		.args = "[FORWARD...]", .args_max = CALL_ARGS_MAX,
		.summary = "wait until forwards reach their targets",
		.text =
"Waits for the daemon, its tunnel and the forwards named, or all, for at most\n"
"30 seconds or --timeout. Exits with 75 when that is not enough.\n",
		.example =
"  proxyctl wait --timeout 60 pg && psql -p 15432\n",
	}, {
		.name = "reload", .run = run_reload, .args = "",
		.summary = "read the configuration again, all or nothing",
		.example = "  proxyctl reload\n",
	}, {
		.name = "drain", .run = run_drain, .kind = ARGUMENT_FORWARD,
		.args = "[FORWARD]", .args_max = 1,
		.summary = "take no new clients, let the old ones finish",
		.text =
"Without FORWARD all forwards drain, and the daemon ends when the last\n"
"connection has gone.\n",
		.example =
"  proxyctl drain pg --wait 30\n"
"  proxyctl drain pg --resume\n",
		.options = {
			{"--wait", "S", VALUE_SECONDS,
			 "return when all are gone; reset the rest then", NULL},
			{"--resume", NULL, VALUE_NONE,
			 "take new clients again", NULL},
		},
	}, {
		.name = "kill", .run = run_kill,
		.args = "ID", .args_min = 1, .args_max = 1,
		.summary = "reset one connection",
		.text = "ID is a number from proxyctl connections.\n",
		.example = "  proxyctl kill 42\n",
	}, {
		.name = "connections", .run = run_connections,
		.kind = ARGUMENT_FORWARD,
		.args = "[FORWARD]", .args_max = 1,
		.summary = "list the open connections",
		.example = "  proxyctl connections pg\n",
	}, {
		.name = "peers", .run = run_peers, .args = "",
		.summary = "list the WireGuard peers of a tunnel",
		.example = "  proxyctl peers --tunnel fly\n",
		.options = { TUNNEL_OPTION },
	}, {
		.name = "import", .run = run_import, .kind = ARGUMENT_FILE,
		.args = "FILE", .args_min = 1, .args_max = 1,
		.summary = "make a tunnel of a wg-quick file or flyctl's",
		.text =
"FILE is a wg-quick file, or flyctl's ~/.fly/config.yml. Writes NAME.conf\n"
"with mode 0600 beside wgproxyd.yaml, and names it there. Never overwrites.\n"
"Needs no daemon.\n",
		.example =
"  proxyctl import fly.conf\n"
"  proxyctl import ~/.fly/config.yml --org personal\n",
		.options = {
			{"--name", "NAME", VALUE_TEXT,
			 "of the tunnel; default: the file's", NULL},
			{"--org", "ORG", VALUE_TEXT,
			 "needed when flyctl's file has several", NULL},
			{"--config", "FILE", VALUE_FILE,
			 "another wgproxyd.yaml", NULL},
		},
	}, {
		.name = "network", .run = run_network, .kind = ARGUMENT_NETWORK,
		.args = "ACTION DIR [NAME]",
		.args_min = 2, .args_max = 3,
		.summary = "make a private network, and its clients",
		.text =
"ACTION is init, add-client, list or remove-client. init writes\n"
"DIR/gateway.yaml for wgproxyd on this host, and for each client a wg-quick\n"
"file, DIR/client1.conf and so on, with fresh keys. A running gateway takes a\n"
"client that is added at once. Nothing is overwritten. Needs no daemon.\n",
		.example =
"  proxyctl network init --gateway gw.example.org:51820 \\\n"
"      --expose appname=5432 net\n"
"  proxyctl network add-client net phone\n",
		.options = {
			{"--gateway", "HOST:PORT", VALUE_TEXT,
			 "where clients reach it", NULL},
			{"--clients", "N", VALUE_NUMBER,
			 "init: how many (1)", NULL},
			{"--name", "ZONE", VALUE_TEXT,
			 "init: what names end with (internal)", NULL},
			{"--expose", "SPEC", VALUE_TEXT,
			 "init: [NAME=]PORT[:TARGET]; may be repeated", NULL},
			{"--ipv4", "PREFIX", VALUE_PREFIX,
			 "init: IPv4 addresses too", NULL},
		},
	}, {
		.name = "genkey", .run = run_genkey, .kind = ARGUMENT_FILE,
		.args = "[FILE]", .args_max = 1,
		.summary = "make a private key",
		.text =
"Into FILE, which must not exist and gets mode 0600; the public key is\n"
"printed then. Without FILE the private key is printed, but never into a file\n"
"that others can read. Needs no daemon.\n",
		.example =
"  proxyctl genkey staging.key\n"
"  proxyctl genkey | proxyctl pubkey\n",
	}, {
		.name = "pubkey", .run = run_pubkey, .args = "",
		.summary = "print the public key of a private key",
		.text = "Reads standard input. Needs no daemon.\n",
		.example = "  proxyctl pubkey <staging.key\n",
	}, {
		.name = "psql", .run = run_psql, .kind = ARGUMENT_FORWARD,
		.args = "FORWARD|APP [-- ARG...]",
		.args_min = 1, .args_max = 1, .rest = "psql",
		.summary = "a psql shell through a forward",
		.text =
"Takes a forward of this name, or one that leads to APP.internal:5432, or\n"
"adds a temporary one on a free port. The server's name is kept, so that\n"
"sslmode=verify-full and .pgpass work.\n",
		.example =
"  proxyctl psql appname -- -U postgres -c 'select 1'\n",
		.options = { TUNNEL_OPTION },
	}, {
		.name = "completion", .run = run_completion,
		.kind = ARGUMENT_SHELL,
		.args = "bash|zsh|fish", .args_min = 1, .args_max = 1,
		.summary = "print a completion script for a shell",
		.example =
"  . <(proxyctl completion bash)\n"
"  proxyctl completion fish >~/.config/fish/completions/proxyctl.fish\n",
	}, {
		.name = "version", .run = run_version, .args = "",
		.summary = "print the versions of proxyctl and the daemon",
		.example = "  proxyctl version\n",
	}, {
		.name = "help", .run = run_help, .kind = ARGUMENT_COMMAND,
		.args = "[COMMAND]", .args_max = 1,
		.summary = "explain a command",
		.example = "  proxyctl help add\n",
	}, {
		.name = NULL,
	},
};
/* clang-format on */

const struct command *ctl_command_find(const char *name)
{
	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static void print_options(FILE *out, const struct option_spec *option)
{
	for (; option->name != NULL; option++) {
		char left[40];

		snprintf(left, sizeof(left), "%s%s%s", option->name,
			 option->value != NULL ? " " : "",
			 option->value != NULL ? option->value : "");
		fprintf(out, "  %-22s %s\n", left, option->help);
		if (option->words != NULL)
			fprintf(out, "  %-22s one of: %s\n", "", option->words);
	}
}

void ctl_help(FILE *out)
{
	fputs("Usage: proxyctl [OPTION...] COMMAND [ARG...]\n"
	      "\n"
	      "Controls a running wgproxyd.\n"
	      "\n",
	      out);
	for (const struct command *c = ctl_commands; c->name != NULL; c++)
		fprintf(out, "  %-12s %s\n", c->name, c->summary);
	fputs("\nOptions, before or after the command:\n", out);
	print_options(out, ctl_global_options);
	fputs("\n"
	      "Examples:\n"
	      "  proxyctl add 15432:appname.internal:5432\n"
	      "  proxyctl why 15432\n"
	      "\n"
	      "Exit status: 0 done, 1 the daemon said no, 64 wrong command "
	      "line, 69 no daemon,\n"
	      "75 timed out, 77 not permitted. More with proxyctl help COMMAND "
	      "and in\n"
	      "proxyctl(1).\n",
	      out);
}

void ctl_command_help(FILE *out, const struct command *command)
{
	fprintf(out, "Usage: proxyctl %s%s%s%s\n\nTo %s.\n", command->name,
		command->options[0].name != NULL ? " [OPTION...]" : "",
		command->args[0] != '\0' ? " " : "", command->args,
		command->summary);
	if (command->text != NULL)
		fprintf(out, "\n%s", command->text);
	fputs("\nOptions:\n", out);
	print_options(out, command->options);
	print_options(out, ctl_global_options);
	fprintf(out, "\nExamples:\n%s", command->example);
}
