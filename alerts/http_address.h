/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses a request may go to: a name in a configuration must not lead to what only this host or its neighbours should reach. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "engine/base/attr.h"

enum http_address {
	HTTP_ADDRESS_PUBLIC,
	HTTP_ADDRESS_PRIVATE, /* loopback, link-local, private, shared, for tests and documents: where it was allowed */
	HTTP_ADDRESS_NEVER,   /* unspecified, multicast, broadcast, a cloud's metadata, no IP address at all */
};

/* IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged as what it leads to. */
enum http_address http_address_judge(const struct sockaddr *address, socklen_t size) PURE;
/* Of a url whose host is an address, in any form that libcurl reads; false: it is a name. */
bool http_address_in_url(const char *url, enum http_address *ret) MUST_CHECK;
