/* SPDX-License-Identifier: Apache-2.0 */
/* What requests of sinks over HTTP carry: records in the form that a receiver wants. */
#pragma once

#include "alerts/render.h"
#include "alerts/sink.h"

enum webhook_template {
	WEBHOOK_NDJSON, WEBHOOK_SLACK, WEBHOOK_TEAMS, WEBHOOK_PAGERDUTY, WEBHOOK_SPLUNK, WEBHOOK_ELASTICSEARCH, WEBHOOK_LOKI, WEBHOOK_OTLP,
	WEBHOOK_TEMPLATES,
};

enum { WEBHOOK_PAGE_BYTES = 2 * LINE_MAX_BYTES + 65536 }; /* no incident of PagerDuty is longer: the line within JSON, its names and sentence */

struct webhook_form {
	const char *name, *content_type;
	size_t most;         /* records in one request */
	bool keeps_records;  /* each stands in it to the byte, so that its signature can be checked */
};
const struct webhook_form *webhook_form(enum webhook_template t) PURE;
/* By the name in the configuration, which is one of those there. */
enum webhook_template webhook_template_named(const char *name) PURE;

/*
 * Appends the body for n > 0 lines. token: PagerDuty's routing key, else not used. 0, -ENOMEM, or -EBADMSG or -EMSGSIZE
 * when one of them cannot be written in that form.
 */
int webhook_body(enum webhook_template t, const struct sink_line *lines, size_t n, struct strview token, struct buf *out) MUST_CHECK;
