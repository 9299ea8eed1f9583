/* SPDX-License-Identifier: ISC */
#include "daemon/io_bind.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static bool connects(int family, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(port),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_STREAM, 0), err;

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET)
		err = connect(fd, (struct sockaddr *)&v4, sizeof(v4));
	else
		err = connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	close(fd);
	return err == 0;
}

/* A listener that pauses keeps its port, also one that the system chose. */
static void test_pause(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct listen_spec spec = {.kind = LISTEN_LOOPBACK};
	struct io_bound bound;

	assert_int_equal(io_bind(&spec, NULL, &bound), 0);
	assert_int_not_equal(bound.port, 0);
	for (unsigned i = 0; i < 2; i++) {
		if (bound.fds[i] < 0)
			continue;
		assert_true(connects(families[i], bound.port));
		io_listen_pause(bound.fds[i]);
		assert_false(connects(families[i], bound.port));
		assert_int_equal(io_listen_resume(bound.fds[i]), 0);
		assert_true(connects(families[i], bound.port));
	}
	io_bound_close(&bound, &spec);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
