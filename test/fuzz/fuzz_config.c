/* SPDX-License-Identifier: ISC */
/*
 * Configuration files of both formats. The first byte chooses: 'y' for YAML,
 * anything else for wg-quick with a forward. The file is in memory but goes
 * through the whole loader.
 *
 * A YAML file may name other files of the machine: they are read, nothing else.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const forward = "15432:appname.internal:5432";
	struct config_report report = {.warning_count = 0};
	struct config config;
	char path[32];
	int fd, err;

	if (size == 0)
		return 0;
	fd = memfd_create("config", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (data[0] == 'y') {
		err = config_load(path, &config, &report);
	} else {
		const char *paths[] = {path};

		err = config_from_arguments(paths, 1, &forward, 1, &config,
					    &report);
	}
	close(fd);
	if (err == 0)
		config_free(&config);
	else
		CHECK(report.error[0] != '\0' &&
		      strchr(report.error, '\n') == NULL);
	config_report_free(&report);
	return 0;
}
