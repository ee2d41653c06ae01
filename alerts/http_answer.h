/* SPDX-License-Identifier: Apache-2.0 */
/* What answers of receivers mean. Everything here comes from the network, and nothing of it is trusted. */
#pragma once

#include "engine/base/buf.h"

enum http_verdict {
	HTTP_TAKEN,
	HTTP_AGAIN,    /* later, or when somebody has mended the receiver or our configuration */
	HTTP_REFUSED,  /* these records, as they are, never */
	HTTP_GONE,     /* nothing more, ever */
};

/* By the status. Refused is what is about records alone (400, 413, 414, 422); all else may be mended by people, and no record is lost over it. */
enum http_verdict http_answer_judge(unsigned status) PURE;
/* Of one that is to be tried again: could it be the record that somebody on the way, or the receiver, does not like? */
bool http_answer_may_be_record(unsigned status) PURE;

/* Retry-After: seconds, or a date as HTTP writes it. 0, or -EINVAL. At most a day. */
int http_answer_wait(struct strview text, uint64_t wall_ns, uint64_t *ret_ns) MUST_CHECK;

enum { HTTP_REASON_MAX = 100 };

/* What an answer of 2xx says of the records one by one. */
struct http_items {
	size_t done;    /* so many, from the first on, need not be sent again */
	size_t refused; /* of them so many will never be taken */
	char reason[HTTP_REASON_MAX]; /* the first one, printable; "": nothing was wrong */
	bool may_be_record; /* what is not done is so, perhaps, for the first one's own sake */
};
/* Elasticsearch's _bulk of n records. -EBADMSG: it is no such answer. */
int http_answer_bulk(struct strview body, size_t n, struct http_items *ret) MUST_CHECK;
/* OpenTelemetry's partial success of n records. */
int http_answer_otlp(struct strview body, size_t n, struct http_items *ret) MUST_CHECK;
/* Splunk's {"text":...,"code":0} for n events: -EAGAIN with the reason when the code is another. */
int http_answer_splunk(struct strview body, size_t n, struct http_items *ret) MUST_CHECK;

/* The beginning of a text from outside as one printable line. */
void http_answer_quote(struct strview text, char ret[static HTTP_REASON_MAX]);
