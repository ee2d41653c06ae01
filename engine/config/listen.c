/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/num.h"

static int parse_unix(const char *path, struct listen_address *ret, const char **ret_why)
{
	if (path[0] != '/' || strlen(path) > LISTEN_PATH_MAX) {
		*ret_why = "behind unix: a whole path of at most 107 bytes is expected";
		return -EINVAL;
	}
	*ret = (struct listen_address){ .path = path };
	return 0;
}

/* Text before the colon of the port. */
static bool is_loopback(struct strview host, struct listen_address *ret)
{
	char text[INET_ADDRSTRLEN];
	if (sv_is(host, "[::1]")) {
		ret->is_v6 = true;
		return true;
	}
	if (host.n >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), SV_FMT, SV_ARG(host));
	return inet_pton(AF_INET, text, ret->v4) == 1 && ret->v4[0] == 127;
}

int listen_parse(const char *text, struct listen_address *ret, const char **ret_why)
{
	struct listen_address found = { 0 };
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, ret, ret_why);
	if (!colon || !is_loopback((struct strview){ text, (size_t)(colon - text) }, &found)) {
		*ret_why = "unix:PATH, 127.0.0.1:PORT or [::1]:PORT is expected: nothing is served beyond this host";
		return -EINVAL;
	}
	if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || num_parse_u64(sv_from(colon + 1), UINT16_MAX, &port) || port == 0) {
		*ret_why = "a port is a number from 1 to 65535";
		return -EINVAL;
	}
	found.port = (uint16_t)port;
	*ret = found;
	return 0;
}
