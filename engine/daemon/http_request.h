/* SPDX-License-Identifier: Apache-2.0 */
/* Just enough of HTTP/1.x to be asked for one document: the head of a request, read as a stranger's text. */
#pragma once

#include <stdbool.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum { HTTP_HEAD_MAX = 8192, HTTP_HEADERS_MAX = 64 };

struct http_request {
	struct strview method, path; /* borrowed; the path without its query */
	struct strview host;         /* n 0: not said */
	bool wants_openmetrics;      /* its Accept prefers that form */
};

/* 0; -EAGAIN: there is more to come; -EBADMSG: it is no request; -E2BIG: longer than allowed; -EPROTONOSUPPORT: another HTTP. */
int http_request_parse(struct strview text, struct http_request *ret) MUST_CHECK;

/* "localhost", or an address in figures, with or without a port: what a name that leads here in some foreign DNS is not. Empty: true. */
bool http_host_is_literal(struct strview host) PURE;
