/* SPDX-License-Identifier: ISC */
/* Options, configuration, loop: nothing is decided here. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "crypto/secret.h"
#include "daemon/io_loop.h"
#include "daemon/options.h"

int main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
