/* SPDX-License-Identifier: ISC */
/* proxyctl: a command line becomes a call, a call runs. */
#include <stdio.h>

#include "ctl/ask.h"
#include "ctl/call.h"
#include "ctl/command.h"

static int print_help(const struct call *call)
{
	if (call->command != NULL)
		ctl_command_help(stdout, call->command);
	else
		ctl_help(stdout);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	char message[CALL_MESSAGE_CAP];
	struct call call;
	int code;

	if (argc < 2) {
		ctl_help(stderr);
		return EXIT_USAGE;
	}
	if (call_parse(argc, argv, &call, message) != 0) {
		say("%s", message);
		return EXIT_USAGE;
	}
	if (call_has(&call, "--help") || call_has(&call, "-h"))
		return print_help(&call);
	if (call_has(&call, "--version")) {
		puts("proxyctl " PROXYCTL_VERSION);
		return EXIT_DONE;
	}
	code = call.command->run(&call);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE) {
		say("standard output: the rest could not be written");
		return EXIT_NO;
	}
	return code;
}
