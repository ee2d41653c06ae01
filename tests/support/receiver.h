/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of sinks: receivers on loopback and unix sockets that the test plays itself. Included after sink_log.h. */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "engine/base/buf.h"
#include "tests/support/sink_log.h"

static inline int listen_on(int type, char *address, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	(void)snprintf(address, size, "%s:127.0.0.1:%u", type == SOCK_STREAM ? "tcp" : "udp", ntohs(in.sin_port));
	return fd;
}

static inline bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, timeout_ms) == 1;
}

/* Reads until the text holds so many messages: each ends with the end of a record. */
static inline size_t receive(int fd, struct buf *into, size_t messages)
{
	char bytes[65536];
	size_t seen = 0;
	while (seen < messages && is_readable(fd, WAIT_MS)) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n <= 0)
			break;
		buf_add(into, bytes, (size_t)n);
		seen = 0;
		for (const char *p = into->p; (p = memmem(p, into->n - (size_t)(p - into->p), ",\"v\":1}}", 8)); p += 8)
			seen++;
	}
	return seen;
}
