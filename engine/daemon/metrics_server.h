/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves one document, GET /metrics, on a unix socket or an address of the loopback. Never waits: what a client does not take stays in its
 * buffer until its time is up. The document is made at most four times a second in each form, however many ask.
 */
#pragma once

#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/daemon/metrics.h"

enum {
	METRICS_MAX_CLIENTS = 8,
	METRICS_MAX_BYTES = 1024 * 1024, /* of a document: more than the bounds of labels allow */
	METRICS_DROPPED_MAX = 64 * 1024, /* bytes that a client may send behind its request */
};
#define METRICS_PATIENCE_NS 5000000000ull /* for a request to come whole, and its answer to be taken */
#define METRICS_FRESH_NS 250000000ull     /* an answer may be so old */

struct metrics_server;

/* Appends the document. */
typedef void metrics_function(const void *context, enum metrics_format format, struct buf *out);

/* where: see engine/config/listen.h. A unix socket gets mode 0660; one that is left over is replaced. 0 or -errno with the reason. */
int metrics_server_open(const char *where, struct metrics_server **ret, struct diag *diag) MUST_CHECK;
/* Removes the socket. */
void metrics_server_close(struct metrics_server **s);

/* Descriptor to poll for input. */
int metrics_server_poll_fd(const struct metrics_server *s);
/* Does what can be done without waiting. */
void metrics_server_step(struct metrics_server *s, uint64_t now_ns, metrics_function *make, const void *context);

enum metrics_answer { METRICS_OK, METRICS_BAD, METRICS_FORBIDDEN, METRICS_NOT_FOUND, METRICS_NOT_ALLOWED, METRICS_TOO_LONG, METRICS_VERSION, METRICS_FAILED, METRICS_ANSWERS };
/* "200", ... */
const char *metrics_answer_code(enum metrics_answer answer);
/* How many got which answer; s may be NULL. */
uint64_t metrics_server_answers(const struct metrics_server *s, enum metrics_answer answer);
