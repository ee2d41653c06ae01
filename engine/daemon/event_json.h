/* SPDX-License-Identifier: Apache-2.0 */
/* An event out of JSON: a line of a log, or an object of fields as in a rule's case. For commands; no event on the road comes this way. */
#pragma once

#include "engine/event/builder.h"

struct rule;

struct event_text {
	const char *file;                   /* what messages call it */
	struct strview text;                /* one object, members nested as in logs or with dotted names */
	const struct event_type *otherwise; /* which event it is, when the text does not say; may be NULL */
	const struct rule *rule;            /* whose author's names for fields are good as well; may be NULL */
	uint64_t time_ns;                   /* wall clock of an event whose text does not say when it happened; 0: it has no time */
};

/*
 * Which event it is: event.action, or `event` as a text, or else `otherwise`. Members that are no fields are faults, but for a line of a log
 * (event.dataset), which has others. 0, -EINVAL or -ENOMEM.
 */
int event_from_json(const struct event_text *from, struct event_builder *b, struct event *ret, struct diag *diag) MUST_CHECK;
