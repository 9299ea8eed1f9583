/* SPDX-License-Identifier: ISC */
#include "test/unit/config/files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

static char folder[] = "/tmp/wgproxyd-test-XXXXXX";

void file_write(const char *name, const char *text, size_t len, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(write(fd, text, len) == (ssize_t)len);
	CHECK(fchmod(fd, mode) == 0);
	CHECK(close(fd) == 0);
}

void file_write_text(const char *name, const char *text)
{
	file_write(name, text, strlen(text), 0600);
}

int files_setup(void **state)
{
	static const char key[] = TEST_PRIVATE_KEY "\n";

	(void)state;
	CHECK(mkdtemp(folder) != NULL);
	CHECK(chdir(folder) == 0);
	CHECK(mkdir("folder", 0700) == 0);
	file_write_text("fly.conf", TEST_FLY_CONF);
	file_write_text("broken.conf", "[Interface]\nPrivateKey = x\n");
	file_write_text("key", key);
	file_write_text("bad.key", "hello\n");
	file_write("open.key", key, strlen(key), 0644);
	return 0;
}

int files_teardown(void **state)
{
	char command[64];

	(void)state;
	CHECK(chdir("/") == 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void compare(const struct bad_file *bad, int err,
		    struct config_report *report)
{
	if (err != bad->err || strcmp(report->error, bad->message) != 0)
		fail_msg("%s: %s instead of %s:\n%s\n%s", bad->name,
			 error_name(err), error_name(bad->err), report->error,
			 bad->message);
	config_report_free(report);
}

void bad_yaml_check(const struct bad_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config_report report = {.warning_count = 0};
		struct config config;

		file_write_text("c.yaml", files[i].text);
		compare(&files[i], config_load("c.yaml", &config, &report),
			&report);
	}
}

void bad_wgquick_check(const struct bad_file *files, size_t count)
{
	static const char *const path = "c.conf";

	for (size_t i = 0; i < count; i++) {
		struct config_report report = {.warning_count = 0};
		struct config config;
		int err;

		file_write_text(path, files[i].text);
		err = config_from_arguments(&path, 1, NULL, 0, &config,
					    &report);
		compare(&files[i], err, &report);
	}
}

double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}
