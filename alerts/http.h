/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests over HTTP: POST, one at a time, each bounded in time and its answer in bytes. Follows no redirects, listens to no environment,
 * speaks with nobody whose address or certificate is not good.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/diag.h"

struct http_config {
	const char *url;             /* borrowed, as all here: for the client's life */
	const char *ca, *cert, *key; /* "": the system's authorities; no certificate of ours */
	const char *proxy;           /* "": none */
	bool allows_private;
	uint64_t timeout_ns;
};

struct http;

/* Connects nothing. 0, or -errno with diag. */
int http_new(const struct http_config *config, struct http **ret, struct diag *diag) MUST_CHECK;
void http_free(struct http **h);
/* The next request makes a connection of its own. */
void http_disconnect(struct http *h);

enum {
	HTTP_HEADERS_MAX = 80,
	HTTP_ERROR_TEXT = 160,
	HTTP_BODY_MAX = 1048576, /* bytes of an answer that are kept; nothing behind them is read */
};

struct http_request {
	struct strview body;
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value" */
	size_t n_headers;
};

struct http_answer {
	unsigned status;
	uint64_t wait_ns;    /* Retry-After; 0: it does not say */
	struct strview body; /* until the next request */
	bool is_cut;         /* the body was longer, or did not come to its end */
};

/* 0 when there was an answer, whatever it says; else -errno with the reason, which holds no secret. */
int http_post(struct http *h, const struct http_request *request, struct http_answer *ret, char error[static HTTP_ERROR_TEXT]) MUST_CHECK;

/* From another thread: the request that there is ends, and no other begins. */
void http_cancel(struct http *h);

/* Appends the bytes compressed as gzip; 0 or -ENOMEM. */
int http_gzip(struct strview bytes, struct buf *out) MUST_CHECK;
