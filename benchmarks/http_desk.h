/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver of requests over HTTP on loopback, in a thread of its own: says when it had read the one that holds a text. For measuring alone. */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"

struct http_desk;

/* Listens, and takes one connection after the other. 0 or a negative errno. */
int http_desk_open(struct http_desk **ret) MUST_CHECK;
void http_desk_close(struct http_desk **desk);
unsigned http_desk_port(const struct http_desk *desk) PURE;

/* From now on the text is looked for, which the caller keeps until the next one. */
void http_desk_expect(struct http_desk *desk, const char *text);
/* When the whole request that holds it had been read, on the monotonic clock; 0: it did not come in `wait_ns`. */
uint64_t http_desk_await(struct http_desk *desk, uint64_t wait_ns);
