/* SPDX-License-Identifier: ISC */
/* Options, configuration, loop: nothing is decided here. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/config.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "daemon/io_loop.h"
#include "daemon/options.h"
#include "daemon/sandbox_rules.h"

/* Keys must not reach a core file or a debugger of the same user. */
static void guard_memory(void)
{
	struct rlimit none = {0, 0};

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}

static void print_report(const struct config_report *report)
{
	for (uint32_t i = 0; i < report->warning_count; i++)
		fprintf(stderr, "warning: %s\n", report->warnings[i]);
	if (report->error[0] != '\0')
		fprintf(stderr, "%s\n", report->error);
}

static int load(const struct options *options, struct config *config,
		struct config_report *report)
{
	int err = options_load(options, config, report);

	print_report(report);
	return err == 0 ? EX_OK : EX_CONFIG;
}

static int exit_code_of(int err)
{
	switch (-err) {
	case ERR_EXISTS:
		return EX_UNAVAILABLE;
	case ERR_PERMISSION:
		return EX_NOPERM;
	default:
		return EX_OSERR;
	}
}

static int run(const struct options *options, struct config *config,
	       const struct config_report *report)
{
	const char *name = options->aead != NULL ? options->aead : "auto";
	static struct io_loop io;
	struct aead aead;
	struct sandbox sandbox;
	int err;

	log_init(options->log_level);
	err = aead_load(name, &aead);
	if (err != 0) {
		log_error(
			"event=start_failed text=\"the cipher of --aead %s is "
			"not built in, its library is not installed, or it "
			"fails its self-test\"",
			name);
		return EX_UNAVAILABLE;
	}
	log_notice("event=starting version=%s aead=%s", WGPROXYD_VERSION,
		   aead.name);
	err = io_loop_open(&io, config, options, &aead);
	if (err != 0) {
		log_error("event=start_failed text=\"%s\"", error_text(err));
		return exit_code_of(err);
	}
	sandbox_init(&sandbox, options->sandbox);
	sandbox_open_folders(&sandbox, options, config, report,
			     io.state.folder);
	sandbox_enter(&sandbox);
	memory_release_heap();
	memory_release_code();
	io_loop_run(&io);
	aead_unload(&aead);
	return EX_OK;
}

int main(int argc, char **argv)
{
	struct config_report report = {.warning_count = 0};
	char message[OPTIONS_MESSAGE_CAP];
	struct options options;
	struct config config;
	int code;

	guard_memory();
	memory_keep_tables_apart();
	if (options_parse(argc, argv, &options, message) != 0) {
		fprintf(stderr, "wgproxyd: %s\n", message);
		return EX_USAGE;
	}
	if (options.action == ACTION_HELP || options.action == ACTION_VERSION) {
		fputs(options.action == ACTION_HELP
			      ? options_help()
			      : "wgproxyd " WGPROXYD_VERSION "\n",
		      stdout);
		return EX_OK;
	}
	if (crypto_init() != 0) {
		fputs("wgproxyd: the cipher fails its self-test\n", stderr);
		return EX_SOFTWARE;
	}
	code = load(&options, &config, &report);
	if (code == EX_OK && options.action == ACTION_RUN)
		code = run(&options, &config, &report);
	else if (code == EX_OK)
		puts("configuration OK");
	config_report_free(&report);
	if (code == EX_CONFIG)
		return code;
	config_free(&config);
	return code;
}
