/* SPDX-License-Identifier: Apache-2.0 */
/* Where something is served: unix:PATH, or an address of this host's loopback with its port. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"

enum { LISTEN_PATH_MAX = 107 }; /* bytes that fit the address of a unix socket */

struct listen_address {
	const char *path; /* borrowed from the text; NULL: TCP */
	bool is_v6;
	uint8_t v4[4];    /* 127.x.y.z; with is_v6 it is ::1 */
	uint16_t port;
};

/* "unix:/run/vedette/metrics.sock", "127.0.0.1:9105", "[::1]:9105". 0, or -EINVAL with what is wrong in *ret_why. */
int listen_parse(const char *text, struct listen_address *ret, const char **ret_why) MUST_CHECK;
