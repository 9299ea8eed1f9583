/* SPDX-License-Identifier: ISC */
/* completion, help: scripts for shells, from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "config/text.h"
#include "ctl/ask.h"
#include "ctl/run.h"

static const char shells[] = "bash zsh fish";
static const char network[] = "init add-client list remove-client";
static const char forwards[] = "$(proxyctl ls --names 2>/dev/null)";

static void put_commands(void)
{
	for (const struct command *c = ctl_commands; c->name != NULL; c++)
		printf("%s%s", c == ctl_commands ? "" : " ", c->name);
}

static void put_options(const struct option_spec *option)
{
	for (; option->name != NULL; option++)
		printf(" %s", option->name);
}

/* Words that a command's arguments are completed with. */
static void put_arguments(const struct command *command)
{
	switch (command->kind) {
	case ARGUMENT_FORWARD:
		printf(" %s", forwards);
		break;
	case ARGUMENT_COMMAND:
		putchar(' ');
		put_commands();
		break;
	case ARGUMENT_SHELL:
		printf(" %s", shells);
		break;
	case ARGUMENT_NETWORK:
		printf(" %s", network);
		break;
	case ARGUMENT_FILE:
	case ARGUMENT_NONE:
		break;
	}
}

/* --------------------------------------------------- bash, and zsh's words */

/* Whether a command before this one has an option of that name too. */
static bool is_known(const struct command *command, const char *name)
{
	for (const struct command *c = ctl_commands; c != command; c++) {
		for (const struct option_spec *o = c->options; o->name != NULL;
		     o++) {
			if (strcmp(o->name, name) == 0)
				return true;
		}
	}
	return false;
}

/* Patterns of all options of a kind, "|" between; "" stands for none. */
static void put_pattern(bool (*matches)(const struct option_spec *))
{
	bool any = false;

	for (const struct command *c = ctl_commands;; c++) {
		const struct option_spec *o =
			c->name != NULL ? c->options : ctl_global_options;

		for (; o->name != NULL; o++) {
			if (!matches(o) || is_known(c, o->name))
				continue;
			printf("%s%s", any ? "|" : "", o->name);
			any = true;
		}
		if (c->name == NULL)
			return;
	}
}

static bool has_value(const struct option_spec *option)
{
	return option->kind != VALUE_NONE;
}

static bool has_file(const struct option_spec *option)
{
	return option->kind == VALUE_FILE;
}

static void put_word_options(const char *between, const char *after)
{
	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		for (const struct option_spec *o = c->options; o->name != NULL;
		     o++) {
			if (o->kind == VALUE_WORD)
				printf("\t%s)%s%s%s", o->name, between,
				       o->words, after);
		}
	}
}

static void put_cases(void)
{
	fputs("\t'') words='", stdout);
	put_commands();
	fputs("' options='", stdout);
	put_options(ctl_global_options);
	fputs("' ;;\n", stdout);
	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		printf("\t%s) words=\"", c->name);
		put_arguments(c);
		fputs("\" options='", stdout);
		put_options(c->options);
		put_options(ctl_global_options);
		fputs("' ;;\n", stdout);
	}
}

static void put_file_commands(void)
{
	bool any = false;

	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		if (c->kind != ARGUMENT_FILE && c->kind != ARGUMENT_NETWORK)
			continue;
		printf("%s%s", any ? "|" : "", c->name);
		any = true;
	}
}

static void print_bash(void)
{
	fputs("# bash completion of proxyctl\n"
	      "_proxyctl()\n"
	      "{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command='' i\n"
	      "\tlocal words='' options=''\n"
	      "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t",
	      stdout);
	put_pattern(has_value);
	fputs(") ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tCOMPREPLY=()\n"
	      "\tcase $prev in\n",
	      stdout);
	put_word_options("\n\t\tmapfile -t COMPREPLY < <(compgen -W '",
			 "' -- \"$cur\")\n\t\treturn ;;\n");
	fputs("\t", stdout);
	put_pattern(has_file);
	fputs(")\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\t\treturn ;;\n\t",
	      stdout);
	put_pattern(has_value);
	fputs(") return ;;\n"
	      "\tesac\n"
	      "\tcase $command in\n",
	      stdout);
	put_cases();
	fputs("\tesac\n"
	      "\t[[ $cur != -* ]] || words=$options\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "\tcase $command in\n\t",
	      stdout);
	put_file_commands();
	fputs(")\n\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < "
	      "<(compgen -f -- \"$cur\") ;;\n"
	      "\tesac\n"
	      "}\n"
	      "complete -F _proxyctl proxyctl\n",
	      stdout);
}

/* -------------------------------------------------------------------- zsh */

/* A text in single quotes; what zsh's _describe cuts at is left out. */
static void put_quoted(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (*text == ':')
			fputs("\\:", stdout);
		else
			putchar(*text);
	}
}

static void put_zsh_options(const struct option_spec *option)
{
	for (; option->name != NULL; option++) {
		printf("\t\t'%s:", option->name);
		put_quoted(option->help);
		fputs("'\n", stdout);
	}
}

static void put_zsh_case(const struct command *command)
{
	printf("\t%s)\n\t\toptions+=(\n", command->name);
	put_zsh_options(command->options);
	fputs("\t\t)\n", stdout);
	switch (command->kind) {
	case ARGUMENT_FORWARD:
		printf("\t\targuments=(${(f)\"%s\"})\n", forwards);
		break;
	case ARGUMENT_COMMAND:
		fputs("\t\targuments=($commands)\n", stdout);
		break;
	case ARGUMENT_SHELL:
		printf("\t\targuments=(%s)\n", shells);
		break;
	case ARGUMENT_NETWORK:
		printf("\t\targuments=(%s)\n\t\t_files\n", network);
		break;
	case ARGUMENT_FILE:
		fputs("\t\t_files\n", stdout);
		break;
	case ARGUMENT_NONE:
		break;
	}
	fputs("\t\t;;\n", stdout);
}

static void print_zsh(void)
{
	fputs("#compdef proxyctl\n"
	      "_proxyctl()\n"
	      "{\n"
	      "\tlocal command='' i\n"
	      "\tlocal -a commands options arguments\n"
	      "\tcommands=(\n",
	      stdout);
	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		printf("\t\t'%s:", c->name);
		put_quoted(c->summary);
		fputs("'\n", stdout);
	}
	fputs("\t)\n\toptions=(\n", stdout);
	put_zsh_options(ctl_global_options);
	fputs("\t)\n"
	      "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	      "\t\tcase ${words[i]} in\n"
	      "\t\t",
	      stdout);
	put_pattern(has_value);
	fputs(") ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${words[i]}; break ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase ${words[CURRENT-1]} in\n",
	      stdout);
	put_word_options(" compadd ", "; return ;;\n");
	fputs("\t", stdout);
	put_pattern(has_file);
	fputs(") _files; return ;;\n\t", stdout);
	put_pattern(has_value);
	fputs(") return ;;\n"
	      "\tesac\n"
	      "\tcase $command in\n"
	      "\t'') arguments=($commands) ;;\n",
	      stdout);
	for (const struct command *c = ctl_commands; c->name != NULL; c++)
		put_zsh_case(c);
	fputs("\tesac\n"
	      "\t_describe proxyctl arguments\n"
	      "\t[[ $PREFIX != -* ]] || _describe option options\n"
	      "}\n"
	      "if [[ $funcstack[1] = _proxyctl ]]; then\n"
	      "\t_proxyctl \"$@\"\n"
	      "else\n"
	      "\tcompdef _proxyctl proxyctl\n"
	      "fi\n",
	      stdout);
}

/* ------------------------------------------------------------------- fish */

static void put_fish_option(const char *condition,
			    const struct option_spec *option)
{
	printf("complete -c proxyctl%s", condition);
	if (option->name[1] == '-')
		printf(" -l %s", option->name + 2);
	else
		printf(" -s %s", option->name + 1);
	if (option->kind == VALUE_FILE)
		fputs(" -rF", stdout);
	else if (option->kind == VALUE_WORD)
		printf(" -xa '%s'", option->words);
	else if (option->kind != VALUE_NONE)
		fputs(" -x", stdout);
	fputs(" -d \"", stdout);
	fputs(option->help, stdout);
	fputs("\"\n", stdout);
}

static void put_fish_arguments(const char *condition,
			       const struct command *command)
{
	switch (command->kind) {
	case ARGUMENT_FORWARD:
		printf("complete -c proxyctl%s -a "
		       "'(proxyctl ls --names 2>/dev/null)'\n",
		       condition);
		break;
	case ARGUMENT_COMMAND:
		printf("complete -c proxyctl%s -a '", condition);
		put_commands();
		fputs("'\n", stdout);
		break;
	case ARGUMENT_SHELL:
		printf("complete -c proxyctl%s -a '%s'\n", condition, shells);
		break;
	case ARGUMENT_NETWORK:
		printf("complete -c proxyctl%s -Fa '%s'\n", condition, network);
		break;
	case ARGUMENT_FILE:
		printf("complete -c proxyctl%s -F\n", condition);
		break;
	case ARGUMENT_NONE:
		break;
	}
}

static void print_fish(void)
{
	fputs("# fish completion of proxyctl\ncomplete -c proxyctl -f\n",
	      stdout);
	for (const struct option_spec *o = ctl_global_options; o->name != NULL;
	     o++)
		put_fish_option("", o);
	for (const struct command *c = ctl_commands; c->name != NULL; c++) {
		char condition[96];

		printf("complete -c proxyctl -n __fish_use_subcommand -a %s "
		       "-d \"%s\"\n",
		       c->name, c->summary);
		snprintf(condition, sizeof(condition),
			 " -n '__fish_seen_subcommand_from %s'", c->name);
		for (const struct option_spec *o = c->options; o->name != NULL;
		     o++)
			put_fish_option(condition, o);
		put_fish_arguments(condition, c);
	}
}

/* --------------------------------------------------------------- commands */

int run_completion(const struct call *call)
{
	const char *shell = call->args[0];

	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish();
	else {
		say("\"%.40s\" is not one of: %s", shell, shells);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

int run_help(const struct call *call)
{
	const struct command *command;
	char hint[NEAREST_HINT_CAP];
	struct nearest nearest;

	if (call->arg_count == 0) {
		ctl_help(stdout);
		return EXIT_DONE;
	}
	command = ctl_command_find(call->args[0]);
	if (command != NULL) {
		ctl_command_help(stdout, command);
		return EXIT_DONE;
	}
	nearest_init(&nearest, call->args[0]);
	for (const struct command *c = ctl_commands; c->name != NULL; c++)
		nearest_offer(&nearest, c->name);
	say("there is no command \"%.40s\"%s", call->args[0],
	    nearest_hint(&nearest, hint));
	return EXIT_USAGE;
}
