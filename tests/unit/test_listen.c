/* SPDX-License-Identifier: Apache-2.0 */
/* Where something may be served: on this host alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/config/listen.h"

static void only_this_host_is_served(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_fine, is_v6;
		unsigned port; /* 0: a path */
	} cases[] = {
		{ "unix:/run/vedette/metrics.sock", true, false, 0 },
		{ "127.0.0.1:9105", true, false, 9105 },
		{ "127.1.2.3:1", true, false, 1 },
		{ "[::1]:65535", true, true, 65535 },
		{ "0.0.0.0:9105", false, false, 0 },
		{ "10.0.0.1:9105", false, false, 0 },
		{ "[::]:9105", false, false, 0 },
		{ "localhost:9105", false, false, 0 }, /* a name is what some file says */
		{ "127.0.0.1", false, false, 0 },
		{ "127.0.0.1:", false, false, 0 },
		{ "127.0.0.1:0", false, false, 0 },
		{ "127.0.0.1:65536", false, false, 0 },
		{ "127.0.0.1:0x10", false, false, 0 },
		{ "127.1:80", false, false, 0 },
		{ ":9105", false, false, 0 },
		{ "unix:metrics.sock", false, false, 0 },
		{ "unix:", false, false, 0 },
		{ "", false, false, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listen_address a = { 0 };
		const char *why = NULL;
		int err = listen_parse(cases[i].text, &a, &why);
		if (err != (cases[i].is_fine ? 0 : -EINVAL) || (err && !why) || (!err && (a.is_v6 != cases[i].is_v6 || a.port != cases[i].port || !a.path != (a.port != 0))))
			fail_msg("%s: %d", cases[i].text, err);
	}
	char path[200] = "unix:/";
	struct listen_address a;
	const char *why;
	memset(path + 6, 'x', LISTEN_PATH_MAX - 1);
	path[6 + LISTEN_PATH_MAX - 1] = '\0';
	assert_int_equal(listen_parse(path, &a, &why), 0);
	path[6 + LISTEN_PATH_MAX - 1] = 'x'; /* one more: the rest is zero */
	assert_int_equal(listen_parse(path, &a, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_this_host_is_served) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
