/* SPDX-License-Identifier: ISC */
#include "ctl/socket_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

static void expect_daemon(struct ctl_socket_choice choice, const char *wanted)
{
	char path[SOCKET_PATH_CAP];

	assert_int_equal(ctl_socket_daemon(&choice, path), 0);
	assert_string_equal(path, wanted);
}

static void test_daemon(void **state)
{
	struct ctl_socket_choice choice = {
		.option = "/a",
		.environment = "/b",
		.configured = "/c",
		.runtime_directory = "/d",
		.xdg_runtime_dir = "/e",
	};

	(void)state;
	expect_daemon(choice, "/a");
	choice.option = NULL;
	expect_daemon(choice, "/b");
	choice.environment = "";
	expect_daemon(choice, "/c");
	choice.configured = "";
	expect_daemon(choice, "/d/control.sock");
	choice.runtime_directory = NULL;
	expect_daemon(choice, "/e/wgproxyd/control.sock");
	choice.root = true;
	expect_daemon(choice, "/run/wgproxyd/control.sock");
	choice.root = false;
	choice.xdg_runtime_dir = NULL;
	expect_daemon(choice, "/run/wgproxyd/control.sock");
}

/* The user's daemon if it runs, else the system's. */
static void test_client(void **state)
{
	char folder[] = "/tmp/wgproxyd-test-XXXXXX";
	char path[SOCKET_PATH_CAP], own[SOCKET_PATH_CAP];
	struct ctl_socket_choice choice = {.configured = "/not/read"};

	(void)state;
	assert_non_null(mkdtemp(folder));
	choice.xdg_runtime_dir = folder;
	assert_int_equal(ctl_socket_client(&choice, path), 0);
	assert_string_equal(path, "/run/wgproxyd/control.sock");
	snprintf(own, sizeof(own), "%s/wgproxyd", folder);
	assert_int_equal(mkdir(own, 0700), 0);
	strcat(own, "/control.sock");
	fclose(fopen(own, "w"));
	assert_int_equal(ctl_socket_client(&choice, path), 0);
	assert_string_equal(path, own);
	choice.environment = "/named";
	assert_int_equal(ctl_socket_client(&choice, path), 0);
	assert_string_equal(path, "/named");
	unlink(own);
	*strrchr(own, '/') = '\0';
	rmdir(own);
	rmdir(folder);
}

static void test_too_long(void **state)
{
	char text[2 * SOCKET_PATH_CAP], path[SOCKET_PATH_CAP];
	struct ctl_socket_choice choice = {.option = text};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[SOCKET_PATH_CAP - 1] = '\0';
	assert_int_equal(ctl_socket_daemon(&choice, path), 0);
	text[SOCKET_PATH_CAP - 1] = 'x';
	text[SOCKET_PATH_CAP] = '\0';
	assert_int_equal(ctl_socket_daemon(&choice, path), -ERR_TOO_LONG);
	assert_int_equal(ctl_socket_client(&choice, path), -ERR_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
