/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs share that do system calls as tracepoint mode sees them: where the facts come from, and how the call ended. */
#pragma once

#include "expect.h"

/* Where the facts of the next expectation come from. */
HELPER void from(const struct deeds *d, const char *source)
{
	expect_str(d, "vedette.source", source);
	expect_str(d, "vedette.stage", "completed");
	expect_str(d, "vedette.sensor", "tracepoint");
}

/* The result that the call under test really had; ends the expectation. error: errno right after it. */
HELPER void ended(const struct deeds *d, long result, int error)
{
	expect_str(d, "event.outcome", result < 0 ? "failure" : "success");
	if (result < 0)
		expect_str(d, "vedette.errno", strerrorname_np(error));
	else
		expect_num(d, "vedette.result", result);
	expect_end(d);
}

/* A call's result and errno, kept together while the expectation is written. */
struct outcome {
	long result;
	int error;
};
#define DO(call)                                                    \
	({                                                          \
		errno = 0;                                          \
		long result_ = (long)(call);                        \
		(struct outcome){ .result = result_, .error = errno }; \
	})

HELPER void expect_named(const struct deeds *d, const char *event, const char *path)
{
	expect(d, event);
	from(d, "argument");
	expect_str(d, "file.path", path);
	expect_missing(d, "vedette.file.fs_path");
	expect_missing(d, "file.device");
}

HELPER void expect_object(const struct deeds *d, const char *event, const char *path)
{
	expect(d, event);
	from(d, "descriptor");
	expect_file(d, path);
	expect_missing(d, "vedette.uncertain");
}

/* An address and how it is shown. */
struct address {
	struct sockaddr_storage raw;
	socklen_t length;
	char text[INET6_ADDRSTRLEN];
	unsigned port;
};

HELPER struct address address_of(const char *text, unsigned port)
{
	struct address a = { .port = port };
	snprintf(a.text, sizeof(a.text), "%s", text);
	struct sockaddr_in *v4 = (void *)&a.raw;
	struct sockaddr_in6 *v6 = (void *)&a.raw;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		a.length = sizeof(*v4);
	} else {
		MUST(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1 ? 0 : -1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		a.length = sizeof(*v6);
	}
	return a;
}
